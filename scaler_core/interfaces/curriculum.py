"""Controllers, which move difficulty, and curators, which choose environments from a view.

Who calls what, in a run and in an open feed (hook API 2.0)::

    before a step    curator.retire(view) -> curator.admit(view, rng)
    a plan           curator.shares(view, prompts, rng), then for each environment that has a share
                     controller.propose(state, prompts, context, rng)
    a step ends      for each environment with a decided response
                     controller.update(state, outcomes, context), and then once
                     controller.update_shared(shared, moved, step)

A component keeps nothing on itself. The engine hands it what it remembers as plain JSON, takes the
new memory back, and writes it into every checkpoint: a resumed run goes on with fresh objects.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pydantic import JsonValue

from scaler_core.interfaces.component import Component
from scaler_core.models import Outcome, Record

State = dict[str, Any]


# -------------------------------------------------------------- controllers


@dataclass(frozen=True, slots=True)
class EnvironmentContext:
    """What a controller is told of the environment that it is asked about.

    Attributes:
        environment_id: The environment.
        top_level: D, the highest level that may be proposed; an over-long prompt or an edited pool
            may change it between two calls.
        step: The step under way, from 1.
        shared: The controller's shared state of the pool, a copy.
    """

    environment_id: str
    top_level: int
    step: int
    shared: State = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """What a controller makes of the outcomes of a step.

    Attributes:
        state: The environment's new state.
        why: The decision as a sentence for people; empty where the figures of the event, accuracy
            by level and d before and after, say all.
        figures: What the decision rests on beside them, for machines.
    """

    state: State
    why: str = ""
    figures: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moved:
    """An environment whose state a step has changed.

    Attributes:
        context: The context of the update.
        before: Its state before the update.
        after: Its state now.
        outcomes: The outcomes of the step, one a ticket.
    """

    context: EnvironmentContext
    before: State
    after: State
    outcomes: Sequence[Outcome]

    @property
    def environment_id(self) -> str:
        """The environment."""
        return self.context.environment_id


class Controller(Component):
    """Moves the difficulty of environments. Pure: state in, state out, all JSON.

    One object serves every environment. The engine keeps a state for each of them and, for a
    controller that wants it, one shared state of the pool: a level for all environments, or what
    the known ones say about a new one.

    An outcome knows its level, its counts, its score, tokens and truncation, and its age: the steps
    that ended since its ticket was drawn. A controller that reads levels can take all of them; one
    that reads accuracy alone takes those that still speak about the present difficulty.
    """

    def start_shared(self) -> State:
        """The shared state before the first step."""
        return {}

    @abstractmethod
    def start(self, context: EnvironmentContext) -> State:
        """The state of an environment that was never trained on."""

    @abstractmethod
    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: random.Random
    ) -> Sequence[int]:
        """Levels in ``[0, context.top_level]`` for *prompts* tickets, one each.

        Whatever is drawn at random is drawn from *rng*, so that a run can be repeated.
        """

    @abstractmethod
    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """The state after a step; *outcomes* holds at least one decided response."""

    def update_shared(self, shared: State, moved: Sequence[Moved], step: int) -> State:
        """The shared state after *step*, called once when all states have moved."""
        return shared

    @abstractmethod
    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """d, the real number in ``[0, context.top_level]`` that curators and reports read."""


# -------------------------------------------------------------- curators


class LevelCount(NamedTuple):
    """The groups of one level that an environment's step held.

    Attributes:
        level: The level.
        groups: Tickets with a decided response.
        informative: Those of them whose decided responses differ.
        credit: Right responses, or the sum of scores where there are some.
        decided: Responses that were judged.
    """

    level: int
    groups: int
    informative: int
    credit: float
    decided: int


class Observation(NamedTuple):
    """What a step showed of an environment.

    Attributes:
        step: The step.
        difficulty: d before it.
        levels: Counts by level, the lowest first; outcomes of every age.
    """

    step: int
    difficulty: float
    levels: tuple[LevelCount, ...]

    @property
    def accuracy(self) -> float:
        """Credit by decided responses."""
        return sum(item.credit for item in self.levels) / sum(item.decided for item in self.levels)


class EnvironmentRecord(Protocol):
    """All that is remembered of an environment, active or not."""

    @property
    def environment_id(self) -> str:
        """The environment."""

    @property
    def top_level(self) -> int:
        """The highest level it can be given."""

    @property
    def difficulty(self) -> float:
        """Its d."""

    @property
    def visits(self) -> int:
        """How often it was admitted; 0 for one that was never trained on."""

    @property
    def admitted_step(self) -> int:
        """The step before which it was admitted last; 0 for one that is not active."""

    @property
    def left_step(self) -> int:
        """The step before which it left last; 0 for one that never did."""

    @property
    def difficulties(self) -> Sequence[float]:
        """Since it was admitted: d before each step that decided a response, oldest first, 256 at
        most.
        """

    @property
    def accuracies(self) -> Sequence[float]:
        """Accuracy of those steps, over outcomes that speak about the d of then."""

    @property
    def window(self) -> Sequence[Observation]:
        """The last 32 steps that decided a response, oldest first, earlier visits included."""

    @property
    def history_length(self) -> int | None:
        """How many values of d the pool's author asks the slope rule to read."""


