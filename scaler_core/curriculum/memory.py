"""What the engine remembers of one environment: plain data that goes into every checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from scaler_core.interfaces import State

# steps that are remembered; curators' rules can read no further back
HISTORY_LIMIT = 256


@dataclass
class EnvironmentState:
    """The curriculum's memory of one environment.

    Attributes:
        controller: The controller's state; it outlives retirement.
        content_hash: The environment's content when this was learnt.
        admitted_step: The step before which it last entered the active set; 0 when outside.
        difficulties: d before each step since admission that decided a response.
        accuracies: Accuracy of those steps.
        draws: Tickets drawn so far at each level; the next draw's seed follows from it.
        cap: Highest level whose prompt is known to fit; ``None`` while none was too long.
        failed_tickets: Tickets in a row for which no valid instance could be made.
        quarantine: Why it is left out of the run; empty while it is usable.
    """

    controller: State
    content_hash: str
    admitted_step: int = 0
    difficulties: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    draws: dict[int, int] = field(default_factory=dict)
    cap: int | None = None
    failed_tickets: int = 0
    quarantine: str = ""

    def remember(self, difficulty: float, accuracy: float) -> None:
        """Append one step to the history, and forget what is older than the limit."""
        self.difficulties.append(difficulty)
        self.accuracies.append(accuracy)
        del self.difficulties[:-HISTORY_LIMIT], self.accuracies[:-HISTORY_LIMIT]

    def forget_history(self, admitted_step: int) -> None:
        """Start a new history at *admitted_step*."""
        self.admitted_step = admitted_step
        self.difficulties, self.accuracies = [], []

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "draws": {str(level): n for level, n in self.draws.items()}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EnvironmentState:
        """The state that :meth:`to_json` wrote."""
        return cls(**{**data, "draws": {int(level): n for level, n in data["draws"].items()}})
