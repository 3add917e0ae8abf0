r"""The pipeline of a synthesis: problems pass the stages side by side, each step is journaled.

::

    dataset --> filters --> at most IN FLIGHT problems, a coroutine each
    (a thread)                 |  extract, generate: requests, as many as the endpoint allows
                               |  check, calibrate:  jobs, as many as there are workers
                               v
                            journal, a record for each step --> pool and yields, at the end

Reading waits while too many problems are in flight, so memory does not grow with the dataset. Each
coroutine reads in the journal how far its problem has come: steps of earlier runs are not repeated.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from scaler_core.endpoint import BudgetSpent, EndpointFailed, EndpointRefused, EndpointStopped
from scaler_core.errors import InfrastructureError, ScalerError
from scaler_core.synthesis.environment import PassedStages, content_hash
from scaler_core.synthesis.filters import KeptProblem, ProblemFilter
from scaler_core.synthesis.journal import JournalIndex, StageRecord, Trail
from scaler_core.synthesis.journey import STAGES, Step
from scaler_core.synthesis.records import Rejection, SourceProblem, Stage
from scaler_core.synthesis.sources import ProblemReader, Unusable
from scaler_core.synthesis.stages import Done, Stages, Stopped

#: Problems given up one after another for the same kind of reason, before the run stops.
FAILURES_IN_A_ROW = 8
#: Stages that ask the model; the others need no endpoint.
MODEL_STAGES: tuple[Stage, ...] = ("extract", "generate")

StopReason = Literal["", "budget", "endpoint", "machine", "interrupted", "error"]

#: Of several reasons to stop the one with the largest weight counts, and of equal ones the first.
WEIGHTS: dict[StopReason, int] = {
    "": 0,
    "budget": 1,
    "endpoint": 2,
    "machine": 2,
    "interrupted": 3,
    "error": 4,
}


@dataclass
class Status:
    """The progress of a run.

    Attributes:
        read: Problems that were read from the dataset.
        accepted: Environments, those of earlier runs included.
        rejected: Problems that were refused, likewise.
        undone: Problems given up for now because something failed, by id, with the reason.
        under_way: Number of problems in each stage.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    undone: dict[str, str] = field(default_factory=dict)
    under_way: Counter[Stage] = field(default_factory=Counter)


class Observer(Protocol):
    """Is notified of a run's progress."""

    def changed(self, status: Status) -> None:
        """*status* changed. Called often, from the event loop; must be quick."""


