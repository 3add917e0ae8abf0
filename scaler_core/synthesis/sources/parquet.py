"""CodeContests out of Parquet files, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scaler_core.errors import DataError, UsageError, manual, one_line
from scaler_core.synthesis.sources.code_contests import COLUMNS, NEEDED_COLUMNS, read_row
from scaler_core.synthesis.sources.reading import Ids, Read

ROWS_AT_A_TIME = 4  # a row may hold hundreds of solutions and megabytes of tests


class ParquetReader:
    """The problems of Parquet files in the columns of CodeContests.

    Args:
        path: A file, or a folder whose ``*.parquet`` files, also in folders below it, are read in
            the order of their names.

    Raises:
        UsageError: There is no such file, or pyarrow is missing.
    """

    def __init__(self, path: Path) -> None:
        self.label = str(path)
        self._files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        self._root = path if path.is_dir() else path.parent
        if not self._files:
            raise UsageError(f"{path} holds no *.parquet file")
        _import_parquet()

    def count(self) -> int:
        """Rows of all files; raises ``DataError`` for a file that cannot be read."""
        total = 0
        for file in self._files:
            with _opened(file) as opened:
                total += opened.metadata.num_rows
        return total

    def __iter__(self) -> Iterator[Read]:
        """Each row as a problem; raises ``DataError`` for a file that cannot be read."""
        ids = Ids()
        for file in self._files:
            origin = str(file.relative_to(self._root).with_suffix(""))
            for number, row in enumerate(_rows(file), start=1):
                yield read_row(row, ids, origin, f"row {number}")


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    _, arrow = _import_parquet()
    opened = _opened(file)
    columns = _columns(file, opened.schema_arrow.names)
    try:
        batches = opened.iter_batches(ROWS_AT_A_TIME, columns=columns, use_threads=False)
        for batch in batches:
            yield from _values(batch)
    except (OSError, arrow.ArrowException) as error:
        raise _unreadable(file, error) from error
    finally:
        opened.close()


def _values(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of *batch*; text that is not UTF-8 stays bytes, which no problem may hold."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for row in range(batch.num_rows):
            yield {name: _value(batch.column(name)[row]) for name in batch.schema.names}


def _value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return b"invalid UTF-8"


def _opened(file: Path) -> Any:
    parquet, arrow = _import_parquet()
    try:
        return parquet.ParquetFile(file, memory_map=True)
    except (OSError, arrow.ArrowException) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> DataError:
    return DataError(f"cannot read {file} as Parquet: {one_line(error)}")


def _columns(file: Path, present: Sequence[str]) -> list[str]:
    for name in NEEDED_COLUMNS:
        if name not in present:
            raise DataError(
                f"{file} lacks the column {name!r}, so it is not CodeContests; it has "
                f"{', '.join(present[:12])}",
                hint=f"{manual('synthesis')} lists what is read",
            )
    return [name for name in COLUMNS if name in present]


def _import_parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            "reading Parquet needs pyarrow, which is not installed",
            hint='pip install "scaler-rl[data]"',
        ) from error
    return pyarrow.parquet, pyarrow
