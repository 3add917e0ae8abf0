"""Worker processes that compare LaTeX and can be killed, shared by all threads of a verifier."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

from scaler_core.errors import InfrastructureError

WORKER_SCRIPT: Final = Path(__file__).with_name("math_worker.py")

START_SECONDS = 120.0
WALL_SECONDS_PER_CPU_SECOND = 4.0
WALL_SECONDS_SPARE = 30.0

Finding = Literal["equal", "different", "unreadable truth", "limit", "lost truth", "lost"]
"""How a comparison ended: with a result; with a truth that cannot be read; at the CPU limit of the
answer; or with a worker that died over the truth or over the answer."""

FINDINGS_KEPT: Final = 2048
"""Pairs whose finding is remembered, more than a usual step has."""


class Worker:
    """One worker process. Not thread-safe: :class:`WorkerPool` lends it to one thread at a time.

    Raises:
        InfrastructureError: The process cannot be started or lacks math-verify.
    """

    def __init__(self, cpu_seconds: float, memory_bytes: int, script: Path = WORKER_SCRIPT) -> None:
        # wide, because CPU time decides: the same answer must not be refused on a busy machine
        self._wall_seconds = WALL_SECONDS_SPARE + WALL_SECONDS_PER_CPU_SECOND * cpu_seconds
        # -P keeps the script's folder off the import path; a fixed hash seed makes the order in
        # which sympy tries things the same every time; a session of its own keeps Ctrl-C away.
        command = ["env", "PYTHONHASHSEED=0", sys.executable, "-P", str(script)]
        try:
            self._process = subprocess.Popen(
                [*command, str(cpu_seconds), str(memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise InfrastructureError(f"cannot start a math worker: {error.strerror}") from error
        with self._killed_after(START_SECONDS):
            greeting = self._receive()
        if greeting is None or not greeting.get("ready"):
            self.close()
            cause = (greeting or {}).get("error", f"exit code {self._process.returncode}")
            raise InfrastructureError(f"cannot start a math worker: {cause}")

    @property
    def alive(self) -> bool:
        """Whether the process can take another comparison."""
        return self._process.poll() is None

    def compare(self, truth: str, answer: str) -> Finding:
        """Compare *answer* with *truth*; ends the process where it is lost or spent."""
        with self._killed_after(self._wall_seconds):
            self._send({"truth": truth, "answer": answer})
            # two messages, so that a death says whether the truth or the answer caused it
            message = self._receive()
            if message is None:
                return "unreadable truth" if self._ended_at_limit() else "lost truth"
            if not message.get("truth"):
                return "unreadable truth"
            message = self._receive()
            if message is None:
                return "limit" if self._ended_at_limit() else "lost"
        if message.get("spent"):
            self.close()
        return "equal" if message.get("equal") else "different"

    def close(self) -> None:
        """Kill the process and wait for its end."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        """Kills the process after *seconds*, which unblocks whoever reads from it."""
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _send(self, request: dict[str, str]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # A dead worker shows in _receive(): its pipe is closed.
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def _receive(self) -> dict[str, Any] | None:
        """The worker's next message; ``None`` when it died or sent nonsense, and is ended now."""
        assert self._process.stdout is not None
        try:
            message = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            message = None
        if isinstance(message, dict):
            return message
        # A process that ends by itself has its exit code only a moment after its pipe closes.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        self.close()
        return None

    def _ended_at_limit(self) -> bool:
        return self._process.returncode == -signal.SIGPROF


class WorkerPool:
    """Up to *size* workers, started when needed and replaced when lost. Thread-safe.

    A pair of texts is compared once: whoever asks at the same time waits for the one finding, and
    whoever asks within the next ``FINDINGS_KEPT`` pairs gets it too.
    """

    def __init__(
        self, size: int, cpu_seconds: float, memory_bytes: int, script: Path = WORKER_SCRIPT
    ) -> None:
        self.owner = os.getpid()
        self._limits = (cpu_seconds, memory_bytes)
        self._script = script
        # last in, first out: a running worker is taken before a slot that would start another
        self._slots: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(size):
            self._slots.put(None)
        self._lock = threading.Lock()
        # oldest first; read and written under the lock
        self._findings: dict[tuple[str, str], Future[Finding]] = {}

    def compare(self, truth: str, answer: str) -> Finding:
        """Compare *answer* with *truth*, or wait for the finding of whoever does so now.

        Raises:
            InfrastructureError: No worker can be started.
        """
        pair = (truth, answer)
        with self._lock:
            known = self._findings.get(pair)
            if known is None:
                mine: Future[Finding] = Future()
                self._findings[pair] = mine
                if len(self._findings) > FINDINGS_KEPT:
                    del self._findings[next(iter(self._findings))]
        if known is not None:
            return known.result()
        try:
            finding, settled = self._compare(truth, answer)
        except BaseException as error:
            self._forget(pair)
            mine.set_exception(error)
            raise
        if not settled:
            self._forget(pair)
        mine.set_result(finding)
        return finding

    def _forget(self, pair: tuple[str, str]) -> None:
        with self._lock:
            self._findings.pop(pair, None)

    def _compare(self, truth: str, answer: str) -> tuple[Finding, bool]:
        """The finding of a worker, and whether another one would repeat it; waits for a free one.

        Not so where the worker is gone, for another reason than its CPU limit: it died of the
        machine perhaps, or its memory had grown so far that the next formula might not fit.
        """
        worker = self._slots.get()
        try:
            if worker is None or not worker.alive:
                worker = Worker(*self._limits, self._script)
            finding = worker.compare(truth, answer)
            return finding, finding == "limit" or worker.alive
        finally:
            self._slots.put(worker)

    def close(self) -> None:
        """End the workers that are idle; a busy one ends with this process at the latest.

        A process that was forked from the owner leaves the owner's workers alone.
        """
        if os.getpid() != self.owner:
            return
        with self._lock:
            self._findings.clear()
        idle = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._slots.get_nowait())
        for worker in idle:
            if worker is not None:
                worker.close()
            self._slots.put(None)
