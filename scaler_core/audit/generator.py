"""Running a generator for an audit: testcases, causes of failure, and what it all cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from scaler_core.audit.programs import Programs
from scaler_core.audit.records import RepeatAudit
from scaler_core.audit.rules import Measure
from scaler_core.factory import InstanceFailure, LevelSeed
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.factory.programs import Testcase, read_generated, read_result
from scaler_core.interfaces import Program, RunResult
from scaler_core.jsonio import canonical_json
from scaler_core.models import Environment

NO_TESTCASE = "none"
"""The fingerprint of a call that gave no testcase, whatever the reason."""


@dataclass(frozen=True)
class LevelTestcase:
    """A valid testcase of a level.

    Attributes:
        level: Its level.
        seed: Its seed.
        testcase: What solutions read, and the structured value.
        truth: Its truth, where the factory gave one.
    """

    level: int
    seed: int
    testcase: Testcase
    truth: str | None = None

    @property
    def stdin(self) -> bytes:
        """The text that solutions read."""
        return self.testcase.stdin

    @property
    def text(self) -> str:
        """The same as text."""
        return self.stdin.decode(errors="replace")

    @property
    def value(self) -> Mapping[str, object]:
        """The structured value."""
        return self.testcase.value

    @property
    def where(self) -> str:
        """The testcase, as a message names it."""
        return f"level {self.level}, seed {self.seed}"

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the structured value."""
        return digest(self.value)


@dataclass
class Generated:
    """A generator's results at one level.

    Attributes:
        seeds: Seeds that were tried.
        inputs: The valid testcases.
        failures: Why the other seeds gave none, with the seed.
        fingerprints: One for each valid testcase.
        cpu_s: CPU seconds of each call.
    """

    seeds: list[int] = field(default_factory=list)
    inputs: list[LevelTestcase] = field(default_factory=list)
    failures: list[tuple[str, InstanceFailure]] = field(default_factory=list)
    fingerprints: dict[LevelSeed, str] = field(default_factory=dict)
    cpu_s: list[float] = field(default_factory=list)


def generator_program(environment: Environment, hash_seed: int = 0) -> Program:
    """The environment's generator as the sandbox runs it."""
    return Program("python", environment.generator, role="generator", hash_seed=hash_seed)


def generator_inputs(environment: Environment, level_seeds: Sequence[LevelSeed]) -> list[bytes]:
    """The input of the generator for each level and seed."""
    return [
        canonical_json({"scale": environment.scale(level), "seed": seed}).encode()
        for level, seed in level_seeds
    ]


def generate(
    programs: Programs, environment: Environment, level: int, seeds: Sequence[int], budget_s: float
) -> Generated:
    """Testcases of *level*, for as many of *seeds* as the budget allows.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    level_seeds = [(level, seed) for seed in seeds]
    results = programs.run_paced(
        generator_program(environment),
        generator_inputs(environment, level_seeds),
        GENERATOR_LIMITS,
        budget_s,
    )
    made = Generated()
    for seed, result in zip(seeds, results, strict=False):
        made.seeds.append(seed)
        made.cpu_s.append(result.cpu_s)
        testcase = read_generated(result)
        if isinstance(testcase, InstanceFailure):
            made.failures.append((f"seed {seed}", testcase))
            continue
        made.fingerprints[level, seed] = fingerprint(result)
        made.inputs.append(LevelTestcase(level, seed, testcase))
    return made


def fingerprint(result: RunResult) -> str:
    """A digest of a generator's result: equal testcases, equal digests."""
    if result.status != "ok":
        return NO_TESTCASE
    try:
        return digest(read_result(result.output))
    except ValueError:
        return NO_TESTCASE


