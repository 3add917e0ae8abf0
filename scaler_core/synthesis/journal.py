"""The journal of a synthesis: the result of each stage for each problem, appended, never changed.

A record is on the disk before anything relies on it. A kill costs the record that was being
written: its torn line is cut off when the journal is opened again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, JsonValue, ValidationError

from scaler_core.jsonlines import JsonLines, LineSpan
from scaler_core.models import Record
from scaler_core.pool.entry import explain
from scaler_core.synthesis.journey import STAGES, Step, journey, reopening_stage
from scaler_core.synthesis.records import Rejection, Stage


class ReplyUse(Record):
    """A reply of the model that a stage used.

    Attributes:
        hash: Hash of its text.
        prompt_tokens: Tokens of the request, as the endpoint counted them.
        reply_tokens: Tokens of the reply, as the endpoint counted them.
        cost: Their cost at the prices of the run, in their currency.
    """

    hash: str
    prompt_tokens: int = 0
    reply_tokens: int = 0
    cost: float = 0.0


class StageRecord(Record):
    """The result of one stage for one problem.

    Attributes:
        problem: The problem's id.
        content: Hash of the problem as the stage saw it.
        settings: Digest of the settings of this stage and of those before it.
        stage: The stage.
        attempt: Number of attempts before this one.
        outcome: ``reopened``: a rejected problem is tried again from this stage on.
        rejection: Why it was rejected.
        value: The result of the stage, as JSON.
        replies: Replies of the model that it used.
        seconds: How long it took.
    """

    problem: str
    content: str
    settings: str
    stage: Stage
    attempt: int = 0
    outcome: Literal["passed", "rejected", "reopened"]
    rejection: Rejection | None = None
    value: dict[str, JsonValue] = {}
    replies: tuple[ReplyUse, ...] = ()
    seconds: float = Field(default=0.0, ge=0)


class Journal:
    """An open journal; only one process may open it at a time.

    Args:
        path: The file; made where it is missing.

    Attributes:
        cut: Bytes of a torn last line that were cut off when it was opened.

    Raises:
        UsageError: Another process has it open.
        InfrastructureError: It cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(
            path,
            remedy="restore it from a copy; without it all problems are done anew, from the "
            "replies that are kept",
        )
        self.cut = self._lines.cut

    def records(self) -> Iterator[tuple[LineSpan, StageRecord]]:
        """All records, oldest first.

        Raises:
            DataError: A line is damaged.
        """
        for span, value in self._lines.records():
            yield span, self._record(span, value)

    def read(self, span: LineSpan) -> StageRecord:
        """The record at *span*; raises ``DataError`` where it is damaged."""
        return self._record(span, self._lines.read(span))

    def append(self, record: StageRecord) -> LineSpan:
        """Write *record*; it is on the disk when this returns.

        Raises:
            InfrastructureError: The disk is full or broken; the journal is as it was.
        """
        return self._lines.append(record.model_dump_json(exclude_defaults=True))

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _record(self, span: LineSpan, value: object) -> StageRecord:
        try:
            return StageRecord.model_validate(value)
        except ValidationError as error:
            raise self._lines.damaged(span, f"is damaged: {explain(error)}") from None


Digests = Mapping[Stage, str]
"""Digest of the settings of each stage and of those before it."""


class Note(NamedTuple):
    """A record in short: the outcome and cost of a stage, and the place of the line.

    Attributes:
        passed: Whether the problem passed.
        check: The check that refused it; empty where it passed.
        span: The line.
        replies: Replies that were used.
        prompt_tokens: Tokens of their requests.
        reply_tokens: Their own tokens.
        cost: Their price.
        seconds: How long it took.
    """

    passed: bool
    check: str
    span: LineSpan
    replies: int
    prompt_tokens: int
    reply_tokens: int
    cost: float
    seconds: float


