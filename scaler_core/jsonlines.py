"""Append-only files of JSON lines: an acknowledged line survives a kill of the writer.

::

    {"key":"a","text":"..."}    whole lines: never changed, read back by their span
    {"key":"b","text":"..."}
    {"key":"c","te              a torn line, left by a kill: cut off before the next one is written
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.jsonio import cannot_write, sync_directory

_BLOCK = 1 << 20


class LineSpan(NamedTuple):
    """Where a line stands in its file.

    Attributes:
        offset: Its first byte.
        length: Its bytes, line end included.
    """

    offset: int
    length: int


class JsonLines:
    """An open file of JSON lines. Threads may share it; lines are not held in memory.

    Durability: a line is on the disk when :meth:`append` returns, or after the next :meth:`sync`.

    Writers: one process, which holds a lock of the file until it closes it or ends. Of a *shared*
    file several processes, which take turns line by line. Reading needs no lock.

    A kill at any moment costs the line that was being written and no other. Its beginning is cut
    off when the file is opened, and of a shared file before the next line is written.

    A write that fails leaves the file as it was.

    Args:
        path: The file; made where it is missing, in a folder that is there.
        shared: Several processes may write.
        remedy: The hint of the error for a damaged line.

    Attributes:
        path: The file.
        cut: Bytes of a torn last line that were cut off at opening.

    Raises:
        UsageError: Another process has the file; of any method: the file was closed.
        InfrastructureError: It cannot be opened or written.
    """

    def __init__(self, path: Path, *, shared: bool = False, remedy: str = "") -> None:
        self.path = path
        self._shared = shared
        self._remedy = remedy
        self._threads = threading.Lock()
        self._closed = False
        try:
            with ExitStack() as opened:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
                opened.callback(os.close, self._file)
                sync_directory(path.parent)
                if not shared:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with self._locked(fcntl.LOCK_EX):
                    _, self.cut = self._cut_torn_line()
                opened.pop_all()
        except BlockingIOError:
            raise UsageError(
                f"another process is writing {path}", hint="wait for it, or stop it"
            ) from None
        except (OSError, ValueError) as error:
            raise cannot_write(path, error) from error

    def append(self, text: str, *, sync: bool = True) -> LineSpan:
        """Write one line.

        Args:
            text: A JSON value on one line. Half of a surrogate pair, which no UTF-8 file can hold,
                is written as its JSON escape.
            sync: Return when the line is on the disk. Otherwise the system has it, so that it
                survives a kill of this process but no power cut.

        Raises:
            InfrastructureError: The disk is full or broken; the file is as it was.
        """
        assert "\n" not in text
        # the escape of JSON looks like Python's, and only text within quotes can need one
        line = text.encode("utf-8", "backslashreplace") + b"\n"
        try:
            with self._locked(fcntl.LOCK_EX):
                # a writer that was killed, or could not undo a failed write, may have left a torn
                # line: whoever holds the lock knows that nobody is still writing it
                end, _ = self._cut_torn_line()
                whole = False
                try:
                    self._write(line)
                    whole = True
                    if sync:
                        os.fsync(self._file)
                except BaseException as error:
                    # an interrupt may come between the two: a whole line is worth keeping then
                    if not whole or isinstance(error, OSError):
                        with suppress(OSError):
                            os.ftruncate(self._file, end)
                    raise
        except OSError as error:
            raise cannot_write(self.path, error) from error
        return LineSpan(end, len(line))

    def sync(self) -> int:
        """Put all lines on the disk, and return their length in bytes.

        Raises:
            InfrastructureError: The disk is full or broken.
        """
        try:
            with self._locked(fcntl.LOCK_SH):
                os.fsync(self._file)
                return self._end_of_lines()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def records(self, start: int = 0) -> Iterator[tuple[LineSpan, Any]]:
        """The JSON values of the lines, oldest first.

        Args:
            start: The first byte of the first line.

        Raises:
            DataError: A line is not JSON.
            InfrastructureError: The disk is broken.
        """
        for span, line in self.lines(start):
            yield span, self._value(span, line)

    def read(self, span: LineSpan) -> Any:
        """The JSON value of one line.

        Raises:
            DataError: The line is not JSON.
            InfrastructureError: The disk is broken.
        """
        return self._value(span, self._bytes(span.offset, span.length))

    def lines(self, start: int = 0) -> Iterator[tuple[LineSpan, bytes]]:
        """The whole lines that are there now, unparsed and without their line ends.

        Args:
            start: The first byte of the first line.

        Raises:
            InfrastructureError: The disk is broken.
        """
        with self._locked(fcntl.LOCK_SH):
            # a line that another process is writing may yet be undone; up to here nothing changes
            end = self._end_of_lines()
        pending = bytearray()  # of a line that goes on in the next block
        while (position := start + len(pending)) < end:
            block = self._bytes(position, min(_BLOCK, end - position))
            if not block:  # somebody cut the file
                return
            pending += block
            if b"\n" not in block:
                continue
            *whole, pending = pending.split(b"\n")
            for line in whole:
                span = LineSpan(start, len(line) + 1)
                yield span, bytes(line)
                start += span.length

    def damaged(self, span: LineSpan, reason: str) -> DataError:
        """The error for a damaged line, or one that does not belong into this file.

        Args:
            span: The line.
            reason: Its fault, as the end of a sentence: "holds no response".
        """
        before = takewhile(lambda line: line[0].offset < span.offset, self.lines())
        number = 1 + sum(1 for _ in before)
        return DataError(f"{self.path} line {number} {reason}", hint=self._remedy)

    def close(self) -> None:
        """Close the file, after a write under way, and let another process have it."""
        with self._threads:
            if not self._closed:
                self._closed = True
                # a process that another thread is starting holds the descriptor for a moment too
                with suppress(OSError):
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                os.close(self._file)

    @contextmanager
    def _locked(self, operation: int) -> Iterator[None]:
        """Hold the lock of threads, and of a shared file the ``flock`` that *operation* names."""
        with self._threads:
            if self._closed:
                raise UsageError(f"{self.path} is closed")
            if not self._shared:  # locked until it is closed
                yield
                return
            fcntl.flock(self._file, operation)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _cut_torn_line(self) -> tuple[int, int]:
        """Where the last whole line ends, and how many bytes behind it were cut off."""
        size, end = os.fstat(self._file).st_size, self._end_of_lines()
        if end < size:
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        return end, size - end

    def _end_of_lines(self) -> int:
        """Where the last whole line ends; the caller holds the lock."""
        end, step = os.fstat(self._file).st_size, 1
        while end > 0:
            start = max(0, end - step)
            newline = os.pread(self._file, end - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            # nearly always the last byte ends a line; behind a torn one it may be far away
            end, step = start, min(2 * step, _BLOCK)
        return 0

    def _bytes(self, offset: int, length: int) -> bytes:
        with self._threads:
            if self._closed:
                raise UsageError(f"{self.path} is closed")
            try:
                return os.pread(self._file, length, offset)
            except OSError as error:
                raise InfrastructureError(
                    f"cannot read {self.path}: {error.strerror or error}", hint="check the disk"
                ) from error

    def _value(self, span: LineSpan, line: bytes) -> Any:
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self.damaged(span, f"is not valid JSON: {error}") from error
