"""JSON and files that survive a kill: canonical text, atomic replacement, the lock of a writer."""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from scaler_core.errors import DataError, InfrastructureError, UsageError

_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")  # as write_atomic() names them


def canonical_json(value: Any) -> str:
    """The one JSON text of *value*: sorted keys, no spaces, ASCII. Equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def compact_json(value: Any) -> str:
    """One line of JSON in the given key order, readable beyond ASCII."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def strict_json(text: str | bytes) -> Any:
    """The JSON value in *text* of somebody else: no key twice in an object, no NaN or Infinity.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_distinct_keys, parse_constant=_no_constant)


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in result if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return result


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON value")


def sync_directory(folder: Path) -> None:
    """Make renames and new names in *folder* durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: str | bytes) -> None:
    """Replace *path* with *data*: after a kill at any moment the old or the new file is whole.

    Raises:
        InfrastructureError: The file cannot be written; nothing is left behind.
    """
    content = data.encode() if isinstance(data, str) else data
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files for their owner alone
        os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        raise cannot_write(path, error) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what :func:`write_atomic` leaves where it is killed, from *folder* and all below it.

    Only for who alone writes there.
    """
    for path in folder.rglob(".*"):
        if _UNFINISHED.fullmatch(path.name) and path.is_file():
            with suppress(OSError):
                path.unlink()


class _Lock(FileIO):
    """A locked file, unlocked when it is closed.

    To close it would not do: a process that another thread is starting holds the descriptor too,
    for a moment, and with it the lock.
    """

    def close(self) -> None:
        """Unlock and close; once is enough."""
        if not self.closed:
            with suppress(OSError):
                fcntl.flock(self, fcntl.LOCK_UN)
        super().close()


def lock_file(path: Path, taken: str) -> FileIO:
    """Hold the lock *path* until the handle is closed or the process ends.

    Args:
        path: A file for nothing else; it is made.
        taken: The message where another process holds it.

    Raises:
        UsageError: Another process holds it.
        InfrastructureError: It cannot be made.
    """
    try:
        handle = _Lock(path, "wb")
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise UsageError(taken) from None
    except OSError as error:
        handle.close()
        raise cannot_write(path, error) from error
    return handle


def cannot_write(path: Path, error: OSError | ValueError) -> InfrastructureError:
    """The error for a file that cannot be written, or a path that no file can have."""
    reason = getattr(error, "strerror", None) or error
    return InfrastructureError(
        f"cannot write {path}: {reason}",
        hint="check free space and permissions, or choose another folder",
    )


def read_json(path: Path) -> Any:
    """The JSON value in *path*.

    Raises:
        DataError: The file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error


def read_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The JSON values of a JSONL file with their line numbers, counted from 1.

    Raises:
        DataError: A line is not JSON; the message names the file and the line.
    """
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise DataError(f"{path} line {number} is not valid JSON: {error}") from error
