"""The audit of a native environment: its code runs in worker processes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scaler_core.audit.config import chosen_levels
from scaler_core.audit.figures import (
    dead_levels,
    describe_instances,
    measure_generator,
    measure_looks,
    measure_prompts,
    measure_variety,
    share_of_duplicates,
)
from scaler_core.audit.generator import NO_TESTCASE, Way, digest, measure_repeats, repeat
from scaler_core.audit.looks import SEEDS, Look, level_seeds, name_levels
from scaler_core.audit.payments import measure_payments
from scaler_core.audit.programs import OTHER_HASH_SEED, paced
from scaler_core.audit.records import LevelAudit, RepeatAudit, Spread, VerifierAudit, count_failures
from scaler_core.audit.rules import Measure
from scaler_core.audit.verifier import INSTANCES_KEPT, audit_verifier
from scaler_core.audit.workshop import Workshop
from scaler_core.errors import InfrastructureError
from scaler_core.factory import NATIVE_VERIFIER, InstanceFailure, InstanceResult, LevelSeed
from scaler_core.factory.native import NativeLimits, NativeWorkers
from scaler_core.factory.programs import Counters
from scaler_core.interfaces import NativeEnvironment
from scaler_core.models import Instance

CPU = "cpu_s/native"
SEEDS_COMPARED = 4
"""Seeds on which two levels must give the same, to be one level; levels may overlap in some."""


class MeteredWorker:
    """One worker process, and what its calls cost.

    It serves one environment after the other, because starting a process and importing a library
    of environments takes seconds.
    """

    def __init__(self, hash_seed: int = 0) -> None:
        self._environment: NativeEnvironment
        self._counters = Counters()
        self._workers = NativeWorkers(1, NativeLimits(), self._counters, hash_seed)

    def serve(self, environment: NativeEnvironment) -> MeteredWorker:
        """Itself, for *environment* from now on."""
        self._environment = environment
        return self

    def make(self, level: int, seed: int) -> tuple[InstanceResult, float]:
        """The instance or failure of a level and seed, and the CPU seconds of making it.

        Raises:
            InfrastructureError: The machine failed.
        """
        before = self._cpu_s()
        (made,) = self._workers.make(self._environment, level, [seed])
        if isinstance(made, InstanceFailure) and made.cause == "infrastructure":
            raise InfrastructureError(made.detail)
        return made, self._cpu_s() - before

    def fingerprints(self, level_seeds: Sequence[LevelSeed]) -> list[str | None]:
        """A fingerprint for each level and seed, in order."""
        return [fingerprint(self.make(level, seed)[0]) for level, seed in level_seeds]

    def close(self) -> None:
        """End the process."""
        self._workers.close()

    def _cpu_s(self) -> float:
        totals: Mapping[str, float] = self._counters.totals()
        return totals.get(CPU, 0.0)


@dataclass
class Evidence:
    """The findings so far, level by level; see :class:`scaler_core.audit.program.Evidence`."""

    levels: list[LevelAudit] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    fingerprints: dict[LevelSeed, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NativeResult:
    """The result of auditing a native environment; fields as in ``EnvironmentAudit``."""

    measures: list[Measure]
    levels: Sequence[LevelAudit] = ()
    repeats: Sequence[RepeatAudit] = ()
    verifier: VerifierAudit | None = None
    dead_levels: Sequence[int] = ()


def audit_native(environment: NativeEnvironment, workshop: Workshop) -> NativeResult:
    """Audit one native environment.

    Raises:
        InfrastructureError: The machine could not do it.
        UsageError: A worker cannot import its class.
    """
    if environment.top_level < 0:
        detail = f"its top level is {environment.top_level}"
        return NativeResult([Measure("scale_out_of_bounds", 1, detail)])
    evidence = Evidence()
    with workshop.lending("native", MeteredWorker) as worker:
        worker.serve(environment)
        for level in chosen_levels(workshop.settings.levels, environment.top_level):
            _audit_level(worker, environment.id, level, workshop, evidence)
        looks = _look_at_others(worker, environment, workshop, evidence)
        dead = dead_levels(evidence.levels, looks)
        repeated = _measure_repeated_levels(worker, environment, dead, workshop.settings.seed)
        with (
            workshop.lending("native, fresh", MeteredWorker) as fresh,
            workshop.lending("native, other hash seed", _other_worker) as other,
        ):
            ways = _ways(worker, fresh.serve(environment), other.serve(environment))
            repeats = repeat(evidence.fingerprints, ways)
    verifier, verifier_measures = audit_verifier(
        workshop.judge, evidence.instances, workshop.verifier
    )
    if verifier is not None and verifier.verifier == NATIVE_VERIFIER:
        verifier_measures += measure_payments(workshop.judge, evidence.instances, workshop.verifier)
    measures = [
        *measure_generator(evidence.levels),
        *measure_looks(looks),
        repeated,
        *measure_repeats(ways, repeats),
        *measure_variety(evidence.levels),
        *measure_prompts(evidence.levels),
        *verifier_measures,
    ]
    return NativeResult(measures, evidence.levels, repeats, verifier, dead)


def _other_worker() -> MeteredWorker:
    return MeteredWorker(OTHER_HASH_SEED)


def _measure_repeated_levels(
    worker: MeteredWorker, environment: NativeEnvironment, dead: Sequence[int], audit_seed: int
) -> Measure:
    """Levels that give what the one before gives, for the same seeds, as far as both live."""
    seeds = level_seeds(audit_seed, environment.id, 0, SEEDS_COMPARED)
    made: dict[LevelSeed, str | None] = {}

    def content(level: int, seed: int) -> str | None:
        if (level, seed) not in made:
            item, _ = worker.make(level, seed)
            made[level, seed] = (
                digest([item.messages, item.truth]) if isinstance(item, Instance) else None
            )
        return made[level, seed]

    def same(level: int) -> bool:
        pairs = ((content(level, seed), content(level - 1, seed)) for seed in seeds)
        return all(one is not None and one == other for one, other in pairs)

    living = [level for level in range(environment.top_level + 1) if level not in dead]
    repeated = [level for level in living if level - 1 in living and same(level)]
    detail = f"levels that give what the one before gives for equal seeds: {name_levels(repeated)}"
    return Measure("repeated_levels", len(repeated), detail)


def _look_at_others(
    worker: MeteredWorker, environment: NativeEnvironment, workshop: Workshop, evidence: Evidence
) -> list[Look]:
    """A look at each level that was not chosen, and the whole audit of those that are doubtful."""
    seen = {level.level for level in evidence.levels}
    others = [level for level in range(environment.top_level + 1) if level not in seen]
    looks = [_look(worker, environment.id, level, workshop.settings.seed) for level in others]
    for look in looks:
        if look.doubtful:
            _audit_level(worker, environment.id, look.level, workshop, evidence)
    evidence.levels.sort(key=lambda level: level.level)
    return looks


def _look(worker: MeteredWorker, environment_id: str, level: int, audit_seed: int) -> Look:
    look = Look(level)
    for seed in level_seeds(audit_seed, environment_id, level, SEEDS):
        made, _ = worker.make(level, seed)
        if isinstance(made, InstanceFailure):
            look.take(seed, made)
        else:
            look.tried += 1
            look.take_instance(seed, made)
        if look.instances or (isinstance(made, InstanceFailure) and made.cause == "native_limit"):
            break
    return look


def _audit_level(
    worker: MeteredWorker, environment_id: str, level: int, workshop: Workshop, evidence: Evidence
) -> None:
    def work(seeds: Sequence[int]) -> tuple[list[tuple[InstanceResult, float]], float]:
        made = [worker.make(level, seed) for seed in seeds]
        return made, sum(map(_cost, made))

    seeds = workshop.seeds(environment_id, level)
    made = paced(seeds, work, workshop.settings.budget_s)
    instances = [item for item, _ in made if isinstance(item, Instance)]
    failures = [
        (f"seed {seed}", item)
        for seed, (item, _) in zip(seeds, made, strict=False)
        if isinstance(item, InstanceFailure)
    ]
    evidence.fingerprints |= {(level, item.seed): digest_of(item) for item in instances}
    evidence.instances += instances[:INSTANCES_KEPT]
    evidence.levels.append(
        LevelAudit(
            level=level,
            seeds=len(made),
            testcases=len(instances),
            generator_failures=count_failures(failures),
            truths_asked=len(instances),
            duplicate_share=share_of_duplicates([digest(item.messages) for item in instances]),
            generator_cpu_s=Spread.of([cpu_s for _, cpu_s in made]),
            **describe_instances(instances, workshop.count_tokens),
        )
    )


def _cost(made: tuple[InstanceResult, float]) -> float:
    """CPU seconds; a call that hit a limit is not counted by the worker and costs the limit."""
    item, cpu_s = made
    limited = isinstance(item, InstanceFailure) and item.cause == "native_limit"
    return max(cpu_s, NativeLimits().cpu_s) if limited else cpu_s


def fingerprint(made: InstanceResult) -> str | None:
    """A digest of a result; ``None`` where a limit was hit, which says nothing."""
    if isinstance(made, Instance):
        return digest_of(made)
    return None if made.cause == "native_limit" else NO_TESTCASE


def digest_of(instance: Instance) -> str:
    """A digest of an instance: equal instances, equal digests."""
    return digest(instance.model_dump(mode="json"))


def _ways(same: MeteredWorker, fresh: MeteredWorker, other: MeteredWorker) -> list[Way]:
    return [
        Way("made again at once", "not_repeatable", same.fingerprints),
        Way("made in another order", "not_repeatable", same.fingerprints, batched=True),
        Way("made by a fresh process", "not_repeatable", fresh.fingerprints),
        Way("made under another hash seed", "depends_on_hash_seed", other.fingerprints),
    ]
