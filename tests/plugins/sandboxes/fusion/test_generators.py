"""Generators on a server give what they give in the local sandbox."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from scaler_core.interfaces import Limits, Program
from scaler_core.models import Environment
from scaler_core.pool.published import read_published
from scaler_core.testing.environments import SUM_GENERATOR
from scaler_core.testing.fusion import FakeFusion
from scaler_plugins.environments.starter import StarterPack
from scaler_plugins.sandboxes.fusion import harness
from scaler_plugins.sandboxes.fusion.sandbox import SEEDS_PER_REQUEST, SandboxFusion
from scaler_plugins.sandboxes.process import Process
from tests.plugins.sandboxes.fusion.running import ENOUGH, generate, statuses

SOME_OF_THE_STARTER_PACK = StarterPack().open().ids()[::4]


def test_many_seeds_travel_in_one_request(server: FakeFusion, fusion: SandboxFusion) -> None:
    results = generate(fusion, SUM_GENERATOR, range(5))
    assert statuses(results) == ["ok"] * 5
    assert len({result.output for result in results}) == 5
    assert len(server.requests) == 1
    generate(fusion, SUM_GENERATOR, range(SEEDS_PER_REQUEST + 1))
    assert len(server.requests) == 3


def test_a_result_depends_on_its_seed_alone(fusion: SandboxFusion) -> None:
    together = [result.output for result in generate(fusion, SUM_GENERATOR, [1, 2, 3, 2**62])]
    alone = [generate(fusion, SUM_GENERATOR, [seed])[0].output for seed in (1, 2, 3, 2**62)]
    assert together == alone


@pytest.mark.parametrize("name", SOME_OF_THE_STARTER_PACK)
def test_the_starter_packs_generators_give_what_they_give_locally(
    fusion: SandboxFusion, local: Process, name: str
) -> None:
    environment = StarterPack().open().get(name)
    assert isinstance(environment, Environment)
    compare_generators(fusion, local, environment)


@pytest.mark.shared
@pytest.mark.thorough
def test_the_published_generators_give_what_they_give_locally(
    fusion: SandboxFusion, local: Process, shared_dir: Path
) -> None:
    environments = read_published(shared_dir / "data/SCALER-8.json")
    assert len(environments) == 8
    for environment in environments:
        compare_generators(fusion, local, environment)


def compare_generators(fusion: SandboxFusion, local: Process, environment: Environment) -> None:
    for level in (0, environment.top_level):
        scale = environment.scale(level)
        theirs = generate(fusion, environment.generator, range(4), scale=scale)
        ours = generate(local, environment.generator, range(4), scale=scale)
        assert statuses(ours) == ["ok"] * 4
        assert [result.output for result in theirs] == [result.output for result in ours]


@pytest.mark.parametrize(
    "body",
    [
        "return 1",
        "return 'text'",
        "return (1, {})",
        "return 'text', {1, 2}",
        "return 'text', {'x': float('nan')}",
        "return ['text', {'é': '\\ud800'}]",
        "return '', []",
        "raise KeyError('scale')",
        "exit(0)",
        "exit(4)",
        "import os; os._exit(0)",
        "import os; os.kill(os.getpid(), 9)",
        "import atexit; atexit.register(lambda: 1 / 0); return 'a', {}",
        "import threading; threading.Thread(target=print).start(); return 'a', {}",
        "print(input())",
        "import sys; print(sys.stdin.read()); return 'a', scale",
        "print('[\"forged\", {}]'); return 'a', {}",
        "while True: print('x' * 100_000)",
        "return 'x' * 2_000_000, {}",
        "return 'x', list(range(1000)) and dict.fromkeys('banana')",
        "import random; return str(random.random()), {'words': list({'a', 'b', 'c', 'd', 'e'})}",
    ],
)
def test_a_generator_ends_as_it_does_in_the_local_sandbox(
    fusion: SandboxFusion, local: Process, body: str
) -> None:
    source = f"def generate_testcase(scale):\n    {body}\n"
    limits = Limits(cpu_s=5, wall_s=60, output_bytes=1 << 20, file_bytes=1 << 20, processes=2)
    ours = generate(local, source, [1], limits=limits)[0]
    for theirs in [
        *generate(fusion, source, [1], limits=limits),
        *generate(fusion, source, [1, 1], limits=limits),
    ]:
        assert theirs.status == ours.status
        if ours.status == "ok":
            assert theirs.output == ours.output
        elif ours.status == "runtime_error":
            assert theirs.error.splitlines()[-1] == ours.error.splitlines()[-1]


@pytest.mark.parametrize(
    ("source", "status", "reason"),
    [
        ("x = 1", "runtime_error", "no function generate_testcase"),
        ("def generate_testcase(", "compile_error", "SyntaxError"),
        ("import random\nKEY = random.random()\n" + SUM_GENERATOR, "ok", ""),
        ("while True: pass", "time_limit", "1 CPU seconds"),
    ],
)
def test_the_top_level_of_a_generator_counts_for_every_seed(
    fusion: SandboxFusion, source: str, status: str, reason: str
) -> None:
    results = generate(fusion, source, [1, 2], limits=Limits(cpu_s=1, wall_s=60))
    assert statuses(results) == [status, status]
    assert all(reason in result.error for result in results)


@pytest.mark.parametrize(
    ("misdeed", "status"),
    [
        ("raise ValueError('bad seed')", "runtime_error"),
        ("import os; os.killpg(0, 9)", "runtime_error"),  # the harness and the other seeds too
        ("bytearray(1 << 30)", "memory_limit"),
        ("import time; time.sleep(600)", "time_limit"),
        ("while True: pass", "time_limit"),
    ],
)
def test_one_bad_seed_spoils_only_itself(
    server: FakeFusion, fusion: SandboxFusion, misdeed: str, status: str
) -> None:
    source = f"""
import random
def generate_testcase(scale):
    if random.getstate() == random.Random(2).getstate():
        {misdeed}
    return str(random.random()), scale
"""
    limits = Limits(cpu_s=1, wall_s=3 if "sleep" in misdeed else 20, memory_bytes=512 << 20)
    results = generate(fusion, source, range(5), limits=limits)
    assert statuses(results) == ["ok", "ok", status, "ok", "ok"]
    good = [result.output for number, result in enumerate(results) if number != 2]
    assert good == [result.output for result in generate(fusion, source, [0, 1, 3, 4])]


def test_results_larger_than_an_answer_may_be_come_one_by_one(
    server: FakeFusion, fusion: SandboxFusion
) -> None:
    source = "def generate_testcase(scale): return 'x' * 1_500_000, {'n': 1}"
    limits = Limits(output_bytes=2 << 20, file_bytes=2 << 20)
    results = generate(fusion, source, range(20), limits=limits)
    assert statuses(results) == ["ok"] * 20
    assert len(server.requests) == 21


def test_a_generator_in_another_language_is_refused(fusion: SandboxFusion) -> None:
    result = fusion.run(Program("cpp", "", "generator"), [b"{}"], ENOUGH)[0]
    assert result.status == "compile_error"


def test_the_harness_needs_no_newer_python_than_the_documentation_says() -> None:
    assert harness.__file__
    text = Path(harness.__file__).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)) <= sys.stdlib_module_names
