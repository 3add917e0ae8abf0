"""Every hostile program, in each of its languages and roles, on both sandboxes of this machine."""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from scaler_core.interfaces import Limits, Program, RunResult, Sandbox
from scaler_plugins.sandboxes.bubblewrap import Bubblewrap
from scaler_plugins.sandboxes.process import Process
from tests.plugins.sandboxes.conftest import LocalKind
from tests.plugins.sandboxes.hostile import (
    compiling,
    forging,
    kernel,
    lines,
    network,
    processes,
    reading,
    resources,
    searching,
    signals,
    sources,
    state,
    tampering,
    writing,
)
from tests.plugins.sandboxes.hostile.attack import BREACH, REFUSED, Attack, Variant
from tests.plugins.sandboxes.hostile.scene import Scene
from tests.plugins.sandboxes.running import QUICK, honest_answers, right_answers
from tests.sandbox.machines import require_compiler

Test = TypeVar("Test", bound=Callable[..., None])
TESTED: set[str] = set()

FAMILIES = (
    reading,
    writing,
    processes,
    signals,
    network,
    kernel,
    resources,
    forging,
    compiling,
    sources,
)
ATTACKS = [attack for family in FAMILIES for attack in family.ATTACKS]
REPEATED = list(state.ATTACKS)


def covers(line: str) -> Callable[[Test], Test]:
    """Note that a test proves *line* of what the sandboxes cover."""

    def note(test: Test) -> Test:
        TESTED.add(line)
        return test

    return note


def variants(attacks: list[Attack]) -> list[Variant]:
    """Every way to run them on this machine."""
    TESTED.update(attack.line for attack in attacks)
    here = [attack for attack in attacks if attack.machine in ("", platform.machine())]
    return [variant for attack in here for variant in attack.variants()]


def some_first(variants: Sequence[Variant], key: Callable[[Variant], object]) -> list[Any]:
    """The variants as parameters: all but the first of each *key* are left to the thorough run."""
    seen: set[object] = set()
    found = []
    for variant in variants:
        marks = [pytest.mark.thorough] if key(variant) in seen else []
        seen.add(key(variant))
        found.append(pytest.param(variant, marks=marks))
    return found


def limits_of(attack: Attack) -> Limits:
    """The usual limits, changed as the attack asks."""
    return Limits(**{**vars(QUICK), **attack.limits})


def assert_contained(result: RunResult, attack: Attack, scene: Scene) -> None:
    """It ended as it may, got nothing, and did nothing."""
    said = result.output.decode(errors="replace") + result.error
    told = f"{result.status}: {said[-2000:]}"
    assert BREACH not in said, told
    assert scene.token not in said, told
    assert scene.harm() == []
    assert result.status in attack.ends, told


def lull(variant: Variant, sandbox: Sandbox) -> None:
    """Let the program be met on harmless inputs, so that it is trusted with the warm way.

    What differs in the two ways at first touch runs in the plain way, and then no attack on the
    warm one would be seen here.
    """
    if variant.attack.lies_low:
        roomy = Limits(**{**vars(QUICK), "memory_bytes": 4 << 30})
        results = sandbox.run(variant.program, [variant.touch] * 2, roomy)
        assert "sandbox_failure" not in {result.status for result in results}, results


@pytest.fixture(scope="module")
def plain_sandbox(kind: LocalKind, cache: Path, scene: Scene) -> Iterator[Sandbox]:
    """A sandbox that starts each program from nothing."""
    opened = kind(kind.Config(cache_dir=cache, warm=False))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def still_answers(sandbox: Sandbox) -> Iterator[None]:
    """After each test the same sandbox still runs honest programs, and runs them right."""
    yield
    compiled = shutil.which("g++") is not None
    assert honest_answers(sandbox, compiled=compiled) == right_answers(compiled=compiled)


@pytest.mark.parametrize(
    "variant", some_first(variants(ATTACKS), lambda item: item.attack.name), ids=str
)
def test_a_hostile_program_is_contained(variant: Variant, sandbox: Sandbox, scene: Scene) -> None:
    if variant.way == "cpp":
        require_compiler()
    attack = variant.attack
    lull(variant, sandbox)
    result = sandbox.run(variant.program, [variant.data(scene.places)], limits_of(attack))[0]
    assert_contained(result, attack, scene)


# One language is enough here. Those that cannot lie low have met the plain way at first touch.
PLAIN = [
    variant
    for variant in variants([attack for attack in ATTACKS if attack.lies_low])
    if variant.way == "python" or not variant.attack.python
]


# The warm way of both sandboxes has met every attack already: in the plain way each is tried on one
# of the two in every run of the tests, in turn, and on the other in the thorough run.
IN_THE_PLAIN_WAY = [
    pytest.param(
        kind,
        variant,
        id=f"{kind.name}-{variant}",
        marks=[pytest.mark.thorough] * ((number + turn) % 2),
    )
    for turn, kind in enumerate((Process, Bubblewrap))
    for number, variant in enumerate(PLAIN)
]


