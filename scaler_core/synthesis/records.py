"""What flows through synthesis, frozen and JSON all the way down.

::

    SourceProblem -> Candidate -> Environment
    (read from a      (metadata and   (checked and
     dataset)          generator)      calibrated)

Whatever falls out on the way is a :class:`Rejection`, which names the stage and the check.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from scaler_core.interfaces import Metadata
from scaler_core.models import Problem, Record, Versioned

Stage = Literal["filter", "extract", "generate", "check", "calibrate"]
TestKind = Literal["example", "public", "private", "generated"]


class SourceTest(Record):
    """A test that came with a problem: *stdout* is the right answer to *stdin*."""

    stdin: str
    stdout: str
    kind: TestKind = "public"


class SourceProblem(Versioned):
    """A problem as a dataset gives it, before anything was made of it.

    Attributes:
        id: Stable and unique in its dataset; it becomes the environment's id.
        source: Where it came from, in one line, such as ``code_contests/train 1575_A``.
        problem: Statement and solutions.
        tests: What the right answers to some inputs are, examples of the statement included.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=120)
    source: str
    problem: Problem
    tests: tuple[SourceTest, ...] = ()


class Candidate(Versioned):
    """A problem with what the model made of it: not yet trusted in any way.

    Attributes:
        problem: The problem.
        metadata: What scales, and the form of the answer.
        generator: Python source that defines ``generate_testcase(scale) -> (stdin, testcase)``.
    """

    problem: SourceProblem
    metadata: Metadata
    generator: str


class Rejection(Record):
    """Why a problem gave no environment.

    Attributes:
        stage: Where it fell out.
        check: Which check refused it: a fixed word, such as ``breadth`` or ``no_input_section``.
        detail: What happened, in one line.
        figures: The figures the decision rests on.
    """

    stage: Stage
    check: str
    detail: str
    figures: dict[str, JsonValue] = {}
