"""What came out of each stage, and what it cost: read off the journal, so that it holds for all
runs together and for no result that other settings gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from scaler_core.models import Record, Versioned
from scaler_core.synthesis.journey import STAGES
from scaler_core.synthesis.memory import Memory, Note, Trail
from scaler_core.synthesis.records import Stage


class Refusals(Record):
    """What one check refused at one stage.

    Attributes:
        stage: The stage.
        check: The check.
        problems: Problems that came no further because of it.
        attempts: Attempts that it ended while another one was allowed.
        example: One of the refusals.
    """

    stage: Stage
    check: str
    problems: int
    attempts: int
    example: str


class StageYield(Record):
    """One stage. ``entered == passed + rejected + waiting``.

    Attributes:
        stage: The stage.
        entered: Problems that reached it.
        passed: Problems that went on from it.
        rejected: Problems that came no further.
        waiting: Problems that are not done yet.
        attempts: How often the stage was done.
        replies: Replies of the model that it used, each counted once.
        prompt_tokens: Tokens of their requests.
        reply_tokens: Their own tokens.
        cost: Their price, at the prices of the run that paid.
        seconds: How long the stage took, problem by problem and not side by side.
    """

    stage: Stage
    entered: int
    passed: int
    rejected: int
    waiting: int
    attempts: int
    replies: int
    prompt_tokens: int
    reply_tokens: int
    cost: float
    seconds: float


class Yields(Versioned):
    """The yields of a synthesis.

    Attributes:
        problems: Problems that were read.
        accepted: Environments.
        rejected: Problems that gave none.
        waiting: Problems that are not done yet.
        stages: Stage by stage.
        refusals: Check by check, in the order of the stages, the commonest first.
    """

    problems: int
    accepted: int
    rejected: int
    waiting: int
    stages: tuple[StageYield, ...]
    refusals: tuple[Refusals, ...]

    @property
    def tokens(self) -> int:
        """Tokens of all requests and replies."""
        return sum(item.prompt_tokens + item.reply_tokens for item in self.stages)

    @property
    def cost(self) -> float:
        """The price of all replies."""
        return sum(item.cost for item in self.stages)


class RejectedProblem(Record):
    """A problem that gave no environment, and why."""

    problem: str
    stage: Stage
    check: str
    detail: str


@dataclass
class _Sums:
    entered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    attempts: int = 0
    replies: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    examples: dict[str, Note] = field(default_factory=dict)

    def spend(self, note: Note) -> None:
        self.attempts += 1
        self.replies += note.replies
        self.prompt_tokens += note.prompt_tokens
        self.reply_tokens += note.reply_tokens
        self.cost += note.cost
        self.seconds += note.seconds


def yields_of(memory: Memory) -> Yields:
    """The yields of all problems that *memory* knows."""
    sums = {stage: _Sums() for stage in STAGES}
    problems = accepted = 0
    for problem_id in memory:
        trail = memory.trail(problem_id)
        problems += 1
        accepted += trail.accepted
        _add(trail, sums)
    rejected = sum(item.rejected.total() for item in sums.values())
    return Yields(
        problems=problems,
        accepted=accepted,
        rejected=rejected,
        waiting=problems - accepted - rejected,
        stages=tuple(_stage_yield(stage, sums[stage]) for stage in STAGES),
        refusals=tuple(item for stage in STAGES for item in _refusals(stage, sums[stage], memory)),
    )


def rejected_problems(memory: Memory) -> Iterator[RejectedProblem]:
    """Every problem that gave no environment, by id."""
    for problem_id in memory:
        refused = memory.trail(problem_id).rejected
        rejection = memory.record(refused).rejection if refused else None
        if rejection is not None:
            yield RejectedProblem(
                problem=problem_id,
                stage=rejection.stage,
                check=rejection.check,
                detail=rejection.detail,
            )


def _add(trail: Trail, sums: dict[Stage, _Sums]) -> None:
    """Count one problem: it rests at the furthest stage that it reached."""
    furthest = trail.furthest
    for stage in STAGES[: STAGES.index(furthest) + 1]:
        sums[stage].entered += 1
    for step, note in trail.notes:
        sums[step.stage].spend(note)
        if not note.passed:
            sums[step.stage].again[note.check] += 1
            sums[step.stage].examples.setdefault(note.check, note)
    if trail.next is not None:
        sums[furthest].waiting += 1
    elif (refused := trail.rejected) is not None:
        sums[furthest].rejected[refused.check] += 1
        sums[furthest].again[refused.check] -= 1


def _stage_yield(stage: Stage, sums: _Sums) -> StageYield:
    rejected = sums.rejected.total()
    return StageYield(
        stage=stage,
        entered=sums.entered,
        passed=sums.entered - rejected - sums.waiting,
        rejected=rejected,
        waiting=sums.waiting,
        attempts=sums.attempts,
        replies=sums.replies,
        prompt_tokens=sums.prompt_tokens,
        reply_tokens=sums.reply_tokens,
        cost=round(sums.cost, 6),
        seconds=round(sums.seconds, 3),
    )


def _refusals(stage: Stage, sums: _Sums, memory: Memory) -> Iterator[Refusals]:
    for check in sorted(sums.examples, key=lambda item: (-sums.rejected[item], item)):
        rejection = memory.record(sums.examples[check]).rejection
        yield Refusals(
            stage=stage,
            check=check,
            problems=sums.rejected[check],
            attempts=sums.again[check],
            example=rejection.detail if rejection else "",
        )
