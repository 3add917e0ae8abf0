"""Whole runs with the simulated backend: files, stopping, killing, resuming."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scaler_core import read_events
from scaler_core.config import Recipe
from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    InfrastructureError,
    PluginError,
    UsageError,
)
from scaler_core.models import Group, Verdict
from scaler_core.plugins import load_plugins
from scaler_core.pool import write_pool
from scaler_core.run.checkpoint import list_checkpoints, write_checkpoint
from scaler_core.run.directory import RunDirectory
from scaler_core.run.observers import Observer
from scaler_core.run.opening import open_run, resume_run
from scaler_core.run.recipes import recipe_from
from scaler_core.run.session import Run
from scaler_core.run.summary import summarize
from scaler_core.testing.environments import program_environment
from scaler_plugins.backends.simulated import Simulated
from tests.sandbox.machines import forks

HOST = load_plugins()


def make_pool(path: Path, count: int = 12, levels: int = 20, skip: str = "") -> Path:
    names = [f"e{index:02}" for index in range(count)]
    environments = [
        program_environment(id=name, levels=tuple(range(levels))) for name in names if name != skip
    ]
    write_pool(path, environments, overwrite=True)
    return path


def recipe(pool: Path, **sections: Mapping[str, Any]) -> Recipe:
    data: dict[str, dict[str, Any]] = {
        "run": {"steps": 12},
        "pool": {"path": str(pool)},
        "batch": {"prompts": 6, "responses": 4},
        "curator": {"size": 4},
        "backend": {"use": "simulated", "learning_rate": 0.3, "initial_skill": 1.0},
        "checkpoint": {"every": 3},
    }
    for name, section in sections.items():
        data[name] = {**data.get(name, {}), **section}
    return recipe_from(data)


def start(tmp_path: Path, name: str = "run", **sections: Mapping[str, Any]) -> Run:
    pool = tmp_path / "pool"
    if not pool.exists():
        make_pool(pool)
    return open_run(recipe(pool, **sections), run_dir=tmp_path / name, host=HOST)


def log(path: Path, name: str) -> list[dict[str, Any]]:
    if name == "events.jsonl":
        return [event.model_dump(mode="json") for event in read_events(path)]
    return [json.loads(line) for line in (path / name).read_text().splitlines()]


def drawn(path: Path) -> list[Any]:
    return [e["evidence"] for e in log(path, "events.jsonl") if e["kind"] == "drawn"]


def decisions(path: Path) -> list[dict[str, Any]]:
    """All events but those that tell of starting and going on."""
    return [e for e in log(path, "events.jsonl") if e["kind"] not in ("started", "resumed")]


class StopAfter(Observer):
    """Asks for a stop after a step, as Ctrl-C does."""

    def __init__(self, run: Run, step: int) -> None:
        self.run = run
        self.step = step

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        if step == self.step:
            self.run.request_stop()


def test_a_run_leaves_all_its_files(tmp_path: Path) -> None:
    summary = start(tmp_path).train()
    path = tmp_path / "run"
    assert {item.name for item in path.iterdir()} >= {
        "recipe.toml",
        "environment.json",
        "pool.json",
        "events.jsonl",
        "metrics.jsonl",
        "checkpoints",
        "finished.json",
    }
    lines = log(path, "metrics.jsonl")
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert all(0 <= line["accuracy"] <= 1 and line["seconds"] > 0 for line in lines)
    assert sorted(item.name for item in (path / "checkpoints").iterdir()) == ["step-12", "step-9"]
    assert summary.steps == 12
    assert summary.mean_difficulty_end > summary.mean_difficulty_start == 0
    facts = json.loads((path / "environment.json").read_text())
    assert facts["pool"]["environments"] == 12
    assert facts["libraries"]["pydantic"]


def test_the_written_recipe_names_every_option_and_reads_back(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.train()
    text = (tmp_path / "run" / "recipe.toml").read_text()
    assert "gain = 2.0" in text
    assert "k_slope = 10" in text
    again = open_run(tmp_path / "run" / "recipe.toml", run_dir=tmp_path / "again", host=HOST)
    assert again.recipe == run.recipe
    again.train()
    assert decisions(tmp_path / "again") == decisions(tmp_path / "run")


def test_equal_seeds_give_equal_runs_and_others_do_not(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        start(tmp_path, name, run={"seed": seed}).train()
    assert decisions(tmp_path / "a") == decisions(tmp_path / "b")
    assert drawn(tmp_path / "a") != drawn(tmp_path / "c")


def test_a_stopped_run_goes_on_as_if_it_never_stopped(tmp_path: Path) -> None:
    start(tmp_path, "whole").train()
    run = start(tmp_path, "stopped")
    run.observer = StopAfter(run, 7)
    run.train()
    assert not run.finished
    assert not (tmp_path / "stopped" / "finished.json").exists()
    resumed = resume_run(tmp_path / "stopped", host=HOST)
    assert resumed.first_step == 8
    resumed.train()
    assert decisions(tmp_path / "stopped") == decisions(tmp_path / "whole")


def train_and_exit(path: Path, tmp_path: Path) -> None:
    """The body of a child that will be killed."""
    code = 1
    try:
        run = resume_run(path, host=HOST) if path.exists() else start(tmp_path, path.name, **LONG)
        run.train()
        code = 0
    finally:
        os._exit(code)


def wait_for_a_checkpoint(path: Path) -> None:
    while not list_checkpoints(path / "checkpoints"):
        time.sleep(0.001)


def wait_for_a_step(path: Path, step: int) -> None:
    """Until the run has written down *step*."""
    metrics = path / "metrics.jsonl"
    while step and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= step):
        time.sleep(0.001)


LONG: dict[str, dict[str, Any]] = {"run": {"steps": 40}, "checkpoint": {"every": 4}}


@forks
def test_a_run_killed_at_any_moment_draws_the_tickets_of_an_uninterrupted_one(
    tmp_path: Path,
) -> None:
    make_pool(tmp_path / "pool")
    began = time.monotonic()
    start(tmp_path, "whole", **LONG).train()
    duration = time.monotonic() - began
    expected = decisions(tmp_path / "whole")
    rng = random.Random(0)
    killed = 0
    for number in range(20):
        path = tmp_path / f"killed-{number}"
        child = os.fork()
        if child == 0:
            train_and_exit(path, tmp_path)
        wait_for_a_checkpoint(path)
        # by steps, for how long a run takes differs on a busy machine from one time to the next
        wait_for_a_step(path, rng.randrange(38))
        time.sleep(rng.random() * duration / 40)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        if not (path / "finished.json").exists():
            resume_run(path, host=HOST).train()
        assert decisions(path) == expected, f"kill {number}"
        assert [line["step"] for line in log(path, "metrics.jsonl")] == list(range(1, 41))
        shutil.rmtree(path)
    assert killed >= 10, "most children must have been killed in the middle"


@forks
def test_a_run_killed_again_and_again_still_arrives(tmp_path: Path) -> None:
    make_pool(tmp_path / "pool")
    start(tmp_path, "whole", **LONG).train()
    path = tmp_path / "killed"
    for _ in range(6):
        child = os.fork()
        if child == 0:
            train_and_exit(path, tmp_path)
        wait_for_a_checkpoint(path)
        time.sleep(0.08)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if (path / "finished.json").exists():
            break
    if not (path / "finished.json").exists():
        resume_run(path, host=HOST).train()
    assert decisions(path) == decisions(tmp_path / "whole")


def test_a_changed_pool_is_reported_and_survived(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.observer = StopAfter(run, 6)
    run.train()
    removed = run.feed.engine.active[0]
    make_pool(tmp_path / "pool", count=14, skip=removed)
    resumed = resume_run(tmp_path / "run", host=HOST)
    resumed.train()
    events = log(tmp_path / "run", "events.jsonl")
    changed = next(e for e in events if e["kind"] == "pool_changed")
    assert changed["reason"] == "2 added, 1 removed"
    assert changed["evidence"]["added"] == ["e12", "e13"]
    assert changed["evidence"]["removed"] == [removed]
    later = {
        ticket[0] for evidence in drawn(tmp_path / "run")[6:] for ticket in evidence["tickets"]
    }
    assert later
    assert removed not in later


def test_an_edited_environment_is_reported_and_keeps_its_difficulty(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.observer = StopAfter(run, 6)
    run.train()
    make_pool(tmp_path / "pool", levels=21)
    difficulty = {name: run.feed.engine.difficulty(name) for name in run.feed.engine.active}
    resume_run(tmp_path / "run", host=HOST).train()
    events = log(tmp_path / "run", "events.jsonl")
    assert next(e for e in events if e["kind"] == "pool_changed")["evidence"]["edited_count"] == 12
    edited = {e["environment_id"] for e in events if e["kind"] == "environment_edited"}
    assert set(difficulty) <= edited
    name = next(iter(difficulty))
    moved = next(
        e
        for e in events
        if e["kind"] == "difficulty" and e["environment_id"] == name and e["step"] >= 7
    )
    assert moved["evidence"]["before"] == difficulty[name]


def test_a_finished_run_is_not_resumed_by_mistake(tmp_path: Path) -> None:
    start(tmp_path).train()
    with pytest.raises(UsageError, match="is finished: it has trained 12 steps"):
        resume_run(tmp_path / "run", host=HOST)
    resume_run(tmp_path / "run", overrides=["run.steps=15"], host=HOST).train()
    assert len(log(tmp_path / "run", "metrics.jsonl")) == 15
    start(tmp_path, "long", run={"steps": 15}).train()
    assert drawn(tmp_path / "run") == drawn(tmp_path / "long")


def test_a_run_without_a_checkpoint_is_refused_not_restarted(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.observer = StopAfter(run, 2)
    run.train()
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(DataError, match="no whole checkpoint"):
        resume_run(tmp_path / "run", host=HOST)


class Warned(Observer):
    """Keeps what a run warns of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def stopped_with(tmp_path: Path, log: str, change: Callable[[bytes], bytes]) -> Run:
    """A run that was stopped after six steps, one of its logs changed since, and opened again."""
    run = start(tmp_path)
    run.observer = StopAfter(run, 6)
    run.train()
    path = tmp_path / "run" / log
    path.write_bytes(change(path.read_bytes()))
    return resume_run(tmp_path / "run", host=HOST)


