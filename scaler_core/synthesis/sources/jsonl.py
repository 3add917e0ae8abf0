"""Problems in JSON lines of our own model: a ``SourceProblem`` or a ``Problem`` a line."""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scaler_core.errors import DataError
from scaler_core.models import Problem
from scaler_core.pool.entry import explain
from scaler_core.synthesis.records import SourceProblem
from scaler_core.synthesis.sources.reading import Ids, Read, Unusable, join_tests
from scaler_core.synthesis.sources.statement import read_statement


class JsonLinesReader:
    """The problems of a file with a JSON object a line.

    A line with a ``statement`` is a :class:`~scaler_core.models.Problem`, whose examples become
    its tests, and whose ``logic`` and ``instruction`` are read from the statement where they are
    missing. Any other line must be a :class:`~scaler_core.synthesis.records.SourceProblem`.
    """

    def __init__(self, path: Path) -> None:
        self.label = str(path)
        self._path = path

    def count(self) -> int:
        """Lines that are not empty; raises ``DataError`` for a file that cannot be read."""
        return sum(1 for _ in self._lines())

    def __iter__(self) -> Iterator[Read]:
        """Each line as a problem; raises ``DataError`` for a file that cannot be read."""
        ids = Ids()
        for number, line in self._lines():
            yield self._read(line, ids, f"{self._path.name} line {number}")

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            with self._path.open("rb") as stream:
                for number, line in enumerate(stream, start=1):
                    if number == 1:
                        line = line.removeprefix(BOM_UTF8)
                    if line.strip():
                        yield number, line
        except OSError as error:
            raise DataError(f"cannot read {self._path}: {error.strerror or error}") from error

    def _read(self, line: bytes, ids: Ids, place: str) -> Read:
        text = line.decode(errors="replace")
        try:
            value = json.loads(line)
            if isinstance(value, dict) and "statement" in value:
                return _problem(value, ids, place)
            given = SourceProblem.model_validate_json(line, strict=True)
            _check_limits(given.problem)
        except (ValueError, RecursionError) as error:
            fault = explain(error) if isinstance(error, ValidationError) else str(error)
            detail = f"{place}: {fault}"
            return Unusable.because("unreadable", detail, id=ids.give(place, text), source=place)
        return given.model_copy(update={"id": ids.give_exact(given.id, text)})


def _problem(value: dict[str, Any], ids: Ids, place: str) -> SourceProblem:
    """The problem of one line; raises ``ValueError`` where the line is malformed."""
    read = read_statement(str(value["statement"]))
    sections = {"logic": read.logic, "instruction": read.instruction or ""}
    document = json.dumps({**sections, **value})
    problem = Problem.model_validate_json(document, strict=True)
    _check_limits(problem)
    return SourceProblem(
        id=ids.give(problem.name, document),
        source=place,
        problem=problem,
        tests=join_tests(read.examples, ()),
    )


def _check_limits(problem: Problem) -> None:
    """Raise ``ValueError`` for limits that are not positive or not finite."""
    seconds, megabytes = problem.time_limit_s, problem.memory_limit_mb
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"time_limit_s must be a number above 0, not {seconds}")
    if megabytes is not None and megabytes <= 0:
        raise ValueError(f"memory_limit_mb must be above 0, not {megabytes}")
