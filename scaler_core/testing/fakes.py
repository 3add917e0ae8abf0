"""Hand-made inputs for the components of plugin authors: histories and views for curators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FakeHistory:
    """One active environment, as :class:`~scaler_core.interfaces.History` shows it."""

    environment_id: str = "one"
    top_level: int = 10
    admitted_step: int = 1
    difficulties: Sequence[float] = ()
    accuracies: Sequence[float] = ()
    history_length: int | None = None


@dataclass(frozen=True)
class FakeCuratorView:
    """What a curator sees before a step, as :class:`~scaler_core.interfaces.CuratorView`."""

    step: int = 1
    active: Sequence[FakeHistory] = ()
    candidates: Sequence[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def weight(self, environment_id: str) -> float:
        """The weight of its pool; 1 unless :attr:`weights` says otherwise."""
        return self.weights.get(environment_id, 1.0)
