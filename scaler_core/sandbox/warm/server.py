"""The host's handle of one server: one program, ready to be forked for batch after batch."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaler_core.interfaces import Limits
from scaler_core.sandbox.container import SYSTEM_ONLY, View
from scaler_core.sandbox.guard import system, wire
from scaler_core.sandbox.outcome import Facts

START_S = 60.0  # until a server must have answered, the CPU limit for compiling left out
ANSWER_S = 60.0  # what a loaded machine may add to the limits of a batch
TICK_S = 0.02
CREDENTIALS = struct.Struct("3i")  # process, user, group
LONGEST_ANSWER = max(wire.MOST_RUNS * wire.RUN.size, wire.ERROR_BYTES)


class ServerLost(Exception):
    """The server ended or hung without an answer; its batch has to be run by another one."""


class NotServed(Exception):
    """The program cannot be served: its source does not compile under the limits."""


@dataclass(frozen=True)
class Served:
    """A program that a server can be started for.

    Attributes:
        digest: Its key.
        kind: As in :mod:`scaler_core.sandbox.guard.wire`.
        open: Returns a descriptor of its source or its binary, which the caller closes.
        view: Files that it must see beside the system.
    """

    digest: str
    kind: int
    open: Callable[[], int]
    view: View = SYSTEM_ONLY


@dataclass
class Streams:
    """The nameless files of one run."""

    request: int
    answer: int
    error: int

    def close(self) -> None:
        """Close the files, which frees their memory."""
        for descriptor in (self.request, self.answer, self.error):
            os.close(descriptor)


class Server:
    """A socket to a server, and the id of its process.

    Args:
        control: The host's end of the socket; the server holds the other end.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        # the kernel adds the sender's process id as the host sees it, which a server in a PID
        # namespace does not know itself
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._process = 0

    def set_up(self, filters: tuple[bytes, bytes], has_ruleset: bool, limits: Limits) -> None:
        """Send the filters without and with threads, and wait until the server is ready.

        Raises:
            NotServed: The program does not compile; the message is the server's.
            ServerLost: The server ended, or does not answer.
        """
        plain, threaded = filters
        header = wire.SETUP.pack(
            math.ceil(limits.cpu_s), has_ruleset, limits.memory_bytes, len(plain), len(threaded)
        )
        try:
            self._control.send(header + plain + threaded)
            answer = self._receive(time.monotonic() + limits.cpu_s + START_S, None)
        except OSError as error:
            raise ServerLost(str(error)) from error
        if answer != b"\0":
            raise NotServed(answer.decode(errors="replace"))

    def run(self, inputs: Sequence[bytes], limits: Limits) -> list[tuple[Facts, Streams]]:
        """Run a batch; returns facts and streams of each run, and the caller closes the streams.

        Raises:
            ServerLost: No answer came. All streams are closed then.
        """
        streams: list[Streams] = []
        try:
            for data in inputs:
                streams.append(_new_streams(data))
            # a generator's batch may be run twice: together, then each seed alone
            deadline = time.monotonic() + (len(inputs) + 1) * (limits.wall_s + 1) + ANSWER_S
            descriptors = [item for one in streams for item in (one.request, one.answer, one.error)]
            message = wire.BATCH.pack(
                len(inputs),
                math.ceil(limits.cpu_s),
                math.ceil(limits.wall_s * 1000),
                limits.open_files,
                int(limits.processes > 0),
                0,
                limits.memory_bytes,
                limits.output_bytes + 1,
            )
            socket.send_fds(self._control, [message], descriptors)
            watch = ThreadWatch(self._process, limits.processes)
            answer = self._receive(deadline, watch.check)
            if len(answer) != len(inputs) * wire.RUN.size:
                raise ServerLost("the worker's answer is not whole")
            reports = wire.RUN.iter_unpack(answer)
            return [
                (_facts(report, watch.exceeded), one)
                for report, one in zip(reports, streams, strict=True)
            ]
        except BaseException as error:
            for one in streams:
                one.close()
            if isinstance(error, OSError):
                raise ServerLost(str(error)) from error
            raise

    def interrupt(self) -> None:
        """Hang up from another thread: the server and its child end, and :meth:`run` raises."""
        # not closed: the thread in run() still uses the descriptor, whose number would be free
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up: the server and its child end."""
        self.interrupt()
        self._control.close()

    def abandon(self) -> None:
        """Close this copy's descriptor, in a forked copy of the host; the parent goes on."""
        # no shutdown, which would hang up for the parent too
        self._control.close()

    def _receive(self, deadline: float, on_tick: Callable[[], None] | None) -> bytes:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while True:
            now = time.monotonic()
            left = deadline - now if on_tick is None else min(TICK_S, deadline - now)
            if poll.poll(max(0.0, left) * 1000):
                break
            if now >= deadline:
                raise ServerLost("the worker does not answer")
            if on_tick is not None:
                on_tick()
        answer, ancillary, _, _ = self._control.recvmsg(
            LONGEST_ANSWER, socket.CMSG_SPACE(CREDENTIALS.size)
        )
        if not answer:
            raise ServerLost("the worker ended")
        for _, kind, data in ancillary:
            if kind == socket.SCM_CREDENTIALS and len(data) == CREDENTIALS.size:
                self._process = CREDENTIALS.unpack(data)[0]
        return answer


class ThreadWatch:
    """Kills children that start more threads than allowed; checks at every tick.

    The kernel's own limit counts a user's processes all over the machine, and root's not at all.

    Args:
        server: Process id of the server, as the host sees it; 0 where it is not known.
        allowed: Threads beside the first.
    """

    def __init__(self, server: int, allowed: int) -> None:
        self._server = server
        self._allowed = allowed
        self.exceeded = False

    def check(self) -> None:
        """Count the threads of the present children once."""
        for child in self._children():
            with contextlib.suppress(OSError):
                threads = len(os.listdir(f"/proc/{child}/task"))
                if threads > self._allowed + 1:
                    self.exceeded = True
                    os.kill(child, signal.SIGKILL)

    def _children(self) -> Iterator[int]:
        if self._server:
            with contextlib.suppress(OSError):
                listing = Path(f"/proc/{self._server}/task/{self._server}/children").read_text()
                yield from map(int, listing.split())


def _new_streams(data: bytes) -> Streams:
    descriptors: list[int] = []
    try:
        for content in (data, b"", b""):
            descriptors.append(system.nameless_file(content))
        return Streams(*descriptors)
    except OSError:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _facts(report: tuple[int, int, int, int, int], ended_for_threads: bool) -> Facts:
    status, seen, cpu_us, wall_us, kibibytes = report
    # the watch does not know to which run a child belonged: it was one of those that were killed,
    # and not by the server
    flags = wire.PROCESS_LIMIT if ended_for_threads and status == signal.SIGKILL and not seen else 0
    return Facts(
        wait_status=status,
        flags=seen | flags,
        cpu_s=cpu_us / 1e6,
        wall_s=wall_us / 1e6,
        memory_bytes=kibibytes << 10,
        output=b"",
        error="",
    )
