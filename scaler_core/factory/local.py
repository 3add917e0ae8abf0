"""The factory on this machine: programs in a sandbox, native environments in worker processes.

::

    seeds --> generator --> testcases --> solutions, until enough agree --> truths --> instances
              (one batch)   (checked)     (one batch per solution)          (messages rendered)
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from scaler_core.errors import UsageError
from scaler_core.factory.checkers import check_of
from scaler_core.factory.interface import (
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    InstanceResult,
    LevelSeed,
)
from scaler_core.factory.native import NativeLimits, NativeWorkers
from scaler_core.factory.programs import Counters, Runner, Testcase, read_generated
from scaler_core.factory.prompts import render
from scaler_core.factory.references import References
from scaler_core.interfaces import AnyEnvironment, Limits, NativeEnvironment, Program, Sandbox
from scaler_core.jsonio import canonical_json
from scaler_core.models import Environment, Instance, PromptStyle, Response, Ticket, Verdict

GENERATOR_LIMITS = Limits(cpu_s=10.0, wall_s=60.0, output_bytes=8 << 20)
SOLUTION_LIMITS = Limits(cpu_s=10.0, wall_s=60.0, processes=8)
"""Solutions may start a few threads: many do so only for a larger stack."""


class LocalFactory(InstanceFactory):
    """Makes instances with the processors of this machine.

    Args:
        sandbox: Runs the programs; the factory closes it.
        prompt_style: The style of prompts.
        system: Replaces the style's system message.
        references: Answers of reference solutions that are compared at most.
        agree: How many of them must agree; 1 takes the first solution that runs (paper section 3).
        workers: Environments of :meth:`make_many` that are made side by side, and native workers.
        generator_limits: Limits of one call of a generator.
        solution_limits: Limits of one run of a solution.
        native_limits: Limits of one call of a native environment.

    Raises:
        UsageError: *agree* is below 1 or above *references*.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        prompt_style: PromptStyle = "paper",
        system: str | None = None,
        references: int = 3,
        agree: int = 2,
        workers: int = 2,
        generator_limits: Limits = GENERATOR_LIMITS,
        solution_limits: Limits = SOLUTION_LIMITS,
        native_limits: NativeLimits | None = None,
    ) -> None:
        if not 1 <= agree <= references:
            raise UsageError(
                f"factory.agree = {agree} with factory.references = {references}: "
                "agree must lie between 1 and references"
            )
        self._sandbox = sandbox
        self._style = prompt_style
        self._system = system
        self._generator_limits = generator_limits
        self._counters = Counters()
        self._runner = Runner(sandbox, self._counters)
        self._references = References(self._runner, references, agree, solution_limits)
        self._native = NativeWorkers(workers, native_limits or NativeLimits(), self._counters)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="factory")
        self._submitting = threading.Lock()
        self._closed = False

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        """One instance or failure per seed, in order. Thread-safe.

        Raises:
            UsageError: The environment has no such level.
        """
        return self._make_batch(environment, [(level, seed) for seed in seeds])

    def make_many(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        """The results of :meth:`make` for each request, in order, several at a time.

        All levels of one environment are made in one batch: starting an interpreter for a program
        costs more than most of its runs.
        """
        # by identity: a program environment holds dictionaries, so that it cannot be hashed
        together: dict[int, list[int]] = {}
        for index, request in enumerate(requests):
            together.setdefault(id(request.environment), []).append(index)
        results: dict[int, list[InstanceResult]] = {}
        for made in self._side_by_side(list(together.values()), requests):
            results.update(made)
        return [results[index] for index in range(len(requests))]

    def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
        """Prepare the programs of these environments in the calling thread; no instance is made.

        Programs are compiled and their workers started: generators, and the solutions that compute
        truths. :class:`~scaler_core.factory.ready.ReadyFactory` calls it in the
        background.
        """
        environments = {id(item.environment): item.environment for item in requests}
        for environment in environments.values():
            if isinstance(environment, Environment) and not self._closed:
                solutions = self._references.programs(environment)
                self._sandbox.prepare([_generator(environment), *solutions])

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict of the native environment that the ticket's verifier names."""
        return self._native.score(response, ticket)

    def counters(self) -> Mapping[str, float]:
        """Totals since the start; see :meth:`InstanceFactory.counters`."""
        sandbox = {f"sandbox/{name}": value for name, value in self._sandbox.counters().items()}
        return self._counters.totals() | sandbox

    def close(self) -> None:
        """Stop native workers and the sandbox.

        Calls under way, and later ones, end with failures of the cause ``infrastructure``.
        """
        # under the lock of submitting: an executor that is shut down takes no work and raises
        with self._submitting:
            self._closed = True
            self._runner.close()
            self._threads.shutdown(wait=False)
        self._native.close()
        self._sandbox.close()

    def _side_by_side(
        self, groups: list[list[int]], requests: Sequence[InstanceRequest]
    ) -> list[dict[int, list[InstanceResult]]]:
        """The results of each group of requests, all groups at the same time."""
        with self._submitting:
            # one group needs no other thread, and a closed factory, which only fails, has none
            here = len(groups) <= 1 or self._closed
            futures = [
                self._threads.submit(self._make_requests, indices, requests)
                for indices in groups
                if not here
            ]
        if here:
            return [self._make_requests(indices, requests) for indices in groups]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:  # where one raised, the others are not begun any more
                future.cancel()

    def _make_requests(
        self, indices: Sequence[int], requests: Sequence[InstanceRequest]
    ) -> dict[int, list[InstanceResult]]:
        """Results by index of requests that are all for the same environment."""
        level_seeds = [
            (requests[index].level, seed) for index in indices for seed in requests[index].seeds
        ]
        made = iter(self._make_batch(requests[indices[0]].environment, level_seeds))
        return {index: [next(made) for _ in requests[index].seeds] for index in indices}

    def _make_batch(
        self, environment: AnyEnvironment, level_seeds: Sequence[LevelSeed]
    ) -> list[InstanceResult]:
        for level, _ in level_seeds:
            if not 0 <= level <= environment.top_level:
                raise UsageError(
                    f"environment {environment.id!r} has no level {level}; "
                    f"its levels are 0 to {environment.top_level}"
                )
        if isinstance(environment, NativeEnvironment):
            made = [self._native.make(environment, level, [seed])[0] for level, seed in level_seeds]
        else:
            made = self._make_with_programs(environment, level_seeds)
        self._counters.add(Counter(map(_counter_name, made)))
        return made

    def _make_with_programs(
        self, environment: Environment, level_seeds: Sequence[LevelSeed]
    ) -> list[InstanceResult]:
        generated = self._generate(environment, level_seeds)
        testcases = [item for item in generated if isinstance(item, Testcase)]
        truths = iter(self._references.truths(environment, [item.stdin for item in testcases]))
        made: list[InstanceResult] = []
        for (level, seed), item in zip(level_seeds, generated, strict=True):
            if isinstance(item, InstanceFailure):
                made.append(item)
                continue
            truth = next(truths)
            if isinstance(truth, InstanceFailure):
                made.append(truth)
            else:
                made.append(self._instance(environment, level, seed, item, truth))
        return made

    def _generate(
        self, environment: Environment, level_seeds: Sequence[LevelSeed]
    ) -> list[Testcase | InstanceFailure]:
        inputs = [
            canonical_json({"scale": environment.scale(level), "seed": seed}).encode()
            for level, seed in level_seeds
        ]
        program = _generator(environment)
        results = self._runner.run("generator", program, inputs, self._generator_limits)
        return [read_generated(result) for result in results]

    def _instance(
        self, environment: Environment, level: int, seed: int, testcase: Testcase, truth: str
    ) -> Instance:
        return Instance(
            environment_id=environment.id,
            level=level,
            seed=seed,
            messages=render(environment, testcase.value, self._style, self._system),
            truth=truth,
            answer_type=environment.answer_type,
            verifier=environment.verifier,
            testcase=testcase.value,
            tolerance=environment.tolerance,
            check=check_of(environment, testcase.stdin),
        )


def _generator(environment: Environment) -> Program:
    return Program("python", environment.generator, role="generator")


def _counter_name(made: InstanceResult) -> str:
    return f"failed/{made.cause}" if isinstance(made, InstanceFailure) else "made"
