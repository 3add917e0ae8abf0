"""Yields: how many problems each stage passed and refused, and at what cost.

They are read off the journal, so they cover all runs together, and no result of other settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from scaler_core.models import Record, Versioned
from scaler_core.synthesis.journal import JournalIndex, Note, Trail
from scaler_core.synthesis.journey import STAGES
from scaler_core.synthesis.records import Stage


class Refusals(Record):
    """Refusals of one check at one stage.

    Attributes:
        stage: The stage.
        check: The check.
        problems: Problems that it refused for good.
        attempts: Attempts that it refused while another one was allowed.
        example: The detail of one refusal.
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
        passed: Problems that went on to the next stage.
        rejected: Problems that it refused for good.
        waiting: Problems that are not done yet.
        attempts: How often the stage was done.
        replies: Replies of the model that it used, each counted once.
        prompt_tokens: Tokens of their requests.
        reply_tokens: Their own tokens.
        cost: Their price, at the prices of the run that paid.
        seconds: Time of the stage, summed over problems, although they run side by side.
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
        rejected: Problems that gave no environment.
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


def yields_of(index: JournalIndex) -> Yields:
    """The yields of all problems that *index* knows."""
    sums = {stage: _Sums() for stage in STAGES}
    problems = accepted = 0
    for problem_id in index:
        trail = index.trail(problem_id)
        problems += 1
        accepted += trail.accepted
        _count_problem(trail, sums)
    rejected = sum(item.rejected.total() for item in sums.values())
    return Yields(
        problems=problems,
        accepted=accepted,
        rejected=rejected,
        waiting=problems - accepted - rejected,
        stages=tuple(_stage_yield(stage, sums[stage]) for stage in STAGES),
        refusals=tuple(item for stage in STAGES for item in _refusals(stage, sums[stage], index)),
    )


def rejected_problems(index: JournalIndex) -> Iterator[RejectedProblem]:
    """Every problem that gave no environment, by id."""
    for problem_id in index:
        refused = index.trail(problem_id).rejected
        rejection = index.record(refused).rejection if refused else None
        if rejection is not None:
            yield RejectedProblem(
                problem=problem_id,
                stage=rejection.stage,
                check=rejection.check,
                detail=rejection.detail,
            )


def _count_problem(trail: Trail, sums: dict[Stage, _Sums]) -> None:
    """Count one problem: it ends at the furthest stage that it reached."""
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


def _refusals(stage: Stage, sums: _Sums, index: JournalIndex) -> Iterator[Refusals]:
    for check in sorted(sums.examples, key=lambda item: (-sums.rejected[item], item)):
        rejection = index.record(sums.examples[check]).rejection
        yield Refusals(
            stage=stage,
            check=check,
            problems=sums.rejected[check],
            attempts=sums.again[check],
            example=rejection.detail if rejection else "",
        )


WIDTH = 960
LEFT = 110  # where bars begin
BAR_WIDTH = 610
BAR_HEIGHT = 30
ROW_HEIGHT = 78
TOP = 84
CHECKS_SHOWN = 4

PASSED = "#2f6f9f"
WAITING = "#c9ced3"
REFUSED = ("#d9663b", "#e39160", "#ecb58c", "#f3d3b9")
INK = "#22303c"
QUIET = "#66727d"


def yields_svg(yields: Yields, title: str) -> str:
    """An SVG document of *yields*; it needs no font, script or file beside it."""
    height = TOP + ROW_HEIGHT * len(yields.stages) + 34
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="Helvetica, Arial, sans-serif">',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(24, 34, title, size=18, weight="bold"),
            _text(24, 58, _summary(yields), size=13, fill=QUIET),
            *(
                line
                for row, stage in enumerate(yields.stages)
                for line in _row(yields, stage, TOP + row * ROW_HEIGHT)
            ),
            *_legend(height - 18),
            "</svg>\n",
        ]
    )


def _summary(yields: Yields) -> str:
    parts = [
        f"{yields.problems:,} problems",
        f"{yields.accepted:,} environments",
        f"{yields.rejected:,} rejected",
    ]
    if yields.waiting:
        parts.append(f"{yields.waiting:,} not done yet")
    if yields.tokens:
        parts.append(f"{yields.tokens:,} tokens")
    if yields.cost:
        parts.append(f"cost {yields.cost:,.2f}")
    return "   ".join(parts)


def _row(yields: Yields, stage: StageYield, top: int) -> Iterator[str]:
    """The bar of one stage, its numbers beside it, and the refusals below it."""
    middle = top + BAR_HEIGHT * 0.68
    yield _text(24, middle, stage.stage, size=14, weight="bold")
    refusals = [item for item in yields.refusals if item.stage == stage.stage and item.problems]
    parts = [(stage.passed, PASSED)]
    for place, item in enumerate(refusals):
        parts.append((item.problems, REFUSED[min(place, len(REFUSED) - 1)]))
    parts.append((stage.waiting, WAITING))
    at = float(LEFT)
    for count, colour in parts:
        width = BAR_WIDTH * count / max(1, yields.problems)
        if width:
            yield (
                f'<rect x="{at:.1f}" y="{top}" width="{width:.1f}" height="{BAR_HEIGHT}" '
                f'fill="{colour}"/>'
            )
        at += width
    yield _text(LEFT + BAR_WIDTH + 16, middle, _flow(stage), size=13)
    shown = [f"{item.check} {item.problems:,}" for item in refusals[:CHECKS_SHOWN]]
    rest = sum(item.problems for item in refusals[CHECKS_SHOWN:])
    shown += [f"others {rest:,}"] if rest else []
    yield _text(LEFT, top + BAR_HEIGHT + 17, "   ".join(shown), size=12, fill=QUIET)


def _flow(stage: StageYield) -> str:
    if not stage.entered:
        return "nothing came here"
    share = 100 * stage.passed / stage.entered
    return f"{stage.entered:,} in, {stage.passed:,} out ({share:.0f} %)"


def _legend(bottom: int) -> Iterator[str]:
    entries = (("went on", PASSED), ("refused, by check", REFUSED[0]), ("not done yet", WAITING))
    for place, (label, colour) in enumerate(entries):
        left = LEFT + 170 * place
        yield f'<rect x="{left}" y="{bottom - 11}" width="12" height="12" fill="{colour}"/>'
        yield _text(left + 18, bottom, label, size=12, fill=QUIET)


def _text(
    left: float, bottom: float, text: str, *, size: int, fill: str = INK, weight: str = "normal"
) -> str:
    return (
        f'<text x="{left}" y="{bottom:.0f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{fill}" xml:space="preserve">{escape(text)}</text>'
    )
