"""A pool directory comes to its place whole or not at all: written beside it, then renamed.

::

    .my-pool.importing-1f3a/   shards -> index -> manifest, then one rename -> my-pool/

A kill leaves that hidden directory, which says what it is and goes with the next import.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scaler_core.errors import ScalerError, UsageError
from scaler_core.jsonio import sync_directory
from scaler_core.pool.layout import (
    INDEX_FILE,
    MANIFEST_FILE,
    REPLACED_MARK,
    SHARD_PATTERN,
    STAGING_MARK,
    hidden_name,
    read_manifest,
    siblings,
)


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

    What killed imports to *target* left is removed first. Raises ``OSError``.
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
    for the missing pool tells.
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
