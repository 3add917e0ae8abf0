"""A box: one contained process tree, pinned to a core, with a warm server for each program."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
from collections import OrderedDict
from contextlib import ExitStack, suppress

from scaler_core.interfaces import Limits
from scaler_core.sandbox import landlock
from scaler_core.sandbox.confinement import Confinement
from scaler_core.sandbox.container import Container, View, kill, reap
from scaler_core.sandbox.guard import wire
from scaler_core.sandbox.interpreter import Interpreter
from scaler_core.sandbox.warm.server import Served, Server, ServerLost

START_S = 60.0
KEEPER_ENVIRONMENT = {"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1"}
"""The second: functions of libraries are looked up once, and not by each run. Programs do not see
it; the keeper removes it."""


class Box:
    """A contained process tree. Used by one thread at a time; any may call :meth:`interrupt`.

    Args:
        interpreter: Runs its keeper and, forked from that, Python programs.
        container: How the keeper starts.
        confinement: What binds the programs.
        core: Processor that it runs on; ``None`` for any.
        most_servers: Servers that it holds; beyond that the one used least recently ends.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        container: Container,
        confinement: Confinement,
        core: int | None,
        most_servers: int,
    ) -> None:
        self._interpreter = interpreter
        self._container = container
        self._confinement = confinement
        self._core = core
        self._most_servers = most_servers
        self._servers: OrderedDict[str, Server] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False
        self._keeper: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._keeper_file = -1

    def __contains__(self, digest: str) -> bool:
        return digest in self._servers

    def __len__(self) -> int:
        return len(self._servers)

    def server(self, program: Served, limits: Limits) -> Server:
        """Returns the server of a program, started now if need be.

        Args:
            program: The program that it serves.
            limits: Limits of compiling a Python source.

        Raises:
            NotServed: The program cannot be served.
            ServerLost: The box is broken; it starts anew with the next call.
        """
        known = self._servers.get(program.digest)
        if known is not None:
            self._servers.move_to_end(program.digest)
            return known
        server = self._start_server(program)
        filters = (
            self._confinement.filter(program.kind, threads=False),
            self._confinement.filter(program.kind, threads=True),
        )
        try:
            server.set_up(filters, not landlock.missing(), limits, self._keeper_file)
        except BaseException:
            server.close()
            raise
        self._servers[program.digest] = server
        while len(self._servers) > self._most_servers:
            self._servers.popitem(last=False)[1].close()
        return server

    def restart(self) -> None:
        """End all that is in the box; it starts anew with the next call."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        # taken out under the lock: interrupt() on another thread must not kill by the id of a
        # process that was waited for, which may be somebody else's by then
        with self._lock:
            keeper, self._keeper = self._keeper, None
            channel, self._socket = self._socket, None
            watched, self._keeper_file = self._keeper_file, -1
        if watched >= 0:
            os.close(watched)
        if channel is not None:
            channel.close()
        if keeper is not None:
            self._end(keeper)

    def interrupt(self) -> None:
        """Kill all that is in the box, for good; a call under way on another thread fails."""
        with self._lock:
            self._closed = True
            for server in list(self._servers.values()):
                server.interrupt()
            if self._keeper is not None:
                if self._socket is not None:
                    with suppress(OSError):
                        self._socket.shutdown(socket.SHUT_RDWR)
                self._end(self._keeper)

    def abandon(self) -> None:
        """Close this copy's descriptors, in a forked copy of the host; the parent goes on."""
        for server in self._servers.values():
            server.abandon()
        if self._socket is not None:
            self._socket.close()
        if self._keeper_file >= 0:
            os.close(self._keeper_file)
        if self._keeper is not None:
            self._keeper.returncode = 0  # the parent's child: this copy must neither wait nor warn

    def _end(self, keeper: subprocess.Popen[bytes]) -> None:
        """End a keeper that was hung up, and with it all that it has started."""
        # one in the host's namespaces is waited for first: killed, it would leave its children to
        # whoever reaps orphans, and in a container without an init that is nobody
        if not self._container.shows_host:
            kill(keeper, self._container)
        reap(keeper)

    def _start_server(self, program: Served) -> Server:
        keeper = self._socket or self._start_keeper()
        ours, theirs = _socket_pair()
        file = -1
        try:
            file = program.open()
            with self._confinement.ruleset(program.kind, program.view) as ruleset:
                descriptors = [theirs.fileno(), file] + ([ruleset] if ruleset >= 0 else [])
                socket.send_fds(keeper, [wire.START.pack(program.kind)], descriptors)
            return Server(ours)
        except BaseException as error:
            ours.close()
            if isinstance(error, OSError):
                raise ServerLost(f"the worker cannot start: {error}") from error
            raise
        finally:
            # with a copy left open here, the end of the server would go unnoticed
            theirs.close()
            if file >= 0:
                os.close(file)

    def _start_keeper(self) -> socket.socket:
        ours, theirs = _socket_pair()
        unshare = "unshare" if self._container.shows_host else "stay"
        core = -1 if self._core is None else self._core
        words = self._interpreter.words("keeper", str(core), unshare)
        command = self._container.command(
            [*words, self._container.guard_folder],
            View(self._interpreter.libraries),
            KEEPER_ENVIRONMENT,
            # not tied to the thread that starts it: others use the box later. The keeper ends when
            # the host's end of its socket closes.
            dies_with_caller=False,
        )
        with ExitStack() as stack:
            stack.enter_context(theirs)
            on_failure = stack.enter_context(ExitStack())
            on_failure.callback(ours.close)
            try:
                errors = stack.enter_context(tempfile.TemporaryFile())
            except OSError as error:
                raise ServerLost(f"a box cannot start: {error}") from error
            # started under the lock: interrupt() either finds the keeper, or comes first
            with self._lock:
                if self._closed:
                    raise ServerLost("the sandbox is closed")
                self._keeper = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    cwd="/",
                    env=KEEPER_ENVIRONMENT,
                    start_new_session=True,
                )
                self._socket = ours
                self._keeper_file = os.pidfd_open(self._keeper.pid)
            on_failure.pop_all()
            theirs.close()
            ours.settimeout(START_S)
            try:
                ready = ours.recv(16)
            except OSError:
                ready = b""
            if ready != b"ready":
                errors.seek(0)
                lines = errors.read().decode(errors="replace").strip().splitlines()
                self.restart()
                raise ServerLost(f"a box cannot start: {lines[-1] if lines else 'no answer'}")
        ours.settimeout(None)
        return ours


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    try:
        # keeps messages apart, unlike a stream, and reports a hang-up, unlike datagrams
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as error:
        raise ServerLost(f"no socket for a worker: {error}") from error
