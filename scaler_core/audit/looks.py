"""A look at every level of an environment: a seed or a few, so that no dead level stays unseen.

A level is *dead* when no seed that was tried on it gives a testcase with a truth, or only within
more CPU seconds than a run should pay. A level whose first seed fails is tried on others; where
some of them succeed, the level is *doubtful*, and an audit looks at it as closely as at those that
were asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby

from scaler_core.audit.generator import LevelTestcase, generator_inputs, generator_program
from scaler_core.audit.programs import Programs
from scaler_core.audit.rules import SLOWEST_GENERATOR_CPU_S, Measure
from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.factory import (
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    InstanceResult,
)
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.factory.programs import Testcase, read_generated
from scaler_core.interfaces import (
    EnvironmentSource,
    Limits,
    NativeEnvironment,
    RunResult,
    Sandbox,
)
from scaler_core.models import Environment, Instance, Record
from scaler_core.seeds import derive_seed

SEEDS = 3
"""Seeds of a level whose first one gives nothing."""

SHORT_LIMITS = replace(GENERATOR_LIMITS, cpu_s=2.0, wall_s=10.0)
"""Limits of a first look, so that a generator which hangs on many levels does not cost minutes."""

LONG_LIMITS = replace(GENERATOR_LIMITS, cpu_s=SLOWEST_GENERATOR_CPU_S, wall_s=30.0)
"""Limits of further looks; what takes longer is no testcase that a run should pay for."""

PATIENCE_S = 60.0
"""Seconds of an environment for levels that get the long limits after the short ones."""


@dataclass
class Look:
    """The results of the seeds of one level.

    Attributes:
        level: The level.
        tried: Seeds that were tried.
        testcases: The valid testcases by seed.
        instances: Those of the factory, once it was asked.
        failures: Why seeds gave no testcase or no instance, with the seed.
        asked: Whether the factory was asked.
        cpu_s: CPU seconds of the slowest testcase.
    """

    level: int
    tried: int = 0
    cpu_s: float = 0.0
    testcases: dict[int, Testcase] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)
    failures: list[tuple[str, InstanceFailure]] = field(default_factory=list)
    asked: bool = False

    @property
    def dead(self) -> bool:
        """Whether every seed failed."""
        return not (self.instances if self.asked else self.testcases)

    @property
    def doubtful(self) -> bool:
        """Whether some seeds failed, and some did not."""
        return bool(self.failures) and not self.dead

    def inputs(self) -> list[LevelTestcase]:
        """The testcases, with the truths that the factory gave."""
        truths = {instance.seed: instance.truth for instance in self.instances}
        return [
            LevelTestcase(self.level, seed, testcase, truths.get(seed))
            for seed, testcase in self.testcases.items()
        ]

    def take(self, seed: int, result: Testcase | InstanceFailure) -> None:
        """Count the generator's result for one more seed.

        Raises:
            InfrastructureError: The machine failed.
        """
        self.tried += 1
        if isinstance(result, InstanceFailure):
            self._fail(seed, result)
        else:
            self.testcases[seed] = result

    def take_instance(self, seed: int, result: InstanceResult) -> None:
        """Count the factory's result for a seed.

        Raises:
            InfrastructureError: The machine failed.
        """
        self.asked = True
        if isinstance(result, InstanceFailure):
            self._fail(seed, result)
        else:
            self.instances.append(result)

    def _fail(self, seed: int, failure: InstanceFailure) -> None:
        if failure.cause == "infrastructure":
            raise InfrastructureError(failure.detail)
        self.failures.append((f"seed {seed}", failure))


def level_seeds(audit_seed: int, environment_id: str, level: int, count: int) -> list[int]:
    """The first *count* seeds that an audit tries at *level*."""
    return [
        derive_seed("pool audit", audit_seed, environment_id, level, index)
        for index in range(count)
    ]


def look_at_levels(
    programs: Programs,
    environment: Environment,
    levels: Iterable[int],
    audit_seed: int = 0,
    until: float = math.inf,
) -> list[Look]:
    """Run the generator on a seed of each of *levels*, and on :data:`SEEDS` where that fails.

    Args:
        programs: Runs the generator.
        environment: Its environment.
        levels: The levels.
        audit_seed: Equal seeds, equal testcases.
        until: When to stop, as ``time.monotonic`` counts: later levels are left out.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    left, size, looks = list(levels), 1, list[Look]()
    patience = PATIENCE_S
    while left and time.monotonic() < until:
        group, left = left[:size], left[size:]
        size *= 2
        seeds = [level_seeds(audit_seed, environment.id, level, SEEDS) for level in group]
        firsts = [(level, level_seed[0]) for level, level_seed in zip(group, seeds, strict=True)]
        results = _generate(programs, environment, firsts, SHORT_LIMITS)
        for level, level_seed, (first, cost) in zip(group, seeds, results, strict=True):
            if _hit_a_limit(first):
                size = 1  # whoever hangs on a level may hang on the next
                if time.monotonic() >= until:
                    return looks
                if patience > 0:
                    again = [(level, level_seed[0])]
                    ((first, cost),) = _generate(programs, environment, again, LONG_LIMITS)
                    patience -= cost
            look = Look(level, cpu_s=cost)
            look.take(level_seed[0], first)
            if isinstance(first, InstanceFailure) and not _hit_a_limit(first):
                more = [(level, seed) for seed in level_seed[1:]]
                others = _generate(programs, environment, more, LONG_LIMITS)
                for (_, seed), (result, cost) in zip(more, others, strict=True):
                    look.take(seed, result)
                    look.cpu_s = max(look.cpu_s, cost)
            looks.append(look)
    return looks


