"""One native worker, seen from the host: start it, call it with a deadline, kill it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

LOAD_S = 300.0
LONGEST_ANSWER = 64 << 20


class WorkerError(Exception):
    """The environment's code raised, or could not be loaded; the worker lives on."""


class WorkerLimit(Exception):
    """A call hit its limit; the worker is dead."""


class WorkerLost(Exception):
    """The worker died during a call."""


class NativeProcess:
    """A worker process, for one thread at a time.

    Args:
        hash_seed: The hash seed of its Python.

    Attributes:
        cpu_s: CPU seconds of all calls that it answered, without loading environments.
    """

    def __init__(self, hash_seed: int = 0) -> None:
        # pipes of their own: whatever the environment's code prints goes to stdout and is lost
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "scaler_core.factory.native_worker",
                    str(request_end),
                    str(answer_end),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
                pass_fds=(request_end, answer_end),
                start_new_session=True,  # so that kill() reaches whatever the worker starts
            )
        except OSError:
            os.close(self._requests)
            os.close(self._answers)
            raise
        finally:
            # the worker has its own copies; with ours open its death would never end our reading
            os.close(request_end)
            os.close(answer_end)
        self.cpu_s = 0.0
        self._loaded: set[str] = set()
        self._open = True

    def call(self, environment: str, wall_s: float, **request: Any) -> Any:
        """The answer to *request*, for an environment named ``module:qualname``.

        Raises:
            WorkerError: The environment's code raised.
            WorkerLimit: No answer within *wall_s* seconds, or CPU time ran out.
            WorkerLost: The worker ended otherwise.
        """
        if environment not in self._loaded:
            load = {"call": "load", "environment": environment, "path": sys.path}
            before = self.cpu_s
            try:
                self._ask(load, LOAD_S)
            except WorkerError as error:
                raise WorkerError(f"cannot be loaded: {error}") from None
            finally:
                self.cpu_s = before  # importing a library is no cost of an instance
            self._loaded.add(environment)
        return self._ask({"environment": environment, **request}, wall_s)

    def kill(self) -> None:
        """End the worker and whatever it started. Safe to call from any thread."""
        # once it was waited for, its number may belong to another process
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the worker and close its pipes."""
        self.kill()
        self._process.wait()
        if self._open:
            self._open = False
            os.close(self._requests)
            os.close(self._answers)

    def _ask(self, request: dict[str, Any], wall_s: float) -> Any:
        deadline = time.monotonic() + wall_s
        try:
            content = memoryview(json.dumps(request).encode() + b"\n")
            while content:
                content = content[os.write(self._requests, content) :]
            answer = json.loads(self._read_line(deadline))
        except BrokenPipeError:
            raise self._lost() from None
        self.cpu_s += answer["cpu_s"]
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["result"]

    def _read_line(self, deadline: float) -> bytes:
        line = bytearray()
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        while not line.endswith(b"\n"):
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise WorkerLimit("no answer in time")
            part = os.read(self._answers, 1 << 16)
            if not part:
                raise self._lost()
            line += part
            if len(line) > LONGEST_ANSWER:
                raise WorkerLimit(f"an answer of more than {LONGEST_ANSWER} bytes")
        return bytes(line)

    def _lost(self) -> WorkerLimit | WorkerLost:
        """Why the pipe is closed: the worker has ended, or given up its end of the pipe."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return WorkerLost("the worker closed its pipe")
        if code == -signal.SIGXCPU:
            return WorkerLimit("too much CPU time")
        ended_by = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return WorkerLost(f"the worker ended by {ended_by}")
