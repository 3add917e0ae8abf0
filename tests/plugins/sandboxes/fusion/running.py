"""Short ways to run programs on a server in the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scaler_core.interfaces import Limits, Program, RunResult, Sandbox
from scaler_core.testing.environments import SUM_GENERATOR
from scaler_core.testing.fusion import FakeFusion, Reply
from scaler_plugins.sandboxes.fusion.sandbox import SandboxFusion
from tests.sandbox.machines import require_compiler

ENOUGH = Limits(cpu_s=2.0, wall_s=20.0, memory_bytes=512 << 20, output_bytes=1 << 20)
SMALL = Limits(cpu_s=1, wall_s=1, output_bytes=1000, file_bytes=1000)
SOLUTION = Program("python", "print(1)")
GENERATOR = Program("python", SUM_GENERATOR, "generator")
SEED = b'{"scale": {"n": 3}, "seed": 1}'


def solve(sandbox: Sandbox, source: str, stdin: str = "", *, limits: Limits = ENOUGH) -> RunResult:
    return sandbox.run(Program("python", source), [stdin.encode()], limits)[0]


def solve_cpp(sandbox: Sandbox, source: str, stdin: str = "") -> RunResult:
    require_compiler()
    return sandbox.run(Program("cpp", source), [stdin.encode()], ENOUGH)[0]


def generate(
    sandbox: Sandbox,
    source: str,
    seeds: range | list[int],
    *,
    scale: object = None,
    limits: Limits = ENOUGH,
) -> list[RunResult]:
    values = scale or {"n": 3}
    inputs = [json.dumps({"scale": values, "seed": seed}).encode() for seed in seeds]
    return sandbox.run(Program("python", source, "generator"), inputs, limits)


def statuses(results: list[RunResult]) -> list[str]:
    return [result.status for result in results]


@contextmanager
def fusion_at(url: str, **options: Any) -> Iterator[SandboxFusion]:
    defaults: dict[str, Any] = {"backoff_s": 0.01, "retries": 2, "request_timeout_s": 30}
    sandbox = SandboxFusion(SandboxFusion.Config(url=url, **defaults | options))
    try:
        yield sandbox
    finally:
        sandbox.close()


def ask(script: list[Reply], program: Program = SOLUTION, **options: Any) -> RunResult:
    """The result of one input; every reply must have been needed."""
    with FakeFusion(script) as server, fusion_at(server.url, **options) as sandbox:
        result = sandbox.run(program, [SEED], SMALL)[0]
        assert len(server.requests) == len(script)
        return result


def one_line_of(result: RunResult) -> str:
    assert "\n" not in result.error
    assert result.error.isprintable()
    assert len(result.error) < 600
    return result.error
