"""CodeContests from the Hugging Face hub, streamed; the one file that uses ``datasets``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scaler_core.errors import InfrastructureError, UsageError, manual, one_line
from scaler_core.synthesis.sources.code_contests import COLUMNS, NEEDED_COLUMNS, read_row
from scaler_core.synthesis.sources.reading import Ids, Read


class HubReader:
    """The problems of a dataset of the hub in the columns of CodeContests.

    Args:
        name: ``owner/name``.
        split: The split that is read.
        revision: Commit, tag or branch; a commit gives the same problems for ever.

    Raises:
        UsageError: ``datasets`` is missing.
    """

    def __init__(self, name: str, split: str = "train", revision: str | None = None) -> None:
        at = f"@{revision}" if revision else ""
        self.label = f"{name}{at} {split}"
        self._name, self._split, self._revision = name, split, revision
        _import_datasets()

    def count(self) -> None:
        """``None``: the hub knows the number only where a dataset's author states it."""
        return None

    def __iter__(self) -> Iterator[Read]:
        """Each row as a problem.

        Raises:
            UsageError: There is no such dataset or split, or it has other columns.
            InfrastructureError: The hub cannot be reached, or stops in the middle.
        """
        ids = Ids()
        origin = f"{self._name.rpartition('/')[2]}/{self._split}"
        for number, row in enumerate(self._rows(), start=1):
            yield read_row(row, ids, origin, f"row {number}")

    def _rows(self) -> Iterator[dict[str, Any]]:
        datasets = _import_datasets()
        try:
            with _quiet():
                rows = datasets.load_dataset(
                    self._name, split=self._split, revision=self._revision, streaming=True
                )
            present = rows.column_names or []
            missing = [name for name in NEEDED_COLUMNS if present and name not in present]
            if not missing:
                wanted = [name for name in COLUMNS if name in present] or list(COLUMNS)
                yield from rows.select_columns(wanted)
        except Exception as error:  # the library passes on whatever its many parts raise
            raise self._cannot(error) from error
        if missing:
            raise UsageError(
                f"{self.label} lacks the column {missing[0]!r}, so it is not CodeContests",
                hint=f"{manual('synthesis')} lists what is read",
            )

    def _cannot(self, error: Exception) -> UsageError | InfrastructureError:
        kind = type(error).__name__
        if isinstance(error, ValueError) and "split" in str(error).lower():
            return UsageError(f"cannot read {self.label}: {one_line(error)}", hint="see --split")
        if kind in ("DatasetNotFoundError", "RevisionNotFoundError", "RepositoryNotFoundError"):
            return UsageError(
                f"the hub shows no dataset {self.label}: {one_line(error)}",
                hint="check its name and revision, or give a local file",
            )
        return InfrastructureError(
            f"cannot read {self.label} from the hub: {one_line(error)}",
            hint="try again, or download its Parquet files and give their folder",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the library, which logs each attempt; the final error reports the failure."""
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _import_datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise UsageError(
            "reading from the hub needs datasets, which is not installed",
            hint='pip install "scaler-rl[data]"; a local file or folder needs no hub',
        ) from error
    return datasets
