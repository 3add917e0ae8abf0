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
        """The held-out grid is being answered."""

    def evaluated(self, label: str, scores: Mapping[str, Any]) -> None:
        """The held-out grid was scored."""

    def checkpoint_written(self, step: int, path: Path) -> None:
        """A checkpoint was committed."""
