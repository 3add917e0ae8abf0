"""Controllers, which move difficulty, and curators, which choose environments from a view."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import JsonValue

from scaler_core.interfaces.component import Component
from scaler_core.models import Outcome, Record


class History(Protocol):
    """An active environment's history since its last admission, as curators see it."""

    @property
    def environment_id(self) -> str:
        """The environment."""

    @property
    def top_level(self) -> int:
        """The highest level it can be given."""

    @property
    def admitted_step(self) -> int:
        """The step before which it was admitted."""

    @property
    def difficulties(self) -> Sequence[float]:
        """Values of d before each step that decided a response, oldest first, 256 at most."""

    @property
    def accuracies(self) -> Sequence[float]:
        """Accuracy of those steps, oldest first."""

    @property
    def history_length(self) -> int | None:
        """How many values of d the pool's author asks the slope rule to read."""


class CuratorView(Protocol):
    """All a curator sees before a step."""

    @property
    def step(self) -> int:
        """The step about to be drawn, counted from 1."""

    @property
    def active(self) -> Sequence[History]:
        """The active set, in order of admission."""

    @property
    def candidates(self) -> Sequence[str]:
        """Ids, sorted, of usable environments outside the active set and not retired just now.

        To index it and to ask for its length costs the same in a pool of any size; a walk does not.
        :func:`scaler_core.curriculum.candidates.draw_by_weight` draws without one.
        """

    def weight(self, environment_id: str) -> float:
        """The weight that the recipe gives to this environment's pool."""


State = dict[str, Any]


class Controller(Component):
    """Moves the difficulty of one environment. Pure: state in, state out, all JSON.

    One object serves every environment; the engine keeps each environment's state. ``top_level`` is
    handed in each time, because an over-long prompt or an edited pool may change it.
    """

    @abstractmethod
    def start(self, top_level: int) -> State:
        """The state of an environment that was never trained on."""

    @abstractmethod
    def propose(self, state: State, prompts: int, top_level: int) -> list[int]:
        """Levels in ``[0, top_level]`` for *prompts* tickets, one each."""

    @abstractmethod
    def update(self, state: State, outcomes: Sequence[Outcome], top_level: int) -> State:
        """The state after a step; *outcomes* holds at least one decided response."""

    @abstractmethod
    def difficulty(self, state: State) -> float:
        """d, the real number in ``[0, top_level]`` that curators and reports read."""


class Retirement(Record):
    """An environment leaves the active set.

    Attributes:
        environment_id: The environment.
        rule: The rule that decided, one word.
        evidence: The figures that the decision rests on.
    """

    environment_id: str
    rule: str
    evidence: dict[str, JsonValue] = {}


class Admission(Record):
    """An environment enters the active set; fields as in :class:`Retirement`."""

    environment_id: str
    rule: str
    evidence: dict[str, JsonValue] = {}


class Curator(Component):
    """Decides which environments are trained on.

    Before every step the engine calls :meth:`retire`, then :meth:`admit` with the retired ones
    gone. None is active twice. A retired environment that no candidate can replace stays, with its
    history cleared, so the set shrinks only if the curator leaves candidates unadmitted.
    """

    @abstractmethod
    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """The active environments that are to leave because they no longer teach."""

    @abstractmethod
    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Candidates that enter now; choose with *rng* only, so that a run can be repeated."""
