"""One test, at least, for every line that the sandbox says it covers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from scaler_core.interfaces import Limits
from scaler_core.testing.environments import SUM_GENERATOR
from scaler_core.testing.fusion import FakeFusion, Reply, succeeded
from scaler_plugins.sandboxes.fusion.sandbox import SandboxFusion
from tests.plugins.sandboxes.fusion.running import generate, solve, statuses

TESTED: set[str] = set()
Test = TypeVar("Test", bound=Callable[..., None])


def covers(line: str) -> Callable[[Test], Test]:
    """Note that a test proves *line* of ``SandboxFusion.covers``."""
    TESTED.add(line)
    return lambda test: test


@covers("programs of a pool on this machine: none runs here")
def test_no_process_is_started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    for place in ("subprocess.Popen", "os.fork", "os.execve"):
        monkeypatch.setattr(place, refuse)
    with FakeFusion([succeeded("1"), succeeded("", **{"result-0.json": b"1"})]) as server:
        sandbox = SandboxFusion(SandboxFusion.Config(url=server.url))
        assert solve(sandbox, "print(1)").status == "ok"
        assert statuses(generate(sandbox, SUM_GENERATOR, [1])) == ["ok"]
        sandbox.close()


@covers("endless loops: CPU seconds, then the server's wall seconds")
@covers("memory bombs: the address space of a process is bounded")
@covers("single files larger than the limit")
@covers("output floods: what is too much is not read")
@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("while True: pass", "time_limit"),
        ("import time; time.sleep(600)", "time_limit"),
        ("x = [0]\nwhile True: x += x", "memory_limit"),
        ("open('file', 'w').write('x' * (64 << 20))", "output_limit"),
        ("while True: print('x' * 1_000_000)", "time_limit"),
        ("print('x' * 5_000_000)", "output_limit"),
    ],
)
def test_hostile_programs_end_at_their_limits(
    fusion: SandboxFusion, source: str, status: str
) -> None:
    size = 1 << 20
    wall_s = 2 if "sleep" in source else 20
    limits = Limits(1, wall_s, memory_bytes=256 << 20, output_bytes=size, file_bytes=size)
    inside = f"def generate_testcase(scale):\n    exec({source!r})\n"
    assert solve(fusion, source, limits=limits).status == status
    in_generator = generate(fusion, inside, [1, 2], limits=limits)
    # what a generator prints goes to a file, so that a flood ends at the limit of files
    assert statuses(in_generator) == ["output_limit" if "print" in source else status] * 2
    assert solve(fusion, "print(1)").status == "ok"


@covers("prints in a generator")
def test_a_print_is_no_result(fusion: SandboxFusion) -> None:
    source = "print('[\"forged\", {}]')\n" + SUM_GENERATOR.replace(
        "    return", "    print('[\"forged\", {}]', flush=True)\n    return"
    )
    results = generate(fusion, source, [1, 2])
    expected = generate(fusion, SUM_GENERATOR, [1, 2])
    assert [item.output for item in results] == [item.output for item in expected]


@covers("state in memory between inputs: each meets a fresh process")
def test_nothing_stays_for_the_next_input(fusion: SandboxFusion) -> None:
    source = """
import builtins, json, random
assert not hasattr(builtins, "seen")
builtins.seen = True
json.dumps, real = lambda *_, **__: "forged", json.dumps
def generate_testcase(scale):
    json.dumps = real
    return str(random.random()), scale
"""
    results = generate(fusion, source, range(4))
    assert statuses(results) == ["ok"] * 4
    assert len({result.output for result in results}) == 4


@covers("answers that are cut off, endless, slow, no JSON or of a wrong shape")
@pytest.mark.parametrize(
    "reply",
    [
        Reply(succeeded("1").body, cut_at=5),
        Reply(b"[" * 4096, endless=True),
        Reply(succeeded("1").body, pause_s=0.1),
        Reply(b"<html>"),
        Reply(b'{"status": "Success"}'),
    ],
)
def test_a_bad_answer_is_no_result(reply: Reply) -> None:
    config = SandboxFusion.Config(url="http://unused", retries=0, request_timeout_s=0.5)
    with FakeFusion([reply]) as server:
        sandbox = SandboxFusion(config.model_copy(update={"url": server.url}))
        result = solve(sandbox, "print(1)", limits=Limits(wall_s=1))
        assert result.status in ("sandbox_failure", "output_limit")
        assert result.output == b""
        sandbox.close()


def test_every_covered_line_has_a_test() -> None:
    assert set(SandboxFusion.covers) == TESTED