class Synthesis:
    """One run over a dataset.

    Args:
        reader: The dataset.
        select: Its filters.
        index: The steps of earlier runs; those of this run are added.
        stages: Do the other stages.
        until: The last stage to do.
        limit: Problems to read at most.
        in_flight: Problems that are in the stages at the same time.
        observer: Is notified of the progress.
    """

    def __init__(
        self,
        reader: ProblemReader,
        select: ProblemFilter,
        index: JournalIndex,
        stages: Stages,
        *,
        until: Stage = "calibrate",
        limit: int | None = None,
        in_flight: int = 16,
        observer: Observer | None = None,
    ) -> None:
        self.status = Status()
        self.stop_reason: StopReason = ""
        self.stop_error: BaseException | None = None
        self._reader = reader
        self._select = select
        self._index = index
        self._stages = stages
        self._until = until
        self._limit = limit
        self._places = asyncio.Semaphore(in_flight)
        self._observer = observer
        self._failures: Counter[StopReason] = Counter()
        self._refused_in_a_row = 0

    def stop(self, reason: StopReason, error: BaseException | None = None) -> None:
        """Begin nothing more, and end when all under way is done. Safe in a signal handler."""
        if WEIGHTS[reason] > WEIGHTS[self.stop_reason]:
            self.stop_reason, self.stop_error = reason, error
            # with the budget spent, answers out of the cache may still be used
            if reason != "budget":
                self._stages.stop()

    async def run(self) -> None:
        """Do all steps that are missing; returns at the end, or when the run was stopped.

        Raises:
            DataError: The dataset cannot be read, or the journal is damaged.
            InfrastructureError: The dataset or the journal's disk failed.
        """
        walks: set[asyncio.Task[None]] = set()  # the event loop itself keeps no task alive
        try:
            try:
                async for problem in self._selected():
                    await self._places.acquire()
                    walk = asyncio.create_task(self._walk(problem))
                    walks.add(walk)
                    walk.add_done_callback(self._walk_ended)
                    walk.add_done_callback(walks.discard)
            except ScalerError as error:  # problems under way can still be finished
                self.stop("error", error)
            if walks:
                await asyncio.wait(walks)
        finally:
            for walk in walks:
                walk.cancel()
            await asyncio.gather(*walks, return_exceptions=True)
        if self.stop_reason == "error" and self.stop_error is not None:
            raise self.stop_error

    def _walk_ended(self, walk: asyncio.Task[None]) -> None:
        self._places.release()
        error = None if walk.cancelled() else walk.exception()
        if isinstance(error, Exception):  # an interrupt that hits a walk goes up by itself
            self.stop("error", error)

    # -------------------------------------------------------------- reading

    async def _selected(self) -> AsyncIterator[SourceProblem]:
        """Problems that pass the filters and have more to do, while the run goes on."""
        problems = iter(self._reader)
        while not self.stop_reason and self.status.read != self._limit:
            # in a thread, since reading may wait for disk or network
            item = await asyncio.to_thread(_next, problems)
            if item is None:
                return
            self.status.read += 1
            kept = self._filtered(item)
            if kept is not None:
                self._count_end(kept)
                if self._next_step(self._index.trail(kept.id)) is not None:
                    yield kept
            self._notify()

    def _filtered(self, item: SourceProblem | Unusable) -> SourceProblem | None:
        result: KeptProblem | Rejection
        result = item.rejection if isinstance(item, Unusable) else self._select(item)
        if isinstance(result, Rejection):
            self._record_filter(item.id, "", Done({}, result))
            self.status.rejected += 1
            return None
        problem, figures = result
        self._record_filter(item.id, content_hash(problem), Done(figures))
        return problem

    def _record_filter(self, problem_id: str, content: str, done: Done) -> None:
        """Record the result of the filters, unless it is that of an earlier run.

        They run again in each run, and would lengthen the journal by the whole dataset.
        """
        step = Step("filter", 0)
        known = self._index.problem(problem_id)
        note = known.note(step, self._index.digests) if known else None
        check = done.rejection.check if done.rejection else ""
        if known and note and (known.content, note.check) == (content, check):
            return
        self._index.append(_record(problem_id, content, step, self._index, done))

    def _next_step(self, trail: Trail) -> Step | None:
        """The next step; ``None`` where this run has nothing more to do."""
        if trail.next is None or STAGES.index(trail.next.stage) > STAGES.index(self._until):
            return None
        return trail.next

    # -------------------------------------------------------------- one problem

    async def _walk(self, problem: SourceProblem) -> None:
        """Do the steps of one problem until its end, or until the run stops."""
        content = content_hash(problem)
        while self.stop_reason in ("", "budget"):
            trail = self._index.trail(problem.id)
            step = self._next_step(trail)
            if step is None:
                break
            try:
                done = await self._do(step, problem, self._passed_stages(trail))
            except (Stopped, EndpointStopped):
                break
            except BudgetSpent as error:
                self.stop("budget", error)
                break
            except InfrastructureError as error:
                self._give_up(problem, error)
                break
            self._index.append(_record(problem.id, content, step, self._index, done))
            # a working machine says nothing about the endpoint, and the other way round
            self._failures.pop("endpoint" if step.stage in MODEL_STAGES else "machine", None)
            self._count_refusals(step, done)
            self._count_end(problem)
        self._notify()

    async def _do(self, step: Step, problem: SourceProblem, passed: PassedStages) -> Done:
        self.status.under_way[step.stage] += 1
        self._notify()
        try:
            return await self._stages.do(step, problem, passed)
        finally:
            self.status.under_way[step.stage] -= 1

    def _passed_stages(self, trail: Trail) -> PassedStages:
        passed = {step.stage: note for step, note in trail.notes if note.passed}
        return {stage: self._index.record(note) for stage, note in passed.items()}

    def _give_up(self, problem: SourceProblem, error: InfrastructureError) -> None:
        """Leave a problem undone, to be done in a later run: the failure is not its fault."""
        self.status.undone[problem.id] = str(error)
        reason: StopReason = "endpoint" if isinstance(error, EndpointFailed) else "machine"
        self._failures[reason] += 1
        if self._failures[reason] >= FAILURES_IN_A_ROW:
            self.stop(reason, error)

    def _count_refusals(self, step: Step, done: Done) -> None:
        """Stop where the endpoint refuses every question: that is not the problems' fault."""
        if step.stage not in MODEL_STAGES:
            return
        if done.rejection is None or done.rejection.check != "request_refused":
            self._refused_in_a_row = 0
            return
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= FAILURES_IN_A_ROW:
            error = EndpointRefused(
                f"{FAILURES_IN_A_ROW} questions one after another were refused: "
                f"{done.rejection.detail}",
                hint="--retry-rejected request_refused lets their problems in again",
            )
            self.stop("endpoint", error)

    def _count_end(self, problem: SourceProblem) -> None:
        """Count a problem that is accepted or rejected, now or in an earlier run."""
        trail = self._index.trail(problem.id)
        self.status.accepted += trail.accepted
        self.status.rejected += trail.rejected is not None

    def _notify(self) -> None:
        if self._observer is not None:
            self._observer.changed(self.status)


def _next(problems: Iterator[SourceProblem | Unusable]) -> SourceProblem | Unusable | None:
    # a default, since no future can carry a StopIteration
    return next(problems, None)


def _record(
    problem_id: str, content: str, step: Step, index: JournalIndex, done: Done
) -> StageRecord:
    return StageRecord(
        problem=problem_id,
        content=content,
        settings=index.digests[step.stage],
        stage=step.stage,
        attempt=step.attempt,
        outcome="rejected" if done.rejection else "passed",
        rejection=done.rejection,
        value=done.value,
        replies=done.replies,
        seconds=done.seconds,
    )
