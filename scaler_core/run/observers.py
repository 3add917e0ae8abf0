"""Observers of a run, such as the live view, a notebook and trackers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from scaler_core.errors import one_line
from scaler_core.interfaces import Tracker
from scaler_core.models import Event, Record


class RunInfo(Record):
    """Facts of a run that is about to train.

    Attributes:
        name: The recipe's name.
        directory: The run's folder.
        steps: The last step to train.
        prompts: Tickets per step.
        responses: Responses per ticket.
        first_step: The first step of this process.
        environments: Environments that may be trained on.
        backend: The backend's name.
        recipe: The resolved recipe, as JSON.
    """

    name: str
    directory: Path
    steps: int
    prompts: int
    responses: int
    first_step: int
    environments: int
    backend: str
    recipe: dict[str, JsonValue]


class Observer:
    """Called in the thread that trains: every method must be quick and never raise.

    All methods do nothing by default.
    """

    def run_started(self, run: RunInfo) -> None:
        """Training is about to begin, or to go on."""

    def event(self, event: Event) -> None:
        """A decision was written to events.jsonl."""

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        """A line was written to metrics.jsonl."""

    def evaluating(self, label: str, total: int) -> None:
        """The grid of held-out instances is being answered."""

    def evaluated(self, label: str, scores: Mapping[str, Any]) -> None:
        """The grid of held-out instances was scored."""

    def benchmark_started(self, step: int, benchmark: str, samples: int) -> None:
        """A benchmark is being answered, with so many responses still to come."""

    def measured(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures were measured after *step*: ``eval/math-500``, ``grid/in-pool``, 0 to 1."""

    def checkpoint_written(self, step: int, path: Path) -> None:
        """A checkpoint was committed."""

    def warning(self, text: str) -> None:
        """Something beside the run failed, such as a tracker; the run goes on."""

    def run_ended(self) -> None:
        """The process leaves the run: it is finished, stopped or has failed."""


class TrackerObserver(Observer):
    """Passes a run's figures and events on to its trackers.

    A tracker that fails is called no more, with one warning.

    Args:
        trackers: The trackers.
        warn: Receives a line about a tracker that failed.
    """

    def __init__(self, trackers: Sequence[Tracker], warn: Callable[[str], None]) -> None:
        self._trackers = list(trackers)
        self._started: list[Tracker] = []
        self._warn = warn

    def run_started(self, run: RunInfo) -> None:
        """Start the trackers."""
        self._started = list(self._trackers)
        self._call(lambda item: item.start(run.name, run.directory, run.recipe, run.first_step))

    def event(self, event: Event) -> None:
        """Pass the decision on."""
        self._call(lambda item: item.event(event))

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log the step's figures."""
        self._log(step, {name: value for name, value in metrics.items() if name != "step"})

    def measured(self, step: int, figures: Mapping[str, float]) -> None:
        """Log scores."""
        self._log(step, figures)

    def run_ended(self) -> None:
        """Close the trackers that were started and have not failed."""
        self._call(lambda item: item.close())
        self._started = []

    def _log(self, step: int, figures: Mapping[str, float]) -> None:
        finite = {name: float(value) for name, value in figures.items() if isfinite(value)}
        self._call(lambda item: item.log(step, finite))

    def _call(self, method: Callable[[Tracker], None]) -> None:
        for tracker in list(self._started):
            try:
                method(tracker)
            except (Exception, SystemExit) as error:
                # a tracker is a plugin, and often a network: no run may end because of it, not
                # even where its library wants to leave
                self._started.remove(tracker)
                self._warn(f"tracker {tracker.name!r} failed and is left out: {one_line(error)}")
