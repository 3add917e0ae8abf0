"""The journal of a synthesis: what each stage made of each problem, appended and never changed.

A line is on the disk before anybody relies on it. A kill in the middle of a line costs that line:
it is cut off when the journal is opened again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, JsonValue, ValidationError

from scaler_core.errors import DataError
from scaler_core.jsonio import cannot_write, sync_directory
from scaler_core.models import Record
from scaler_core.pool.entry import explain
from scaler_core.synthesis.records import Rejection, Stage

_BLOCK = 1 << 16


class ReplyUse(Record):
    """A reply of the model that a stage used.

    Attributes:
        hash: What it is known by in the cache of replies.
        prompt_tokens: Tokens that the endpoint counted in the request.
        reply_tokens: Tokens that it counted in the reply.
        cost: What that cost at the prices of the run, in their currency.
    """

    hash: str
    prompt_tokens: int = 0
    reply_tokens: int = 0
    cost: float = 0.0


class StageRecord(Record):
    """What one stage made of one problem.

    Attributes:
        problem: The problem's id.
        content: Hash of the problem as the stage saw it.
        settings: Digest of the settings of this stage and of those before it.
        stage: The stage.
        attempt: How often it had been tried before.
        outcome: ``reopened`` lets a rejected problem in again at the stage.
        rejection: Why it was rejected.
        value: What the stage made, as JSON.
        replies: Replies of the model that it used.
        seconds: How long it took.
    """

    problem: str
    content: str
    settings: str
    stage: Stage
    attempt: int = 0
    outcome: Literal["passed", "rejected", "reopened"]
    rejection: Rejection | None = None
    value: dict[str, JsonValue] = {}
    replies: tuple[ReplyUse, ...] = ()
    seconds: float = Field(default=0.0, ge=0)


class Place(NamedTuple):
    """Where a line stands: byte offset and length."""

    offset: int
    length: int


class Journal:
    """An open journal; only one process may have it.

    Args:
        path: The file; made where it is missing.

    Attributes:
        cut: Bytes of a torn last line that were cut off when it was opened.

    Raises:
        InfrastructureError: It cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with ExitStack() as opened:
                self._writer = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
                opened.callback(os.close, self._writer)
                self._reader = opened.enter_context(path.open("rb"))
                sync_directory(path.parent)
                self._end, self.cut = self._cut_torn_line()
                self._files = opened.pop_all()
        except OSError as error:
            raise cannot_write(path, error) from error

    def records(self) -> Iterator[tuple[Place, StageRecord]]:
        """All records, oldest first.

        Raises:
            DataError: A line is damaged.
        """
        self._reader.seek(0)
        offset = 0
        for number, line in enumerate(self._reader, start=1):
            yield Place(offset, len(line)), self._parsed(line, f"line {number}")
            offset += len(line)

    def read(self, place: Place) -> StageRecord:
        """The record at *place*; raises ``DataError`` where it is damaged."""
        self._reader.seek(place.offset)
        return self._parsed(self._reader.read(place.length), f"byte {place.offset}")

    def append(self, record: StageRecord) -> Place:
        """Write *record*; it is on the disk when this returns.

        Raises:
            InfrastructureError: The disk is full or broken; the journal is as it was.
        """
        line = record.model_dump_json(exclude_defaults=True).encode() + b"\n"
        place = Place(self._end, len(line))
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._writer, left) :]
            os.fsync(self._writer)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._writer, self._end)
            raise cannot_write(self._path, error) from error
        self._end += len(line)
        return place

    def close(self) -> None:
        """Close the file."""
        self._files.close()

    def _cut_torn_line(self) -> tuple[int, int]:
        """Where the last whole line ends, and how many bytes behind it were cut off."""
        size = end = self._reader.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _BLOCK)
            self._reader.seek(start)
            newline = self._reader.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._writer, end)
            os.fsync(self._writer)
        return end, size - end

    def _parsed(self, line: bytes, where: str) -> StageRecord:
        try:
            return StageRecord.model_validate_json(line)
        except ValidationError as error:
            raise DataError(
                f"{self._path} {where} is damaged: {explain(error)}",
                hint="restore it from a copy; without it all problems are done anew, from the "
                "replies that are kept",
            ) from None
