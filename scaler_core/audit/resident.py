"""A program around a generator that calls it many times in one process, as a resident one would.

It runs in the sandbox like every generator: its scale is the list of calls, its testcase the list
of their results.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from scaler_core.audit.generator import NO_TESTCASE, Place, digest, generator_program
from scaler_core.audit.programs import Programs
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.jsonio import canonical_json
from scaler_core.models import Environment
from scaler_core.sandbox import Program

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
    programs: Programs, environment: Environment, places: Sequence[Place]
) -> list[str | None]:
    """A fingerprint for each place, batches of which were made by one process each.

    It is ``None`` where a whole batch hit a limit, which says nothing about its instances.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    program = resident_program(environment)
    fingerprints: list[str | None] = []
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH]
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
        texts = json.loads(output)[1]["results"]
        if len(texts) == count:
            return [digest(json.loads(text)) if text else NO_TESTCASE for text in texts]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        pass
    return [NO_TESTCASE] * count
