"""Writing a pool directory: shards line by line, then the index, then the manifest."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from scaler_core import __version__
from scaler_core.errors import DataError, ScalerError, UsageError
from scaler_core.jsonio import cannot_write, compact_json, sync_directory
from scaler_core.models import Environment
from scaler_core.pool.layout import (
    INDEX_FILE,
    MANIFEST_FILE,
    REPLACED_MARK,
    SHARD_PATTERN,
    STAGING_MARK,
    Index,
    IndexInfo,
    Manifest,
    ShardInfo,
    hidden_name,
    read_manifest,
    siblings,
)

SHARD_BYTES = 64 << 20


def write_pool(
    path: str | Path,
    environments: Iterable[Environment],
    *,
    overwrite: bool = False,
    shard_bytes: int = SHARD_BYTES,
    progress: Callable[[int], None] | None = None,
) -> Manifest:
    """Write *environments* as a pool directory; memory grows by an index row for each only.

    Args:
        path: Where the pool shall be.
        environments: Taken one by one; may read the very pool that is being replaced.
        overwrite: Replace a pool that is there. Anything but a pool is never replaced.
        shard_bytes: A new shard is begun when the next line would make it larger than this.
        progress: Called with the number of environments written, after each.

    Raises:
        UsageError: *path* exists and may not be replaced.
        DataError: Two environments have one id, or one cannot be written as JSON.
        InfrastructureError: The disk is full or *path* cannot be written. As after any other error,
            nothing is left behind.
    """
    target = Path(path).resolve()
    check_target(target, overwrite)
    with ExitStack() as stack:
        with _disk_errors(target):
            folder = stack.enter_context(staging_directory(target))
        files = stack.enter_context(closing(_PoolFiles(folder, shard_bytes)))
        for number, environment in enumerate(environments, start=1):
            with _disk_errors(target):
                files.add(environment)
            if progress is not None:
                progress(number)
        with _disk_errors(target):
            manifest = files.finish()
            check_target(target, overwrite)
            move_to_target(folder, target)
    return manifest


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Raise an ``OSError`` of the block as the error that names *target*."""
    try:
        yield
    except OSError as error:
        raise cannot_write(target, error) from error


class _Shard:
    """One shard while it is written. Methods raise ``OSError``."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.stream = file.open("xb")
        self.digest = hashlib.sha256()
        self.size = 0
        self.lines = 0

    def add(self, line: bytes) -> int:
        """Append *line*; returns the byte at which it starts."""
        offset = self.size
        self.stream.write(line)
        self.digest.update(line)
        self.size += len(line)
        self.lines += 1
        return offset

    def finish(self) -> ShardInfo:
        """Bring it to the disk; returns its entry in the manifest."""
        _close_durably(self.stream)
        return ShardInfo(
            file=self.file.name,
            environments=self.lines,
            bytes=self.size,
            sha256=self.digest.hexdigest(),
        )


class _PoolFiles:
    """The files of a pool in *folder* while they are written. Methods raise ``OSError``."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self.folder = folder
        self.shard_bytes = shard_bytes
        self.known: set[str] = set()
        self.columns: defaultdict[str, list[Any]] = defaultdict(list)
        self.finished: list[ShardInfo] = []
        self.shard: _Shard | None = None

    def add(self, environment: Environment) -> None:
        """Write one line and record its row of the index."""
        if environment.id in self.known:
            raise DataError(f"environment {environment.id!r} occurs twice", hint="rename one")
        self.known.add(environment.id)
        try:
            line = compact_json(environment.model_dump(mode="json")).encode() + b"\n"
        except ValueError as error:
            raise DataError(
                f"environment {environment.id!r} cannot be written as JSON: {error}"
            ) from None
        if self.shard is not None and self.shard.size + len(line) > self.shard_bytes:
            self._finish_shard()
        if self.shard is None:
            self.shard = _Shard(self.folder / f"environments-{len(self.finished):05d}.jsonl")
        row = {
            "id": environment.id,
            "name": environment.problem.name,
            "shard": len(self.finished),
            "offset": self.shard.add(line),
            "length": len(line),
            "sha256": hashlib.sha256(line).hexdigest(),
            "content_hash": environment.content_hash,
            "top_level": environment.top_level,
            "answer_type": environment.answer_type,
        }
        for name, value in row.items():
            self.columns[name].append(value)

    def finish(self) -> Manifest:
        """Write index and, last, manifest; all of it is on the disk afterwards."""
        self._finish_shard()
        index = Index.from_columns(self.columns)
        text = index.model_dump_json().encode()
        self._write(INDEX_FILE, text)
        manifest = Manifest(
            format="scaler-pool",
            schema_version=1,
            scaler_version=__version__,
            environments=len(index.id),
            content_hash=index.hash_of_all(),
            index=IndexInfo(bytes=len(text), sha256=hashlib.sha256(text).hexdigest()),
            shards=tuple(self.finished),
        )
        self._write(MANIFEST_FILE, (manifest.model_dump_json(indent=2) + "\n").encode())
        sync_directory(self.folder)
        return manifest

    def close(self) -> None:
        """Let go of the shard that is open, if one is."""
        if self.shard is not None:
            with suppress(OSError):  # what is buffered may not fit on the disk, and goes anyway
                self.shard.stream.close()

    def _finish_shard(self) -> None:
        if self.shard is not None:
            self.finished.append(self.shard.finish())
            self.shard = None

    def _write(self, name: str, content: bytes) -> None:
        with (self.folder / name).open("xb") as stream:
            stream.write(content)
            _close_durably(stream)