@pytest.mark.parametrize(("kind", "variant"), IN_THE_PLAIN_WAY, indirect=["kind"], scope="session")
def test_a_hostile_program_is_contained_in_the_plain_way(
    variant: Variant, plain_sandbox: Sandbox, scene: Scene
) -> None:
    if variant.way == "cpp":
        require_compiler()
    data = [variant.touch, variant.data(scene.places)]
    result = plain_sandbox.run(variant.program, data, limits_of(variant.attack))[1]
    assert_contained(result, variant.attack, scene)


@pytest.mark.parametrize("variant", variants(REPEATED), ids=str)
@pytest.mark.parametrize("way", ["sandbox", "plain_sandbox"])
def test_nothing_is_left_for_a_later_run(
    variant: Variant, way: str, scene: Scene, request: pytest.FixtureRequest
) -> None:
    if variant.way == "cpp":
        require_compiler()
    sandbox: Sandbox = request.getfixturevalue(way)
    lull(variant, sandbox)
    data = variant.data(scene.places)
    batches = [[data]] * 4 if variant.way == "generator" else [[data] * 3, [data] * 2]
    for batch in batches:
        for result in sandbox.run(variant.program, batch, limits_of(variant.attack)):
            assert_contained(result, variant.attack, scene)


# ------------------------------------------------------------------ reading from other runs


@covers(lines.OTHER_RUNS)
@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", searching.OBJECTS),
        ("python", searching.MEMORY),
        ("python", searching.DESCRIPTORS),
        ("cpp", searching.MEMORY_CPP),
        ("cpp", searching.DESCRIPTORS_CPP),
    ],
    ids=["objects", "memory", "descriptors", "memory in C++", "descriptors in C++"],
)
@pytest.mark.parametrize("way", ["sandbox", "plain_sandbox"])
def test_no_run_finds_the_input_of_another(
    language: str, source: str, way: str, scene: Scene, request: pytest.FixtureRequest
) -> None:
    if language == "cpp":
        require_compiler()
    sandbox: Sandbox = request.getfixturevalue(way)
    secret = f"{scene.token} {'1 ' * 50}".encode()
    program = Program(language, source)  # type: ignore[arg-type]
    limits = Limits(**{**vars(QUICK), "cpu_s": 20.0, "wall_s": 60.0})
    sandbox.run(program, [b"nothing"] * 2, limits)  # harmless at first touch
    for _ in range(2):
        results = sandbox.run(program, [secret, searching.moved(scene.token), secret], limits)
        assert results[1].status in ("ok", "forbidden"), results[1]
        assert BREACH.encode() not in results[1].output


@covers(lines.OTHER_RUNS)
def test_no_run_finds_the_input_of_a_call_beside_it(sandbox: Sandbox, scene: Scene) -> None:
    waiting = Program("python", "import time\ntime.sleep(2)\nprint(input())")
    search = Program("python", searching.DESCRIPTORS)
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(sandbox.run, waiting, [scene.token.encode()], QUICK)
        time.sleep(0.5)
        result = sandbox.run(search, [searching.moved(scene.token)], QUICK)[0]
        assert other.result()[0].output.decode().strip() == scene.token
    assert (result.status, result.output) == ("ok", b"")


# ------------------------------------------------------------------ the kernel


@covers(lines.KERNEL)
@pytest.mark.parametrize("language", ["python", "cpp"])
def test_no_system_call_beyond_the_harmless_ones_reaches_the_kernel(
    language: str, sandbox: Sandbox, scene: Scene
) -> None:
    require_compiler()
    told = sandbox.run(Program("cpp", kernel.NUMBERS_CPP), [b""], QUICK)[0]
    harmless = set(map(int, told.output.split()))
    assert len(harmless) > 50
    if platform.machine() == "x86_64":
        # uretprobe and uprobe: the kernel keeps filters away from them, and does nothing for others
        harmless |= {335, 336}
    source = kernel.SWEEP_CPP if language == "cpp" else kernel.SWEEP_PYTHON
    program = Program(language, source)  # type: ignore[arg-type]
    numbers = [number for number in [*range(600), *range(4090, 4100)] if number not in harmless]
    results = sandbox.run(program, [str(number).encode() for number in numbers], QUICK)
    problems = [
        (number, result.status, result.output)
        for number, result in zip(numbers, results, strict=True)
        if result.output or result.status not in REFUSED
    ]
    assert problems == []


# ------------------------------------------------------------------ tampering


@covers(lines.TAMPERING)
@pytest.mark.parametrize("name", tampering.TAMPERS)
def test_tampering_with_the_interpreter_ends_with_the_run(name: str, sandbox: Sandbox) -> None:
    source = tampering.SOLUTION.replace("TAMPER", repr(tampering.TAMPERS[name]))
    program = Program("python", source)
    limits = Limits(**{**vars(QUICK), "processes": 1, "wall_s": 1.0})
    honest = sandbox.run(program, [b"honest"], limits)[0]
    assert honest.status == "ok"
    results = sandbox.run(program, [b"spoil", b"honest", b"spoil", b"honest"], limits)
    assert [result.output for result in results[1::2]] == [honest.output] * 2
    assert all(result.status != "sandbox_failure" for result in results)


