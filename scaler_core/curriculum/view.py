"""What a curator is shown: read-only views of the engine's memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from scaler_core.curriculum.memory import EnvironmentState


@dataclass(frozen=True)
class EnvironmentView:
    """One active environment; implements :class:`scaler_core.protocols.History`."""

    environment_id: str
    top_level: int
    _state: EnvironmentState
    _find_history_length: Callable[[str], int | None]

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


class View:
    """The curriculum before a step; implements :class:`scaler_core.protocols.CuratorView`."""

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