def _close_durably(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())
    stream.close()


def check_target(target: Path, overwrite: bool) -> None:
    """Raise ``UsageError`` where something is at *target* that may not be replaced."""
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise UsageError(
            f"{target} already exists",
            hint="choose another place, or replace it with --force (overwrite)",
        )
    if not _is_nothing_but_a_pool(target):
        raise UsageError(
            f"{target} is not replaced: it is not a pool, or holds other files too",
            hint="choose another place, or remove it yourself",
        )


@contextmanager
def staging_directory(target: Path) -> Iterator[Path]:
    """A new hidden directory beside *target*, removed at the end unless it was moved away.

    Leftovers of killed imports to *target* are removed first. Raises ``OSError``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    folder = target.parent / (hidden_name(target, STAGING_MARK) + secrets.token_hex(4))
    folder.mkdir()
    lock = os.open(folder, os.O_RDONLY)
    try:
        # held until this process ends: whoever can lock a leftover knows that its writer is dead
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def move_to_target(folder: Path, target: Path) -> None:
    """Put the finished *folder* in its place; a pool that is there goes. Raises ``OSError``.

    A kill between the two renames leaves the former pool whole under a hidden name, which the error
    for the missing pool shows.
    """
    replaced = None
    if target.exists():
        name = hidden_name(target, REPLACED_MARK) + secrets.token_hex(4)
        replaced = target.rename(target.parent / name)
    try:
        folder.rename(target)
    except OSError:
        if replaced is not None:
            replaced.rename(target)
        raise
    sync_directory(target.parent)
    for former in siblings(target, REPLACED_MARK):
        shutil.rmtree(former, ignore_errors=True)


def _is_nothing_but_a_pool(target: Path) -> bool:
    try:
        read_manifest(target)
        names = [entry.name for entry in target.iterdir()]
    except (ScalerError, OSError):
        return False
    ours = {MANIFEST_FILE, INDEX_FILE}
    return all(name in ours or re.match(SHARD_PATTERN, name) for name in names)


def _remove_leftovers(target: Path) -> None:
    """Remove what killed imports to *target* left: no living process holds their lock."""
    for leftover in siblings(target, STAGING_MARK):
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(leftover, ignore_errors=True)
            finally:
                os.close(handle)
