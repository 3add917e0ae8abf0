"""Running programs for an audit: until a budget is spent, and never past a broken sandbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from scaler_core.errors import InfrastructureError
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.factory.programs import Counters, Runner, last_lines
from scaler_core.interfaces import Limits, Program, RunResult, Sandbox

FIRST_SLICE = 3

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def paced(
    items: Sequence[ItemT],
    work: Callable[[Sequence[ItemT]], tuple[list[ResultT], float]],
    budget: float,
) -> list[ResultT]:
    """The results of the first *items*, as many as *budget* allows.

    The items are worked on in slices, each twice as long as the one before; none is begun once
    the budget is spent.

    Args:
        items: What is to be worked on.
        work: Gives one result per item, and what they cost.
        budget: When to stop, in the unit of the cost.
    """
    results: list[ResultT] = []
    spent, size = 0.0, FIRST_SLICE
    while len(results) < len(items) and spent <= budget:
        made, cost = work(items[len(results) : len(results) + size])
        results += made
        spent += cost
        size *= 2
    return results


class Programs:
    """Runs untrusted programs in *sandbox*. Thread-safe."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._runner = Runner(sandbox, Counters())

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        """One result per input, in order.

        Raises:
            InfrastructureError: The sandbox failed twice, so nothing can be said of the program.
        """
        results = self._runner.run("audit", program, inputs, limits)
        for result in results:
            if result.status == "sandbox_failure":
                raise InfrastructureError(f"the sandbox failed: {last_lines(result.error)}")
        return results

    def run_paced(
        self, program: Program, inputs: Sequence[bytes], limits: Limits, budget_s: float
    ) -> list[RunResult]:
        """Results of the first inputs, until *budget_s* CPU seconds are spent.

        A run that was ended at its wall limit counts with its wall time, or a program that sleeps
        would be waited for on every input.

        Raises:
            InfrastructureError: As in :meth:`run`.
        """

        def work(some: Sequence[bytes]) -> tuple[list[RunResult], float]:
            results = self.run(program, some, limits)
            cost = sum(
                max(result.cpu_s, result.wall_s if result.status == "time_limit" else 0.0)
                for result in results
            )
            return results, cost

        return paced(inputs, work, budget_s)

    def close(self) -> None:
        """From now on every run fails with an ``InfrastructureError``."""
        self._runner.close()


OTHER_HASH_SEED = 1

_PROBE = 'def generate_testcase(scale):\n    return str(hash("scaler")), {"n": 1}\n'


def takes_hash_seeds(programs: Programs) -> bool:
    """Whether two hash seeds give two hashes of the same text.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    asked = [
        Program("python", _PROBE, role="generator", hash_seed=seed) for seed in (0, OTHER_HASH_SEED)
    ]
    data = b'{"scale":{},"seed":0}'
    answers = [programs.run(item, [data], GENERATOR_LIMITS)[0].output for item in asked]
    return answers[0] != answers[1]
