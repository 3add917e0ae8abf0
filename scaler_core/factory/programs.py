"""Running programs for the factory: a sandbox, a retry where it fails, and what it all cost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from scaler_core.factory.interface import Cause, InstanceFailure
from scaler_core.factory.testcase import Testcase, read_testcase
from scaler_core.interfaces import Sandbox
from scaler_core.sandbox import Limits, Program, RunResult

LONGEST_DETAIL = 300
CLOSED = "the factory is closed"
_LIMITS = ("time_limit", "memory_limit", "output_limit")


class Counters:
    """Totals by name. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: Counter[str] = Counter()

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to several totals."""
        with self._lock:
            for name, amount in amounts.items():
                self._totals[name] += amount  # type: ignore[assignment]

    def totals(self) -> dict[str, float]:
        """All totals now."""
        with self._lock:
            return dict(self._totals)


class Runner:
    """Runs programs in *sandbox*; what the sandbox fails at is tried once more.

    Args:
        sandbox: Runs the programs.
        counters: Told what each run cost.
    """

    def __init__(self, sandbox: Sandbox, counters: Counters) -> None:
        self._sandbox = sandbox
        self._counters = counters
        self._closed = False

    def run(
        self, stage: str, program: Program, inputs: Sequence[bytes], limits: Limits
    ) -> list[RunResult]:
        """One result per input.

        Counts the CPU seconds of all runs as ``cpu_s/<stage>``, and as ``wall_s/<stage>`` how long
        the call took: waiting for a place in the sandbox is part of it.
        """
        if not inputs:
            return []
        began = time.monotonic()
        results = self._ask(program, inputs, limits)
        cpu_s = sum(result.cpu_s for result in results)
        failed = [i for i, result in enumerate(results) if result.status == "sandbox_failure"]
        if failed:
            again = self._ask(program, [inputs[i] for i in failed], limits)
            cpu_s += sum(result.cpu_s for result in again)
            for index, result in zip(failed, again, strict=True):
                results[index] = result
        wall_s = time.monotonic() - began
        self._counters.add({f"cpu_s/{stage}": cpu_s, f"wall_s/{stage}": wall_s})
        return results

    def close(self) -> None:
        """From now on every run is a ``sandbox_failure``; the sandbox is not asked any more."""
        self._closed = True

    def _ask(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        if not self._closed:
            try:
                return self._sandbox.run(program, inputs, limits)
            except Exception:
                if not self._closed:  # a sandbox that is being closed may fail in any way
                    raise
        return [RunResult("sandbox_failure", error=CLOSED)] * len(inputs)


def failure(kind: Literal["generator", "solution"], result: RunResult, who: str) -> InstanceFailure:
    """The failure that a result other than ``ok`` stands for.

    Args:
        kind: ``generator`` or ``solution``.
        result: What happened.
        who: The program, as a message names it.
    """
    cause: Cause
    if result.status == "sandbox_failure":
        cause = "infrastructure"
    elif kind == "generator":
        cause = "generator_limit" if result.status in _LIMITS else "generator_error"
    elif result.status == "compile_error":
        cause = "compile_error"
    else:
        cause = "solution_limit" if result.status in _LIMITS else "solution_error"
    return InstanceFailure(cause, f"{who}: {result.status}: {last_lines(result.error)}")


def read_generated(result: RunResult) -> Testcase | InstanceFailure:
    """The testcase in a generator's result, or why there is none."""
    if result.status != "ok":
        return failure("generator", result, "generator")
    try:
        return read_testcase(result.output)
    except ValueError as error:
        return InstanceFailure("invalid_testcase", f"generator: {error}")


def last_lines(error: str) -> str:
    """The end of an error on one line."""
    text = " | ".join(line.strip() for line in error.strip().splitlines()[-2:])
    return text if len(text) <= LONGEST_DETAIL else "..." + text[-LONGEST_DETAIL:]
