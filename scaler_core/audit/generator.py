"""Running a generator for an audit: testcases, causes of failure, and what it all cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from scaler_core.audit.programs import Programs
from scaler_core.factory import InstanceFailure
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.factory.programs import read_generated
from scaler_core.jsonio import canonical_json
from scaler_core.models import Environment
from scaler_core.sandbox import Program, RunResult

NO_TESTCASE = "none"
"""The fingerprint of a call that gave no testcase, whatever the reason."""

Place = tuple[int, int]
"""A level and a seed."""


@dataclass(frozen=True)
class Input:
    """A valid testcase.

    Attributes:
        level: Its level.
        seed: Its seed.
        stdin: What solutions read.
        value: Fingerprint of the structured value.
    """

    level: int
    seed: int
    stdin: bytes
    value: str


@dataclass
class Generated:
    """What a generator made at one level.

    Attributes:
        seeds: Seeds that were tried.
        inputs: The valid testcases.
        failures: Why the other seeds gave none, with the seed.
        fingerprints: One for each valid testcase.
        cpu_s: CPU seconds of each call.
    """

    seeds: list[int] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    failures: list[tuple[str, InstanceFailure]] = field(default_factory=list)
    fingerprints: dict[Place, str] = field(default_factory=dict)
    cpu_s: list[float] = field(default_factory=list)


def generator_program(environment: Environment, hash_seed: int = 0) -> Program:
    """The environment's generator as the sandbox runs it."""
    return Program("python", environment.generator, role="generator", hash_seed=hash_seed)


def generator_inputs(environment: Environment, places: Sequence[Place]) -> list[bytes]:
    """What the generator is given for each place."""
    return [
        canonical_json({"scale": environment.scale(level), "seed": seed}).encode()
        for level, seed in places
    ]


def generate(
    programs: Programs, environment: Environment, level: int, seeds: Sequence[int], budget_s: float
) -> Generated:
    """Testcases of *level*, for as many of *seeds* as the budget allows.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    places = [(level, seed) for seed in seeds]
    results = programs.run_paced(
        generator_program(environment),
        generator_inputs(environment, places),
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
        made.inputs.append(Input(level, seed, testcase.stdin, digest(testcase.value)))
    return made


def fingerprint(result: RunResult) -> str:
    """What tells two results of a generator apart."""
    if result.status != "ok":
        return NO_TESTCASE
    try:
        return digest(json.loads(result.output))
    except (ValueError, RecursionError):
        return NO_TESTCASE


def digest(value: object) -> str:
    """SHA-256 of a JSON value, in which the order of keys counts: a prompt shows it."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
