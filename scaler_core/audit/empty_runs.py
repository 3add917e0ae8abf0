"""What a sandbox takes for a run of a program that does nothing: the fixed cost of every run."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from dataclasses import dataclass

from scaler_core.audit.processes import tree_cpu_seconds
from scaler_core.interfaces import Limits, Program, Sandbox

EMPTY = {"python": "", "cpp": "int main() {}\n"}
RUNS = 256
LIMITS = Limits()


@dataclass(frozen=True)
class EmptyRuns:
    """CPU milliseconds of a run, by who used them.

    Attributes:
        all: All processes.
        child: The run's own process, from the fork to its end.
        host: This process.
    """

    all: float
    child: float
    host: float


def measure_empty_runs(
    sandbox: Sandbox, language: str, batch: int, runs: int = RUNS
) -> EmptyRuns | None:
    """Run an empty program some hundred times.

    Args:
        sandbox: Where.
        language: ``python`` or ``cpp``.
        batch: Runs of a call, which share the cost of the messages.
        runs: How many, rounded up to whole batches; the kernel counts CPU in hundredths of a
            second.

    Returns:
        The means; ``None`` where the program cannot be run.
    """
    program = Program(language, EMPTY[language])  # type: ignore[arg-type]
    inputs = [b""] * batch
    for _ in range(2):  # the first call starts the workers and compiles
        if any(result.status != "ok" for result in sandbox.run(program, inputs, LIMITS)):
            return None
    before, host_before, child_s, done = tree_cpu_seconds(), _own_cpu_s(), 0.0, 0
    while done < runs:
        child_s += sum(result.cpu_s for result in sandbox.run(program, inputs, LIMITS))
        done += batch
    all_s, host_s = tree_cpu_seconds() - before, _own_cpu_s() - host_before
    return EmptyRuns(*(1000 * spent / done for spent in (max(all_s, child_s), child_s, host_s)))


def fixed_cost(sandbox: Sandbox, languages: Iterable[str], batch: int) -> dict[str, float]:
    """CPU milliseconds of all processes for a run of an empty program, by language."""
    costs = {}
    for language in sorted(languages):
        measured = measure_empty_runs(sandbox, language, batch)
        if measured is not None:
            costs[language] = round(measured.all, 3)
    return costs


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