def test_a_log_that_was_changed_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    resumed = stopped_with(
        tmp_path, "metrics.jsonl", lambda data: data.replace(b'"step":1,', b'"step":7,', 1)
    )
    resumed.observer = warned = Warned()
    resumed.train()
    assert len(warned.warnings) == 1
    assert "metrics.jsonl: changed after the last checkpoint" in warned.warnings[0]
    told = [e for e in log(tmp_path / "run", "events.jsonl") if e["kind"] == "resumed"]
    assert told[-1]["evidence"]["changed_logs"] == ["metrics.jsonl"]
    again = resume_run(tmp_path / "run", overrides=["run.steps=14"], host=HOST)
    again.observer = warned = Warned()
    again.train()
    assert warned.warnings == [], "it was told once, and the next checkpoint knows it"


@pytest.mark.parametrize("byte", [b"\xff", b"["])
def test_a_log_that_holds_a_line_that_is_no_json_is_refused_by_name(
    tmp_path: Path, byte: bytes
) -> None:
    def spoil(data: bytes) -> bytes:
        at = data.index(b"\n") + 1
        return data[:at] + byte + data[at + 1 :]

    resumed = stopped_with(tmp_path, "events.jsonl", spoil)
    before = {path: path.read_bytes() for path in (tmp_path / "run").glob("*.jsonl")}
    with pytest.raises(DataError, match=r"events.jsonl was changed .* line 2 is not valid JSON"):
        resumed.train()
    assert {path: path.read_bytes() for path in (tmp_path / "run").glob("*.jsonl")} == before


