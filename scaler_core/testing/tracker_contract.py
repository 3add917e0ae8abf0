"""The contract of trackers as a test class; extend it as those of ``contracts``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from scaler_core.interfaces import Tracker
from scaler_core.models import Event

RECIPE = {"run": {"steps": 4, "directory": None}, "tracking": {"use": ["some"]}}
FIGURES = {"accuracy": 0.5, "factory/wall_s/generator": 12.0, "eval/math-500": 0.25}


class TrackerContract(ABC):
    """What a run relies on, for any tracker that can work on this machine without a network."""

    @abstractmethod
    def make(self) -> Tracker:
        """A tracker with the options to test."""

    def test_nothing_is_missing_here(self) -> None:
        """The test runs where the tracker can."""
        assert self.make().missing() == ""

    def test_a_run_is_told_from_start_to_end(self, tmp_path: Path) -> None:
        """Several calls may tell of one step, and there are events in between."""
        tracker = self.make()
        tracker.start("some", tmp_path, RECIPE, 1)
        for step in range(5):
            tracker.log(step, FIGURES)
            tracker.event(Event(kind="retired", step=step, environment_id="e"))
            tracker.log(step, {"eval/average": step / 4})
        tracker.close()

    def test_a_resumed_run_goes_on(self, tmp_path: Path) -> None:
        """Another process tells some of the steps again."""
        for first_step in (1, 3):
            tracker = self.make()
            tracker.start("some", tmp_path, RECIPE, first_step)
            for step in range(first_step, first_step + 4):
                tracker.log(step, FIGURES)
            tracker.close()

    def test_closing_needs_no_start_and_may_come_twice(self, tmp_path: Path) -> None:
        """A run may fail before it starts."""
        tracker = self.make()
        tracker.close()
        tracker.start("some", tmp_path, RECIPE, 1)
        tracker.close()
        tracker.close()