@covers(lines.TAMPERING)
@pytest.mark.parametrize("name", tampering.TAMPERS)
def test_tampering_by_a_generator_ends_with_its_call(name: str, sandbox: Sandbox) -> None:
    source = tampering.GENERATOR.replace("TAMPER", repr(tampering.TAMPERS[name]))
    program = Program("python", source, "generator")
    limits = Limits(**{**vars(QUICK), "processes": 1, "wall_s": 1.0})

    def call(*spoils: bool) -> list[RunResult]:
        inputs = [json.dumps({"scale": {"spoil": spoil}, "seed": 1}).encode() for spoil in spoils]
        return sandbox.run(program, inputs, limits)

    honest = call(False)[0]
    assert honest.status == "ok"
    spoilt = call(True, False, True)
    assert len(spoilt) == 3
    assert all(result.status != "sandbox_failure" for result in spoilt)
    assert [result.output for result in call(False, False)] == [honest.output] * 2


# ------------------------------------------------------------------ results


@covers(lines.FORGING)
def test_whatever_a_generator_sends_is_json_where_it_is_ok(sandbox: Sandbox) -> None:
    for attack in forging.ATTACKS:
        if "ok" in attack.ends and "every descriptor" not in attack.name:
            program = Program("python", str(attack.generator), "generator")
            result = sandbox.run(program, [b'{"scale": {}, "seed": 1}'], QUICK)[0]
            if result.status == "ok":
                text, _ = json.loads(result.output.decode("ascii"))
                assert isinstance(text, str), attack.name


@covers(lines.FORGING)
def test_a_bad_seed_costs_only_itself(sandbox: Sandbox) -> None:
    source = """
import os, random, time
def generate_testcase(scale):
    {1: lambda: os._exit(0), 3: lambda: 1 / 0, 4: lambda: bytearray(4 << 30), 6: os.fork,
     7: lambda: time.sleep(1000), 8: lambda: os.kill(os.getpid(), 9), 10: lambda: exit(3),
    }.get(scale["n"], lambda: None)()
    return str(scale["n"]), {"n": random.random()}
"""
    program = Program("python", source, "generator")
    limits = Limits(**{**vars(QUICK), "wall_s": 1.0})

    def call(numbers: list[int]) -> list[RunResult]:
        inputs = [json.dumps({"scale": {"n": n}, "seed": n}).encode() for n in numbers]
        return sandbox.run(program, inputs, limits)

    for _ in range(2):
        results = call(list(range(12)))
        good = [number for number, result in enumerate(results) if result.status == "ok"]
        assert good == [0, 2, 5, 9, 11]
        assert [json.loads(results[number].output)[0] for number in good] == list(map(str, good))
        alone = [call([number])[0].output for number in good]
        assert [results[number].output for number in good] == alone
        assert all(result.status != "sandbox_failure" for result in results)


@covers(lines.VERDICTS)
@pytest.mark.parametrize("language", ["python", "cpp"])
def test_no_exit_code_passes_for_a_failure_of_the_sandbox(language: str, sandbox: Sandbox) -> None:
    sources = {
        "python": "import os\nos._exit(int(input()))",
        "cpp": "#include <cstdio>\n#include <unistd.h>\nint main() { int code;\n"
        'if (scanf("%d", &code) == 1) _exit(code); }',
    }
    if language == "cpp":
        require_compiler()
    program = Program(language, sources[language])  # type: ignore[arg-type]
    results = sandbox.run(program, [str(code).encode() for code in range(256)], QUICK)
    assert [result.status for result in results] == ["ok"] + ["runtime_error"] * 255


@covers(lines.VERDICTS)
def test_no_signal_passes_for_a_failure_of_the_sandbox(sandbox: Sandbox) -> None:
    source = """
import os, signal
number = int(input())
signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
try:
    signal.signal(number, signal.SIG_DFL)
except OSError:
    pass
os.kill(os.getpid(), number)
"""
    numbers = [number for number in range(1, 32) if number not in (19, 20, 21, 22)]  # those stop
    program = Program("python", source)
    results = sandbox.run(program, [str(number).encode() for number in numbers], QUICK)
    assert "sandbox_failure" not in {result.status for result in results}


# ------------------------------------------------------------------ the compiler


@covers(lines.COMPILER)
@pytest.mark.parametrize("name", compiling.READING)
def test_the_compiler_shows_no_secret(name: str, sandbox: Sandbox, scene: Scene) -> None:
    require_compiler()
    for secret in scene.places["secrets"].split()[:2]:
        source = compiling.READING[name].replace("{secret}", secret)
        result = sandbox.run(Program("cpp", source), [b""], QUICK)[0]
        shown = result.output.decode(errors="replace") + result.error
        assert scene.token not in shown
        assert result.status in ("compile_error", "ok")
