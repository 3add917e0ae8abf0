"""Signals that ask a command to end: of Ctrl-C, of a scheduler, and of a terminal that is closed.

::

    any command      the signal raises Stopped, with-blocks clean up, exit code 128 + signal
    run and synth    the first asks for a stop in good order, the second raises Stopped;
                     a step that cannot hear it, deep in a library, is left GRACE_S later
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType

from scaler_core.cli.output import note

SENTENCES = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "ended because its terminal was closed",
}
"""The signals, and the last line of a command that one of them ended."""

GRACE_S = 3.0
"""Seconds from the second signal to the end of a process that does not obey it."""


class Stopped(KeyboardInterrupt):
    """A signal asks for the end at once.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(SENTENCES[signal.Signals(number)])
        self.exit_code = 128 + number


@dataclass
class Stop:
    """Whether a stop was asked for.

    Attributes:
        number: The first signal; ``None`` before it.
    """

    number: int | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a command that obeyed: 0 where nobody asked."""
        return 128 + self.number if self.number else 0


@contextmanager
def stops_raise() -> Iterator[None]:
    """The signals raise :class:`Stopped`, so that what is temporary goes; a second one kills.

    Only Ctrl-C raises again, as often as a person likes.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

    with _handled_by(handle):
        yield


@contextmanager
def first_stop_asks(ask: Callable[[], None], stopping: str) -> Iterator[Stop]:
    """The first signal calls *ask* and says so, the second raises :class:`Stopped`.

    Args:
        ask: Asks for a stop in good order; it may be called in the middle of anything.
        stopping: The kind of stop in words, such as ``stopping after this step``.
    """
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.number:
            raise Stopped(number)
        stop.number = number
        ask()
        note(f"{stopping}; Ctrl-C again stops at once")

    with _handled_by(handle), _left_if_deaf():
        yield stop


@contextmanager
def _handled_by(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return
    with ExitStack() as stack:
        for number in SENTENCES:
            # nohup, and shells that start something in the background, want some to be ignored
            if signal.getsignal(number) is not signal.SIG_IGN:
                stack.callback(signal.signal, number, signal.signal(number, handle))
        yield


@contextmanager
def _left_if_deaf() -> Iterator[None]:
    """End the process soon after a second signal, whatever its main thread is doing.

    Python calls its handlers between two instructions of the main thread, which may be minutes
    away while a library computes. The system notes each signal in a pipe at once, and another
    thread reads it. Nothing is lost by such an end: it is a kill, which all files survive.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    left = threading.Event()

    def watch() -> None:
        signals: list[int] = []
        while note := os.read(reader, 1):
            if note[0] in SENTENCES:
                signals.append(note[0])
            if len(signals) == 2 and not left.wait(GRACE_S):
                os._exit(128 + signals[1])
        os.close(reader)

    threading.Thread(target=watch, name="scaler-signals", daemon=True).start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(before)
        os.close(writer)
