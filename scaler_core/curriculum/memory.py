"""The engine's memory of each environment: plain data that goes into every checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from scaler_core.interfaces import State
from scaler_core.models import Outcome

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
        recorded: Tickets that came back with verdicts.
        informative: Those of them whose decided responses differ.
        abandoned: Tickets that were given up.
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
    recorded: int = 0
    informative: int = 0
    abandoned: int = 0

    def count(self, outcome: Outcome | None, informative: bool) -> None:
        """Count a ticket that came back, with an outcome or without."""
        self.recorded += outcome is not None
        self.informative += informative
        self.abandoned += outcome is None

    def remember(self, difficulty: float, accuracy: float) -> None:
        """Append one step to the history, and drop those beyond the limit."""
        self.difficulties.append(difficulty)
        self.accuracies.append(accuracy)
        del self.difficulties[:-HISTORY_LIMIT], self.accuracies[:-HISTORY_LIMIT]

    def forget_history(self, admitted_step: int) -> None:
        """Start a new history at *admitted_step*."""
        self.admitted_step = admitted_step
        self.difficulties, self.accuracies = [], []

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {**asdict(self), "draws": {str(level): n for level, n in self.draws.items()}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EnvironmentState:
        """The state that :meth:`to_json` wrote."""
        return cls(**{**data, "draws": {int(level): n for level, n in data["draws"].items()}})


@dataclass(frozen=True)
class EnvironmentView:
    """One active environment; implements :class:`scaler_core.interfaces.curriculum.History`."""

    environment_id: str
    _state: EnvironmentState
    _find_top_level: Callable[[str], int]
    _find_history_length: Callable[[str], int | None]

    @property
    def top_level(self) -> int:
        """The highest level that may be drawn."""
        return self._find_top_level(self.environment_id)

    @property
    def history_length(self) -> int | None:
        """How many values of d the pool's author asks for; read from the pool on demand."""
        return self._find_history_length(self.environment_id)

    @property
    def admitted_step(self) -> int:
        """The step before which it was admitted."""
        return self._state.admitted_step

    @property
    def difficulties(self) -> Sequence[float]:
        """Values of d since admission, oldest first."""
        return tuple(self._state.difficulties)

    @property
    def accuracies(self) -> Sequence[float]:
        """Accuracies since admission, oldest first."""
        return tuple(self._state.accuracies)


class CurriculumView:
    """The curriculum before a step; implements :class:`scaler_core.interfaces.CuratorView`."""

    def __init__(
        self,
        step: int,
        active: Sequence[EnvironmentView],
        find_candidates: Callable[[], Sequence[str]],
        weight: Callable[[str], float],
    ) -> None:
        self.step = step
        self.active = active
        self._find_candidates = find_candidates
        self._weight = weight

    @cached_property
    def candidates(self) -> Sequence[str]:
        """Ids that may be admitted, found on first use: a large pool is not walked every step."""
        return self._find_candidates()

    def weight(self, environment_id: str) -> float:
        """The weight that the recipe gives to this environment's pool."""
        return self._weight(environment_id)