def test_a_run_of_a_version_without_hashes_is_resumed(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.observer = StopAfter(run, 6)
    run.train()
    checkpoint = list_checkpoints(tmp_path / "run" / "checkpoints")[-1]
    state = checkpoint.read()
    del state["log_hashes"]
    backend = shutil.copytree(checkpoint.path / "backend", tmp_path / "backend")
    write_checkpoint(
        checkpoint.path.parent,
        checkpoint.step,
        state,
        lambda folder: shutil.copytree(backend, folder, dirs_exist_ok=True),
        keep=2,
    )
    resumed = resume_run(tmp_path / "run", host=HOST)
    resumed.observer = warned = Warned()
    resumed.train()
    assert warned.warnings == []


def test_what_a_kill_left_of_a_file_is_removed_when_the_run_goes_on(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.observer = StopAfter(run, 6)
    run.train()
    path = tmp_path / "run"
    left = [path / ".environment.json.abcd_123", path / "checkpoints" / ".best.json.00000000"]
    kept = path / ".notes.of.mine"
    for file in (*left, kept):
        file.write_text("{")
    resume_run(path, host=HOST).train()
    assert not any(file.exists() for file in left)
    assert kept.exists()


def test_undecided_responses_are_counted_and_not_wrong(tmp_path: Path) -> None:
    start(tmp_path, backend={"undecided": 0.5, "initial_skill": 50.0}).train()
    for line in log(tmp_path / "run", "metrics.jsonl"):
        assert line["accuracy"] == 1.0
        assert line["undecided"] > 0


def test_a_summary_reads_only_files(tmp_path: Path) -> None:
    run = start(tmp_path, run={"steps": 40}, backend={"learning_rate": 0.0})
    summary = run.train()
    again = summarize(RunDirectory(tmp_path / "run"))
    assert again == summary
    retired = [e for e in log(tmp_path / "run", "events.jsonl") if e["kind"] == "retired"]
    assert summary.retired == len(retired) > 0


def test_an_unwritable_place_stops_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = start(tmp_path, "file/run")
    with pytest.raises(InfrastructureError, match=r"cannot write .*Not a directory"):
        run.train()


def stopped(tmp_path: Path, step: int = 6, name: str = "run") -> Path:
    """A run that was stopped after *step* of 12."""
    run = start(tmp_path, name)
    run.observer = StopAfter(run, step)
    run.train()
    return tmp_path / name


class Fails(Observer):
    """Fails at a step, as a full disk or a broken machine does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        if step == self.step:
            raise KeyboardInterrupt


def test_changes_are_told_until_a_checkpoint_holds_them(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    make_pool(tmp_path / "pool", count=13)
    first = resume_run(path, overrides=["controller.gain=1.0"], host=HOST)
    first.observer = Fails(7)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    assert "gain = 2.0" in (path / "recipe.toml").read_text(), "nothing was committed"
    resume_run(path, overrides=["controller.gain=1.0"], host=HOST).train()
    events = log(path, "events.jsonl")
    assert [e["reason"] for e in events if e["kind"] == "pool_changed"] == ["1 added"]
    resumed = [e["evidence"]["changed"] for e in events if e["kind"] == "resumed"]
    assert resumed == [["controller.gain=1.0"]]
    assert "gain = 1.0" in (path / "recipe.toml").read_text()


def test_a_resume_that_fails_at_once_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    before = {item: item.read_bytes() for item in path.glob("*.*") if item.is_file()}
    run = resume_run(path, overrides=["controller.use=fixed"], host=HOST)
    run.feed.engine.controller.difficulty = lambda state, context: state["no such key"]  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        run.train()
    assert {item: item.read_bytes() for item in path.glob("*.*") if item.is_file()} == before
    resume_run(path, host=HOST).train()


def test_two_processes_cannot_go_on_from_the_same_place(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    one, two = resume_run(path, host=HOST), resume_run(path, host=HOST)
    one.train()
    with pytest.raises(UsageError, match="another process has trained in"):
        two.train()
    assert (path / "finished.json").exists()


@pytest.mark.parametrize("setting", ["run.seed=3", "run.directory=x", "evaluation.seeds=3"])
def test_what_the_tickets_follow_from_cannot_change(tmp_path: Path, setting: str) -> None:
    path = stopped(tmp_path)
    with pytest.raises(UsageError, match="cannot be changed with --resume"):
        resume_run(path, overrides=[setting], host=HOST)


def test_what_a_killed_start_left_does_not_block_the_name(tmp_path: Path) -> None:
    path = tmp_path / "run"
    (path / "checkpoints" / ".step-0.partial").mkdir(parents=True)
    (path / "recipe.toml").write_text("half")
    (path / ".pool.json.x1y2").write_text("")
    start(tmp_path).train()
    assert (path / "finished.json").exists()


def test_a_start_that_fails_leaves_an_empty_folder(tmp_path: Path) -> None:
    class Full(Run):
        def _commit(self, step: int, save: Any) -> Path:
            raise OSError(28, "No space left on device")

    pool = make_pool(tmp_path / "pool")
    parts = open_run(recipe(pool), run_dir=tmp_path / "x", host=HOST).parts
    with pytest.raises(OSError, match="No space left"):
        Full("full", parts, RunDirectory(tmp_path / "run")).train()
    assert [item.name for item in (tmp_path / "run").iterdir()] == [".lock"]


def test_two_runs_of_the_same_second_get_two_directories(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "pool")
    sections = {"run": {"steps": 1, "directory": str(tmp_path / "runs" / "{name}")}}
    runs = [open_run(recipe(pool, **sections), host=HOST) for _ in range(3)]
    for run in runs:
        run.train()
    assert [run.directory.name for run in runs] == ["run", "run-2", "run-3"]


class Backendish(Simulated):
    """The simulated backend with a fault of its own."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def train(self, feed: Any, run: Any) -> None:
        if self.fault != "never begins":
            run.begin()
        for step in range(1, run.steps + 1):
            batch = feed.draw()
            verdicts = (Verdict.correct(),) * run.responses
            feed.record(step, [Group(ticket_id=t.id, verdicts=verdicts) for t in batch.tickets])
            if self.fault == "raises":
                raise RuntimeError("no GPU any more")
            for _ in range({"never ends a step": 0, "ends a step twice": 2}.get(self.fault, 1)):
                run.end_step(step, {"loss": float("nan")}, (), lambda folder: None)
            if self.fault == "ends early":
                break
        if self.fault == "goes on":
            feed.draw()
        if self.fault != "never ends":
            run.end()


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("raises", PluginError, "backend 'simulated' raised RuntimeError: no GPU any more"),
        ("ends early", BackendProtocolError, "ended after step 1 of 12"),
        ("never begins", BackendProtocolError, r"end_step\(1\) was called before begin\(\)"),
        ("never ends a step", BackendProtocolError, r"ended without end_step\(12\)"),
        ("ends a step twice", BackendProtocolError, r"end_step\(1\) was called twice"),
        ("never ends", BackendProtocolError, r"ended without end\(\)"),
        ("goes on", BackendProtocolError, "the run ends after step 12"),
    ],
)
def test_a_backend_that_breaks_its_contract_is_named(
    tmp_path: Path, fault: str, error: type[Exception], message: str
) -> None:
    run = start(tmp_path)
    run.parts = dataclasses.replace(run.parts, backend=Backendish(fault))
    with pytest.raises(error, match=message):
        run.train()


