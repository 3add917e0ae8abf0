"""A small world for engine and feed: environments without programs, a scripted factory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scaler_core.curriculum.engine import Engine
from scaler_core.curriculum.feed import Feed
from scaler_core.curriculum.steps import StepFeed
from scaler_core.factory import InstanceFactory, InstanceFailure
from scaler_core.interfaces import AnyEnvironment, Controller, Curator
from scaler_core.judge import Judge
from scaler_core.models import (
    Batch,
    ComponentChoice,
    Event,
    Group,
    Instance,
    Response,
    Ticket,
    Verdict,
)
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool.source import MemorySource
from scaler_core.testing.environments import program_environment
from scaler_plugins.controllers.proportional import Proportional
from scaler_plugins.curators.active_set import ActiveSet

Answer = Callable[[AnyEnvironment, int, int], InstanceFailure | str]


class ScriptedFactory(InstanceFactory):
    """Makes instances whose prompt says what they are; *answer* may make a seed fail."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer or (lambda environment, level, seed: "1")
        self.made: list[tuple[str, int, int]] = []

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[Instance | InstanceFailure]:
        return [self._one(environment, level, seed) for seed in seeds]

    def _one(
        self, environment: AnyEnvironment, level: int, seed: int
    ) -> Instance | InstanceFailure:
        self.made.append((environment.id, level, seed))
        truth = self.answer(environment, level, seed)
        if isinstance(truth, InstanceFailure):
            return truth
        return Instance(
            environment_id=environment.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": f"{environment.id} " + "x" * level},),
            truth=truth,
            answer_type="number",
        )

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        return Verdict.correct()

    def counters(self) -> Mapping[str, float]:
        return {"made": len(self.made)}

    def close(self) -> None:
        return None


class World:
    """A feed over *count* environments, and all the events it emitted."""

    def __init__(
        self,
        count: int = 4,
        *,
        prompts: int = 8,
        seed: int = 0,
        size: int = 4,
        levels: int = 10,
        names: Sequence[str] = (),
        controller: Controller | None = None,
        curator: Curator | None = None,
        factory: ScriptedFactory | None = None,
        host: PluginHost | None = None,
        environments: Mapping[str, AnyEnvironment] | None = None,
        **options: Any,
    ) -> None:
        self.events: list[Event] = []
        names = names or [f"e{index:02}" for index in range(count)]
        made = environments or {
            name: program_environment(id=name, levels=tuple(range(levels))) for name in names
        }
        self.source = MemorySource(made.values())
        self.factory = factory or ScriptedFactory()
        self.engine = Engine(
            self.source,
            controller or Proportional(),
            curator or ActiveSet(ActiveSet.Config(size=size)),
            seed=seed,
            emit=self.events.append,
        )
        self.group_feed = Feed(
            self.engine,
            self.factory,
            Judge(host or load_plugins(entry_points=[]), self.factory)
            if host
            else NamedJudge(self.factory),
            prompts=prompts,
            verifier=ComponentChoice(use="typed"),
            emit=self.events.append,
            **options,
        )
        self.feed = StepFeed(self.group_feed)

    def step(self, correct: Callable[[Ticket], int] = lambda ticket: 4, of: int = 8) -> Batch:
        """Draw, answer with *correct* right responses of each ticket, record."""
        batch = self.feed.draw()
        self.feed.record(
            batch.step, [group(ticket, correct(ticket), of) for ticket in batch.tickets]
        )
        return batch

    def kinds(self, kind: str) -> list[Event]:
        """The events of one kind."""
        return [event for event in self.events if event.kind == kind]


class NamedJudge(Judge):
    """A judge that looks nothing up: every instance is verified by the default."""

    def __init__(self, factory: InstanceFactory) -> None:
        super().__init__(load_plugins(entry_points=[]), factory)

    def choose(self, instance: Instance, default: ComponentChoice) -> ComponentChoice:
        return default


def group(ticket: Ticket, correct: int, of: int = 8, undecided: int = 0) -> Group:
    """*of* verdicts: the first *correct* are right, the last *undecided* undecided."""
    verdicts = (
        [Verdict.correct()] * correct
        + [Verdict.incorrect("wrong")] * (of - correct - undecided)
        + [Verdict.undecided("lost")] * undecided
    )
    return Group(ticket_id=ticket.id, verdicts=tuple(verdicts))


def contents(batch: Batch) -> list[tuple[str, int, int, int]]:
    """What a batch holds, comparable between runs."""
    return [(item.environment_id, item.level, item.draw, item.seed) for item in batch.tickets]
