"""Checkpoints: feed and backend committed as one, or not at all.

A checkpoint is written beside its place as ``.step-N.partial``; the marker ``COMPLETE``, which
names every file with its size, is written last; then one rename makes it ``step-N``. A kill at any
moment leaves either no ``step-N`` or a whole one, and older ones go only after the commit.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaler_core.errors import DataError
from scaler_core.jsonio import cannot_write, compact_json, read_json, sync_directory, write_atomic

MARKER = "COMPLETE"
FEED_FILE = "feed.json"
BACKEND_FOLDER = "backend"
_NAME = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint on disk."""

    step: int
    path: Path

    @property
    def backend(self) -> Path | None:
        """The backend's files; ``None`` before the first step, when there are none."""
        folder = self.path / BACKEND_FOLDER
        return folder if folder.is_dir() else None

    def read(self) -> dict[str, Any]:
        """The *state* that :func:`write_checkpoint` was called with.

        Raises:
            DataError: The file was changed after the commit.
        """
        path = self.path / FEED_FILE
        marker = read_json(self.path / MARKER)
        if hashlib.sha256(path.read_bytes()).hexdigest() != marker.get("sha256"):
            raise DataError(
                f"{path} was changed after it was written",
                hint=f"remove {self.path} to go on from the checkpoint before it",
            )
        state: dict[str, Any] = read_json(path)
        return state


def write_checkpoint(
    folder: Path,
    step: int,
    state: Mapping[str, Any],
    save_backend: Callable[[Path], None] | None,
    keep: int,
    scores: Mapping[int, float] | None = None,
) -> Checkpoint:
    """Commit a checkpoint and prune the older ones.

    Args:
        folder: The run's folder of checkpoints.
        step: The step that it follows.
        state: Feed state and positions of the logs, as JSON.
        save_backend: Writes the backend's files into the folder it is given.
        keep: Whole checkpoints to keep, the new one included.
        scores: The score of each evaluated step; see :func:`prune`.

    Raises:
        InfrastructureError: It cannot be written; the older ones are untouched.
    """
    final, partial = folder / f"step-{step}", folder / f".step-{step}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        if save_backend is not None:
            (partial / BACKEND_FOLDER).mkdir()
            save_backend(partial / BACKEND_FOLDER)
        text = compact_json(state).encode()
        (partial / FEED_FILE).write_bytes(text)
        # the marker promises whole files, so they are on the disk before it is written
        files = _sync_files(partial)
        marker = {"step": step, "sha256": hashlib.sha256(text).hexdigest(), "files": files}
        (partial / MARKER).write_text(compact_json(marker), encoding="utf-8")
        _sync_files(partial)
        # a damaged one, from which no run resumes: a rename needs its place empty
        if final.exists():
            shutil.rmtree(final)
        partial.rename(final)
        sync_directory(folder)
        # only now: a kill before the rename must find the older ones
        prune(folder, keep, scores)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise cannot_write(final, error) from error
    except BaseException:  # of the backend's own saving, or Ctrl-C in it
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Checkpoint(step, final)


def list_checkpoints(folder: Path) -> list[Checkpoint]:
    """The whole checkpoints, oldest first; damaged ones are left out."""
    if not folder.is_dir():
        return []
    found = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and _is_whole(path):
            found.append(Checkpoint(int(match[1]), path))
    return sorted(found, key=lambda item: item.step)


def damaged_after(folder: Path, step: int) -> list[str]:
    """The damage of each checkpoint newer than *step*, a line each, the oldest first."""
    found = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and int(match[1]) > step:
            found.append((int(match[1]), f"checkpoint {path} is damaged: {_damage(path)}"))
    return [line for _, line in sorted(found)]


def latest_checkpoint(folder: Path) -> Checkpoint:
    """The whole checkpoint to resume from.

    Raises:
        DataError: There is none: a resume never silently starts afresh.
    """
    found = list_checkpoints(folder)
    if not found:
        raise DataError(
            f"no whole checkpoint in {folder}",
            hint="the run cannot be resumed; start a new one with the recipe in its directory",
        )
    return found[-1]


def best_of(checkpoints: Iterable[Checkpoint], scores: Mapping[int, float]) -> Checkpoint | None:
    """The checkpoint of the highest score, the earliest of equals; only those that hold a model."""
    scored = [item for item in checkpoints if item.step in scores and item.backend is not None]
    return max(scored, key=lambda item: (scores[item.step], -item.step), default=None)


def prune(folder: Path, keep: int, scores: Mapping[int, float] | None = None) -> None:
    """Remove all but the newest *keep* whole checkpoints, and partial ones that a kill left.

    The checkpoint of the highest score stays too.

    Args:
        folder: The run's folder of checkpoints.
        keep: How many newest ones stay.
        scores: The score of each evaluated step.
    """
    whole = list_checkpoints(folder)
    kept = whole[-keep:]
    best = best_of(whole, scores or {})
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if path.name.endswith(".partial"):
            shutil.rmtree(path, ignore_errors=True)
        # newer ones stay even if they are damaged: the next save of that step replaces them
        elif match and kept and int(match[1]) < kept[0].step:
            if best is not None and path == best.path:
                continue
            # without its marker it is no checkpoint any more, however far the removal comes
            (path / MARKER).unlink(missing_ok=True)
            shutil.rmtree(path, ignore_errors=True)


def _is_whole(path: Path) -> bool:
    return not _damage(path)


def _damage(path: Path) -> str:
    """The damage of the checkpoint in *path*; empty where it is whole."""
    # by size alone: hashing weights of many gigabytes would make each listing slow
    try:
        for name, size in read_json(path / MARKER)["files"].items():
            found = (path / name).stat().st_size
            if found != size:
                return f"{name} has {found} bytes instead of {size}"
    except OSError as error:
        return f"{Path(error.filename).relative_to(path)}: {error.strerror}"
    except DataError as error:
        return error.message
    except (KeyError, TypeError, AttributeError):
        return f"{MARKER} is not what was written"
    return ""


def _sync_files(folder: Path) -> dict[str, int]:
    """Put every file of *folder* on the disk, and return their sizes in bytes."""
    sizes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_directory(path)  # a file's own sync does not save its name
            continue
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    sync_directory(folder)
    return sizes


POINTER = "best.json"


def point_to_best(folder: Path, metric: str, scores: Mapping[int, float]) -> None:
    """Bring ``best.json`` up to date.

    Args:
        folder: The run's folder of checkpoints.
        metric: The figure that decides.
        scores: Its value after each step that was evaluated.

    Raises:
        InfrastructureError: It cannot be written.
    """
    best = best_of(list_checkpoints(folder), scores)
    path = folder / POINTER
    if best is None:
        path.unlink(missing_ok=True)
        return
    record = {
        "schema_version": 1,
        "step": best.step,
        "checkpoint": best.path.name,
        "metric": metric,
        "value": scores[best.step],
    }
    text = json.dumps(record, indent=1) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)


def best_checkpoint(folder: Path) -> Checkpoint | None:
    """The whole checkpoint that ``best.json`` names; ``None`` where there is none."""
    try:
        step = read_json(folder / POINTER)["step"]
    except (DataError, KeyError, TypeError):
        return None
    return next((item for item in list_checkpoints(folder) if item.step == step), None)
