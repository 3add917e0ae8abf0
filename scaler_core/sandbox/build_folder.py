"""A folder that one thread of one process at a time holds, until it releases it or dies.

The lock is on a file in the folder, so it ends with its holder's process: a folder that is not
locked was left by a dead holder. Works between machines where the file system has
``flock``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from scaler_core.sandbox.launch import remove_tree

LOCK = "lock"


class BuildFolder:
    """A folder that is held; apart from its lock it is empty at first.

    Args:
        path: The folder, made when needed; waits until nobody else holds it.

    Raises:
        OSError: It cannot be made or locked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                # exist_ok asks again whether it is there, and its last holder may have removed it
                with suppress(FileExistsError):
                    path.mkdir()
                self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:  # its last holder has removed the folder just now
                continue
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                if self.is_held():
                    _clear(path)
                    return
            except BaseException:
                os.close(self._lock)
                raise
            os.close(self._lock)

    def is_held(self) -> bool:
        """Whether the path still names this folder: others may have deleted and remade it."""
        return _is_lock_of(self.path, self._lock)

    def release(self) -> None:
        """Remove the folder, and let the next holder in."""
        _release(self.path, self._lock)


def sweep(path: Path) -> None:
    """Remove a folder that a dead process held; leave one that is still held."""
    try:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # removed, or just made by somebody who then makes it again
        with suppress(OSError):
            os.rmdir(path)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
    else:
        _release(path, lock)


def remove(folder: Path) -> None:
    """Remove a folder, whatever a tool has put into it."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        remove_tree(str(folder))


def _release(path: Path, lock: int) -> None:
    if _is_lock_of(path, lock):
        _clear(path)
        with suppress(OSError):
            os.unlink(path / LOCK)
            os.rmdir(path)  # not empty where the next holder is there already
    # unlocked explicitly: a forked copy of this process may still hold the descriptor
    fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def _is_lock_of(path: Path, lock: int) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), os.stat(path / LOCK))
    except FileNotFoundError:
        return False


def _clear(path: Path) -> None:
    for item in path.iterdir():
        if item.name != LOCK:
            remove(item)
