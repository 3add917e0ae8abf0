"""``scaler run`` as a person uses it: output, errors, Ctrl-C, resume."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from scaler_core.cli import main
from tests.cli.running import Start

SIMULATED = """\
[run]
steps = 6
[batch]
prompts = 8
responses = 4
[curator]
size = 4
[backend]
use = "simulated"
[checkpoint]
every = 2
"""
KEYS = [
    "run_dir",
    "steps",
    "finished",
    "accuracy_before",
    "accuracy_after",
    "mean_difficulty_start",
    "mean_difficulty_end",
    "informative_share",
    "retired",
    "seconds",
]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a recipe of the simulated backend."""
    (tmp_path / "sim.toml").write_text(SIMULATED)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "scaler_core.cli", *arguments]


def scaler(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        chdir(work),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(list(arguments))
    code = int(ended.value.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def test_json_is_one_line_with_the_promised_keys(work: Path) -> None:
    words = command("run", "sim.toml", "--run-dir", "out", "--json")
    done = subprocess.run(words, cwd=work, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    line = json.loads(done.stdout)
    assert list(line) == KEYS
    assert (line["run_dir"], line["steps"], line["retired"]) == ("out", 6, 0)
    assert line["accuracy_before"] is None, "this recipe asks for no held-out grid"
    assert line["mean_difficulty_end"] > line["mean_difficulty_start"] == 0


def test_a_person_sees_progress_and_where_to_go_on(work: Path) -> None:
    done = scaler(work, "run", "sim.toml", "--run-dir", "out")
    assert done.stdout == ""
    for word in ("step 6/6", "accuracy", "informative", "difficulty", "active 4", "left 0:00"):
        assert word in done.stderr
    assert "go on: scaler run --resume out --set run.steps=12" in done.stderr


def test_a_run_without_a_name_gets_a_directory_of_its_own(work: Path) -> None:
    for _ in range(2):
        assert scaler(work, "run", "sim.toml", "--set", "run.steps=1").returncode == 0
    names = [path.name for path in (work / "runs").iterdir()]
    assert len(names) == 2
    assert all(name.startswith("sim-") for name in names)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["sim.tml"], "unknown recipe 'sim.tml'"),
        (["sim.toml", "--set", "backend.use=simulatd"], "unknown backend 'simulatd'"),
        (["sim.toml", "--set", "backend.widht=2"], "unknown option 'backend.widht'"),
        (["sim.toml", "--set", "pool.use=startr"], "did you mean 'starter'"),
        (
            ["sim.toml", "--set", 'pool.environments=["largest-valu"]'],
            "did you mean 'largest-value'",
        ),
        (["sim.toml", "--set", "verifier.use=tiped"], "did you mean 'typed'"),
        (["sim.toml", "--resume", "x"], "--resume goes without a recipe"),
        (["--resume", "nowhere"], "nowhere is not a run"),
        (
            ["sim.toml", "--set", "tracking.use=['wandbi']"],
            "unknown tracker 'wandbi'; did you mean 'wandb'",
        ),
        (
            ["sim.toml", "--set", "run.steps=many"],
            'scaler: --set run.steps=many: run.steps = "many" is not allowed',
        ),
        (
            ["sim.toml", "--set", "run.seed=3", "--set", "run.setps=4"],
            "scaler: --set run.setps=4: unknown option 'run.setps'; did you mean 'run.steps'",
        ),
        (["sim.toml", "--set", "sandbox.use=buble"], "known: auto, bubblewrap"),
        (["sim.toml", "--set", "evaluation.seeds=2"], "evaluation.seeds: backend 'simulated' has"),
        (["sim.toml", "--run-dir", ""], "Invalid value for '--run-dir': it is empty"),
        (["--resume", ""], "Invalid value for '--resume': it is empty"),
        (
            ["sim.toml", "--set", "run.directory=x{y}"],
            "its only placeholders are {name} and {time}",
        ),
    ],
)
def test_a_mistake_costs_one_line_and_nothing_is_written(
    work: Path, arguments: list[str], line: str
) -> None:
    done = scaler(work, "run", *arguments)
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.startswith("scaler: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert [path.name for path in work.iterdir()] == ["sim.toml"]


def test_a_taken_directory_is_refused(work: Path) -> None:
    (work / "out").mkdir()
    (work / "out" / "thesis.txt").write_text("mine")
    done = scaler(work, "run", "sim.toml", "--run-dir", "out")
    assert done.returncode == 2
    assert "out is not empty" in done.stderr
    assert [path.name for path in (work / "out").iterdir()] == ["thesis.txt"]


def test_the_whole_recipe_can_be_seen_without_training(work: Path) -> None:
    done = scaler(work, "run", "sim.toml", "--dry-run", "--set", "controller.gain=3")
    assert done.returncode == 0
    assert "gain = 3.0" in done.stdout
    assert "k_zero = 5" in done.stdout
    assert [path.name for path in work.iterdir()] == ["sim.toml"]


def test_the_bare_command_shows_the_help(work: Path) -> None:
    done = scaler(work)
    assert "Commands:" in done.stdout
    assert done.stderr == ""


def test_recipes_are_listed(work: Path) -> None:
    done = scaler(work, "run", "--list", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["quickstart"]["backend"] == "local"


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_ctrl_c_finishes_the_step_and_the_run_can_go_on(work: Path, start: Start) -> None:
    arguments = ["run", "sim.toml", "--run-dir", "out", "--set", "run.steps=100000"]
    process = start(command(*arguments), cwd=work, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_for(work / "out" / "metrics.jsonl", process)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping after this step" in errors
    assert "go on with: scaler run --resume out" in errors
    steps = len((work / "out" / "metrics.jsonl").read_text().splitlines())
    assert (work / "out" / "checkpoints" / f"step-{steps}" / "COMPLETE").exists()
    done = scaler(work, "run", "--resume", "out", "--set", f"run.steps={steps + 5}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == steps + 5


def test_a_full_disk_ends_the_run_with_one_line_and_keeps_the_checkpoint(work: Path) -> None:
    """A file-size limit stands in for a full disk: a write beyond it fails in the same way."""
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))\n"
        "from scaler_core.cli import main\n"
        "main(['run', 'sim.toml', '--run-dir', 'out', '--set', 'run.steps=100000'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=work, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("scaler: cannot write")
    assert "File too large" in last
    checkpoints = sorted((work / "out" / "checkpoints").glob("step-*"))
    assert len(checkpoints) == 2
    assert all((path / "COMPLETE").exists() for path in checkpoints)
    steps = max(int(path.name.removeprefix("step-")) for path in checkpoints)
    more = scaler(work, "run", "--resume", "out", "--set", f"run.steps={steps + 2}", "--json")
    assert json.loads(more.stdout)["steps"] == steps + 2
