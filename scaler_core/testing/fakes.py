"""Hand-made inputs for the components of plugin authors: views for curators, replies of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scaler_core.interfaces import Observation, State
from scaler_core.models import Message


@dataclass(frozen=True)
class FakeRecord:
    """One environment, like :class:`~scaler_core.interfaces.EnvironmentRecord`."""

    environment_id: str = "one"
    top_level: int = 10
    difficulty: float = 0.0
    visits: int = 1
    admitted_step: int = 1
    left_step: int = 0
    difficulties: Sequence[float] = ()
    accuracies: Sequence[float] = ()
    window: Sequence[Observation] = ()
    history_length: int | None = None


@dataclass(frozen=True)
class FakeCuratorView:
    """The view of a curator before a step, like :class:`~scaler_core.interfaces.CuratorView`.

    Attributes:
        records: Environments that are not active and were seen before; others are new.
    """

    step: int = 1
    active: Sequence[FakeRecord] = ()
    candidates: Sequence[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    memory: State = field(default_factory=dict)
    records: Sequence[FakeRecord] = ()

    @property
    def visited(self) -> Sequence[str]:
        """The active ones, and those of :attr:`records`."""
        return [item.environment_id for item in (*self.active, *self.records)]

    def record(self, environment_id: str) -> FakeRecord:
        """The one of this id."""
        known = {item.environment_id: item for item in (*self.active, *self.records)}
        return known.get(environment_id) or FakeRecord(environment_id, visits=0, admitted_step=0)

    def weight(self, environment_id: str) -> float:
        """The weight of its pool; 1 unless :attr:`weights` says otherwise."""
        return self.weights.get(environment_id, 1.0)


class Asked(NamedTuple):
    """The arguments of one call of :meth:`ScriptedChat.chat`."""

    messages: tuple[Message, ...]
    attempt: int
    temperature: float | None


class ScriptedChat:
    """A :class:`~scaler_core.interfaces.synthesis.ChatClient` with scripted replies.

    Args:
        replies: Its replies in order; the last one is repeated. An exception is raised instead.

    Attributes:
        asked: The calls so far, in order.
    """

    def __init__(self, *replies: str | Exception) -> None:
        self._replies = replies
        self.asked: list[Asked] = []

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        attempt: int = 0,
        temperature: float | None = None,
    ) -> str:
        """The next reply."""
        reply = self._replies[min(len(self.asked), len(self._replies) - 1)]
        self.asked.append(Asked(tuple(dict(item) for item in messages), attempt, temperature))
        if isinstance(reply, Exception):
            raise reply
        return reply
