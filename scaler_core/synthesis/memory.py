"""What a journal tells of each problem, kept small: the values themselves stay on the disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from scaler_core.synthesis.journal import Journal, Place, StageRecord
from scaler_core.synthesis.journey import STAGES, Step, journey, reopening_stage
from scaler_core.synthesis.records import Stage

Digests = Mapping[Stage, str]
"""Digest of the settings of each stage and of those before it."""


class Note(NamedTuple):
    """A record in short: how the stage ended, what it cost, and where the line is.

    Attributes:
        passed: Whether the problem passed.
        check: What refused it; empty where nothing did.
        place: The line.
        replies: Replies that were used.
        prompt_tokens: Tokens of their requests.
        reply_tokens: Their own tokens.
        cost: Their price.
        seconds: How long it took.
    """

    passed: bool
    check: str
    place: Place
    replies: int
    prompt_tokens: int
    reply_tokens: int
    cost: float
    seconds: float


class ProblemMemory:
    """What is known of one problem; its latest content and the settings of now count."""

    __slots__ = ("_notes", "_reopened", "content")

    def __init__(self) -> None:
        self.content = ""
        self._reopened: Counter[tuple[Stage, str]] = Counter()
        self._notes: dict[tuple[Step, str, str], Note] = {}

    def add(self, record: StageRecord, place: Place) -> None:
        """Note *record*, which is the latest one."""
        self.content = record.content
        if record.outcome == "reopened":
            self._reopened[record.stage, record.settings] += 1
            return
        step = Step(record.stage, record.attempt)
        self._notes[step, record.settings, record.content] = Note(
            passed=record.outcome == "passed",
            check=record.rejection.check if record.rejection else "",
            place=place,
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
        """How often it was let in again at each stage under the settings of *digests*."""
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
        next: The step that comes now; ``None`` at the end of the way.
    """

    notes: list[tuple[Step, Note]]
    next: Step | None

    @property
    def accepted(self) -> bool:
        """Whether an environment came out."""
        return self.next is None and bool(self.notes) and self.notes[-1][1].passed

    @property
    def furthest(self) -> Stage:
        """The furthest stage that it reached, by whichever generator."""
        steps = [step for step, _ in self.notes] + ([self.next] if self.next else [])
        return max((step.stage for step in steps), key=STAGES.index)

    @property
    def rejected(self) -> Note | None:
        """What refused it for good, if anything did: the last refusal at the furthest stage."""
        return None if self.next or self.accepted else self.last(self.furthest)

    def last(self, stage: Stage) -> Note | None:
        """How the latest attempt at *stage* ended."""
        return next((note for step, note in reversed(self.notes) if step.stage == stage), None)


class Memory:
    """All problems of a journal.

    Args:
        journal: Read once, at the start.
        digests: The settings that count now.
        generators: See :func:`~scaler_core.synthesis.journey.journey`.
    """

    def __init__(self, journal: Journal, digests: Digests, generators: int) -> None:
        self._journal = journal
        self.digests = digests
        self._generators = generators
        self._problems: dict[str, ProblemMemory] = {}
        for place, record in journal.records():
            self._add(record, place)

    def __iter__(self) -> Iterator[str]:
        """Ids of all problems, sorted."""
        return iter(sorted(self._problems))

    def problem(self, problem_id: str) -> ProblemMemory | None:
        """What is known of a problem, if anything is."""
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
        return self._journal.read(note.place)

    def append(self, record: StageRecord) -> None:
        """Write a record down; see :meth:`~scaler_core.synthesis.journal.Journal.append`."""
        self._add(record, self._journal.append(record))

    def reopen(self, wanted: str) -> int:
        """Let rejected problems in again; how many there are.

        Args:
            wanted: A stage or a check that refused them; empty for all.
        """
        count = 0
        for problem_id in self:
            trail = self.trail(problem_id)
            refused = trail.rejected
            stage = trail.furthest
            if refused is None or stage == "filter" or wanted not in ("", stage, refused.check):
                continue  # filters are asked anew in every run
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

    def _add(self, record: StageRecord, place: Place) -> None:
        self._problems.setdefault(record.problem, ProblemMemory()).add(record, place)
