"""Running programs for the factory: a sandbox, a retry where it fails, and what it all cost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from scaler_core.factory.interface import Cause, InstanceFailure
from scaler_core.interfaces import Sandbox
from scaler_core.sandbox import Limits, Program, RunResult

LONGEST_DETAIL = 300
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
    """Runs programs in *sandbox*; what the sandbox fails at is tried once more."""

    def __init__(self, sandbox: Sandbox, counters: Counters) -> None:
        self._sandbox = sandbox
        self._counters = counters

    def run(
        self, stage: str, program: Program, inputs: Sequence[bytes], limits: Limits
    ) -> list[RunResult]:
        """One result per input; CPU time is counted as ``cpu_s/<stage>``."""
        results = self._sandbox.run(program, inputs, limits)
        failed = [i for i, result in enumerate(results) if result.status == "sandbox_failure"]
        if failed:
            again = self._sandbox.run(program, [inputs[i] for i in failed], limits)
            for index, result in zip(failed, again, strict=True):
                results[index] = result
        self._counters.add({f"cpu_s/{stage}": sum(result.cpu_s for result in results)})
        return results


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


def last_lines(error: str) -> str:
    """The end of an error on one line."""
    text = " | ".join(line.strip() for line in error.strip().splitlines()[-2:])
    return text if len(text) <= LONGEST_DETAIL else "..." + text[-LONGEST_DETAIL:]
