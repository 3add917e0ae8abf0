"""The host's side of the plain way: starts a guard for each call, and collects its reports.

The guard runs all inputs of its call one after the other. Calls on several threads run side by
side and share nothing.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from scaler_core.interfaces import Limits, RunResult
from scaler_core.sandbox import descriptors
from scaler_core.sandbox.confinement import Confinement
from scaler_core.sandbox.container import SYSTEM_ONLY, Container, View, kill, reap
from scaler_core.sandbox.guard import system, wire
from scaler_core.sandbox.interpreter import Interpreter
from scaler_core.sandbox.outcome import Facts, judge

END_S = 1.0  # a guard that has answered ends by itself
ANSWER_S = 60.0  # what a loaded machine may add to a limit before the guard counts as stuck
# signals by which a source ends the guard that compiles it: the CPU limit, a crash of the compiler
BROKEN_BY_SOURCE = (-signal.SIGXCPU, -signal.SIGSEGV, -signal.SIGABRT)


@dataclass(frozen=True)
class Job:
    """A program or tool that is to run on each input.

    Attributes:
        kind: As in :mod:`scaler_core.sandbox.guard.wire`.
        program: Source, path of a compiled program, or a tool's words with NUL between them.
        environment: Environment of a tool; programs see none.
        hash_seed: The hash seed of a Python program.
        view: What it sees beside the system.
    """

    kind: int
    program: bytes
    environment: Mapping[str, str] = field(default_factory=dict)
    hash_seed: int = 0
    view: View = SYSTEM_ONLY


class GuardLost(Exception):
    """The guard ended or hung before it had answered."""


class Launcher:
    """Runs jobs under guards of one Python interpreter. Thread-safe.

    Args:
        interpreter: Runs the guards, and with them Python programs.
        container: How guards start.
        confinement: What binds the programs.
    """

    def __init__(
        self, interpreter: Interpreter, container: Container, confinement: Confinement
    ) -> None:
        self._interpreter = interpreter
        self._container = container
        self._confinement = confinement
        self._lock = threading.Lock()
        self._guards: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(self, job: Job, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        """Returns one result per input, in order; ``sandbox_failure`` where the machine failed."""
        folder = None
        try:
            folder = tempfile.mkdtemp(prefix="scaler-")
            with (
                # a file, not a pipe: the guard maps it, and keeps the mapping from its children
                tempfile.TemporaryFile() as request,
                tempfile.TemporaryFile() as errors,
                self._confinement.ruleset(job.kind, job.view) as ruleset,
            ):
                request.write(self._request(job, inputs, limits, ruleset).encode())
                request.seek(0)
                guard = self._start(folder, job, request, errors, ruleset)
                try:
                    results = self._collect(guard, errors, job, len(inputs), limits)
                    with suppress(subprocess.TimeoutExpired):
                        guard.wait(END_S)  # killed, it would take its children's times with it
                    return results
                finally:
                    self._end(guard)
        except (OSError, GuardLost) as error:
            return [sandbox_failure(str(error))] * len(inputs)
        finally:
            if folder is not None:
                remove_tree(folder)

    def close(self) -> None:
        """Kill every guard; calls under way return failures, and so do later ones."""
        with self._lock:
            self._closed = True
            for guard in self._guards:
                kill(guard, self._container)

    def abandon(self) -> None:
        """Forget the guards in a forked copy of the host: they are its parent's."""
        self._lock = threading.Lock()
        for guard in self._guards:
            guard.returncode = 0  # not waited for, nor warned of
        self._guards = set()

    def _request(
        self, job: Job, inputs: Sequence[bytes], limits: Limits, ruleset: int
    ) -> wire.Request:
        variables = "\0".join(f"{name}={value}" for name, value in job.environment.items())
        if job.kind != wire.GENERATOR:
            inputs = [with_newline(data) for data in inputs]
        number, threads = descriptors.for_program(), limits.processes > 0
        return wire.Request(
            kind=job.kind,
            host=os.getpid() if self._container.shows_host else 0,
            ruleset=ruleset,
            cpu_s=limits.cpu_s,
            wall_s=limits.wall_s,
            memory_bytes=limits.memory_bytes,
            output_bytes=limits.output_bytes,
            file_bytes=limits.file_bytes,
            processes=limits.processes,
            open_files=min(limits.open_files, number),
            program_file=number,
            program=job.program,
            environment=variables.encode(),
            filter=self._confinement.filter(job.kind, threads=threads, program_file=number),
            inputs=list(inputs),
        )

    def _start(
        self, folder: str, job: Job, request: IO[bytes], errors: IO[bytes], ruleset: int
    ) -> subprocess.Popen[bytes]:
        view = View((*self._interpreter.libraries, *job.view.readable), job.view.writable)
        environment = {"PYTHONHASHSEED": str(job.hash_seed)}
        command = self._container.command(
            [*self._interpreter.words("supervisor"), self._container.guard_folder],
            view,
            environment,
            dies_with_caller=True,
        )
        # started under the lock: close() either finds the guard in the set, or comes first
        with self._lock:
            if self._closed:
                raise GuardLost("the sandbox is closed")
            guard = subprocess.Popen(
                command,
                stdin=request,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=view.writable or folder,
                env=environment,
                pass_fds=[ruleset] if ruleset >= 0 else [],
                start_new_session=True,  # Ctrl-C is the host's, and the group is killed as a whole
            )
            self._guards.add(guard)
        return guard

    def _end(self, guard: subprocess.Popen[bytes]) -> None:
        # out of the set before it is waited for: afterwards its id may be another process's, and
        # close() kills by id
        with self._lock:
            self._guards.discard(guard)
            kill(guard, self._container)
        reap(guard)
        assert guard.stdout is not None
        guard.stdout.close()

    def _collect(
        self,
        guard: subprocess.Popen[bytes],
        errors: IO[bytes],
        job: Job,
        count: int,
        limits: Limits,
    ) -> list[RunResult]:
        assert guard.stdout is not None
        pipe = guard.stdout.fileno()
        results: list[RunResult] = []
        compiled = False
        try:
            if message := _read_compile_error(pipe, limits):
                return [RunResult(status="compile_error", error=message)] * count
            compiled = True
            while len(results) < count:
                results.append(judge(_read_facts(pipe, limits), limits, job.kind))
            return results
        except GuardLost as error:
            with suppress(subprocess.TimeoutExpired):
                guard.wait(END_S)  # it may have ended by itself, and how is the source's fault
            kill(guard, self._container)
            ended_by = reap(guard)
            if ended_by > system.SIGNALLED:  # how a PID 1 says by which signal its worker ended
                ended_by = system.SIGNALLED - ended_by
            if not compiled and ended_by in BROKEN_BY_SOURCE:
                message = f"compiling ended by {signal.Signals(-ended_by).name}"
                return [RunResult(status="compile_error", error=message)] * count
            failure = sandbox_failure(f"{error} {_last_line(errors)}".strip())
            return results + [failure] * (count - len(results))


