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

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from scaler_core.audit.empty_runs import fixed_cost
from scaler_core.audit.processes import (
    MemoryWatch,
    adopt_orphans,
    require_proc,
    tree_cpu_seconds,
)
from scaler_core.audit.records import EnvironmentCost, PoolCost
from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.factory import InstanceFactory, InstanceFailure, InstanceRequest, InstanceResult
from scaler_core.factory.local import LocalFactory
from scaler_core.interfaces import AnyEnvironment, EnvironmentPack, EnvironmentSource, Sandbox
from scaler_core.models import ComponentChoice, Environment
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import AUTO, build_sandbox
from scaler_core.pool.browsing import find_environment, parse_level
from scaler_core.pool.store import open_pool
from scaler_core.seeds import derive_seed

STAGES = ("generator", "solutions", "native")
MOST_ENVIRONMENTS = 64
REFERENCES = 3
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


def measure_pool(
    pool: str | Path | EnvironmentSource,
    *,
    environments: Sequence[str] = (),
    level: int | str = "mid",
    workers: int = 2,
    seconds: float = 20.0,
    batch: int = 16,
    references: int = 2,
    sandbox: str = AUTO,
    allow_weak_sandbox: bool = False,
    host: PluginHost | None = None,
    report: Report = lambda line: None,
) -> PoolCost:
    """Measure the factory on environments of a pool; an interrupt ends it early.

    Every environment is warmed up first, from an empty cache of compiled programs; that is not
    counted, only its cost is in the figures.

    Args:
        pool: Path or name of a pool, or one that is open.
        environments: Ids or names; the first :data:`MOST_ENVIRONMENTS` of the pool by default.
        level: A number, or ``min``, ``mid``, ``max`` of each environment.
        workers: Batches that are made side by side.
        seconds: How long no further batch is begun.
        batch: Seeds of one batch.
        references: Reference solutions that must agree.
        sandbox: What runs the programs.
        allow_weak_sandbox: Whether that may be one which does not contain attacks, for a pool that
            no installed plugin ships.
        host: Installed plugins, where they are loaded already.
        report: Called with a line of progress now and then.

    Raises:
        UsageError: There is no such pool, environment or level, no sandbox can run here, or this
            machine does not say what its processes use.
        DataError: The pool is damaged or empty, or no instance was made.
        InfrastructureError: No instance was made because the machine failed.
        KeyboardInterrupt: Interrupted before anything was measured.
    """
    host = host or load_plugins()
    plan = CostPlan(level=str(level), workers=workers, seconds=seconds, batch=batch)
    label = "the pool" if isinstance(pool, EnvironmentSource) else f"pool {pool}"
    source = open_pool(pool, host.classes(EnvironmentPack))
    first = list(source.ids())[:MOST_ENVIRONMENTS]
    chosen = [find_environment(source, name) for name in dict.fromkeys(environments or first)]
    if not chosen:
        raise UsageError(f"{label}: it holds no environment", hint="see scaler pool ls")
    if not environments and len(first) < len(source):
        report(f"the first {len(first)} of {len(source)} environments; `environments` names others")
    with tempfile.TemporaryDirectory(prefix="scaler-bench-") as folder:
        untrusted = not source.trusted
        box = _cold_sandbox(sandbox, host, untrusted, allow_weak_sandbox, Path(folder))
        report(f"{len(chosen)} environments in sandbox {box.name!r}")

        def make_factory() -> LocalFactory:
            considered = max(references, REFERENCES)
            return LocalFactory(box, references=considered, agree=references, workers=1)

        fixed = _fixed_cost(box, host, chosen, batch)
        figures = measure_instances(chosen, make_factory, plan, report)
    if not figures.made:
        raise _nothing_made(label, figures.failures)
    return figures.model_copy(update={"fixed_cpu_ms_per_run": fixed})


def _fixed_cost(
    box: Sandbox, host: PluginHost, environments: Sequence[AnyEnvironment], batch: int
) -> dict[str, float]:
    """The fixed cost in a sandbox like *box*, which itself is to meet its first program later."""
    if not _keeps_programs(box):
        return {}
    require_proc()
    adopt_orphans()
    programs = [item for item in environments if isinstance(item, Environment)]
    languages = {solution.language for item in programs for solution in item.problem.solutions}
    with tempfile.TemporaryDirectory(prefix="scaler-bench-") as folder:
        choice = ComponentChoice(use=box.name, options={"cache_dir": folder})
        with closing(host.build(Sandbox, choice)) as other:
            return fixed_cost(other, languages, batch)


def _keeps_programs(box: Sandbox) -> bool:
    return "cache_dir" in box.Config.model_fields


def _cold_sandbox(
    name: str, host: PluginHost, untrusted: bool, allow_weak: bool, folder: Path
) -> Sandbox:
    """The sandbox with an empty cache of compiled programs, where it keeps one."""
    box = build_sandbox(ComponentChoice(use=name), host, untrusted=untrusted, allow_weak=allow_weak)
    if not _keeps_programs(box):
        return box
    box.close()
    choice = ComponentChoice(use=box.name, options={"cache_dir": str(folder)})
    return host.build(Sandbox, choice)


def _nothing_made(label: str, failures: Mapping[str, int]) -> DataError | InfrastructureError:
    causes = ", ".join(f"{cause} {count}" for cause, count in failures.items()) or "no time"
    kind = InfrastructureError if set(failures) == {"infrastructure"} else DataError
    return kind(
        f"{label}: no instance was made: {causes}", hint="scaler pool sample shows an instance"
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
