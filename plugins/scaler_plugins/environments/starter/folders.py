"""The problem folders of the starter pack: what its authors edit.

::

    problems/largest-value/
        environment.toml    name, family, scale parameters, levels, constraints, time limit
        statement.md        the statement, with Input, Output and Examples sections
        generator.py        defines generate_testcase(scale) -> (stdin, testcase)
        solutions/1.py ...  reference programs, written independently of each other
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from scaler_core.errors import DataError
from scaler_core.models import AnswerType, Record, ScaleParameter
from scaler_plugins.environments.starter.constraints import Constraint

PROBLEMS = Path(__file__).with_name("problems")

_STATEMENT = re.compile(
    r"(?P<logic>.+?)\n\nInput\n\n(?P<input>.+?)\n\nOutput\n\n(?P<output>.+?)\n\nExamples\n\n"
    r"(?P<examples>.+)\n",
    re.DOTALL,
)
_EXAMPLE = re.compile(r"Input\n\n(.+?)\n\n\nOutput\n\n(.+?)(?:\n\n\n|\n$)", re.DOTALL)


class Settings(Record):
    """What ``environment.toml`` holds.

    Attributes:
        name: Title; in lower case with dashes it is the environment's id and the folder's name.
        family: Kind of task, for people who browse.
        answer_type: How the answer is written and compared.
        asks: The question in half a sentence, for tables.
        time_limit_s: CPU seconds for one run of a reference solution.
        levels: Offset of each level, increasing from 0 to the range.
        parameters: Scale parameters by name.
        constraints: What the statement promises, by key of the testcase.
    """

    name: str
    family: str
    answer_type: AnswerType
    asks: str
    time_limit_s: float = Field(gt=0)
    levels: tuple[int, ...] = Field(min_length=2, max_length=30)
    parameters: dict[str, ScaleParameter] = Field(min_length=1)
    constraints: dict[str, Constraint] = Field(min_length=1)


@dataclass(frozen=True)
class Statement:
    """A statement and its sections; *examples* are pairs of stdin and answer."""

    text: str
    logic: str
    output: str
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ProblemFolder:
    """One folder, read: its id is its name; *solutions* are in the order of their numbers."""

    id: str
    settings: Settings
    statement: Statement
    generator: str
    solutions: tuple[str, ...]


def read_folders(root: Path = PROBLEMS) -> list[ProblemFolder]:
    """All problem folders below *root*, sorted by id.

    Raises:
        DataError: A folder is incomplete or a file in it has another form.
    """
    return [read_folder(path) for path in sorted(root.iterdir()) if path.is_dir()]


def read_folder(path: Path) -> ProblemFolder:
    """One problem folder.

    Raises:
        DataError: It is incomplete or a file in it has another form.
    """
    try:
        settings = Settings.model_validate(tomllib.loads(_text(path / "environment.toml")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise DataError(f"{path / 'environment.toml'}: {' '.join(str(error).split())}") from error
    return ProblemFolder(
        id=path.name,
        settings=settings,
        statement=_statement(path / "statement.md"),
        generator=_text(path / "generator.py"),
        solutions=tuple(_text(file) for file in sorted((path / "solutions").glob("*.py"))),
    )


def _statement(path: Path) -> Statement:
    text = _text(path)
    sections = _STATEMENT.fullmatch(text)
    if sections is None:
        raise DataError(
            f"{path} lacks a section", hint="it needs Input, Output and Examples, in this order"
        )
    examples = _EXAMPLE.findall(sections["examples"] + "\n")
    return Statement(
        text=text.strip(),
        logic=sections["logic"],
        output=sections["output"],
        examples=tuple((stdin + "\n", answer) for stdin, answer in examples),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
