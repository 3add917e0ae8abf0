"""Who watches a run: the live view, a notebook, a tracker. All methods do nothing by default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaler_core.models import Event

if TYPE_CHECKING:
    from scaler_core.run.session import Run


class Observer:
    """Told what happens in a run, in the thread that trains; it must be quick and never raise."""

    def run_started(self, run: Run) -> None:
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
        """What was measured after *step*: ``eval/math-500``, ``grid/in-pool``, 0 to 1."""

    def checkpoint_written(self, step: int, path: Path) -> None:
        """A checkpoint was committed."""

    def warning(self, text: str) -> None:
        """Something beside the run failed, such as a tracker; the run goes on."""

    def run_ended(self) -> None:
        """The process leaves the run: it is finished, stopped or has failed."""
