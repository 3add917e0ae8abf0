"""Short ways to run programs in the tests."""

from __future__ import annotations

import json
from typing import Any

from scaler_core.sandbox import Limits, Program, RunResult
from scaler_plugins.sandboxes.process import Process

QUICK = Limits(cpu_s=1.0, wall_s=20.0, memory_bytes=512 << 20, output_bytes=1 << 20)


def python(
    sandbox: Process, source: str, stdin: str = "", limits: Limits | None = None, **changes: Any
) -> RunResult:
    """One run of a Python solution."""
    return run(sandbox, Program("python", source), stdin.encode(), limits, **changes)


def cpp(sandbox: Process, source: str, stdin: str = "", **changes: Any) -> RunResult:
    """One run of a C++ solution."""
    return run(sandbox, Program("cpp", source), stdin.encode(), None, **changes)


def generator(sandbox: Process, source: str, seed: int = 1, **changes: Any) -> RunResult:
    """One call of a generator at the scale ``{"n": 3}``."""
    data = json.dumps({"scale": {"n": 3}, "seed": seed}).encode()
    return run(sandbox, Program("python", source, "generator"), data, None, **changes)


def run(
    sandbox: Process, program: Program, data: bytes, limits: Limits | None, **changes: Any
) -> RunResult:
    """One run; *changes* replace fields of the limits."""
    used = Limits(**{**vars(limits or QUICK), **changes})
    return sandbox.run(program, [data], used)[0]
