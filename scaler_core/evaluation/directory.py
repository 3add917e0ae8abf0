"""The directory of one evaluation: which file holds what, and the lock of the one writer.

::

    evaluation.json         the settings
    questions/NAME.jsonl    the rows of each benchmark, as they were asked
    responses.jsonl         every response, as it came
    results/NAME.jsonl      a verdict for each response
    summary.json            the scores; there once all is graded
    summary.md              the same as a table; there whenever summary.json is
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from scaler_core.errors import DataError, UsageError
from scaler_core.evaluation.plan import EvaluationSettings
from scaler_core.interfaces import BenchmarkRow, Closable
from scaler_core.jsonio import (
    cannot_write,
    canonical_json,
    compact_json,
    lock_file,
    read_json,
    read_lines,
    remove_unfinished,
    write_atomic,
)
from scaler_core.jsonlines import JsonLines, LineSpan
from scaler_core.models import Question, Record, Response

LOCK = ".lock"
REMEDY = "remove the line to have its question asked again"
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
        """Holds the lock of the one writer; the folder is made.

        Raises:
            UsageError: Another process holds the lock.
            InfrastructureError: The folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise cannot_write(self.path, error) from error
        with lock_file(self.path / LOCK, f"another process is evaluating in {self.path}"):
            remove_unfinished(self.path)
            yield

    def settings(self) -> EvaluationSettings:
        """Reads the settings of the evaluation.

        Raises:
            UsageError: There is no evaluation.
            DataError: Its settings are damaged.
        """
        if not self.exists:
            raise UsageError(
                f"{self.path} holds no evaluation: it has no evaluation.json",
                hint="scaler eval MODEL -o DIR makes one",
            )
        return self.read("evaluation.json", EvaluationSettings)

    def write(self, name: str, record: Record) -> None:
        """Replace a file with one record."""
        write_atomic(self.path / name, record.model_dump_json(indent=1) + "\n")

    def read(self, name: str, kind: type[RecordT]) -> RecordT:
        """The record in a file.

        Raises:
            DataError: It is missing or does not hold such a record.
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


class TimedResponse(NamedTuple):
    """A response, and the seconds between it and the response before it."""

    response: Response
    seconds: float


def response_key(identity: str, max_tokens: int | None, question: Question) -> str:
    """The cache key of the response to *question*: equal only for equal model, prompt, sampling."""
    asked = [identity, max_tokens, question.model_dump(mode="json")]
    return hashlib.blake2b(canonical_json(asked).encode(), digest_size=16).hexdigest()


class ResponseCache(Closable):
    """The responses in one file, by :func:`response_key`. Reading is thread-safe.

    Texts stay on disk: only their places in the file are held in memory.

    Args:
        path: The file; it is made where there is none.

    Raises:
        DataError: A line is damaged.
        UsageError: Another process is writing the file.
        InfrastructureError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._spans: dict[str, LineSpan] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error
        self._lines = JsonLines(path, remedy=REMEDY)
        try:
            self._read_spans()
        except BaseException:
            self.close()
            raise

    def _read_spans(self) -> None:
        for span, record in self._lines.records():
            try:
                self._spans[record["key"]] = span
            except (KeyError, TypeError) as error:
                raise self._lines.damaged(span, "holds no response") from error

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def __contains__(self, key: str) -> bool:
        return key in self._spans

    def __getitem__(self, key: str) -> TimedResponse:
        """The response of *key*.

        Raises:
            DataError: Its line is damaged.
        """
        record = self._lines.read(self._spans[key])
        try:
            response = Response.model_validate(record["response"])
            return TimedResponse(response, float(record["seconds"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path}: the line with key {key} holds no response", hint=REMEDY
            ) from error

    def add(self, key: str, response: Response, seconds: float, asked: Mapping[str, Any]) -> None:
        """Write *response*; it survives a power cut when this returns.

        Args:
            key: Its key.
            response: The model's response.
            seconds: Seconds since the response before it.
            asked: Benchmark, row and sample, for a person who reads the file.

        Raises:
            InfrastructureError: It cannot be written; the file is as it was.
        """
        record = {
            "key": key,
            **asked,
            "seconds": round(seconds, 4),
            # a model may write a lone surrogate, which no UTF-8 file can hold
            "response": response.model_copy(
                update={"text": response.text.encode("utf-8", "replace").decode()}
            ).model_dump(mode="json"),
        }
        self._spans[key] = self._lines.append(compact_json(record))
