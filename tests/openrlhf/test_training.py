"""OpenRLHF end to end on a CPU: real Ray actors, DeepSpeed, vLLM, checkpoints and kills."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.run.checkpoint import list_checkpoints
from tests.openrlhf.runs import (
    BACKEND,
    kill_actor,
    lines,
    running,
    scaler,
    wait_for,
    write_recipe,
)
from tests.parity.running import HASHED, RECIPE, decisions, train_simulated

pytest.importorskip("openrlhf", reason="needs OpenRLHF: nox -s openrlhf")
pytestmark = [pytest.mark.openrlhf, pytest.mark.slow, pytest.mark.timeout(1500)]

QUESTIONS = [
    {"problem": "What is 2 + 3?", "answer": "5", "unique_id": "sum", "subject": "Algebra"},
    {"problem": "What is 4 - 4?", "answer": "0", "unique_id": "rest", "subject": "Algebra"},
    {"problem": "What is 3 x 3?", "answer": "9", "unique_id": "square", "subject": "Algebra"},
]


def measured(folder: Path) -> str:
    """Sections that measure the model on a few instances and a few questions."""
    questions = folder / "questions.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    return f"""
logs = ["tensorboard"]
seed_responses = true
[evaluation]
every = 3
benchmarks = ["math-500"]
samples = 2
levels = [0, 1]
seeds = 2
[evaluation.options.math-500]
path = "{questions}"
partial = true
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six steps that nothing interrupts, with all that is measured beside it."""
    folder = tmp_path_factory.mktemp("whole")
    recipe = write_recipe(folder, measured(folder))
    weights = str(folder / "weights.jsonl")
    done = scaler(1, "run", str(recipe), "--run-dir", str(folder / "run"), WEIGHTS=weights)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_six_steps_are_trained_recorded_and_exported(whole: Path) -> None:
    metrics = lines(whole / "metrics.jsonl")
    assert [line["step"] for line in metrics] == [1, 2, 3, 4, 5, 6]
    for line in metrics:
        assert math.isfinite(line["loss"])
        assert line["grad_norm"] > 0
        assert line["decided"] + line["undecided"] == 32
        assert line["missing"] == 0
        assert line["seconds_rollout"] > 0
        assert line["seconds_train"] > 0
    assert sum(line["undecided"] for line in metrics) > 0
    # a warm-up of two steps, then the whole learning rate
    assert [line["learning_rate"] for line in metrics] == pytest.approx([5e-4] + [1e-3] * 5)
    assert (whole / "model" / "model.safetensors").stat().st_size > 1_000_000
    assert not (whole / ".model-partial").exists()
    kept = {item.step for item in list_checkpoints(whole / "checkpoints")}
    assert kept >= {4, 6}  # and the one with the best score


def test_the_engines_hold_the_weights_of_the_policy_after_every_step(whole: Path) -> None:
    steps = lines(whole.parent / "weights.jsonl")
    assert len(steps) == 6
    names = set(steps[0]["engine"]) & set(steps[0]["policy"])
    names -= {name for name in names if "norm" in name and len(names) > 20}
    assert names
    for step in steps:
        engine = sum_of(step["engine"])
        policy = sum_of(step["policy"])
        assert engine == pytest.approx(policy, rel=1e-4)
    squares = [sum_of(step["engine"])[1] for step in steps]
    assert len(set(squares)) == 6


def sum_of(weights: dict[str, list[float]]) -> tuple[float, float]:
    """Sum and sum of squares over all parameters, however an engine fuses them."""
    return (
        sum(item[0] for item in weights.values()),
        sum(item[1] for item in weights.values()),
    )


def test_benchmarks_and_held_out_instances_are_measured_in_the_loop(whole: Path) -> None:
    for step in (0, 3, 6):
        assert (whole / "evaluation" / f"step-{step}").is_dir()
    for label in ("before", "after"):
        assert json.loads((whole / "evaluation" / f"{label}.json").read_text())["cells"]
    figures = json.loads((whole / "evaluation" / "figures.json").read_text())["steps"]
    assert list(figures) == ["0", "3", "6"]
    assert all(0 <= scores["eval/math-500"] <= 1 for scores in figures.values())


def test_openrlhfs_own_log_holds_the_curriculum_and_the_scores(whole: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = (whole / "openrlhf-tensorboard").iterdir()
    log = EventAccumulator(str(folder))
    log.Reload()
    difficulty = [event.value for event in log.Scalars("train/curriculum/mean_difficulty")]
    metrics = [line["mean_difficulty"] for line in lines(whole / "metrics.jsonl")]
    assert difficulty == pytest.approx(metrics)
    assert [event.step for event in log.Scalars("train/curriculum/eval/math-500")] == [3, 6]
    assert len(log.Scalars("train/policy_loss")) == 6


def test_given_the_same_verdicts_openrlhf_and_simulated_write_the_same_events(
    whole: Path, tmp_path: Path
) -> None:
    assert decisions(whole) == decisions(train_simulated(tmp_path / "simulated"))


def test_a_run_that_is_stopped_and_killed_draws_the_same_tickets(
    whole: Path, tmp_path: Path
) -> None:
    recipe, run, log = write_recipe(tmp_path), tmp_path / "run", tmp_path / "log"
    with running(log, 1, "run", str(recipe), "--run-dir", str(run)) as process:
        wait_for(log, "step 2/6", process)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130, log.read_text()
    stopped = len(lines(run / "metrics.jsonl"))
    assert 3 <= stopped < 6
    assert f"stopped after step {stopped} of 6" in log.read_text()
    assert [item.step for item in list_checkpoints(run / "checkpoints")][-1] == stopped
    assert not (run / "model").exists()

    with running(log, 1, "run", "--resume", str(run)) as process:
        wait_for(log, f"step {stopped + 1}/6", process)
        kill_actor("PPOTrainer")  # what Ray calls the process of our subclass
        assert process.wait() == 1, log.read_text()
    assert "OpenRLHF stopped: " in log.read_text()
    assert "--resume" in log.read_text()
    assert "Traceback" not in log.read_text()

    done = scaler(1, "run", "--resume", str(run))
    assert done.returncode == 0, done.stderr
    assert decisions(run) == decisions(whole)
    assert [line["step"] for line in lines(run / "metrics.jsonl")] == [1, 2, 3, 4, 5, 6]
    assert (run / "model" / "config.json").is_file()


def test_two_ranks_with_two_engines_and_zero_2(tmp_path: Path) -> None:
    assert two_ranks(tmp_path, zero_stage=2) == [1, 2]


def test_a_group_filter_on_two_ranks_draws_what_it_draws_in_the_simulation_whatever_is_killed(
    tmp_path: Path,
) -> None:
    wanted = '[batch]\nfilter = "informative"\noversample = 1.6'
    short = RECIPE.replace("[batch]", wanted).replace("steps = 6", "steps = 3")
    short = short.replace("responses = 4", "responses = 2").replace("every = 2", "every = 1")
    recipe = write_recipe(tmp_path, "gpus_per_node = 2\n", short + HASHED + BACKEND)
    run, log = tmp_path / "run", tmp_path / "log"
    with running(log, 2, "run", str(recipe), "--run-dir", str(run)) as process:
        wait_for(log, "step 1/3", process)
        kill_actor("PPOTrainer")
        assert process.wait() == 1, log.read_text()
    done = scaler(2, "run", "--resume", str(run))
    assert done.returncode == 0, done.stderr
    assert decisions(run) == decisions(train_simulated(tmp_path / "simulated", short))
    metrics = lines(run / "metrics.jsonl")
    drawn = [(line["decided"] + line["undecided"]) // 2 for line in metrics]
    assert all(8 < count <= 12 for count in drawn)
    for line, count in zip(metrics, drawn, strict=True):
        informative = round(line["informative_share"] * count)
        assert line["responses_per_informative"] == pytest.approx(2 * count / informative, abs=1e-3)
        assert line["tokens_per_informative"] > 0
        assert math.isfinite(line["loss"])
        assert line["grad_norm"] > 0


@pytest.mark.long
def test_two_ranks_with_two_engines_and_zero_3(tmp_path: Path) -> None:
    assert two_ranks(tmp_path, zero_stage=3) == [1, 2]


def two_ranks(folder: Path, zero_stage: int) -> list[int]:
    """The steps of a short run on two GPUs; its figures and its weights are right."""
    recipe = write_recipe(folder, f"gpus_per_node = 2\nzero_stage = {zero_stage}\n")
    run = folder / "run"
    done = scaler(2, "run", str(recipe), "--set", "run.steps=2", "--run-dir", str(run))
    assert done.returncode == 0, done.stderr
    metrics = lines(run / "metrics.jsonl")
    assert all(math.isfinite(line["loss"]) and line["grad_norm"] > 0 for line in metrics)
    checkpoint = list_checkpoints(run / "checkpoints")[-1]
    assert checkpoint.backend is not None
    optimisers = list(checkpoint.backend.glob("_actor/global_step2/*optim_states.pt"))
    assert len(optimisers) == 2
    assert (run / "model" / "model.safetensors").is_file()
    return [line["step"] for line in metrics]


@pytest.mark.long
def test_adapters_are_trained_and_merged(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "[backend.lora]\nrank = 4\n")
    run = tmp_path / "run"
    done = scaler(1, "run", str(recipe), "--set", "run.steps=2", "--run-dir", str(run))
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (run / "model").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not any("adapter" in name for name in names)


@pytest.mark.long
def test_a_driver_that_is_killed_leaves_a_run_to_go_on_with(whole: Path, tmp_path: Path) -> None:
    recipe, run, log = write_recipe(tmp_path), tmp_path / "run", tmp_path / "log"
    with running(log, 1, "run", str(recipe), "--run-dir", str(run)) as process:
        wait_for(log, "step 3/6", process)
        process.kill()
        process.wait()
    done = scaler(1, "run", "--resume", str(run))
    assert done.returncode == 0, done.stderr
    assert decisions(run) == decisions(whole)


@pytest.mark.long
def test_the_factory_as_actors_beside_the_trainer_makes_the_same_run(
    whole: Path, tmp_path: Path
) -> None:
    recipe = write_recipe(tmp_path, '[factory]\nexecutor = "ray"\nworkers = 2\n')
    run = tmp_path / "run"
    done = scaler(1, "run", str(recipe), "--run-dir", str(run))
    assert done.returncode == 0, done.stderr
    assert decisions(run) == decisions(whole)


# ------------------------------------------------------------------ what is refused


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Path]:
    """A recipe that would train."""
    return write_recipe(tmp_path)


def refusal(gpus: int, *arguments: str, **variables: str) -> str:
    """The one line that refuses a run."""
    done = scaler(gpus, "run", *arguments, **variables)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("scaler: ")]
    return line


def test_too_few_gpus_are_refused(recipe: Path, tmp_path: Path) -> None:
    line = refusal(1, str(recipe), "--set", "backend.gpus_per_node=4", "--run-dir", str(tmp_path))
    assert "need 4 GPUs, but the Ray cluster has 1" in line