class CuratorView(Protocol):
    """All a curator sees before a step."""

    @property
    def step(self) -> int:
        """The step about to be drawn, counted from 1."""

    @property
    def memory(self) -> State:
        """The curator's own memory, empty before the first step.

        Plain JSON, to be changed in place: what :meth:`Curator.retire` and :meth:`Curator.admit`
        leave in it they find again, after a resume too.
        """

    @property
    def active(self) -> Sequence[EnvironmentRecord]:
        """The active set, in order of admission."""

    @property
    def candidates(self) -> Sequence[str]:
        """Ids, sorted, of usable environments outside the active set and not retired just now.

        To index it and to ask for its length costs the same in a pool of any size; a walk does not.
        :func:`scaler_core.curriculum.candidates.draw_by_weight` draws without one.
        """

    @property
    def visited(self) -> Sequence[str]:
        """Ids of all environments that were ever active, in the order of their first admission."""

    def record(self, environment_id: str) -> EnvironmentRecord:
        """What is remembered of any environment of the pool."""

    def weight(self, environment_id: str) -> float:
        """The weight that the recipe gives to this environment's pool."""


class Retirement(Record):
    """An environment leaves the active set.

    Attributes:
        environment_id: The environment.
        rule: The rule that decided, one word.
        why: The decision as a sentence for people.
        evidence: The figures that it rests on, for machines.
    """

    environment_id: str
    rule: str
    why: str = ""
    evidence: dict[str, JsonValue] = {}


class Admission(Record):
    """An environment enters the active set; fields as in :class:`Retirement`."""

    environment_id: str
    rule: str
    why: str = ""
    evidence: dict[str, JsonValue] = {}


class Curator(Component):
    """Decides which environments are trained on, and how much.

    Before every step the engine calls :meth:`retire`, then :meth:`admit` with the retired ones
    gone. None is active twice. A retired environment that no candidate can replace stays, with its
    history cleared, so the set shrinks only if the curator leaves candidates unadmitted. Where an
    environment fails within a step, :meth:`admit` is called once more.
    """

    @abstractmethod
    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """The active environments that are to leave because they no longer teach."""

    @abstractmethod
    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Candidates that enter now; choose with *rng* only, so that a run can be repeated."""

    def shares(
        self, view: CuratorView, prompts: int, rng: random.Random
    ) -> Mapping[str, int] | None:
        """How many of *prompts* tickets each active environment gets, all of them together.

        ``None`` shares them evenly, and what is left over goes round the set from plan to plan.
        The next plan is asked for ahead of time too: the memory is left as it is.
        """
        return None
