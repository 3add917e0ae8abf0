"""The problem folders of the starter pack, which its authors edit.

::

    problems/largest-value/
        environment.toml      shelf, name, family, question, time limit, constraints of a testcase
        statement.md          the statement, with Input, Output and Examples sections
        solutions/1.py ...    reference programs, written independently of each other;
        solutions/4.cpp       those in Python come first: what ships must run without a compiler
        replies/extract.md    a model's first reply: scale parameters, form of the answer
        replies/generate.md   its second reply: a generator
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from scaler_core.errors import DataError
from scaler_core.models import Language, Problem, Record, Solution
from scaler_core.synthesis.records import SourceProblem
from scaler_core.synthesis.sources.statement import read_statement
from scaler_plugins.environments.starter import SHELVES, StarterPack
from tools.starter_pack.constraints import Constraint

PROBLEMS = Path(__file__).with_name("problems")
LANGUAGES: dict[str, Language] = {"*.py": "python", "*.cpp": "cpp"}
LEAST_EXAMPLES = 2
LEAST_PYTHON = 3


class Settings(Record):
    """The contents of ``environment.toml``: facts that neither statement nor replies hold.

    Attributes:
        name: Title.
        shelf: Name of the pack that it ships in; the first shelf when nothing is said.
        family: Kind of task, for people who browse.
        asks: The question in half a sentence, for tables.
        time_limit_s: CPU seconds for one run of a reference solution.
        constraints: Constraints that the statement promises, by key of the testcase.
    """

    name: str
    shelf: str = StarterPack.name
    family: str
    asks: str
    time_limit_s: float = Field(gt=0)
    constraints: dict[str, Constraint] = Field(min_length=1)

    @field_validator("shelf")
    @classmethod
    def _is_a_shelf(cls, shelf: str) -> str:
        names = [pack.name for pack in SHELVES]
        if shelf not in names:
            raise ValueError(f"{shelf!r} is no shelf; there are {', '.join(names)}")
        return shelf


@dataclass(frozen=True)
class ProblemFolder:
    """One folder, read.

    Attributes:
        settings: The contents of ``environment.toml``.
        problem: The problem as a dataset gives it; its id is the folder's name.
        extract: The recorded reply of the extractor's model.
        generate: The recorded reply of the generator's model.
    """

    settings: Settings
    problem: SourceProblem
    extract: str
    generate: str

    @property
    def id(self) -> str:
        """Name of the folder, and id of the environment."""
        return self.problem.id


def read_folders(
    root: Path = PROBLEMS, shelf: str | None = StarterPack.name
) -> list[ProblemFolder]:
    """The problem folders of one shelf, or of all, sorted by id.

    Args:
        root: Where the folders are; names that begin with a dot are passed over.
        shelf: The shelf; all when ``None``.

    Raises:
        DataError: A folder is incomplete or a file in it has another form.
    """
    paths = sorted(root.iterdir())
    folders = [read_folder(path) for path in paths if path.is_dir() and path.name[0] != "."]
    return [item for item in folders if shelf in (None, item.settings.shelf)]


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
        settings=settings,
        problem=_problem(path, settings),
        extract=_text(path / "replies" / "extract.md"),
        generate=_text(path / "replies" / "generate.md"),
    )


def _problem(path: Path, settings: Settings) -> SourceProblem:
    text = _text(path / "statement.md").strip()
    statement = read_statement(text)
    if not statement.instruction or len(statement.examples) < LEAST_EXAMPLES:
        raise DataError(
            f"{path / 'statement.md'} lacks a section",
            hint=f"it needs Input, Output and Examples, and {LEAST_EXAMPLES} examples",
        )
    return SourceProblem(
        id=path.name,
        source=f"starter problems/{path.name}",
        problem=Problem(
            name=settings.name,
            statement=text,
            logic=statement.logic,
            instruction=statement.instruction,
            solutions=_solutions(path / "solutions"),
            time_limit_s=settings.time_limit_s,
        ),
        tests=statement.examples,
    )


def _solutions(path: Path) -> tuple[Solution, ...]:
    solutions = tuple(
        Solution(language=language, source=_text(file))
        for pattern, language in LANGUAGES.items()
        for file in sorted(path.glob(pattern))
    )
    python = [item for item in solutions if item.language == "python"]
    if len(python) < LEAST_PYTHON:
        raise DataError(f"{path} holds {len(python)} solutions in Python, not {LEAST_PYTHON}")
    return solutions


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