class ProblemIndex:
    """The records of one problem in short; its latest content and the current settings count."""

    __slots__ = ("_notes", "_reopened", "content")

    def __init__(self) -> None:
        self.content = ""
        self._reopened: Counter[tuple[Stage, str]] = Counter()
        self._notes: dict[tuple[Step, str, str], Note] = {}

    def add(self, record: StageRecord, span: LineSpan) -> None:
        """Add *record*, which is the latest one."""
        self.content = record.content
        if record.outcome == "reopened":
            self._reopened[record.stage, record.settings] += 1
            return
        step = Step(record.stage, record.attempt)
        self._notes[step, record.settings, record.content] = Note(
            passed=record.outcome == "passed",
            check=record.rejection.check if record.rejection else "",
            span=span,
            replies=len(record.replies),
            prompt_tokens=sum(reply.prompt_tokens for reply in record.replies),
            reply_tokens=sum(reply.reply_tokens for reply in record.replies),
            cost=sum(reply.cost for reply in record.replies),
            seconds=record.seconds,
        )

    def note(self, step: Step, digests: Digests) -> Note | None:
        """How *step* ended under the settings of *digests*; ``None`` where it was not done."""
        return self._notes.get((step, digests[step.stage], self.content))

    def reopened(self, digests: Digests) -> dict[Stage, int]:
        """How often it was reopened at each stage under the settings of *digests*."""
        return {
            stage: count
            for (stage, settings), count in self._reopened.items()
            if settings == digests[stage]
        }

    def has(self, stage: Stage) -> bool:
        """Whether the stage was done at all, whatever the settings."""
        return any(step.stage == stage for step, _, _ in self._notes)


class Trail(NamedTuple):
    """How far a problem has come.

    Attributes:
        notes: The steps that were done, in order, and how each ended.
        next: The next step; ``None`` where the problem is accepted or rejected.
    """

    notes: list[tuple[Step, Note]]
    next: Step | None

    @property
    def accepted(self) -> bool:
        """Whether the problem became an environment."""
        return self.next is None and bool(self.notes) and self.notes[-1][1].passed

    @property
    def furthest(self) -> Stage:
        """The furthest stage that it reached, by whichever generator."""
        steps = [step for step, _ in self.notes] + ([self.next] if self.next else [])
        return max((step.stage for step in steps), key=STAGES.index)

    @property
    def rejected(self) -> Note | None:
        """The refusal that ended it: the last one at the furthest stage; ``None`` without one."""
        return None if self.next or self.accepted else self.last(self.furthest)

    def last(self, stage: Stage) -> Note | None:
        """How the latest attempt at *stage* ended."""
        return next((note for step, note in reversed(self.notes) if step.stage == stage), None)


class JournalIndex:
    """How far each problem of a journal has come, and the places of its records in the file.

    Args:
        journal: Read once, at the start.
        digests: The settings that count now.
        generators: See :func:`~scaler_core.synthesis.journey.journey`.
    """

    def __init__(self, journal: Journal, digests: Digests, generators: int) -> None:
        self._journal = journal
        self.digests = digests
        self._generators = generators
        self._problems: dict[str, ProblemIndex] = {}
        for span, record in journal.records():
            self._add(record, span)

    def __iter__(self) -> Iterator[str]:
        """Ids of all problems, sorted."""
        return iter(sorted(self._problems))

    def problem(self, problem_id: str) -> ProblemIndex | None:
        """The records of a problem in short; ``None`` where there are none."""
        return self._problems.get(problem_id)

    def count(self, stage: Stage) -> int:
        """For how many problems *stage* was done, whatever its settings were."""
        return sum(known.has(stage) for known in self._problems.values())

    def trail(self, problem_id: str) -> Trail:
        """How far a problem has come."""
        known = self._problems.get(problem_id)
        notes: list[tuple[Step, Note]] = []
        way = journey(self._generators, known.reopened(self.digests) if known else {})
        step = next(way)
        while known is not None and (note := known.note(step, self.digests)) is not None:
            notes.append((step, note))
            try:
                step = way.send(note.passed)
            except StopIteration:
                return Trail(notes, None)
        return Trail(notes, step)

    def record(self, note: Note) -> StageRecord:
        """The whole record of a note, from the disk."""
        return self._journal.read(note.span)

    def append(self, record: StageRecord) -> None:
        """Write a record; see :meth:`~scaler_core.synthesis.journal.Journal.append`."""
        self._add(record, self._journal.append(record))

    def reopen(self, wanted: str) -> int:
        """Reopen rejected problems; returns how many.

        Args:
            wanted: A stage or a check that refused them; empty for all.
        """
        count = 0
        for problem_id in self:
            trail = self.trail(problem_id)
            refused = trail.rejected
            stage = trail.furthest
            if refused is None or stage == "filter" or wanted not in ("", stage, refused.check):
                continue  # filters run again in every run
            again = reopening_stage(stage)
            self.append(
                StageRecord(
                    problem=problem_id,
                    content=self._problems[problem_id].content,
                    settings=self.digests[again],
                    stage=again,
                    outcome="reopened",
                )
            )
            count += 1
        return count

    def _add(self, record: StageRecord, span: LineSpan) -> None:
        self._problems.setdefault(record.problem, ProblemIndex()).add(record, span)
