"""The stream for people, stderr, as something that may go away or stand still at any time.

::

    note, progress, warnings  -->  Display  --queue-->  thread  -->  stderr
                                                                     a terminal that was closed, a
                                                                     pipe that nobody reads: dropped
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

PATIENCE_S = 1.0
"""Seconds for which a flush waits for the reader; from then on nobody waits until it has read."""
MOST_WAITING = 1_000_000
"""Characters that may wait for the reader; what comes on top of them is dropped."""


class Display(io.TextIOBase):
    """A text stream whose writes never fail and never wait long.

    Threads may share it.

    Args:
        stream: Where the text goes. It is not closed.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._texts: deque[str] = deque()
        self._waiting = 0
        self._late = self._gone = False
        self._changed = threading.Condition()
        threading.Thread(target=self._pass_on, name="scaler-display", daemon=True).start()

    def write(self, text: str) -> int:
        """Pass *text* on, or drop it where nobody reads."""
        with self._changed:
            if not self.closed and not self._gone and self._waiting < MOST_WAITING:
                self._texts.append(text)
                self._waiting += len(text)
                self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Wait until the reader has everything, but not for one that stands still."""
        with self._changed:
            if not self._late and not self._changed.wait_for(self._drained, PATIENCE_S):
                self._late = True

    def close(self) -> None:
        """Flush, and let the thread end."""
        if not self.closed:
            self.flush()
            super().close()
            with self._changed:
                self._changed.notify_all()

    def writable(self) -> bool:
        """Text can be written."""
        return True

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream behind it."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream behind it."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How the stream behind it treats characters that it cannot encode."""
        return self._stream.errors

    def _drained(self) -> bool:
        return self._gone or not self._waiting

    def _pass_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._texts or self.closed)
                if not self._texts:
                    return
                text = "".join(self._texts)
                self._texts.clear()
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # the reader has left, or the stream was closed
                with self._changed:
                    self._gone = True
                    self._changed.notify_all()
                return
            with self._changed:
                self._waiting -= len(text)
                if not self._waiting:
                    self._late = False
                self._changed.notify_all()


@contextmanager
def unbreakable_stderr() -> Iterator[None]:
    """Whatever is printed on stderr, for people, costs no command its work."""
    stream = sys.stderr
    sys.stderr = display = Display(stream)
    try:
        yield
    finally:
        display.close()
        sys.stderr = stream


def hold_standard_streams() -> None:
    """Give a process that was started with closed streams some that lead nowhere.

    A file that is opened later would get the free number, and be written to by libraries that
    print there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - for good
