"""The contract of backends as a test class; extend it as those of ``contracts``.

Every test trains a real run on a few environments of the starter pack, with a run directory and
checkpoints below ``tmp_path``. The required order of calls is drawn in
:mod:`scaler_core.interfaces.training`.
"""

from __future__ import annotations

import importlib.metadata
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from scaler_core.config import Recipe
from scaler_core.hookspecs import ENTRY_POINT_GROUP
from scaler_core.interfaces import Ask, Backend, Sample, StepEnd
from scaler_core.models import Verdict
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.run.checkpoint import latest_checkpoint
from scaler_core.run.events import read_events
from scaler_core.run.observers import Observer
from scaler_core.run.opening import open_run, resume_run
from scaler_core.run.recipes import recipe_from
from scaler_core.run.session import Run
from scaler_core.testing.plugins import FakeEntryPoint, plugin_of

STEPS = 4
# figures that depend on the clock, or on instances that another process has made before
_UNREPEATABLE = ("seconds", "draw_s", "factory/")


class Killed(BaseException):
    """Simulates a kill: no code under test catches it."""


class BackendContract(ABC):
    """Tests of everything a run requires of a backend that can train a few steps here.

    Attributes:
        recipe: Sections of the recipe that differ from a run of 4 steps with 4 prompts of 4
            responses, such as ``{"prompt": {"style": "compact"}}``.
        repeatable: Whether the same seed gives the same responses in another process.
    """

    recipe: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    repeatable: ClassVar[bool] = True

    @abstractmethod
    def make(self) -> Backend:
        """A backend with the options to test; it need not be installed."""

    def test_nothing_is_missing_here(self) -> None:
        """The test runs where the backend can, and its options can work."""
        backend = self.make()
        assert backend.missing() == ""
        backend.check()

    def test_it_calls_in_order(self, tmp_path: Path) -> None:
        """Begin; draw, record and end of each step; end. Nothing is drawn ahead."""
        run = self._open(tmp_path)
        calls = _log_calls(run)
        run.train()
        steps = [
            f"{call} {step}"
            for step in range(1, STEPS + 1)
            for call in ("draw", "record", "end_step")
        ]
        assert [call for call in calls if call != "measure_prompts"] == ["begin", *steps, "end"]
        if self.make().prompt_limit() is not None:
            assert calls.index("measure_prompts") < calls.index("draw 1")

    def test_every_step_has_its_line_and_the_run_its_files(self, tmp_path: Path) -> None:
        """A finished run has a line of metrics for each step and a whole last checkpoint."""
        run = self._open(tmp_path)
        summary = run.train()
        assert run.finished
        assert summary.steps == STEPS
        assert [line["step"] for line in _log(tmp_path, "metrics.jsonl")] == [*range(1, STEPS + 1)]
        checkpoint = latest_checkpoint(run.files.checkpoints)
        assert checkpoint.step == STEPS
        assert checkpoint.backend is not None

    def test_every_ticket_comes_back_with_a_verdict_for_each_response(self, tmp_path: Path) -> None:
        """No ticket is lost, none is recorded twice, and no group is cut."""
        run = self._open(tmp_path)
        record, drawn = run.feed.record, run.feed.draw
        tickets: list[str] = []

        def draw() -> Any:
            batch = drawn()
            tickets[:] = [ticket.id for ticket in batch.tickets]
            return batch

        def check(step: int, groups: Any) -> None:
            assert sorted(group.ticket_id for group in groups) == sorted(tickets)
            assert {len(group.verdicts) for group in groups} == {run.responses}
            record(step, groups)

        run.feed.draw, run.feed.record = draw, check  # type: ignore[method-assign]
        run.train()

    def test_a_stop_ends_the_run_after_its_step_with_a_checkpoint(self, tmp_path: Path) -> None:
        """As after Ctrl-C."""
        run = self._open(tmp_path, checkpoint={"every": 100})
        run.observer = _AtStep(2, run.request_stop)
        run.train()
        assert run.feed.step == 2
        assert not run.finished
        assert latest_checkpoint(run.files.checkpoints).step == 2

    def test_a_stopped_run_goes_on_to_the_end(self, tmp_path: Path) -> None:
        """From its checkpoint alone, and with the same decisions where it is repeatable."""
        run = self._open(tmp_path)
        run.observer = _AtStep(2, run.request_stop)
        run.train()
        self._compare_resumed(tmp_path)

    def test_a_killed_run_draws_the_lost_steps_again(self, tmp_path: Path) -> None:
        """A kill after step 3, of which no checkpoint was written."""
        run = self._open(tmp_path, checkpoint={"every": 2})
        run.observer = _AtStep(3, _kill)
        with suppress(Killed):
            run.train()
        assert latest_checkpoint(run.files.checkpoints).step == 2
        self._compare_resumed(tmp_path)

    def test_a_step_in_which_nothing_is_decided_is_survived(self, tmp_path: Path) -> None:
        """Responses that nobody could judge are left out of the loss, even where all are."""
        run = self._open(tmp_path)

        def undecided(*_: Any) -> Verdict:
            return Verdict.undecided("the machine failed")

        run.feed.judge.verify = undecided  # type: ignore[assignment, method-assign]
        run.train()
        assert run.finished

    def test_a_preview_starts_nothing(self, tmp_path: Path) -> None:
        """``scaler run --dry-run`` prints lines, and leaves no file."""
        recipe, host = self._recipe(), self._host()
        run = open_run(recipe, run_dir=tmp_path / "run", host=host, only_preview=True)
        try:
            assert all(isinstance(line, str) for line in run.preview())
        finally:
            run.close()
        assert not (tmp_path / "run").exists()

    # -------------------------------------------------------------- small parts

    def _recipe(self, **sections: Mapping[str, Any]) -> Recipe:
        backend = self.make()
        data: dict[str, Mapping[str, Any]] = {
            "run": {"steps": STEPS},
            "pool": {"use": "starter", "environments": ["count-target", "largest-value"]},
            "batch": {"prompts": 4, "responses": 4},
            "curator": {"size": 2},
            "checkpoint": {"every": 1},
            "evaluation": {"seeds": 0},
            "factory": {"ready": 0},
        }
        for changes in (self.recipe, sections):
            data |= {name: {**data.get(name, {}), **keys} for name, keys in changes.items()}
        options = backend.config.model_dump(mode="json", exclude_unset=True)
        return recipe_from({**data, "backend": {"use": backend.name, **options}})

    def _host(self) -> PluginHost:
        """The installed plugins, and the backend where it is not among them."""
        backend = type(self.make())
        host = load_plugins()
        if backend in host.classes(Backend).values():
            return host
        installed = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
        plugin = FakeEntryPoint(plugin_of(Backend, backend), name="backend-under-test")
        return load_plugins(entry_points=[*installed, plugin])

    def _open(self, path: Path, **sections: Mapping[str, Any]) -> Run:
        return open_run(self._recipe(**sections), run_dir=path / "run", host=self._host())

    def _compare_resumed(self, path: Path) -> None:
        """Resume the run in *path*, and compare it with one that was never interrupted."""
        resumed = resume_run(path / "run", host=self._host())
        resumed.train()
        assert resumed.finished
        assert [line["step"] for line in _log(path, "metrics.jsonl")] == [*range(1, STEPS + 1)]
        if self.repeatable:
            whole = path / "whole"
            self._open(whole).train()
            assert _decisions(path) == _decisions(whole)
            assert _figures(path) == _figures(whole)


