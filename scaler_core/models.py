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
    """Base of all data models: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    tokens: int | None = None
    sample: int | None = None
    withheld: str = ""


Result = Literal["correct", "incorrect", "undecided"]


class Verdict(Versioned):
    """The judgement on one response.

    ``undecided`` means a cause outside the response (a crashed verifier, a lost worker). Whatever
    the response itself causes is ``incorrect`` with a reason, or a policy would learn to escape.

    Attributes:
        result: The judgement.
        reason: Why, in a few words; empty for a plain ``correct``.
        answer: The answer that was read from the response, shortened; ``None`` when there was none.
    """

    result: Result
    reason: str = ""
    answer: str | None = None

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


class Group(Record):
    """The verdicts on the responses to one ticket, in the order of the samples."""

    ticket_id: str
    verdicts: tuple[Verdict, ...]


class Batch(Record):
    """The tickets of one step."""

    step: int
    tickets: tuple[Ticket, ...]


class Outcome(Record):
    """The verdicts of one step on one level of one environment, counted.

    Attributes:
        level: The level.
        correct: Responses judged correct.
        decided: Responses judged at all: the denominator of accuracy.
        undecided: Responses that could not be judged.
    """

    level: int
    correct: int = Field(ge=0)
    decided: int = Field(ge=0)
    undecided: int = Field(default=0, ge=0)


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
    """Sample-weighted mean accuracy over decided responses; ``None`` when none was decided."""
    decided = sum(item.decided for item in outcomes)
    return sum(item.correct for item in outcomes) / decided if decided else None
