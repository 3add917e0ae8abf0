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
from scaler_core.sandbox import descriptors
from scaler_core.sandbox.container import SYSTEM_ONLY, View
from scaler_core.sandbox.guard import system, wire
from scaler_core.sandbox.outcome import Facts

START_S = 60.0  # until a server must have answered, the CPU limit for compiling left out
ANSWER_S = 60.0  # what a loaded machine may add to the limits of a batch
TICK_S = 0.02
CREDENTIALS = struct.Struct("3i")  # process, user, group
LONGEST_ANSWER = max(wire.MOST_RUNS * wire.RUN.size, wire.ERROR_BYTES)


class ServerLost(Exception):
    """The server ended or hung without an answer; its batch has to be run by another one.

    Attributes:
        begun: Whether it had begun with the batch, which so may be to blame.
    """

    begun = False


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

    def set_up(
        self, filters: tuple[bytes, bytes], has_ruleset: bool, limits: Limits, keeper: int
    ) -> None:
        """Send the filters without and with threads, and wait until the server is ready.

        Args:
            filters: The filters without and with threads.
            has_ruleset: Whether it has Landlock rules.
            limits: Limits of compiling a Python source.
            keeper: A descriptor of the process that starts it: where that ends, nobody may ever
                answer.

        Raises:
            NotServed: The program does not compile; the message is the server's.
            ServerLost: The server or its keeper ended, or does not answer.
        """
        plain, threaded = filters
        header = wire.SETUP.pack(
            math.ceil(limits.cpu_s), has_ruleset, limits.memory_bytes, len(plain), len(threaded)
        )
        try:
            self._control.send(header + plain + threaded)
            deadline = time.monotonic() + limits.cpu_s + START_S
            answer = self._receive(deadline, keeper=keeper)
        except OSError as error:
            raise ServerLost(str(error)) from error
        if answer != b"\0":
            raise NotServed(answer.decode(errors="replace"))

    def run(self, inputs: Sequence[bytes], limits: Limits) -> list[Facts]:
        """Run a batch; returns the facts of each run.

        Raises:
            ServerLost: No answer came.
        """
        files: list[int] = []
        try:
            for content in (inputs, ()):
                files.append(system.nameless_file())
                for data in content:
                    system.write_all(files[-1], data)
            # a generator's batch may be run twice: together, then each seed alone
            deadline = time.monotonic() + (len(inputs) + 1) * (limits.wall_s + 1) + ANSWER_S
            socket.send_fds(self._control, [_batch(inputs, limits)], files)
            watch = ThreadWatch(self._process, limits.processes)
            answer = self._receive(deadline, on_tick=watch.check)
            if len(answer) != len(inputs) * wire.RUN.size:
                raise ServerLost("the worker's answer is not whole")
            return list(_read_runs(answer, files[-1], limits, watch))
        except (OSError, ServerLost) as error:
            lost = error if isinstance(error, ServerLost) else ServerLost(str(error))
            lost.begun = len(files) == wire.BATCH_FILES and system.size_of(files[-1]) > 0
            raise lost from error
        finally:
            for file in files:
                os.close(file)

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

    def _receive(
        self, deadline: float, *, on_tick: Callable[[], None] | None = None, keeper: int = -1
    ) -> bytes:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        if keeper >= 0:
            poll.register(keeper, select.POLLIN)
        while True:
            now = time.monotonic()
            left = deadline - now if on_tick is None else min(TICK_S, deadline - now)
            ready = {file for file, _ in poll.poll(max(0.0, left) * 1000)}
            if self._control.fileno() in ready:
                break
            if ready:
                raise ServerLost("the worker's keeper ended")
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


def _batch(inputs: Sequence[bytes], limits: Limits) -> bytes:
    head = wire.BATCH.pack(
        len(inputs),
        math.ceil(limits.cpu_s),
        math.ceil(limits.wall_s * 1000),
        min(limits.open_files, descriptors.for_program()),
        int(limits.processes > 0),
        0,
        limits.memory_bytes,
        limits.output_bytes + 1,
    )
    return head + b"".join(wire.LENGTH.pack(len(data)) for data in inputs)


def _read_runs(answer: bytes, results: int, limits: Limits, watch: ThreadWatch) -> Iterator[Facts]:
    start = len(wire.BEGUN)
    for report in wire.RUN.iter_unpack(answer):
        status, flags, cpu_us, wall_us, kibibytes, answer_bytes, error_bytes = report
        # the watch does not know to which run a child belonged: it was one of those that were
        # killed, and not by the server
        if watch.exceeded and status == signal.SIGKILL and not flags:
            flags |= wire.PROCESS_LIMIT
        if max(answer_bytes, error_bytes) > limits.output_bytes:
            flags |= wire.OUTPUT_LIMIT
        output = system.read_file(results, start, min(answer_bytes, limits.output_bytes))
        start += len(output)
        error = system.read_file(results, start, min(error_bytes, wire.ERROR_BYTES))
        start += len(error)
        yield Facts(
            wait_status=status,
            flags=flags,
            cpu_s=cpu_us / 1e6,
            wall_s=wall_us / 1e6,
            memory_bytes=kibibytes << 10,
            output=output,
            error=error.decode(errors="replace"),
        )
