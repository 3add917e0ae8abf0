"""The run directory: its files, append-only logs, and the lock of the one writer.

::

    recipe.toml         the resolved recipe
    environment.json    versions, plugins, host
    pool.json           content hash of every environment
    events.jsonl        every decision with its evidence
    metrics.jsonl       a line a step
    samples.jsonl       a few responses a step
    superseded.jsonl    lines of steps that a kill undid and a resume trained anew
    checkpoints/        step-N: feed state and the backend's files
    evaluation/         the held-out grid and the answers to it; step-N: benchmarks after step N
    model/              the trained model, where the backend has one
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import Any, Self

from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.jsonio import (
    cannot_write,
    compact_json,
    lock_file,
    read_json,
    read_lines,
    remove_unfinished,
    sync_directory,
    write_atomic,
)
from scaler_core.jsonlines import JsonLines
from scaler_core.run.checkpoint import list_checkpoints

LOGS = ("events.jsonl", "metrics.jsonl", "samples.jsonl")
LOCK = ".lock"
_BLOCK = 1 << 20
# all that a run writes before its first checkpoint
BEFORE_FIRST_CHECKPOINT = (
    "recipe.toml",
    "environment.json",
    "pool.json",
    "events.jsonl",
    "checkpoints",
)


class RunDirectory:
    """The files of one run. Only the process that holds the lock writes.

    Args:
        path: The folder, which exists or is made by :meth:`create`.
        numbered: Whether :meth:`create` takes the next free name instead of refusing a taken one.
    """

    def __init__(self, path: Path, *, numbered: bool = False) -> None:
        self.path = path
        self._numbered = numbered
        self._logs: dict[str, JsonLines] = {}
        self._hashes: dict[str, _Hash] = {}
        self._lock: FileIO | None = None

    # -------------------------------------------------------------- places

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.toml"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def evaluation(self) -> Path:
        """The held-out grid and the answers to it, and the benchmarks of each evaluated step."""
        return self.path / "evaluation"

    @property
    def model(self) -> Path:
        """Where a backend exports its trained model."""
        return self.path / "model"

    # -------------------------------------------------------------- opening

    def create(self) -> Self:
        """Make the folder and lock it; an empty one, or one of a run that was killed before it
        began, is taken over.

        Raises:
            UsageError: The path is taken.
            InfrastructureError: It cannot be made.
        """
        wanted, number = self.path, 1
        while True:
            try:
                self.path.mkdir(parents=True)
            except FileExistsError:
                if self._numbered:
                    number += 1
                    self.path = wanted.with_name(f"{wanted.name}-{number}")
                    continue
                _refuse_taken(self.path)
            except (OSError, ValueError) as error:
                raise cannot_write(self.path, error) from error
            self.lock()
            self.clear()
            return self

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing run, not locked.

        Raises:
            UsageError: There is no run.
        """
        if not (path / "recipe.toml").is_file():
            raise UsageError(f"{path} is not a run: it has no recipe.toml")
        return cls(path)

    def lock(self) -> None:
        """Become the one writer, until :meth:`close` or the end of the process."""
        taken = f"another process is training in {self.path}"
        self._lock = lock_file(self.path / LOCK, taken)
        remove_unfinished(self.path)

    def clear(self) -> None:
        """Remove the files of a run that ended before its first checkpoint."""
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:  # which this process holds
                path.unlink()

    def close(self) -> None:
        """Close the logs and release the lock."""
        for lines in self._logs.values():
            lines.close()
        self._logs.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -------------------------------------------------------------- logs

    def append(self, log: str, record: Mapping[str, Any] | Sequence[Any]) -> None:
        """Add a line to a log; the system has it when this returns, the disk at a checkpoint.

        Raises:
            InfrastructureError: The line cannot be written; the log is as it was.
        """
        if log not in self._logs:
            self._logs[log] = JsonLines(self.path / log)
        self._logs[log].append(compact_json(record), sync=False)

    def positions(self) -> dict[str, int]:
        """Put every log on the disk, and return their lengths in bytes, for a checkpoint.

        Raises:
            InfrastructureError: A log cannot be written to the disk.
        """
        sizes = {}
        for log in LOGS:
            path = self.path / log
            if log in self._logs:
                sizes[log] = self._logs[log].sync()
            else:
                sizes[log] = path.stat().st_size if path.exists() else 0
        return sizes

    def state_dict(self) -> dict[str, dict[str, Any]]:
        """The logs as a checkpoint records them: :meth:`positions`, and a hash up to there.

        Raises:
            InfrastructureError: A log cannot be written to the disk or read.
        """
        positions = self.positions()
        hashes = {log: self._hash(log, end) for log, end in positions.items() if end}
        return {"logs": positions, "log_hashes": hashes}

    def changed_logs(self, state: Mapping[str, Any]) -> list[str]:
        """The logs that were changed since a checkpoint; shorter ones are left to :meth:`rewind`.

        Args:
            state: The :meth:`state_dict` of the checkpoint.

        Raises:
            DataError: One of their lines is no JSON, so that nothing could be reported of the run.
        """
        changed = []
        for log, known in state.get("log_hashes", {}).items():  # older versions wrote none
            path, end = self.path / log, state["logs"].get(log, 0)
            if path.exists() and path.stat().st_size >= end and self._hash(log, end) != known:
                _check_lines(path, end)
                changed.append(log)
        return changed

    def _hash(self, log: str, end: int) -> str:
        known = self._hashes.get(log)
        if known is None or known.end > end:
            known = self._hashes[log] = _Hash(self.path / log)
        return known.up_to(end)

    def rewind(self, positions: Mapping[str, int], *, superseded: bool = True) -> int:
        """Truncate the logs to *positions*; the lines beyond are moved into superseded.jsonl.

        Args:
            positions: Bytes to keep of each log.
            superseded: Whether those lines are kept there: not where they are written once more.

        Returns:
            How many lines were set aside.

        Raises:
            DataError: A log is shorter than the checkpoint says.
        """
        self.check_positions(positions)
        moved = 0
        for log in LOGS:
            path, keep = self.path / log, positions.get(log, 0)
            size = path.stat().st_size if path.exists() else 0
            if size > keep and superseded:
                moved += self.set_aside(log, keep)
            elif size > keep:
                os.truncate(path, keep)
        return moved

    def check_positions(self, positions: Mapping[str, int]) -> None:
        """Check that no log is shorter than a checkpoint says.

        Raises:
            DataError: One is.
        """
        for log in LOGS:
            path, keep = self.path / log, positions.get(log, 0)
            size = path.stat().st_size if path.exists() else 0
            if size < keep:
                raise DataError(
                    f"{path} has {size} bytes, its checkpoint knows {keep}",
                    hint="the log was cut or replaced; resume from a copy of the whole directory",
                )

    def set_aside(self, log: str, keep: int) -> int:
        """Truncate a log to *keep* bytes, and move the lines beyond into superseded.jsonl.

        Returns:
            How many lines were moved.
        """
        path = self.path / log
        with path.open("rb+") as stream:
            stream.seek(keep)
            # by bytes: text may hold characters that splitlines() takes for the end of a line
            lines = [line.decode("utf-8", "replace") for line in stream.read().split(b"\n") if line]
            with closing(JsonLines(self.path / "superseded.jsonl")) as superseded:
                for line in lines:
                    superseded.append(compact_json({"log": path.name, "line": line}), sync=False)
                superseded.sync()
            # last: a kill before it costs a second copy of the lines, and none of them
            stream.truncate(keep)
            os.fsync(stream.fileno())
        sync_directory(self.path)
        return len(lines)

    def read_log(self, log: str) -> Iterator[dict[str, Any]]:
        """The records of a log of objects, in order; nothing where it does not exist yet."""
        path = self.path / log
        if path.exists():
            for _, record in read_lines(path):
                yield record

    def write_json(self, name: str, value: Any) -> None:
        """Replace a JSON file of the run at once."""
        write_atomic(self.path / name, json.dumps(value, indent=1, ensure_ascii=False) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run; empty where it is missing or no object."""
        path = self.path / name
        value = read_json(path) if path.exists() else {}
        return value if isinstance(value, dict) else {}


class _Hash:
    """SHA-256 of the beginning of a file that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sum = hashlib.sha256()
        self.end = 0

    def up_to(self, end: int) -> str:
        """The hash of the first *end* bytes, which is no less than at the last call."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self.end)
                while self.end < end and (block := stream.read(min(_BLOCK, end - self.end))):
                    self._sum.update(block)
                    self.end += len(block)
        except OSError as error:
            raise InfrastructureError(
                f"cannot read {self._path}: {error.strerror or error}", hint="check the disk"
            ) from error
        return self._sum.hexdigest()


def describe_changed_logs(logs: Sequence[str]) -> str:
    """The warning of a run whose logs were changed."""
    names = " and ".join(logs)
    return f"{names}: changed after the last checkpoint was written; figures may be wrong"


def _check_lines(path: Path, end: int) -> None:
    """Raise ``DataError`` for a line of the first *end* bytes that is no JSON."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                json.loads(line)
            except ValueError as error:
                raise DataError(
                    f"{path} was changed after it was written: line {number} is not valid JSON",
                    hint="put the file back from a copy, then resume",
                ) from error
            if stream.tell() >= end:
                return


def _refuse_taken(path: Path) -> None:
    """Raise unless the folder is empty, or holds only files from before a first checkpoint."""
    try:
        # an open feed makes its journal last, so that an empty one belongs to a beginning too
        names = {
            item.name
            for item in path.iterdir()
            if item.name != "journal.jsonl" or item.stat().st_size
        }
    except OSError as error:
        raise cannot_write(path, error) from error
    begun = list_checkpoints(path / "checkpoints")
    if begun or not all(map(_is_startup_file, names)):
        hint = f"go on with it: scaler run --resume {path}" if begun else "it is not ours"
        raise UsageError(
            f"{path} is not empty", hint=f"{hint}; or name another folder with --run-dir"
        )


def _is_startup_file(name: str) -> bool:
    """Whether a run writes a file of this name before its first checkpoint, whole or in part."""
    return name == LOCK or any(
        name == known or name.startswith(f".{known}.") for known in BEFORE_FIRST_CHECKPOINT
    )