def ask_for_instances(
    factory: InstanceFactory, environment: Environment, looks: Sequence[Look], audit_seed: int = 0
) -> None:
    """Ask for an instance on each level that has testcases, and for others where that fails.

    Raises:
        InfrastructureError: The machine failed.
    """
    living = [look for look in looks if not look.dead]
    firsts = [next(iter(look.testcases)) for look in living]
    requests = [
        InstanceRequest(environment, look.level, (seed,))
        for look, seed in zip(living, firsts, strict=True)
    ]
    for look, seed, (made,) in zip(living, firsts, factory.make_many(requests), strict=True):
        look.take_instance(seed, made)
        # a solution that exceeds its limits does so on other seeds of the level too
        if look.instances or _too_slow(made):
            continue
        others = level_seeds(audit_seed, environment.id, look.level, SEEDS)
        others = [other for other in others if other != seed]
        for other, item in zip(others, factory.make(environment, look.level, others), strict=True):
            look.take_instance(other, item)


def _too_slow(made: InstanceResult) -> bool:
    """Whether a solution exceeded its limits."""
    return isinstance(made, InstanceFailure) and made.cause == "solution_limit"


class PoolLook(Record):
    """The findings of a look at the generators of a pool.

    Attributes:
        looked_at: Environments of which every level was looked at.
        dead: Levels without a testcase, by environment.
        reasons: Why, by environment, in one line.
        left: Environments of which not every level was looked at: time was over, or they are
            native.
        not_possible: Why nothing could be looked at, where that is so.
    """

    looked_at: int = 0
    dead: dict[str, tuple[int, ...]] = {}
    reasons: dict[str, str] = {}
    left: int = 0
    not_possible: str = ""


