r"""Recorded replies: a folder of text files that programs write and people edit.

::

    replies/
      largest-value-extractor/    any name
        match.txt                 lines that must all be lines of the conversation
        1.md                      the first reply: exactly the text of the model
        2.md                      the second, in a conversation that goes on, and so on
      3f0c9a1be2d47788/           the hash of a conversation's opening: needs no match.txt
        1.md

A conversation that goes on beyond the last reply gets the last one again. Which reply is given
follows from the request alone, so a server that is started anew answers as the first one did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scaler_core.errors import DataError, UsageError
from scaler_core.jsonio import write_atomic
from scaler_core.testing.endpoint.replies import Reply
from scaler_core.testing.endpoint.requests import ChatRequest, conversation_hash

MARKS = "match.txt"


class NoRecording(DataError):
    """The folder holds no reply to a request; the server answers 400 with this line."""


class RecordedReplies:
    """Answers from the recordings below *folder*, read for each request: edits count at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, request: ChatRequest) -> Reply:
        """The reply to *request*.

        Raises:
            NoRecording: No folder fits, two do, or the one that fits is empty.
        """
        found = self._folder_of(request)
        replies = sorted(
            (path for path in found.glob("*.md") if path.stem.isdecimal()),
            key=lambda path: int(path.stem),
        )
        if not replies:
            raise NoRecording(f"the recording {found} holds no reply: 1.md is missing")
        chosen = replies[min(request.turn, len(replies)) - 1]
        return Reply(chosen.read_bytes().decode())  # to the letter, line ends included

    def _folder_of(self, request: ChatRequest) -> Path:
        opening = conversation_hash(request.opening)
        if (by_hash := self.folder / opening).is_dir():
            return by_hash
        fitting = [
            marks.parent
            for marks in sorted(self.folder.glob(f"*/{MARKS}"))
            if _fits(marks.read_text(encoding="utf-8"), request.text)
        ]
        if len(fitting) == 1:
            return fitting[0]
        beginning = " ".join(request.text.split())[:100]
        if fitting:
            names = " and ".join(path.name for path in fitting[:2])
            raise NoRecording(f"recordings {names} both fit {beginning!r}: add a mark to one")
        raise NoRecording(f"no recording in {self.folder} fits {opening}: {beginning!r}")


def _fits(marks: str, text: str) -> bool:
    # whole lines, so that the problem "Sum" is not taken for "Sum of squares"
    lines = {line.strip() for line in text.splitlines()}
    wanted = {line.strip() for line in marks.splitlines()} - {""}
    return bool(wanted) and wanted <= lines


def record_reply(folder: Path, name: str, replies: Sequence[str], marks: Sequence[str]) -> Path:
    """Write the *replies* of a conversation that is known by *marks*; returns its folder.

    Raises:
        UsageError: The name, the marks or the replies cannot be used.
    """
    if not name or name.startswith(".") or "/" in name or not replies:
        raise UsageError(f"a recording needs a plain name and a reply, but got {name!r}")
    lines = [mark.strip() for mark in marks]
    if not lines or any(len(line.splitlines()) != 1 for line in lines):
        raise UsageError(f"recording {name!r}: a mark is one line of the conversation")
    write_atomic(folder / name / MARKS, "".join(f"{line}\n" for line in lines))
    for number, text in enumerate(replies, start=1):
        write_atomic(folder / name / f"{number}.md", text)
    return folder / name


def record_turn(folder: Path, messages: Sequence[Mapping[str, Any]], text: str) -> Path:
    """Record a model's reply to *messages*, known by their hash; returns the file.

    Record each reply of a real endpoint, turn by turn, to have the folder replay the conversation.
    """
    request = ChatRequest({"messages": list(messages)})
    path = folder / conversation_hash(request.opening) / f"{request.turn}.md"
    write_atomic(path, text)
    return path