def test_a_figure_that_is_no_number_becomes_null(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.parts = dataclasses.replace(run.parts, backend=Backendish("none"))
    run.train()
    assert {line["loss"] for line in log(tmp_path / "run", "metrics.jsonl")} == {None}


def test_a_stop_between_two_questions_loses_no_step(tmp_path: Path) -> None:
    """The request arrives right after the backend asked whether a checkpoint is due."""

    class Late(Run):
        def _checkpoint_due(self, step: int) -> bool:
            due = super()._checkpoint_due(step)
            if step == 7:
                self.request_stop()
            return due

    pool = make_pool(tmp_path / "pool")
    parts = open_run(recipe(pool), run_dir=tmp_path / "x", host=HOST).parts
    Late("late", parts, RunDirectory(tmp_path / "run")).train()
    steps = [item.step for item in list_checkpoints(tmp_path / "run" / "checkpoints")]
    assert steps[-1] == 8 == len(log(tmp_path / "run", "metrics.jsonl"))


def test_a_verifier_that_cannot_close_hides_nothing(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.close()
    stopped_parts: list[str] = []

    def broken() -> None:
        raise RuntimeError("cannot close")

    run._judge.close = broken  # type: ignore[method-assign]
    run._factory.close = lambda: stopped_parts.append("factory")  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="cannot close"):
        run.close()
    assert stopped_parts == ["factory"]


def test_a_run_goes_on_from_another_folder_with_weights_and_a_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pool(tmp_path / "one", count=4)
    other = [program_environment(id=f"f{index}", levels=tuple(range(9))) for index in range(4)]
    write_pool(tmp_path / "two", other)
    monkeypatch.chdir(tmp_path)
    sources = [{"path": "one", "weight": 3.0}, {"path": "two"}]
    chosen = ["e00", "e01", "e03", "f1", "f2"]
    data = {
        "run": {"steps": 12},
        "pool": {"sources": sources, "environments": chosen},
        "batch": {"prompts": 4, "responses": 4},
        "curator": {"size": 2},
        "backend": {"use": "simulated", "initial_skill": -3.0},
    }
    open_run(recipe_from(data), run_dir="whole", host=HOST).train()
    run = open_run(recipe_from(data), run_dir="cut", host=HOST)
    run.observer = StopAfter(run, 5)
    run.train()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    resume_run(tmp_path / "cut", host=HOST).train()
    assert decisions(tmp_path / "cut") == decisions(tmp_path / "whole")
    used = {t[0] for evidence in drawn(tmp_path / "whole") for t in evidence["tickets"]}
    assert used <= set(chosen)
