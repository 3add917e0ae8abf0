"""Stages that are acted, for tests of the pipeline: what each does is said by the test."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaler_core.errors import ScalerError
from scaler_core.synthesis.config import FilterSettings
from scaler_core.synthesis.environment import PassedStages
from scaler_core.synthesis.filters import ProblemFilter
from scaler_core.synthesis.journal import JournalIndex, ReplyUse
from scaler_core.synthesis.journey import Step
from scaler_core.synthesis.pipeline import Status, Synthesis
from scaler_core.synthesis.records import Rejection, SourceProblem
from scaler_core.synthesis.sources import Read
from scaler_core.synthesis.stages import Done
from scaler_core.synthesis.store import SynthesisSettings, SynthesisStore
from scaler_core.synthesis.yields import Yields, rejected_problems, yields_of
from tests.synthesis.problems import source_problem

Act = Callable[[Step, SourceProblem], Done | ScalerError]


class Shelf:
    """A dataset in memory, which counts how far it was read."""

    label = "shelf"

    def __init__(self, items: Sequence[Read]) -> None:
        self.items = items
        self.read = 0

    def count(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Read]:
        for number, item in enumerate(self.items, start=1):
            self.read = number
            yield item


class ActedStages:
    """Stages that do what *act* says, and count it."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.done: Counter[tuple[str, Step]] = Counter()
        self.under_way = 0
        self.most_at_once = 0
        self.stopping = False

    def stop(self) -> None:
        self.stopping = True

    async def do(self, step: Step, problem: SourceProblem, passed: PassedStages) -> Done:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        self.done[problem.id, step] += 1
        try:
            await asyncio.sleep(0.001 * (len(self.done) % 3))
            acted = self.act(step, problem)
        finally:
            self.under_way -= 1
        if isinstance(acted, ScalerError):
            raise acted
        return acted


def passed(step: Step, problem: SourceProblem) -> Done:
    """Everything goes well."""
    reply = ReplyUse(hash=f"{problem.id}-{step.stage}-{step.attempt}", prompt_tokens=10)
    replies = (reply,) if step.stage in ("extract", "generate") else ()
    return Done({"by": f"{step.stage} {step.attempt}"}, replies=replies)


def refused(step: Step, check: str = "breadth") -> Done:
    """A rejection of the stage of *step*."""
    return Done({}, Rejection(stage=step.stage, check=check, detail=f"{check} failed"))


def shelf(count: int) -> Shelf:
    """A dataset of *count* good problems."""
    return Shelf([source_problem(f"p{number:03}") for number in range(count)])


def settings(**stages: dict[str, object]) -> SynthesisSettings:
    """Settings of a synthesis of :func:`shelf`; each of *stages* replaces one."""
    told = {"filter": {}, "extract": {"model": "a"}, "generate": {}, "check": {}, "calibrate": {}}
    return SynthesisSettings(problems="shelf", generators=3, stages={**told, **stages})


@dataclass(frozen=True)
class Ran:
    """A run that ended; its journal is closed."""

    synthesis: Synthesis
    index: JournalIndex
    yields: Yields
    refusals: dict[str, str]

    @property
    def status(self) -> Status:
        return self.synthesis.status


def run(
    folder: Path,
    dataset: Shelf,
    stages: ActedStages,
    *,
    told: SynthesisSettings | None = None,
    redo_changed: bool = False,
    retry: str | None = None,
    during: Callable[[Synthesis], None] | None = None,
    **options: object,
) -> Ran:
    """One run in *folder*."""
    with SynthesisStore(folder / "pool") as store:
        index = store.settle(told or settings(), redo_changed=redo_changed)
        if retry is not None:
            index.reopen(retry)
        select = ProblemFilter(FilterSettings())
        synthesis = Synthesis(dataset, select, index, stages, **options)
        if during is not None:
            during(synthesis)
        asyncio.run(synthesis.run())
        # as a later process would see it
        later = store.settle(told or settings(), redo_changed=True)
        assert {item: later.trail(item) for item in later} == {
            item: index.trail(item) for item in index
        }
        yields = yields_of(index)
        assert yields_of(later) == yields
        refusals = {item.problem: item.check for item in rejected_problems(index)}
        return Ran(synthesis, index, yields, refusals)
