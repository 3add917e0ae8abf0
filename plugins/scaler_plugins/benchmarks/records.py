"""Reads the records of a benchmark's file: Parquet, JSON lines, JSON or CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scaler_core.errors import DataError, UsageError, one_line
from scaler_core.jsonio import read_json, read_lines

INSTALL = "pip install 'scaler-rl[data]'"

RawRecord = dict[str, Any]
"""The values of one question in a file, by column."""


def read_records(path: Path) -> list[RawRecord]:
    """The records of *path*, in its order, by the ending of its name.

    A JSON file holds a list of objects, alone or under the key ``examples``.

    Raises:
        UsageError: There is no such file, its kind is unknown, or pyarrow is missing.
        DataError: It cannot be read.
    """
    if not path.is_file():
        raise UsageError(
            f"there is no file {path}", hint="set path to the benchmark's file, or leave it out"
        )
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            f"{path} is of no known kind", hint=f"the name must end in {', '.join(_READERS)}"
        )
    try:
        records = reader(path)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {one_line(error)}") from error
    if not (isinstance(records, list) and all(isinstance(record, dict) for record in records)):
        raise DataError(f"{path} does not hold records with named columns")
    return records


def text_of(record: Mapping[str, Any], column: str) -> str:
    """The text in *column*, where a number counts as text.

    Raises:
        MissingColumn: There is none.
    """
    value = record.get(column)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not is_text(value):
        raise MissingColumn(column)
    return str(value)


def is_text(value: Any) -> bool:
    """Whether *value* is a text that can be written as UTF-8, which lone surrogates cannot."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def label_of(record: Mapping[str, Any], column: str) -> str:
    """The text in *column*; empty where the column is missing or empty."""
    value = record.get(column)
    return "" if value is None else str(value).encode("utf-8", "replace").decode()


class MissingColumn(Exception):
    """A record lacks a column, or holds a value of another kind in it."""


def _parquet(path: Path) -> list[RawRecord]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise UsageError(
            f"reading {path} needs pyarrow, which is not installed",
            hint=f"{INSTALL}, or turn the file into JSON lines",
        ) from error
    try:
        return list(parquet.read_table(path).to_pylist())
    except ArrowException as error:
        raise ValueError(str(error)) from error


def _json_lines(path: Path) -> list[RawRecord]:
    return [record for _, record in read_lines(path)]


def _json(path: Path) -> Any:
    content = read_json(path)
    return content.get("examples") if isinstance(content, dict) else content


def _csv(path: Path) -> list[RawRecord]:
    # spreadsheets begin a file with a mark that would belong to the first column's name
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


_READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".json": _json,
    ".csv": _csv,
}