def sandbox_failure(message: str) -> RunResult:
    """The result of an input that the sandbox itself could not run."""
    return RunResult(status="sandbox_failure", error=descriptors.explain(message))


def with_newline(data: bytes) -> bytes:
    """Returns *data* with a newline at its end, as programs expect stdin to have."""
    return data if data.endswith(b"\n") else data + b"\n"


def _read_compile_error(pipe: int, limits: Limits) -> str:
    deadline = time.monotonic() + limits.cpu_s + ANSWER_S
    (length,) = wire.FRAME.unpack(_read(pipe, wire.FRAME.size, deadline))
    return _read(pipe, length, deadline).decode(errors="replace")


def _read_facts(pipe: int, limits: Limits) -> Facts:
    deadline = time.monotonic() + limits.wall_s + ANSWER_S
    report = wire.REPORT.unpack(_read(pipe, wire.REPORT.size, deadline))
    status, flags, cpu_s, wall_s, kibibytes, output_length, error_length = report
    return Facts(
        wait_status=status,
        flags=flags,
        cpu_s=cpu_s,
        wall_s=wall_s,
        memory_bytes=kibibytes << 10,
        output=_read(pipe, output_length, deadline),
        error=_read(pipe, error_length, deadline).decode(errors="replace"),
    )


def _read(pipe: int, count: int, deadline: float) -> bytes:
    content = bytearray()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while len(content) < count:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise GuardLost("the guard does not answer")
        part = os.read(pipe, count - len(content))
        if not part:
            raise GuardLost("the guard ended early:")
        content += part
    return bytes(content)


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def remove_tree(folder: str) -> None:
    """Remove a folder that a program may have filled with anything."""
    try:
        for name in os.listdir(folder):
            os.rmdir(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:  # not just empty folders; these two cope with any depth and permission
        for command in (["chmod", "-R", "u+rwx", "--", folder], ["rm", "-rf", "--", folder]):
            with suppress(OSError):
                subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
