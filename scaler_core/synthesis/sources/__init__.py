"""Sources of problems: datasets that are read one problem after another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from scaler_core.errors import UsageError
from scaler_core.synthesis.sources.hub import HubReader
from scaler_core.synthesis.sources.jsonl import JsonLinesReader
from scaler_core.synthesis.sources.parquet import ParquetReader
from scaler_core.synthesis.sources.published import PublishedReader
from scaler_core.synthesis.sources.reading import ProblemReader, Read, Unusable

__all__ = ["ProblemReader", "Read", "Unusable", "open_problems"]

DEFAULT_SPLIT = "train"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SUFFIXES: dict[str, Callable[[Path], ProblemReader]] = {
    ".parquet": ParquetReader,
    ".jsonl": JsonLinesReader,
    ".json": PublishedReader,
}
KINDS = (
    "a CodeContests *.parquet file or a folder of them, problems in *.jsonl, a published pool "
    "*.json, or a dataset of the hub as owner/name"
)


def open_problems(
    problems: str | Path, *, split: str | None = None, revision: str | None = None
) -> ProblemReader:
    """Returns the reader for *problems*; nothing is read yet.

    Args:
        problems: Path or hub name; what exists as a path is a path.
        split: Of a dataset of the hub; ``train`` when ``None``.
        revision: Commit, tag or branch of a dataset of the hub.

    Raises:
        UsageError: There is no such file or dataset, its kind is unknown, a library is missing, or
            *split* or *revision* is given for a file.
    """
    path = Path(problems)
    if not path.exists():
        # a name with the suffix of a file means a missing file, even if the hub has that name
        named = isinstance(problems, str) and path.suffix not in _SUFFIXES
        if named and _HUB_NAME.fullmatch(str(problems)):
            return HubReader(str(problems), split or DEFAULT_SPLIT, revision)
        raise UsageError(f"there are no problems at {problems}", hint=f"allowed: {KINDS}")
    if split or revision:
        option = "--split" if split else "--revision"
        raise UsageError(f"{option} belongs to a dataset of the hub, but {path} is a file here")
    if path.is_dir():
        return ParquetReader(path)
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"{path}: problems cannot be read from it", hint=f"allowed: {KINDS}")
    return _SUFFIXES[path.suffix](path)
