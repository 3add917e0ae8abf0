"""The data that flows through SCALER: frozen, versioned, and JSON all the way down.

::

    Problem -> Environment -> Instance -> Ticket -> Verdict -> Outcome -> Event
    (statement  (generator,    (messages,  (handed    (of one    (of a        (of a
    solutions)   levels)        truth)      out)       response)  level)       decision)

Live objects (sandboxes, models, generators of randomness) never appear here; behaviour is rebuilt
from these records.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from scaler_core.jsonio import canonical_json

SCHEMA_VERSION: Literal[1] = 1

Language = Literal["python", "cpp"]
AnswerType = Literal["number", "string", "array"]
Message = dict[str, str]
PromptStyle = Literal["paper", "compact"]
"""The style of a program environment's prompts; see :mod:`scaler_core.factory.prompts`."""


class Record(BaseModel):
    """Base of all data models: immutable; an unknown field, and a number that is none, is an error.

    JSON has neither NaN nor an infinity: such a number could be written and never be read again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Versioned(Record):
    """A record that reaches disk on its own and so carries the version of its shape."""

    schema_version: Literal[1] = SCHEMA_VERSION


class ComponentChoice(Record):
    """A component by name with its options, as a recipe or an environment names it."""

    use: str
    options: dict[str, JsonValue] = Field(default_factory=dict)


class Solution(Record):
    """One reference solution: a whole program that reads stdin and writes stdout."""

    language: Language
    source: str


CheckerProgram = Annotated[Solution | None, Field(exclude_if=lambda value: value is None)]


class Check(Record):
    """How the answers to one instance are checked where many may be right.

    Attributes:
        program: The checker; :mod:`scaler_core.factory.checkers` says what it reads and prints.
        stdin: The input that the reference solutions read.
    """

    program: Solution
    stdin: str


StatedCheck = Annotated[Check | None, Field(exclude_if=lambda value: value is None)]
ErrorKind = Literal["absolute", "relative", "either"]
LARGEST_TOLERANCE = 0.1


class Tolerance(Record):
    """The error that a statement allows in decimal answers.

    Attributes:
        kind: ``absolute``, ``relative`` to the right answer, or ``either``: one of them is enough.
        value: The largest error allowed.
    """

    kind: ErrorKind = "either"
    value: float = Field(gt=0, lt=LARGEST_TOLERANCE, allow_inf_nan=False)

    @property
    def exact(self) -> Decimal:
        """The value as it is written, without the rounding of a float."""
        return Decimal(repr(self.value))


# Left out where none is stated: older files have none, and keep their hashes.
StatedTolerance = Annotated[Tolerance | None, Field(exclude_if=lambda value: value is None)]


class Problem(Versioned):
    """A programming problem: its statement and its reference solutions (paper section 2).

    Attributes:
        name: Title as its source gives it.
        statement: The whole statement, with Input, Output and example sections where it has them.
        logic: The statement up to its Input section: the task, as prompts state it.
        instruction: The text of the Output section: the form of the answer, as prompts state it.
        solutions: Reference programs, best first.
        time_limit_s: CPU seconds that the source allows for one run, where known.
        memory_limit_mb: Memory that the source allows, where known.
        tolerance: The error that the statement allows in decimal answers; ``None`` where it says
            nothing.
    """

    name: str
    statement: str
    logic: str
    instruction: str
    solutions: tuple[Solution, ...]
    time_limit_s: float | None = None
    memory_limit_mb: int | None = None
    tolerance: StatedTolerance = None


class ScaleParameter(Record):
    """One integer that bounds a size of the instance.

    Attributes:
        minimum: Value at level 0.
        maximum: Largest value that calibration allowed.
        ratio: Units this parameter moves per unit of the level table (the published ``base``).
    """

    minimum: int
    maximum: int
    ratio: float = Field(default=1.0, gt=0)


class Environment(Versioned):
    """A program environment: everything needed to make endless instances of one problem.

    Attributes:
        id: Stable name inside a pool; part of every seed, so it never changes.
        problem: Statement and reference solutions.
        generator: Python source that defines ``generate_testcase(scale) -> (stdin, testcase)``.
        parameters: Scale parameters by name.
        levels: Offset of each level, index 0 is level 0; see :meth:`scale`.
        answer_type: How the answer is written and compared.
        answer_unique: Whether the problem has exactly one right answer.
        history_length: Length of the difficulty history that the pool's author asks the slope rule
            to read; ``None`` where the author says nothing.
        verifier: A verifier that this environment insists on; ``None`` leaves it to the run.
        checker: A program that scores answers, where several may be right.
        provenance: Where the environment came from and what it passed, as plain JSON.
        published: Keys of the published format that SCALER keeps only to write them back.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=120)
    problem: Problem
    generator: str
    parameters: dict[str, ScaleParameter] = Field(min_length=1)
    levels: tuple[int, ...] = Field(min_length=1)
    answer_type: AnswerType
    answer_unique: bool = True
    history_length: int | None = Field(default=None, ge=2)
    verifier: ComponentChoice | None = None
    checker: CheckerProgram = None
    provenance: dict[str, JsonValue] = Field(default_factory=dict)
    published: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _levels_never_decrease(self) -> Environment:
        if any(offset < 0 for offset in self.levels):
            raise ValueError("levels: an offset is negative")
        if list(self.levels) != sorted(self.levels):
            raise ValueError("levels: offsets must not decrease")
        return self

    @property
    def top_level(self) -> int:
        """D, the highest level."""
        return len(self.levels) - 1

    @property
    def tolerance(self) -> Tolerance | None:
        """The error that the statement allows in decimal answers; strings have none."""
        return None if self.answer_type == "string" else self.problem.tolerance

    def scale(self, level: int) -> dict[str, int]:
        """Parameter values: ``minimum + int(ratio * levels[level])`` (paper section 2.7)."""
        offset = self.levels[level]
        return {name: p.minimum + int(p.ratio * offset) for name, p in self.parameters.items()}

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over everything that decides on instances and on their verdicts.

        Provenance and keys kept for export are left out: editing them changes no instance.
        """
        content = self.model_dump(
            mode="json", exclude={"provenance", "published", "schema_version"}
        )
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()

    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Environment:
        """A copy with *update*; its :attr:`content_hash` is computed anew."""
        copy = super().model_copy(update=update, deep=deep)
        # pydantic copies cached properties too, and this one is of the old content
        copy.__dict__.pop("content_hash", None)
        return copy


# Left out where there is nothing: most instances have neither.
Accepted = Annotated[tuple[str, ...], Field(exclude_if=lambda value: not value)]
Metadata = Annotated[dict[str, JsonValue], Field(exclude_if=lambda value: not value)]


class Instance(Versioned):
    """One concrete task: f(environment, level, seed) -> messages and truth.

    Attributes:
        environment_id: The environment it comes from.
        level: Its difficulty.
        seed: The seed it was made with.
        messages: Chat messages that put the task to a model.
        truth: The right answer, as text.
        answer_type: How the answer is written and compared; ``None`` where a native environment
            scores its own responses.
        verifier: A verifier that the environment insists on.
        testcase: The structured input that the messages show, where there is one.
        tolerance: The error that the statement allows in decimal answers.
        accepted: Further right answers, where there are several.
        check: How answers are checked, where a program decides which are right.
        metadata: Whatever else a scorer of its own needs, as plain JSON.
    """

    environment_id: str
    level: int
    seed: int
    messages: tuple[Message, ...]
    truth: str
    answer_type: AnswerType | None = None
    verifier: ComponentChoice | None = None
    testcase: JsonValue = None
    tolerance: StatedTolerance = None
    accepted: Accepted = ()
    check: StatedCheck = None
    metadata: Metadata = Field(default_factory=dict)


class Ticket(Versioned):
    """An instance handed out in a step: self-contained, so that it can be judged on any machine.

    Attributes:
        id: Unique within a run.
        step: The step it was drawn in, counted from 1.
        environment_id: The environment it comes from.
        level: Its difficulty.
        draw: Which draw of this (environment, level) in the run it is, counted from 0.
        attempt: How many instances of this draw were invalid before it.
        seed: The seed its instance was made with.
        messages: Chat messages that put the task to a model.
        truth: The right answer, as text.
        verifier: Who judges a response, with options.
        accepted: Further right answers, where there are several.
        check: How answers are checked, where a program decides which are right.
        testcase: The structured input that the messages show, where there is one.
        metadata: Whatever else a scorer of its own needs, as plain JSON.
    """

    id: str
    step: int
    environment_id: str
    level: int
    draw: int = 0
    attempt: int = 0
    seed: int
    messages: tuple[Message, ...]
    truth: str
    verifier: ComponentChoice
    accepted: Accepted = ()
    check: StatedCheck = None
    testcase: Annotated[JsonValue, Field(exclude_if=lambda value: value is None)] = None
    metadata: Metadata = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        instance: Instance,
        *,
        id: str,
        step: int,
        verifier: ComponentChoice,
        draw: int = 0,
        attempt: int = 0,
    ) -> Ticket:
        """The ticket that hands out *instance*.

        Args:
            instance: The instance.
            id: Unique within a run.
            step: The step it is drawn in, counted from 1; 0 is before the first.
            verifier: Who judges a response; the instance's own verifier is not read.
            draw: Which draw of this (environment, level) in the run it is, counted from 0.
            attempt: How many instances of this draw were invalid before it.
        """
        return cls(
            id=id,
            step=step,
            environment_id=instance.environment_id,
            level=instance.level,
            draw=draw,
            attempt=attempt,
            seed=instance.seed,
            messages=instance.messages,
            truth=instance.truth,
            verifier=verifier,
            accepted=instance.accepted,
            check=instance.check,
            testcase=instance.testcase,
            metadata=instance.metadata,
        )


class Question(Record):
    """A prompt for a model, and how the one response to it is sampled.

    Attributes:
        messages: Chat messages that put it to the model.
        temperature: Sampling temperature; 0 takes the likeliest token each time.
        top_p: Share of probability that is sampled from.
        seed: Root of the response's randomness, so that it does not depend on other questions.
    """

    messages: tuple[Message, ...]
    temperature: float = Field(default=1.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0


class Response(Record):
    """A model's response to a ticket or a question.

    Attributes:
        text: The generated text, without the prompt.
        truncated: Whether generation stopped at the length limit.
        tokens: Generated tokens, where the backend knows them.
        sample: Which of the responses to its ticket it is, counted from 0, where the backend says.
        withheld: Why there is no response, where the cause lies outside the model (a server refuses
            the question); an evaluation counts it as undecided.
    """

    text: str
    truncated: bool = False
    tokens: Tokens | None = None
    sample: int | None = None
    withheld: str = ""


Result = Literal["correct", "incorrect", "undecided"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=0, le=1 << 53)]


class Verdict(Versioned):
    """The judgement on one response.

    ``undecided`` means a cause outside the response (a crashed verifier, a lost worker). Whatever
    the response itself causes is ``incorrect`` with a reason, or a policy would learn to escape.

    Attributes:
        result: The judgement.
        reason: Why, in a few words; empty for a plain ``correct``.
        answer: The answer that was read from the response, shortened; ``None`` when there was none.
        score: How right a decided response is, from 0 to 1, where the judge grades by degrees.
        components: Parts of the score by name, each from 0 to 1, where the judge gives them.
    """

    result: Result
    reason: str = ""
    answer: str | None = None
    # left out where there is none: most verdicts have none, and older readers know neither field
    score: Annotated[Share | None, Field(exclude_if=lambda value: value is None)] = None
    components: Annotated[dict[str, Share], Field(exclude_if=lambda value: not value)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _score_fits_result(self) -> Verdict:
        if self.result == "undecided" and (self.score is not None or self.components):
            raise ValueError("an undecided verdict has neither score nor components")
        if (self.result, self.score) in (("correct", 0), ("incorrect", 1)):
            raise ValueError(f"a score of {self.score:g} is not {self.result}")
        return self

    @property
    def credit(self) -> float | None:
        """The score, or 1 and 0 for right and wrong where there is none; ``None``: undecided."""
        if self.score is not None:
            return self.score
        return {"correct": 1.0, "incorrect": 0.0, "undecided": None}[self.result]

    @classmethod
    def correct(cls, answer: str | None = None) -> Verdict:
        """The response holds the right answer."""
        return cls(result="correct", answer=answer)

    @classmethod
    def incorrect(cls, reason: str, answer: str | None = None) -> Verdict:
        """The response is wrong, for *reason*."""
        return cls(result="incorrect", reason=reason, answer=answer)

    @classmethod
    def undecided(cls, reason: str) -> Verdict:
        """Something outside the response failed, for *reason*."""
        return cls(result="undecided", reason=reason)

    @classmethod
    def scored(
        cls,
        score: float,
        *,
        passing: float = 1.0,
        components: Mapping[str, float] | None = None,
        reason: str = "",
        answer: str | None = None,
    ) -> Verdict:
        """A verdict by degrees: ``correct`` from a score of *passing* on.

        Raises:
            ValueError: A score is no number from 0 to 1.
        """
        return cls(
            result="correct" if score >= passing else "incorrect",
            score=score,
            components=dict(components or {}),
            reason=reason,
            answer=answer,
        )


class Group(Record):
    """The verdicts on the responses to one ticket, in the order of the samples.

    Attributes:
        ticket_id: The ticket.
        verdicts: One verdict for each response.
        tokens: Generated tokens of all responses together, where they are known.
        truncated: Responses that stopped at the length limit.
    """

    ticket_id: str
    verdicts: tuple[Verdict, ...]
    tokens: int | None = Field(default=None, ge=0)
    truncated: int = Field(default=0, ge=0)

    @classmethod
    def of(
        cls, ticket_id: str, verdicts: Sequence[Verdict], responses: Sequence[Response] = ()
    ) -> Group:
        """The group of *verdicts*; what the responses cost is read from *responses*."""
        tokens = [item.tokens for item in responses]
        known = [count for count in tokens if count is not None]
        return cls(
            ticket_id=ticket_id,
            verdicts=tuple(verdicts),
            tokens=sum(known) if known and len(known) == len(tokens) else None,
            truncated=sum(item.truncated for item in responses),
        )

    @property
    def informative(self) -> bool:
        """Whether its decided responses differ: only then group-normalised advantages are not 0."""
        return len({item.credit for item in self.verdicts} - {None}) > 1


class Batch(Record):
    """The tickets of one step."""

    step: int
    tickets: tuple[Ticket, ...]


class Outcome(Record):
    """The verdicts on the responses to one ticket, counted.

    Attributes:
        level: The ticket's level.
        correct: Responses judged correct.
        decided: Responses judged at all: the denominator of accuracy.
        undecided: Responses that could not be judged.
        score: Sum of the scores of the decided responses; ``None`` where no verdict carries one.
        age: Steps that ended between the ticket's draw and its record; 0 where draws wait for
            records.
        tokens: Generated tokens of all responses together, where they are known.
        truncated: Responses that stopped at the length limit.
        informative: Whether the decided responses differ; where it is not given, the counts decide.
    """

    level: int
    correct: int = Field(ge=0)
    decided: int = Field(ge=0)
    undecided: int = Field(default=0, ge=0)
    score: float | None = Field(default=None, ge=0)
    age: int = Field(default=0, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    truncated: int = Field(default=0, ge=0)
    informative: bool = Field(default_factory=lambda counts: _differ(counts))

    @classmethod
    def of(cls, group: Group, *, level: int, age: int = 0) -> Outcome:
        """The outcome of a ticket of *level*."""
        counts = Counter(item.result for item in group.verdicts)
        scored = any(item.score is not None for item in group.verdicts)
        return cls(
            level=level,
            correct=counts["correct"],
            decided=counts["correct"] + counts["incorrect"],
            undecided=counts["undecided"],
            score=math.fsum(item.credit or 0.0 for item in group.verdicts) if scored else None,
            age=age,
            tokens=group.tokens,
            truncated=group.truncated,
            informative=group.informative,
        )

    @property
    def credit(self) -> float:
        """The numerator of accuracy: the sum of scores, or the count of right responses."""
        return self.correct if self.score is None else self.score


def _differ(counts: dict[str, Any]) -> bool:
    """Whether responses of these counts differ, as far as sums can show it."""
    score = counts.get("score")
    credit = counts.get("correct", 0) if score is None else score
    return bool(0 < credit < counts.get("decided", 0))


class Event(Versioned):
    """One decision, with the evidence it rests on. Events hold no clock: equal runs, equal events.

    Attributes:
        kind: The kind of decision, a fixed word (``docs/run-directory.md`` lists them).
        step: The step it happened in; 0 is before the first.
        environment_id: The environment concerned, if one is.
        reason: The rule or cause, in a few words.
        evidence: The figures the decision rests on.
    """

    kind: str
    step: int
    environment_id: str | None = None
    reason: str = ""
    evidence: dict[str, JsonValue] = Field(default_factory=dict)


def accuracy(outcomes: Sequence[Outcome]) -> float | None:
    """Mean credit of all decided responses; ``None`` when none was decided.

    The credit of a response is its score where it has one, else 1 or 0: without scores this is the
    share of right responses.
    """
    credit, decided = 0.0, 0
    for item in outcomes:
        credit += item.credit
        decided += item.decided
    return credit / decided if decided else None
