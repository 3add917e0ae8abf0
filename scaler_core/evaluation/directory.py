"""The directory of one evaluation: which file holds what, and the lock of the one writer.

::

    evaluation.json         what was asked for
    questions/NAME.jsonl    the rows of each benchmark, as they were asked
    responses.jsonl         every response, as it came
    results/NAME.jsonl      a verdict for each response
    summary.json            the scores; there once all is graded
    summary.md              the same as a table; there whenever summary.json is
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from scaler_core.errors import DataError, UsageError
from scaler_core.evaluation.plan import Settings
from scaler_core.interfaces import BenchmarkRow
from scaler_core.jsonio import (
    cannot_write,
    compact_json,
    lock_file,
    read_json,
    read_lines,
    write_atomic,
)
from scaler_core.models import Record

LOCK = ".lock"
RecordT = TypeVar("RecordT", bound=Record)


class EvaluationDirectory:
    """The files of one evaluation; nothing is made before something is written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def responses(self) -> Path:
        """The response cache."""
        return self.path / "responses.jsonl"

    @property
    def summary(self) -> Path:
        """The scores."""
        return self.path / "summary.json"

    @property
    def table(self) -> Path:
        """The scores as a table."""
        return self.path / "summary.md"

    @property
    def exists(self) -> bool:
        """Whether there is an evaluation, finished or not."""
        return (self.path / "evaluation.json").is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one writer; the folder is made.

        Raises:
            UsageError: Another process is.
            InfrastructureError: The folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise cannot_write(self.path, error) from error
        with lock_file(self.path / LOCK, f"another process is evaluating in {self.path}"):
            yield

    def settings(self) -> Settings:
        """What was asked for.

        Raises:
            UsageError: There is no evaluation.
            DataError: Its settings are damaged.
        """
        if not self.exists:
            raise UsageError(
                f"{self.path} holds no evaluation: it has no evaluation.json",
                hint="scaler eval MODEL -o DIR makes one",
            )
        return self.read("evaluation.json", Settings)

    def write(self, name: str, record: Record) -> None:
        """Replace a file with one record."""
        write_atomic(self.path / name, record.model_dump_json(indent=1) + "\n")

    def read(self, name: str, kind: type[RecordT]) -> RecordT:
        """The record in a file.

        Raises:
            DataError: It is missing or no such record.
        """
        try:
            return kind.model_validate(read_json(self.path / name))
        except ValidationError as error:
            raise DataError(f"{self.path / name} is damaged: {_first(error)}") from error

    def write_lines(self, folder: str, benchmark: str, records: Sequence[Record]) -> None:
        """Replace the lines of a benchmark."""
        lines = [compact_json(record.model_dump(mode="json")) + "\n" for record in records]
        write_atomic(self.path / folder / f"{benchmark}.jsonl", "".join(lines))

    def rows(self, benchmark: str) -> list[BenchmarkRow]:
        """The rows of a benchmark, as they were asked.

        Raises:
            DataError: They are missing or damaged.
        """
        path = self.path / "questions" / f"{benchmark}.jsonl"
        try:
            return [BenchmarkRow.model_validate(record) for _, record in read_lines(path)]
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
        except ValidationError as error:
            raise DataError(f"{path} is damaged: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
