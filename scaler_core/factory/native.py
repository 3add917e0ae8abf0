"""Native environments: their code runs in worker processes that can be killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from scaler_core.errors import UsageError
from scaler_core.factory.interface import NATIVE_VERIFIER, InstanceFailure, InstanceResult
from scaler_core.factory.native_process import NativeProcess, WorkerError, WorkerLimit, WorkerLost
from scaler_core.factory.programs import CLOSED, Counters
from scaler_core.interfaces import NativeEnvironment
from scaler_core.models import ComponentChoice, Instance, Response, Ticket, Verdict

__all__ = ["NATIVE_VERIFIER", "NativeLimits", "NativeWorkers", "native_reference"]

ATTEMPTS = 2
LONGEST_REASON = 500


@dataclass(frozen=True)
class NativeLimits:
    """The limits of one call of a native environment.

    Attributes:
        cpu_s: CPU seconds, which decide; rounded up to a whole second.
        wall_s: Seconds until the worker is killed, a guard only.
    """

    cpu_s: float = 10.0
    wall_s: float = 120.0


def native_reference(environment: NativeEnvironment) -> str:
    """``module:qualname`` of the environment's class, by which a worker finds it.

    Raises:
        UsageError: The class cannot be imported by name.
    """
    kind = type(environment)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise UsageError(
            f"native environment {environment.id!r}: its class {kind.__qualname__} cannot be "
            "imported by a worker process",
            hint="define it at the top level of a module",
        )
    return f"{kind.__module__}:{kind.__qualname__}"


class NativeWorkers:
    """Up to *size* worker processes, started when first needed. Thread-safe.

    A worker builds each environment without arguments, once, and keeps it. One that hits a limit
    or dies is replaced.

    Args:
        size: Workers at most.
        limits: Limits of one call.
        counters: Receives ``cpu_s/native`` and ``wall_s/native`` of making instances: how long the
            calls took, waiting for a worker included, and the CPU of those that were answered.
        hash_seed: The hash seed of the workers' Python; only audits use another one than 0.
    """

    def __init__(
        self,
        size: int,
        limits: NativeLimits,
        counters: Counters | None = None,
        hash_seed: int = 0,
    ) -> None:
        self._limits = limits
        self._hash_seed = hash_seed
        self._counters = counters or Counters()
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[NativeProcess] = []
        self._all: set[NativeProcess] = set()
        self._closed = False

    def make(
        self, environment: NativeEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        """One instance or failure per seed, in order.

        Raises:
            UsageError: The environment's class cannot be imported by name.
        """
        reference = native_reference(environment)
        return [self._make_one(environment, reference, level, seed) for seed in seeds]

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict of the environment that the ticket's verifier names.

        A failed call is tried once more. A limit is caused by the response and so ``incorrect``; an
        error in the environment's code leaves it ``undecided``.
        """
        reference = ticket.verifier.options.get("environment")
        if ticket.verifier.use != NATIVE_VERIFIER or not isinstance(reference, str):
            return Verdict.undecided("the ticket names no native environment")
        request = {
            "call": "score",
            "response": response.model_dump(mode="json"),
            "ticket": ticket.model_dump(mode="json"),
        }
        verdict = Verdict.undecided("not asked")
        for _ in range(ATTEMPTS):
            verdict = self._score_once(reference, request)
            if verdict.result != "undecided" and verdict.reason != "verifier limit":
                break
        return verdict

    def close(self) -> None:
        """Kill all workers; calls under way end with failures."""
        with self._lock:
            self._closed = True
            # kill only: a busy worker's pipes belong to the thread that waits for its answer, which
            # closes them when the death ends its wait
            for worker in self._all:
                worker.kill()
            idle, self._idle = self._idle, []
        for worker in idle:
            self._drop(worker)

    def _make_one(
        self, environment: NativeEnvironment, reference: str, level: int, seed: int
    ) -> InstanceResult:
        outcome = InstanceFailure("infrastructure", "not asked")
        for _ in range(ATTEMPTS):
            try:
                answer = self._call(reference, {"call": "make", "level": level, "seed": seed})
                return self._check_instance(environment, reference, level, seed, answer)
            except WorkerError as error:
                return InstanceFailure("native_error", _one_line(f"{reference}: {error}"))
            except WorkerLimit as error:
                return InstanceFailure("native_limit", f"{reference}: {error}")
            except WorkerLost as error:  # may be the machine's doing: tried once more
                outcome = InstanceFailure("native_error", f"{reference}: {error}")
            except OSError as error:
                outcome = InstanceFailure("infrastructure", f"native worker: {error}")
        return InstanceFailure("infrastructure", CLOSED) if self._closed else outcome

    def _check_instance(
        self,
        environment: NativeEnvironment,
        reference: str,
        level: int,
        seed: int,
        answer: object,
    ) -> Instance:
        """The instance in *answer*, which must be the requested one and fit for a prompt.

        Raises:
            WorkerError: It is not.
        """
        try:
            instance = Instance.model_validate(answer)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise WorkerError(f"make() returned no instance: {place}: {first['msg']}") from None
        asked = (environment.id, level, seed)
        given = (instance.environment_id, instance.level, instance.seed)
        if given != asked:
            raise WorkerError(f"make() returned the instance of {given}, not of {asked}")
        if not instance.messages or not all(
            {"role", "content"} <= set(message) for message in instance.messages
        ):
            raise WorkerError("make() returned an instance without messages of role and content")
        if environment.scores_itself and instance.verifier is None:
            own = ComponentChoice(use=NATIVE_VERIFIER, options={"environment": reference})
            return instance.model_copy(update={"verifier": own})
        if not instance.truth.strip():
            raise WorkerError("make() returned an instance without a truth")
        return instance

    def _score_once(self, reference: str, request: dict[str, Any]) -> Verdict:
        try:
            return Verdict.model_validate(self._call(reference, request))
        except WorkerLimit:
            return Verdict.incorrect("verifier limit")
        except (WorkerError, WorkerLost, OSError, ValidationError) as error:
            return Verdict.undecided(_one_line(f"native environment {reference}: {error}"))

    def _call(self, reference: str, request: dict[str, Any]) -> Any:
        limits = {"cpu_s": self._limits.cpu_s}
        began = time.monotonic()
        with self._worker() as worker:
            cpu_before = worker.cpu_s
            try:
                return worker.call(reference, self._limits.wall_s, **limits, **request)
            finally:
                if request["call"] == "make":
                    cpu_s, wall_s = worker.cpu_s - cpu_before, time.monotonic() - began
                    self._counters.add({"cpu_s/native": cpu_s, "wall_s/native": wall_s})

    @contextmanager
    def _worker(self) -> Iterator[NativeProcess]:
        with self._free:
            worker = self._take()
            # only after an answer: at a limit the worker may still be busy with the call
            reusable = False
            try:
                yield worker
                reusable = True
            except WorkerError:  # of the environment's code: the worker has answered
                reusable = True
                raise
            finally:
                # close() ends the idle workers: one that came back after it would be left over
                with self._lock:
                    reusable = reusable and not self._closed
                    if reusable:
                        self._idle.append(worker)
                if not reusable:
                    self._drop(worker)

    def _take(self) -> NativeProcess:
        with self._lock:
            if self._closed:
                raise WorkerLost(CLOSED)
            if self._idle:
                return self._idle.pop()
            worker = NativeProcess(self._hash_seed)
            self._all.add(worker)
            return worker

    def _drop(self, worker: NativeProcess) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.close()


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_REASON]
