"""Benchmarks in training: when, what is kept, and what a kill or a stop costs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaler_core import read_events
from scaler_core.errors import BackendProtocolError, UsageError
from scaler_core.run.checkpoint import best_checkpoint
from scaler_core.run.observers import Observer
from tests.run.asking import Asking, Killed, Recording, go_on, start


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Asking.reset()
    Recording.reset()
    yield
    Asking.reset()
    Recording.reset()


def figures(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads(
        (path / "run" / "evaluation" / "figures.json").read_text()
    )["steps"]
    return found


def kept(path: Path) -> list[str]:
    folder = path / "run" / "checkpoints"
    return sorted(item.name for item in folder.iterdir() if item.is_dir())


def test_benchmarks_are_scored_before_training_on_schedule_and_after_the_last_step(
    tmp_path: Path,
) -> None:
    Asking.skills = {2: 1, 4: 3, 5: 6}
    run = start(tmp_path)
    assert [step for step in range(6) if run._evaluation.steps.due(step)] == [0, 2, 4, 5]
    run.train()
    scores = {step: found["eval/small"] for step, found in figures(tmp_path).items()}
    assert scores == {"0": 0.0, "2": 1 / 6, "4": 0.5, "5": 1.0}
    assert figures(tmp_path)["5"]["eval/average"] == 1.0
    assert len(Asking.asked) == 4 * 6
    results = (tmp_path / "run" / "evaluation" / "step-4" / "results" / "small.jsonl").read_text()
    assert results.count('"correct"') == 3
    assert (tmp_path / "run" / "finished.json").exists()


def test_every_step_is_asked_the_same_questions_with_the_same_seeds(tmp_path: Path) -> None:
    start(tmp_path).train()
    first, second = Asking.asked[:6], Asking.asked[6:12]
    assert first == second


def test_what_is_measured_belongs_to_no_step(tmp_path: Path) -> None:
    start(tmp_path, evaluation={"every": 1, "levels": [0], "seeds": 3, "held_out": 0.3}).train()
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert [json.loads(line)["factory/made"] for line in text.splitlines()] == [4] * 5


def test_the_backend_gets_the_figures(tmp_path: Path) -> None:
    run = start(tmp_path, run={"steps": 1})
    run.train()
    (ended,) = Asking.ended
    scores = {name: value for name, value in ended.figures.items() if name.startswith("eval/")}
    assert scores == {"eval/small": 0.0, "eval/average": 0.0} == figures(tmp_path)["0"]
    assert ended.figures["mean_difficulty"] == run.feed.metrics["mean_difficulty"]
    assert not ended.stop


# ------------------------------------------------------------------ the best checkpoint


def test_scores_on_other_questions_do_not_compete_for_the_best(tmp_path: Path) -> None:
    Asking.skills = {1: 6, 2: 2, 3: 1}
    start(tmp_path, run={"steps": 1}, evaluation={"every": 1, "limit": 3}).train()
    pointer = tmp_path / "run" / "checkpoints" / "best.json"
    assert json.loads(pointer.read_text())["step"] == 1
    go_on(tmp_path, "run.steps=3", "evaluation.limit=6").train()
    assert json.loads(pointer.read_text())["step"] == 2, "1 was asked three questions, not six"


def test_the_best_stays_until_a_score_on_other_questions_is_there(tmp_path: Path) -> None:
    Asking.skills = {1: 6}
    Asking.die_after = 6 + 6 + 6 + 2
    with pytest.raises(Killed):
        start(tmp_path, evaluation={"every": 1}).train()
    Asking.die_after = len(Asking.asked) + 1
    with pytest.raises(Killed):
        go_on(tmp_path, "evaluation.samples=2", "evaluation.every=9", "checkpoint.every=1").train()
    assert "step-1" in kept(tmp_path)


def test_the_best_checkpoint_outlives_the_pruning_of_old_ones(tmp_path: Path) -> None:
    Asking.skills = {1: 2, 2: 5, 3: 4, 4: 4, 5: 4, 6: 5}
    start(tmp_path, run={"steps": 6}, evaluation={"every": 1}).train()
    assert kept(tmp_path) == ["step-2", "step-5", "step-6"]
    pointer = json.loads((tmp_path / "run" / "checkpoints" / "best.json").read_text())
    assert (pointer["step"], pointer["checkpoint"]) == (2, "step-2"), "the first of equals"
    assert (pointer["metric"], pointer["value"]) == ("eval/average", 5 / 6)
    best = best_checkpoint(tmp_path / "run" / "checkpoints")
    assert best is not None
    assert best.backend is not None
    assert (best.backend / "step.txt").read_text() == "2"


def test_a_better_one_takes_its_place(tmp_path: Path) -> None:
    Asking.skills = {1: 3, 2: 1, 3: 1, 4: 6, 5: 1, 6: 1, 7: 1}
    start(tmp_path, run={"steps": 7}, evaluation={"every": 1}).train()
    assert kept(tmp_path) == ["step-4", "step-6", "step-7"]


def test_a_step_that_is_evaluated_has_a_checkpoint(tmp_path: Path) -> None:
    Asking.skills = {2: 6}
    start(tmp_path, run={"steps": 7}, evaluation={"every": 2}).train()
    assert kept(tmp_path) == ["step-2", "step-6", "step-7"]


def test_the_best_is_kept_through_a_kill_and_a_resume(tmp_path: Path) -> None:
    Asking.skills = {1: 6}
    Asking.die_after = 6 * 5 + 2
    with pytest.raises(Killed):
        start(tmp_path, run={"steps": 8}, evaluation={"every": 1}).train()
    assert "step-1" in kept(tmp_path)
    Asking.die_after = None
    go_on(tmp_path).train()
    assert kept(tmp_path) == ["step-1", "step-7", "step-8"]


def test_the_figure_that_decides_can_be_chosen(tmp_path: Path) -> None:
    Asking.skills = {1: 6}
    changes = {"every": 1, "best": "grid/out-of-pool", "held_out": 0.3, "seeds": 1, "levels": [0]}
    start(tmp_path, run={"steps": 3}, evaluation=changes).train()
    pointer = json.loads((tmp_path / "run" / "checkpoints" / "best.json").read_text())
    assert pointer["metric"] == "grid/out-of-pool"


# ------------------------------------------------------------------ kills and stops


def test_an_evaluation_that_was_killed_goes_on_with_the_questions_that_are_left(
    tmp_path: Path,
) -> None:
    Asking.skills = {2: 6}
    Asking.die_after = 6 + 4
    with pytest.raises(Killed):
        start(tmp_path).train()
    assert set(figures(tmp_path)) == {"0"}
    Asking.asked, Asking.die_after = [], None
    go_on(tmp_path).train()
    assert len(Asking.asked) == 2 + 6 + 6
    assert figures(tmp_path)["2"]["eval/small"] == 1.0


def test_a_finished_evaluation_is_not_repeated(tmp_path: Path) -> None:
    Asking.die_after = 6 + 6 + 1
    with pytest.raises(Killed):
        start(tmp_path).train()
    Asking.asked, Asking.die_after = [], None
    go_on(tmp_path).train()
    assert len(Asking.asked) == 5 + 6, "the rest of step 4, and step 5"


def test_evaluations_of_steps_that_are_trained_anew_are_set_aside(tmp_path: Path) -> None:
    Asking.skills = {4: 6}
    Asking.die_after = 6 * 3 + 1
    with pytest.raises(Killed):
        start(tmp_path, checkpoint={"keep": 5}).train()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-5")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-4")
    Asking.skills, Asking.asked, Asking.die_after = {}, [], None
    go_on(tmp_path).train()
    assert len(Asking.asked) == 6 + 6, "steps 4 and 5, with the model that was trained anew"
    assert figures(tmp_path)["4"]["eval/small"] == 0.0
    evaluation = tmp_path / "run" / "evaluation"
    assert (evaluation / "superseded-4-1" / "summary.json").is_file()
    resumed = next(event for event in read_events(tmp_path / "run") if event.kind == "resumed")
    assert resumed.evidence["superseded_evaluations"] == [4, 5]


def test_an_evaluation_under_other_settings_of_the_prompt_is_begun_anew(tmp_path: Path) -> None:
    Asking.die_after = 6 + 4
    with pytest.raises(Killed):
        start(tmp_path).train()
    Asking.asked, Asking.die_after = [], None
    go_on(tmp_path, "prompt.thinking=true").train()
    assert len(Asking.asked) == 6 + 6 + 6
    assert (tmp_path / "run" / "evaluation" / "superseded-2-1" / "responses.jsonl").is_file()


def test_a_grid_that_is_done_stays_where_its_benchmarks_are_begun_anew(tmp_path: Path) -> None:
    grid = {"levels": [0], "seeds": 2, "held_out": 0.3}
    files = tmp_path / "run" / "evaluation" / "step-2"

    def stop() -> None:
        if (files / "grid.json").exists() and (files / "responses.jsonl").exists():
            raise Killed

    Asking.on_answer = stop
    with pytest.raises(Killed):
        start(tmp_path, evaluation=grid).train()
    Asking.on_answer = None
    go_on(tmp_path, "prompt.thinking=true").train()
    assert (files.parent / "superseded-2-1" / "responses.jsonl").is_file()
    assert "grid/out-of-pool" in figures(tmp_path)["2"]


@pytest.mark.parametrize("step", [0, 2, 5])
def test_a_stop_ends_an_evaluation_at_once_and_a_resume_completes_it(
    tmp_path: Path, step: int
) -> None:
    run = start(tmp_path)

    def stop() -> None:
        if len(Asking.asked) == 6 * [0, 2, 4, 5].index(step) + 3:
            run.request_stop()

    Asking.on_answer = stop
    run.train()
    assert not run.finished
    assert not (tmp_path / "run" / "finished.json").exists()
    assert run.feed.step == max(step, 1), "a stop before training lets one step finish"
    Asking.on_answer, before = None, len(Asking.asked)
    resumed = go_on(tmp_path)
    resumed.train()
    assert resumed.finished
    assert set(figures(tmp_path)) >= {"2", "4", "5"}
    if step:
        assert len(Asking.asked) == 6 * 4, "no question is asked twice"
    assert len(Asking.asked) > before


def test_a_backend_that_never_scores_is_told_so(tmp_path: Path) -> None:
    Asking.scores_benchmarks = False
    with pytest.raises(
        BackendProtocolError, match="left out ask, but benchmarks are due after step 5"
    ):
        start(tmp_path).train()


def test_only_the_recorded_step_can_be_ended(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.begin()
    with pytest.raises(BackendProtocolError, match="step 3 cannot be ended"):
        run.end_step(3, {}, (), lambda folder: None)
    run.close()


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"backend": {"use": "simulated"}}, "evaluation.benchmarks: backend 'simulated' has no"),
        ({"evaluation": {"held_out": 0.3}}, "evaluation.held_out needs evaluation.seeds"),
        ({"evaluation": {"held_out": 1e-9, "seeds": 1}}, "holds out none of the 8"),
        ({"evaluation": {"held_out": 0.999999999, "seeds": 1}}, "holds out all of the 8"),
        ({"evaluation": {"best": "eval/other"}}, "unknown figure 'eval/other' in evaluation.best"),
        ({"evaluation": {"benchmarks": ["smal"]}}, "unknown benchmark 'smal'; did you mean"),
        ({"evaluation": {"benchmarks": ["small", "small"]}}, "named twice"),
        ({"evaluation": {"options": {"bbeh": {}}}}, "unknown benchmark 'bbeh'"),
        (
            {"evaluation": {"options": {"small": {"pth": 1}}}},
            "unknown option 'evaluation.options.small.pth'; did you mean",
        ),
        (
            {"evaluation": {"benchmarks": ["bbeh"], "options": {"bbeh": {"path": "nowhere"}}}},
            "nowhere",
        ),
        ({"tracking": {"use": ["tensorbord"]}}, "unknown tracker 'tensorbord'; did you mean"),
        ({"tracking": {"options": {"wandb": {}}}}, "unknown tracker 'wandb'"),
    ],
)
def test_what_cannot_work_stops_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        start(tmp_path, **changes)
    assert told in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_lacks_something_stops_before_anything_is_written(tmp_path: Path) -> None:
    Recording.absent = "recorder is not installed: pip install recorder"
    with pytest.raises(UsageError, match="tracker 'recording' cannot run here: recorder is not"):
        start(tmp_path, tracking={"use": ["recording"]})


def test_the_written_recipe_names_every_option_of_benchmarks_and_trackers(tmp_path: Path) -> None:
    start(
        tmp_path,
        evaluation={"options": {"small": {"path": "here.txt"}}},
        tracking={"use": ["tensorboard"], "options": {"tensorboard": {"folder": "there"}}},
    ).close()
    changes = {"tracking": {"use": ["recording"]}, "run": {"steps": 1}}
    start(tmp_path, **changes, evaluation={"options": {"small": {"path": "here.txt"}}}).train()
    text = (tmp_path / "run" / "recipe.toml").read_text()
    assert "[evaluation.options.small]" in text
    assert f'path = "{Path("here.txt").resolve()}"' in text
    assert "[tracking.options.recording]" in text


# ------------------------------------------------------------------ trackers


class Warned(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def logged() -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for what in Recording.told:
        if what[0] == "log":
            found[what[1]] = {**found.get(what[1], {}), **what[2]}
    return found


def test_a_tracker_is_fed_steps_measurements_and_events_and_closed(tmp_path: Path) -> None:
    Asking.skills = {2: 3}
    start(
        tmp_path,
        tracking={"use": ["recording"]},
        evaluation={"held_out": 0.3, "seeds": 1, "levels": [0, 1]},
    ).train()
    kind, name, directory, recipe, first_step = Recording.told[0]
    assert (kind, name, directory, first_step) == ("start", "run", tmp_path / "run", 1)
    assert recipe["run"]["steps"] == 5
    assert Recording.told[-1] == ("close",)
    figures = logged()
    assert sorted(figures) == [0, 1, 2, 3, 4, 5]
    assert figures[3]["loss"] == 1 / 3
    assert figures[2]["eval/small"] == 0.5
    assert {"grid/in-pool", "grid/out-of-pool", "grid/out-of-pool/level-1"} <= set(figures[2])
    assert "step" not in figures[1]
    steps = [what[1] for what in Recording.told if what[0] == "log"]
    assert steps == sorted(steps)
    assert ("event", "admitted") in Recording.told


@pytest.mark.parametrize("error", [ConnectionError("no network"), SystemExit("no login")])
@pytest.mark.parametrize("call", ["start", "log", "event", "close"])
def test_a_tracker_that_fails_costs_itself_and_one_warning(
    tmp_path: Path, call: str, error: BaseException
) -> None:
    Recording.fails, Recording.error = (call,), error
    run = start(tmp_path, tracking={"use": ["recording"]})
    run.observer = watcher = Warned()
    run.train()
    assert run.finished
    assert watcher.warnings == [
        f"tracker 'recording' failed and is left out: {type(error).__name__}: {error}"
    ]
    assert [what[0] for what in Recording.told].count(call) == 1


def test_a_resumed_run_tells_its_tracker_where_it_goes_on(tmp_path: Path) -> None:
    Asking.die_after = 6 + 6 + 1
    with pytest.raises(Killed):
        start(tmp_path, tracking={"use": ["recording"]}).train()
    assert Recording.told[-1] == ("close",)
    Asking.die_after, Recording.told = None, []
    go_on(tmp_path).train()
    assert Recording.told[0][-1] == 5, "the evaluation of step 4 was under way"
    assert sorted(logged()) == [4, 5]