def digest(value: object) -> str:
    """SHA-256 of a JSON value, in which the order of keys counts: a prompt shows it."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


MakeFingerprints = Callable[[Sequence[LevelSeed]], Sequence[str | None]]
"""Makes instances in one batch and returns their fingerprints, ``None`` for unknown ones."""


@dataclass(frozen=True)
class Way:
    """A way to make instances again.

    Attributes:
        name: What is different, in a few words.
        rule: The rule that a difference breaks.
        make: Makes them.
        batched: Whether instances are made in batches of growing size and in another order, rather
            than in one batch.
        impossible: Why it cannot be done here; empty when it can.
    """

    name: str
    rule: str
    make: MakeFingerprints
    batched: bool = False
    impossible: str = ""


def repeat(first: Mapping[LevelSeed, str], ways: Sequence[Way]) -> list[RepeatAudit]:
    """Make the instances of *first* again in each of *ways*; one audit a way, in their order."""
    return [_repeat(first, way) for way in ways]


def measure_repeats(ways: Sequence[Way], audits: Sequence[RepeatAudit]) -> list[Measure]:
    """The share of instances that came out differently, for each way that could be gone."""
    return [
        Measure(
            way.rule,
            audit.differing / audit.compared,
            f"{audit.differing} of {audit.compared} instances differ when they are {audit.way}: "
            f"{audit.example}",
        )
        for way, audit in zip(ways, audits, strict=True)
        if audit.compared
    ]


def _repeat(first: Mapping[LevelSeed, str], way: Way) -> RepeatAudit:
    if way.impossible:
        return RepeatAudit(way=way.name, compared=0, example=way.impossible)
    level_seeds = list(first)
    batches = mixed_batches(level_seeds) if way.batched else [level_seeds] if level_seeds else []
    compared, differing = 0, []
    for batch in batches:
        for level_seed, made in zip(batch, way.make(batch), strict=True):
            compared += made is not None
            if made is not None and made != first[level_seed]:
                differing.append(level_seed)
    example = "level {}, seed {}".format(*differing[0]) if differing else ""
    return RepeatAudit(way=way.name, compared=compared, differing=len(differing), example=example)


def mixed_batches(level_seeds: Sequence[LevelSeed]) -> list[list[LevelSeed]]:
    """All of them from the last to the first, levels mixed, in batches of 1, 2, 4, 8, ..."""
    by_seed = sorted(range(len(level_seeds)), key=lambda index: (index * 7 % 11, -index))
    mixed = [level_seeds[index] for index in by_seed]
    batches, size = [], 1
    while mixed:
        batches.append(mixed[:size])
        mixed = mixed[size:]
        size *= 2
    return batches


BATCH = 16
"""Calls of one process: the results of all travel together."""

LIMITS = replace(GENERATOR_LIMITS, cpu_s=60.0, wall_s=300.0, output_bytes=32 << 20)
"""Limits of one process, for all its calls together."""

_WRAPPER = """\
import json
import random
import sys
import types


def generate_testcase(scale):
    module = types.ModuleType("generator")
    sys.modules["generator"] = module
    random.seed(0)
    exec(compile(SOURCE, "<generator>", "exec", dont_inherit=True), module.__dict__)
    return "resident", {"results": [call(module, *item) for item in scale["calls"]]}


def call(module, scale, seed):
    random.seed(seed)
    try:
        stdin, testcase = module.__dict__["generate_testcase"](scale)
        return json.dumps([stdin, testcase], allow_nan=False)
    except BaseException:
        return None
"""


def resident_program(environment: Environment) -> Program:
    """The wrapper around the environment's generator."""
    source = f"SOURCE = {generator_program(environment).source!r}\n{_WRAPPER}"
    return Program("python", source, role="generator")


def resident_fingerprints(
    programs: Programs, environment: Environment, level_seeds: Sequence[LevelSeed]
) -> list[str | None]:
    """A fingerprint for each instance, batches of which were made by one process each.

    It is ``None`` where a whole batch hit a limit, which says nothing about its instances.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    program = resident_program(environment)
    fingerprints: list[str | None] = []
    for start in range(0, len(level_seeds), BATCH):
        batch = level_seeds[start : start + BATCH]
        calls = [[environment.scale(level), seed] for level, seed in batch]
        data = canonical_json({"scale": {"calls": calls}, "seed": 0}).encode()
        (result,) = programs.run(program, [data], LIMITS)
        if result.status in ("ok", "runtime_error"):
            fingerprints += _read(result.output, len(batch))
        else:
            fingerprints += [None] * len(batch)
    return fingerprints


def _read(output: bytes, count: int) -> list[str]:
    """The fingerprints that the wrapper sent; a generator may have broken it in any way."""
    try:
        texts = read_result(output)[1]["results"]
        if len(texts) == count:
            return [digest(read_result(text.encode())) if text else NO_TESTCASE for text in texts]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        pass
    return [NO_TESTCASE] * count