class _AtStep(Observer):
    """Acts once the line of a step is written."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.step = step
        self.act = act

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        """Act, where it is the step."""
        if step == self.step:
            self.act()


def _kill() -> None:
    raise Killed


def _log_calls(run: Run) -> list[str]:
    """The backend's calls of feed and run, in the order in which they come."""
    calls: list[str] = []
    feed = run.feed
    draw, record, measure = feed.draw, feed.record, feed.measure_prompts
    begin, end_step, end = run.begin, run.end_step, run.end

    def logged_draw() -> Any:
        batch = draw()
        calls.append(f"draw {batch.step}")
        return batch

    def logged_record(step: int, groups: Any) -> None:
        calls.append(f"record {step}")
        record(step, groups)

    def logged_measure(count_tokens: Any, limit: int) -> None:
        calls.append("measure_prompts")
        measure(count_tokens, limit)

    def logged_begin(ask: Ask | None = None) -> None:
        calls.append("begin")
        begin(ask)

    def logged_end_step(
        step: int,
        metrics: Mapping[str, float],
        samples: list[Sample],
        save: Callable[[Path], None],
        ask: Ask | None = None,
    ) -> StepEnd:
        calls.append(f"end_step {step}")
        return end_step(step, metrics, samples, save, ask)

    def logged_end(ask: Ask | None = None) -> None:
        calls.append("end")
        end(ask)

    feed.draw, feed.record = logged_draw, logged_record  # type: ignore[method-assign]
    feed.measure_prompts = logged_measure  # type: ignore[method-assign]
    run.begin, run.end = logged_begin, logged_end  # type: ignore[method-assign]
    run.end_step = logged_end_step  # type: ignore[method-assign, assignment]
    return calls


def _log(path: Path, name: str) -> list[dict[str, Any]]:
    lines = (path / "run" / name).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def _decisions(path: Path) -> list[dict[str, Any]]:
    return [
        event.model_dump(mode="json")
        for event in read_events(path / "run")
        if event.kind not in ("started", "resumed")
    ]


def _figures(path: Path) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in line.items() if not name.startswith(_UNREPEATABLE)}
        for line in _log(path, "metrics.jsonl")
    ]
