"""One row of CodeContests, the dataset of the paper, as a problem (paper section 2).

The columns are those of ``deepmind/code_contests``. Wrong solutions are never read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scaler_core.models import Problem, Solution
from scaler_core.pool.entry import LANGUAGES, explain
from scaler_core.synthesis.records import SourceProblem, SourceTest, TestKind
from scaler_core.synthesis.sources.reading import Ids, Read, Unusable, join_tests
from scaler_core.synthesis.sources.statement import read_statement

_NANOSECONDS = 1e-9
_MEGABYTE = 1 << 20


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


PartT = TypeVar("PartT", bound=_Part)


def _checked_pairs(part: PartT, first: Sequence[object], second: Sequence[object]) -> PartT:
    """Returns *part*; raises ``ValueError`` unless its two lists pair up."""
    if len(first) != len(second):
        raise ValueError("two lists of equal length")
    return part


class _Tests(_Part):
    input: list[str] = []
    output: list[str] = []

    @model_validator(mode="after")
    def _paired(self) -> _Tests:
        return _checked_pairs(self, self.input, self.output)


class _Solutions(_Part):
    solution: list[str]
    language: list[int]

    @model_validator(mode="after")
    def _paired(self) -> _Solutions:
        return _checked_pairs(self, self.solution, self.language)


class _TimeLimit(_Part):
    seconds: Annotated[int, Field(ge=0)] | None = 0
    nanos: Annotated[int, Field(ge=0)] | None = 0


class _Row(_Part):
    name: str = Field(min_length=1)
    description: str
    solutions: _Solutions
    public_tests: _Tests | None = None
    private_tests: _Tests | None = None
    generated_tests: _Tests | None = None
    time_limit: _TimeLimit | None = None
    memory_limit_bytes: Annotated[int, Field(ge=0)] | None = None
    input_file: str | None = None
    output_file: str | None = None


#: The columns that are read.
COLUMNS = tuple(_Row.model_fields)
#: The columns that a file must have.
NEEDED_COLUMNS = tuple(name for name, item in _Row.model_fields.items() if item.is_required())


def read_row(row: Mapping[str, Any], ids: Ids, origin: str, place: str) -> Read:
    """The problem of one row.

    Args:
        row: Column -> value.
        ids: Assigns the problem its id.
        origin: The dataset and split of the row, such as ``code_contests/train``.
        place: Its position there, the name of a row without one.
    """
    fields = {name: row[name] for name in COLUMNS if name in row}
    try:
        read = _Row.model_validate(fields)
    except ValidationError as error:
        given = row.get("name")
        name = given if isinstance(given, str) and given else place
        return Unusable.because(
            "unreadable",
            f"{place}: {explain(error)}",
            id=ids.give(name, str(fields)),
            source=f"{origin} {name}",
        )
    content = "\0".join([read.description, *read.solutions.solution])
    problem_id, source = ids.give(read.name, content), f"{origin} {read.name}"
    files = [name for name in (read.input_file, read.output_file) if name]
    if files:
        detail = f"its programs use the file {files[0]!r} instead of stdin and stdout"
        return Unusable.because("reads_files", detail, id=problem_id, source=source)
    return SourceProblem(id=problem_id, source=source, problem=_problem(read), tests=_tests(read))


def _problem(row: _Row) -> Problem:
    statement = read_statement(row.description)
    pairs = zip(row.solutions.solution, row.solutions.language, strict=False)
    return Problem(
        name=row.name,
        statement=row.description,
        logic=statement.logic,
        instruction=statement.instruction or "",
        solutions=tuple(
            Solution(language=LANGUAGES[code], source=source)
            for source, code in pairs
            if code in LANGUAGES
        ),
        time_limit_s=_seconds(row.time_limit),
        # 0 stands for a limit that the dataset does not know
        memory_limit_mb=(row.memory_limit_bytes or 0) // _MEGABYTE or None,
    )


def _seconds(limit: _TimeLimit | None) -> float | None:
    if limit is None:
        return None
    return ((limit.seconds or 0) + (limit.nanos or 0) * _NANOSECONDS) or None


def _tests(row: _Row) -> tuple[SourceTest, ...]:
    columns: tuple[tuple[TestKind, _Tests | None], ...] = (
        ("public", row.public_tests),
        ("private", row.private_tests),
        ("generated", row.generated_tests),
    )
    given = [
        SourceTest(stdin=stdin, stdout=stdout, kind=kind)
        for kind, tests in columns
        if tests is not None
        for stdin, stdout in zip(tests.input, tests.output, strict=False)
    ]
    return join_tests(read_statement(row.description).examples, given)
