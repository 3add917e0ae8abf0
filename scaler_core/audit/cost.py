"""Measuring a factory: instances a second, what one costs, and what the first of each costs.

::

    first touch  each environment by itself: programs compiled, workers started
    warm-up      each environment on all workers at once, so that all have met it
    measured     batches, round robin over the environments, on all workers

CPU is that of all processes: the kernel's figures of those that run and of those that were waited
for, or the factory's own of its programs and compilers, whichever is more. The first misses
processes that nobody waited for, the second everything that runs around programs.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import count

from scaler_core.audit.processes import (
    MemoryWatch,
    adopt_orphans,
    require_proc,
    tree_cpu_seconds,
)
from scaler_core.errors import UsageError
from scaler_core.factory import InstanceFactory, InstanceFailure, InstanceRequest, InstanceResult
from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import Record
from scaler_core.pool.browsing import parse_level
from scaler_core.seeds import derive_seed

STAGES = ("generator", "solutions", "native")
SANDBOX_CPU = "sandbox/cpu_s/"
PROGRESS_EVERY_S = 5.0

Report = Callable[[str], None]


@dataclass(frozen=True)
class CostPlan:
    """The plan of a measurement.

    Attributes:
        level: A number, or ``min``, ``mid``, ``max`` of each environment.
        workers: Batches that are made side by side.
        seconds: How long no further batch is begun.
        batch: Seeds of one batch.
    """

    level: str = "mid"
    workers: int = 2
    seconds: float = 20.0
    batch: int = 16


class EnvironmentCost(Record):
    """The cost of one environment's instances.

    Attributes:
        id: The environment.
        level: The level.
        made: Instances.
        failures: Seeds that gave none, by cause.
        cpu_ms_per_instance: CPU of its programs or its native code alone; ``None`` without any
            instance.
        first_touch_cpu_s: CPU of all processes until its first instance was there.
    """

    id: str
    level: int
    made: int
    failures: dict[str, int]
    cpu_ms_per_instance: float | None
    first_touch_cpu_s: float


class PoolCost(Record):
    """The cost of a pool's instances.

    Attributes:
        instances_per_second: Instances by wall time.
        cpu_ms_per_instance: CPU of all processes, this one too; ``None`` without any instance.
        cpu_ms_by_stage: The same in parts: programs and native code by stage, and ``rest``, which
            is everything around them.
        first_touch_cpu_s: Mean of the environments.
        made: Instances.
        failures: Seeds that gave none, by cause.
        memory_mib: Largest memory of all processes together, shared pages counted once.
        seconds: From the first batch's begin to the last one's end.
        environments: One by one, the costliest first.
    """

    instances_per_second: float
    cpu_ms_per_instance: float | None
    cpu_ms_by_stage: dict[str, float]
    first_touch_cpu_s: float
    made: int
    failures: dict[str, int]
    memory_mib: float
    seconds: float
    environments: tuple[EnvironmentCost, ...]


@dataclass
class _Tally:
    """The sums of one environment."""

    environment: AnyEnvironment
    level: int
    first_touch_cpu_s: float = 0.0
    made: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    cpu_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def seeds(self, kind: str, number: int, size: int) -> list[int]:
        """The seeds of a batch; no two batches share one."""
        label = ("bench", kind, self.environment.id, self.level, number)
        return [derive_seed(*label, index) for index in range(size)]

    def figures(self) -> EnvironmentCost:
        """The figures of the environment."""
        return EnvironmentCost(
            id=self.environment.id,
            level=self.level,
            made=self.made,
            failures=dict(self.failures),
            cpu_ms_per_instance=_per_instance(sum(self.cpu_s.values()), self.made),
            first_touch_cpu_s=round(self.first_touch_cpu_s, 3),
        )


def measure_instances(
    environments: Sequence[AnyEnvironment],
    make_factory: Callable[[], InstanceFactory],
    plan: CostPlan,
    report: Report = lambda line: None,
) -> PoolCost:
    """Measure on *environments*; an interrupt while it measures ends it early.

    Args:
        environments: At least one.
        make_factory: A factory for one worker. They may share a sandbox, and are closed here.
        plan: What to measure.
        report: Called with a line of progress now and then.

    Raises:
        UsageError: An environment has no such level, or this machine does not say what its
            processes use.
        KeyboardInterrupt: Interrupted before anything was measured.
    """
    require_proc()
    adopt_orphans()
    tallies = [_Tally(item, _level_of(item, plan.level)) for item in environments]
    with ExitStack() as stack:
        factories = [stack.enter_context(closing(make_factory())) for _ in range(plan.workers)]
        threads = stack.enter_context(ThreadPoolExecutor(plan.workers))
        _touch(tallies, factories[0], report)
        report(f"warming up {plan.workers} workers")
        _warm_up(tallies, factories, threads, plan.batch)
        return _measure(tallies, factories, threads, plan, report)


def _level_of(environment: AnyEnvironment, level: str) -> int:
    try:
        return parse_level(level, environment.top_level)
    except UsageError as error:
        raise UsageError(
            f"environment {environment.id!r}: {error.message}", hint=error.hint
        ) from None


class _Meter:
    """CPU seconds of all processes since it was made."""

    def __init__(self, factories: Sequence[InstanceFactory]) -> None:
        self._factories = factories
        self._tree, self._counted = tree_cpu_seconds(), self._factory_cpu_s()

    def spent(self) -> float:
        """CPU seconds so far."""
        tree = tree_cpu_seconds() - self._tree
        return max(tree, self._factory_cpu_s() - self._counted)

    def _factory_cpu_s(self) -> float:
        stages = sum(sum(_stage_cpu(factory).values()) for factory in self._factories)
        shared = self._factories[0].counters()
        return stages + sum(shared[name] for name in shared if name.startswith(SANDBOX_CPU))


def _touch(tallies: Sequence[_Tally], factory: InstanceFactory, report: Report) -> None:
    reported = time.monotonic()
    for number, tally in enumerate(tallies, start=1):
        meter = _Meter([factory])
        factory.prefetch([InstanceRequest(tally.environment, tally.level, ())])
        factory.make(tally.environment, tally.level, tally.seeds("first touch", 0, 1))
        tally.first_touch_cpu_s = meter.spent()
        if time.monotonic() - reported >= PROGRESS_EVERY_S:
            reported = time.monotonic()
            report(f"first touch: {number} of {len(tallies)} environments")


def _warm_up(
    tallies: Sequence[_Tally],
    factories: Sequence[InstanceFactory],
    threads: ThreadPoolExecutor,
    batch: int,
) -> None:
    for tally in tallies:
        seeds = tally.seeds("warm-up", 0, batch)
        wait([threads.submit(f.make, tally.environment, tally.level, seeds) for f in factories])


def _measure(
    tallies: Sequence[_Tally],
    factories: Sequence[InstanceFactory],
    threads: ThreadPoolExecutor,
    plan: CostPlan,
    report: Report,
) -> PoolCost:
    report(f"measuring for {plan.seconds:g} s")
    over = threading.Event()
    batches = _Batches(tallies, plan.batch)
    with MemoryWatch().watching() as memory:
        meter, began = _Meter(factories), time.monotonic()
        work = [threads.submit(_work, factory, batches, over) for factory in factories]
        try:
            while not over.is_set():
                left = began + plan.seconds - time.monotonic()
                pause = max(0.0, min(left, PROGRESS_EVERY_S))
                failed, _ = wait(work, pause, return_when=FIRST_COMPLETED)
                if failed or left <= PROGRESS_EVERY_S:
                    over.set()
                else:
                    made = sum(tally.made for tally in tallies)
                    report(f"{time.monotonic() - began:.0f} s: {made} instances")
        except KeyboardInterrupt:
            report("interrupted: waiting for the batches under way")
        finally:
            over.set()
        for future in work:
            future.result()
        seconds = time.monotonic() - began
        cpu_s = meter.spent() - memory.own_cpu_s
    return _summary(tallies, seconds, cpu_s, memory.peak_bytes)


class _Batches:
    """The batches to make, round robin over the environments. Thread-safe."""

    def __init__(self, tallies: Sequence[_Tally], size: int) -> None:
        self._lock = threading.Lock()
        self._size = size
        self._all = self._endless(tallies)

    def next(self) -> tuple[_Tally, list[int]]:
        """The next environment and its seeds."""
        with self._lock:
            return next(self._all)

    def add(
        self, tally: _Tally, made: Sequence[InstanceResult], cpu_s: Mapping[str, float]
    ) -> None:
        """Add the results and the cost of a batch."""
        causes = [item.cause for item in made if isinstance(item, InstanceFailure)]
        with self._lock:
            tally.made += len(made) - len(causes)
            tally.failures.update(causes)
            for stage, spent in cpu_s.items():
                tally.cpu_s[stage] += spent

    def _endless(self, tallies: Sequence[_Tally]) -> Iterator[tuple[_Tally, list[int]]]:
        for number in count():
            for tally in tallies:
                yield tally, tally.seeds("measured", number, self._size)


def _work(factory: InstanceFactory, batches: _Batches, over: threading.Event) -> None:
    """One worker: one batch after the other until it is over."""
    before = _stage_cpu(factory)
    while not over.is_set():
        tally, seeds = batches.next()
        made = factory.make(tally.environment, tally.level, seeds)
        after = _stage_cpu(factory)
        # nobody else uses this factory, so that the difference belongs to this batch
        batches.add(tally, made, {stage: after[stage] - before[stage] for stage in STAGES})
        before = after


def _stage_cpu(factory: InstanceFactory) -> dict[str, float]:
    counters = factory.counters()
    return {stage: counters.get(f"cpu_s/{stage}", 0.0) for stage in STAGES}


def _summary(tallies: Sequence[_Tally], seconds: float, cpu_s: float, peak_bytes: int) -> PoolCost:
    made = sum(tally.made for tally in tallies)
    failures: Counter[str] = Counter()
    for tally in tallies:
        failures.update(tally.failures)
    by_stage = {stage: sum(tally.cpu_s[stage] for tally in tallies) for stage in STAGES}
    by_stage["rest"] = cpu_s - sum(by_stage.values())
    rows = [tally.figures() for tally in tallies]
    touches = [tally.first_touch_cpu_s for tally in tallies]
    return PoolCost(
        instances_per_second=round(made / seconds, 2),
        cpu_ms_per_instance=_per_instance(cpu_s, made),
        cpu_ms_by_stage={
            stage: _per_instance(spent, made) or 0.0 for stage, spent in by_stage.items()
        },
        first_touch_cpu_s=round(sum(touches) / len(touches), 3),
        made=made,
        failures=dict(failures.most_common()),
        memory_mib=round(peak_bytes / (1 << 20), 1),
        seconds=round(seconds, 2),
        environments=tuple(
            sorted(rows, key=lambda row: row.cpu_ms_per_instance or float("inf"), reverse=True)
        ),
    )


def _per_instance(cpu_s: float, made: int) -> float | None:
    """CPU milliseconds; ``None`` without instances."""
    return round(1000 * cpu_s / made, 3) if made else None