def look_at_pool(
    source: EnvironmentSource, make_sandbox: Callable[[], Sandbox], seconds: float
) -> PoolLook:
    """Run each generator on one seed of every level, as many of them as *seconds* allow.

    It asks no solution: an audit does. A generator that hangs may take 10 seconds longer.

    Args:
        source: The pool.
        make_sandbox: Opens the sandbox for its programs; it is closed again.
        seconds: Seconds after which no further environment is begun.
    """
    dead: dict[str, tuple[int, ...]] = {}
    reasons: dict[str, str] = {}
    looked_at, until = 0, time.monotonic() + seconds
    try:
        with closing(make_sandbox()) as sandbox:
            programs = Programs(sandbox)
            for environment_id in source.ids():
                if time.monotonic() >= until:
                    break
                environment = source.get(environment_id)
                if isinstance(environment, NativeEnvironment) or not has_scales(environment):
                    continue
                levels = range(environment.top_level + 1)
                looks = look_at_levels(programs, environment, levels, until=until)
                looked_at += len(looks) == len(levels)
                if reason := describe_dead(looks):
                    dead[environment_id] = tuple(look.level for look in looks if look.dead)
                    reasons[environment_id] = reason
    except (UsageError, InfrastructureError) as error:
        left = len(source) - looked_at
        return PoolLook(
            looked_at=looked_at, dead=dead, reasons=reasons, left=left, not_possible=str(error)
        )
    return PoolLook(looked_at=looked_at, dead=dead, reasons=reasons, left=len(source) - looked_at)


ROUNDING = 1
"""A scale is rounded down, so a parameter may end one below its maximum."""


def measure_levels(environment: Environment) -> list[Measure]:
    """Figures of the level table. Where a level has no scale at all, that is the only one."""
    scales: list[dict[str, int]] = []
    for level in range(environment.top_level + 1):
        try:
            scales.append(environment.scale(level))
        except (ValueError, OverflowError) as error:
            return [Measure("scale_out_of_bounds", 1, f"level {level} has no scale: {error}")]
    repeated = [level for level in range(1, len(scales)) if scales[level] == scales[level - 1]]
    outside = [
        f"level {level}: {name} = {scale[name]}, allowed {item.minimum} to {item.maximum}"
        for level, scale in enumerate(scales)
        for name, item in environment.parameters.items()
        if not item.minimum <= scale[name] <= item.maximum
    ]
    below = [
        f"{name} = {scales[-1][name]}, its maximum is {item.maximum}"
        for name, item in environment.parameters.items()
        if scales[-1][name] < item.maximum - ROUNDING
    ]
    return [
        Measure("scale_out_of_bounds", len(outside), "; ".join(outside[:3])),
        Measure(
            "repeated_levels",
            len(repeated),
            f"levels with the scale of the one before: {', '.join(map(str, repeated[:20]))}",
        ),
        Measure("top_below_maximum", len(below), f"at the top level {'; '.join(below[:3])}"),
    ]


def has_scales(environment: Environment) -> bool:
    """Whether every level has parameter values at all."""
    try:
        for level in range(environment.top_level + 1):
            environment.scale(level)
    except (ValueError, OverflowError):
        return False
    return True


def describe_dead(looks: Sequence[Look]) -> str:
    """Which levels are dead and why, in one line; empty where none is."""
    dead = [look for look in looks if look.dead]
    if not dead:
        return ""
    where, why = dead[0].failures[0]
    levels = name_levels(look.level for look in dead)
    return f"{levels}: no seed gives an instance; level {dead[0].level}, {where}: {why.detail}"


def name_levels(levels: Iterable[int]) -> str:
    """Levels in a few words, such as ``levels 1, 4-7``."""
    spans = []
    for _, group in groupby(enumerate(sorted(levels)), lambda item: item[1] - item[0]):
        span = [level for _, level in group]
        spans.append(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}")
    several = len(spans) > 1 or "-" in "".join(spans)
    return f"level{'s' if several else ''} {', '.join(spans)}"


def _generate(
    programs: Programs,
    environment: Environment,
    level_seeds: Sequence[tuple[int, int]],
    limits: Limits,
) -> list[tuple[Testcase | InstanceFailure, float]]:
    """The testcase or failure of each level and seed, and the seconds that it cost."""
    results = programs.run(
        generator_program(environment), generator_inputs(environment, level_seeds), limits
    )
    return [
        (read_generated(result), result.wall_s if _was_ended(result) else result.cpu_s)
        for result in results
    ]


def _was_ended(result: RunResult) -> bool:
    """Whether a program was ended at a limit, so that its sleep was waited for."""
    return result.status == "time_limit"


def _hit_a_limit(result: Testcase | InstanceFailure) -> bool:
    return isinstance(result, InstanceFailure) and result.cause == "generator_limit"
