"""The data that flows through synthesis: frozen records, each of which is plain JSON.

::

    SourceProblem -> Candidate -> Environment
    (read from a      (metadata and   (checked and
     dataset)          generator)      calibrated)

A problem that is refused on the way becomes a :class:`Rejection`, with the stage and the check.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from scaler_core.interfaces import Metadata
from scaler_core.models import Language, Problem, Record, ScaleParameter, Versioned

Stage = Literal["filter", "extract", "generate", "check", "calibrate"]
TestKind = Literal["example", "public", "private", "generated"]


class SourceTest(Record):
    """A test that came with a problem: *stdout* is the right answer to *stdin*."""

    stdin: str
    stdout: str
    kind: TestKind = "public"


class SourceProblem(Versioned):
    """A problem as it stands in a dataset.

    Attributes:
        id: Stable and unique in its dataset; it becomes the environment's id.
        source: Where it came from, in one line, such as ``code_contests/train 1575_A``.
        problem: Statement and solutions.
        tests: Inputs with their right answers, examples of the statement included.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=120)
    source: str
    problem: Problem
    tests: tuple[SourceTest, ...] = ()


class Candidate(Versioned):
    """A problem with the model's metadata and generator, neither of which is trusted yet.

    Attributes:
        problem: The problem.
        metadata: Scale parameters, and the form of the answer.
        generator: Python source that defines ``generate_testcase(scale) -> (stdin, testcase)``.
    """

    problem: SourceProblem
    metadata: Metadata
    generator: str


class Rejection(Record):
    """Why a problem gave no environment.

    Attributes:
        stage: The stage that refused it.
        check: The check that refused it: a fixed word, such as ``breadth`` or ``no_input_section``.
        detail: The reason in one line.
        figures: The figures behind the decision.
    """

    stage: Stage
    check: str
    detail: str
    figures: dict[str, JsonValue] = {}


DropReason = Literal[
    "does_not_compile", "fails", "too_slow", "prints_nothing", "wrong_on_tests", "outvoted"
]


class Dropped(Record):
    """A listed solution that the environment leaves out.

    Attributes:
        number: Its place in the problem's list, counted from 1.
        language: Its language.
        reason: One word.
        detail: Its failure and the input, in one line.
    """

    number: int
    language: Language
    reason: DropReason
    detail: str


class Checked(Versioned):
    """A candidate that passed every check.

    Equal candidates, settings and seeds give equal records, but for :attr:`times`.

    Attributes:
        problem_id: The candidate's problem.
        kept: Places, counted from 1, of the solutions that agree on everything.
        dropped: The solutions that do not, with the reason.
        figures: The findings of each check, by its name.
        times: Measured CPU seconds; a busy machine measures others, so no environment holds them.
    """

    problem_id: str
    kept: tuple[int, ...]
    dropped: tuple[Dropped, ...] = ()
    figures: dict[str, JsonValue] = {}
    times: dict[str, float] = {}


class Calibrated(Versioned):
    """The parameters and levels of a checked candidate.

    Attributes:
        problem_id: The candidate's problem.
        parameters: Minimum, maximum and ratio of each parameter.
        levels: Offset of each level.
        kept: The solutions, as in :class:`Checked`, that agree at both ends too.
        dropped: Those that only went wrong there.
        figures: Measurements; repeatable as in :class:`Checked`.
        times: Measured CPU seconds, kept apart as in :class:`Checked`.
    """

    problem_id: str
    parameters: dict[str, ScaleParameter]
    levels: tuple[int, ...] = Field(min_length=1)
    kept: tuple[int, ...]
    dropped: tuple[Dropped, ...] = ()
    figures: dict[str, JsonValue] = {}
    times: dict[str, float] = {}


class Makers(Record):
    """The components that make metadata and generators, for provenance and for the run's settings.

    Attributes:
        extractor: Name, options and version of the prompts of the extractor, and the model.
        generator: Those of the generator.
    """

    extractor: dict[str, JsonValue] = {}
    generator: dict[str, JsonValue] = {}
