"""Short ways to run programs in the tests."""

from __future__ import annotations

import json
from typing import Any

from scaler_core.interfaces import Limits, Program, RunResult, Sandbox
from scaler_core.testing.environments import SUM_CPP, SUM_GENERATOR, SUM_PYTHON

QUICK = Limits(cpu_s=1.0, wall_s=20.0, memory_bytes=512 << 20, output_bytes=1 << 20)


def python(
    sandbox: Sandbox, source: str, stdin: str = "", limits: Limits | None = None, **changes: Any
) -> RunResult:
    """One run of a Python solution."""
    return run(sandbox, Program("python", source), stdin.encode(), limits, **changes)


def cpp(sandbox: Sandbox, source: str, stdin: str = "", **changes: Any) -> RunResult:
    """One run of a C++ solution."""
    return run(sandbox, Program("cpp", source), stdin.encode(), None, **changes)


def generator(sandbox: Sandbox, source: str, seed: int = 1, **changes: Any) -> RunResult:
    """One call of a generator at the scale ``{"n": 3}``."""
    data = json.dumps({"scale": {"n": 3}, "seed": seed}).encode()
    return run(sandbox, Program("python", source, "generator"), data, None, **changes)


def run(
    sandbox: Sandbox, program: Program, data: bytes, limits: Limits | None, **changes: Any
) -> RunResult:
    """One run; *changes* replace fields of the limits."""
    used = Limits(**{**vars(limits or QUICK), **changes})
    return sandbox.run(program, [data], used)[0]


def honest_answers(sandbox: Sandbox, *, compiled: bool) -> list[str]:
    """What three honest programs give; see :data:`HONEST_ANSWERS`."""
    stdin = "3\n1 2 39\n"
    made = generator(sandbox, SUM_GENERATOR)
    answers = [python(sandbox, SUM_PYTHON[0], stdin), cpp(sandbox, SUM_CPP[0], stdin)][
        : 1 + compiled
    ]
    told = [f"{result.status} {result.output.decode()}".strip() for result in answers]
    values = json.loads(made.output)[1]["values"] if made.status == "ok" else made.error
    return [*told, f"{made.status} {values}"]


def right_answers(*, compiled: bool) -> list[str]:
    """What :func:`honest_answers` must be."""
    return [*["ok 42"] * (1 + compiled), "ok [-33, 22, 47]"]
