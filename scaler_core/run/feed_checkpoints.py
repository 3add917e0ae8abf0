"""The checkpoints of a feed: states between two calls, each with its place in the journal.

::

    checkpoints/step-500.json     named by the loop, kept until it is named again
    checkpoints/auto-40.json      the newest two of those that the feed makes by itself
        {"journal":81234,"sha256":"..."}      bytes of the journal that it stands for
        {"feed":{...},"requests":{...},...}   the state
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaler_core.errors import DataError, UsageError, unknown_name
from scaler_core.jsonio import compact_json, write_atomic

JOURNAL = "journal.jsonl"
AUTOMATIC = "auto-"
KEEP_AUTOMATIC = 2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class SavedState:
    """A checkpoint on disk: a line with its facts, and one with the state.

    Attributes:
        name: Its name.
        path: Its file.
        journal: Bytes of the journal that it stands for.
        digest: SHA-256 of the state's line.
    """

    name: str
    path: Path
    journal: int
    digest: str

    def read(self) -> dict[str, Any]:
        """The state.

        Raises:
            DataError: The file was changed, or cannot be read.
        """
        try:
            text = self.path.read_bytes().split(b"\n")[1]
            if hashlib.sha256(text).hexdigest() == self.digest:
                state: dict[str, Any] = json.loads(text)
                return state
        except (OSError, ValueError, IndexError, RecursionError):
            pass
        raise DataError(f"the checkpoint {self.path} is damaged")


class FeedCheckpoints:
    """The checkpoints in the directory of a feed; only the process that has its lock writes.

    Args:
        directory: The feed's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._folder = directory / "checkpoints"

    def names(self) -> list[str]:
        """Names that a feed can go back to, oldest first."""
        return [item.name for item in self._listed() if not item.name.startswith(AUTOMATIC)]

    def check_new(self) -> None:
        """Check that a feed may begin here.

        Raises:
            DataError: There are checkpoints of a feed whose journal is missing.
        """
        for path in self._folder.glob("*.json"):
            if path.stem != f"{AUTOMATIC}0":
                raise DataError(
                    f"{self._directory} has the checkpoint {path.name} and no {JOURNAL}",
                    hint="put the journal back from a copy, or name another folder",
                )

    def write(self, name: str, state: dict[str, Any], journal: int) -> None:
        """Keep *state*, which stands for *journal* bytes of the journal, as *name*.

        Raises:
            InfrastructureError: It cannot be written; an older one of that name is as it was.
        """
        # ASCII, because texts out of pools may hold what no UTF-8 can
        text = json.dumps(state, separators=(",", ":"))
        facts = {"journal": journal, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        write_atomic(self._folder / f"{name}.json", f"{compact_json(facts)}\n{text}\n")

    def choose(self, at: str | None) -> tuple[SavedState, dict[str, Any]]:
        """The checkpoint to go on from, and its state: the one called *at*, or the newest.

        Raises:
            UsageError: There is none called *at*.
            DataError: It is damaged, or none is whole.
        """
        listed = self._listed()
        if at is not None:
            for item in listed:
                if item.name == at:
                    return item, item.read()
            raise unknown_name("checkpoint", at, self.names(), where=f" of {self._directory}")
        for item in reversed(listed):
            # the journal has all calls: an older one and more of them lead to the same state
            with suppress(DataError):
                return item, item.read()
        raise DataError(f"{self._directory} has no whole checkpoint")

    def remove_older_automatic(self) -> None:
        """Remove all but the newest of those that the feed made by itself."""
        automatic = [item for item in self._listed() if item.name.startswith(AUTOMATIC)]
        for item in automatic[:-KEEP_AUTOMATIC]:
            item.path.unlink(missing_ok=True)

    def remove_undone(self) -> None:
        """Remove checkpoints of calls that were undone, also by a process that was killed at it."""
        listed = {item.path for item in self._listed()}
        for path in self._folder.glob("*.json"):
            if path not in listed and _saved(path) is not None:
                path.unlink()

    def _listed(self) -> list[SavedState]:
        """The checkpoints on the journal as it is, oldest first; their states were not read."""
        end = (self._directory / JOURNAL).stat().st_size
        found = map(_saved, self._folder.glob("*.json"))
        listed = [item for item in found if item is not None and item.journal <= end]
        return sorted(listed, key=lambda item: (item.journal, item.name))


def check_name(name: object) -> None:
    """Raise ``UsageError`` unless a loop may call a checkpoint *name*."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith(AUTOMATIC):
        raise UsageError(
            f"a checkpoint cannot be called {name!r}",
            hint=f"letters, digits, '.', '_' and '-', not beginning with {AUTOMATIC!r}",
        )


def _saved(path: Path) -> SavedState | None:
    """The checkpoint in *path*, of which the first line is read; ``None`` where it is none."""
    try:
        with path.open("rb") as stream:
            facts = json.loads(stream.readline(1000))
        return SavedState(path.stem, path, int(facts["journal"]), str(facts["sha256"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
