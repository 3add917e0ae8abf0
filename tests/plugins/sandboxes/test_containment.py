"""What remains after hostile programs: a sandbox that answers, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from scaler_core.interfaces import Limits, Program, Sandbox
from tests.plugins.sandboxes.conftest import LocalKind
from tests.plugins.sandboxes.hostile import processes, resources, state, writing
from tests.plugins.sandboxes.hostile.attack import Attack
from tests.plugins.sandboxes.hostile.scene import Scene
from tests.plugins.sandboxes.processes import descendants
from tests.plugins.sandboxes.running import QUICK, honest_answers, right_answers
from tests.sandbox.machines import eventually, require_compiler

WORST = [*processes.ATTACKS, *resources.ATTACKS, *state.ATTACKS, *writing.ATTACKS]


@pytest.fixture
def own_sandbox(orphans_come_here: None, kind: LocalKind, cache: Path) -> Iterator[Sandbox]:
    """A sandbox that a test closes."""
    opened = kind(kind.Config(cache_dir=cache))
    yield opened
    opened.close()


def unleash(sandbox: Sandbox, attack: Attack, scene: Scene) -> None:
    """Run an attack in all its ways."""
    limits = Limits(**{**vars(QUICK), "wall_s": 2.0, **attack.limits})
    for variant in attack.variants():
        sandbox.run(variant.program, [variant.data(scene.places)] * 2, limits)


def test_no_process_is_left_after_closing(own_sandbox: Sandbox, scene: Scene) -> None:
    require_compiler()
    before = descendants()
    for attack in WORST[::13]:
        unleash(own_sandbox, attack, scene)
    assert honest_answers(own_sandbox, compiled=True) == right_answers(compiled=True)
    own_sandbox.close()
    assert eventually(lambda: set(descendants()) <= set(before)), descendants()


def test_no_process_of_a_run_outlives_it(own_sandbox: Sandbox, scene: Scene) -> None:
    assert honest_answers(own_sandbox, compiled=False) == right_answers(compiled=False)
    program = Program("python", processes.ATTACKS[0].python)
    own_sandbox.run(program, [b""], QUICK)
    before = descendants()
    for attack in (item for item in processes.ATTACKS if item.python):
        limits = Limits(**{**vars(QUICK), **attack.limits})
        own_sandbox.run(Program("python", attack.python), [b""] * 3, limits)
        # servers of the programs may be new; what the programs started may not
        assert not any("sh\0" in command for command in descendants().values())
    own_sandbox.close()
    assert eventually(lambda: not set(descendants()) - set(before)), descendants()


def test_closing_in_the_middle_of_attacks_leaves_nothing(
    own_sandbox: Sandbox, scene: Scene
) -> None:
    before = descendants()
    sleeping = Program("python", "import time\ntime.sleep(1000)")
    looping = Program("python", "while True: pass")
    limits = Limits(cpu_s=600.0, wall_s=600.0)
    with ThreadPoolExecutor(4) as threads:
        calls = [
            threads.submit(own_sandbox.run, program, [b""] * 2, limits)
            for program in (sleeping, looping, sleeping, looping)
        ]
        time.sleep(1.0)
        own_sandbox.close()
        statuses = {result.status for call in calls for result in call.result()}
    assert statuses == {"sandbox_failure"}
    assert eventually(lambda: set(descendants()) <= set(before)), descendants()


def test_honest_calls_are_answered_while_hostile_ones_rage(
    own_sandbox: Sandbox, scene: Scene
) -> None:
    compiled = False
    stop = threading.Event()

    def rage(attacks: Sequence[Attack]) -> int:
        rounds = 0
        while not stop.is_set():
            for attack in attacks:
                if stop.is_set():
                    break
                if attack.python:
                    program = Program("python", attack.python)
                    limits = Limits(**{**vars(QUICK), **attack.limits, "wall_s": 0.3})
                    own_sandbox.run(
                        program, [attack.stdin.format_map(scene.places).encode()], limits
                    )
            rounds += 1
        return rounds

    with ThreadPoolExecutor(2) as threads:
        storms = [threads.submit(rage, processes.ATTACKS), threads.submit(rage, resources.ATTACKS)]
        try:
            for _ in range(5):
                answers = honest_answers(own_sandbox, compiled=compiled)
                assert answers == right_answers(compiled=compiled)
        finally:
            stop.set()
        assert all(storm.result() >= 0 for storm in storms)
    assert scene.harm() == []


def test_many_programs_one_after_the_other_leave_the_sandbox_well(own_sandbox: Sandbox) -> None:
    for number in range(30):
        program = Program("python", f"print({number})")
        assert own_sandbox.run(program, [b""], QUICK)[0].output == f"{number}\n".encode()
    assert honest_answers(own_sandbox, compiled=False) == right_answers(compiled=False)


def test_a_temporary_folder_holds_nothing_afterwards(
    own_sandbox: Sandbox, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for attack in writing.ATTACKS[::4]:
        if attack.python:
            data = attack.stdin.format_map(scene.places).encode()
            own_sandbox.run(Program("python", attack.python), [data] * 2, QUICK)
    assert honest_answers(own_sandbox, compiled=False) == right_answers(compiled=False)
    own_sandbox.close()
    assert list(tmp_path.iterdir()) == []


def test_no_run_holds_a_privilege(own_sandbox: Sandbox) -> None:
    before = descendants()
    with ThreadPoolExecutor(1) as threads:
        program = Program("python", "import time\ntime.sleep(float(input()))")
        own_sandbox.run(program, [b"0"], QUICK)
        call = threads.submit(own_sandbox.run, program, [b"2"], QUICK)
        runs: list[dict[str, str]] = []

        def seen() -> bool:
            runs.extend(facts for facts in new_facts(before) if facts["Seccomp"] == "2")
            return bool(runs)

        assert eventually(seen)
        assert {facts["NoNewPrivs"] for facts in runs} == {"1"}
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert {int(facts[name], 16) for facts in runs} == {0}, name
        assert call.result()[0].status == "ok"


def new_facts(before: Mapping[int, str]) -> list[dict[str, str]]:
    """What the kernel tells of each process that is new."""
    found = []
    for process in set(descendants()) - set(before):
        with suppress(OSError):
            text = Path(f"/proc/{process}/status").read_text()
            pairs = (line.split(":", 1) for line in text.splitlines())
            found.append({name: value.strip() for name, value in pairs})
    return found


NEVER_REAPS = """
import ctypes, os, sys
from importlib import import_module
from pathlib import Path
from scaler_core.interfaces import Limits, Program
from scaler_core.sandbox.guard.system import children_of

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans come here, and nobody waits for them

def zombies():
    facts = [Path(f"/proc/{child}/stat").read_text() for child in children_of(os.getpid())]
    return sum(item.rpartition(")")[2].split()[0] == "Z" for item in facts)

kind = getattr(import_module(sys.argv[1]), sys.argv[2])
sandbox = kind(kind.Config(cache_dir=Path(sys.argv[3]), boxes=1))
source = '#include <cstdio>\\nint main() { std::printf("%d", NUMBER); }'
sources = [source.replace("NUMBER", str(number)) for number in range(10)]
results = [sandbox.run(Program("cpp", source), [b""], Limits())[0] for source in sources]
print([int(result.output) for result in results], zombies())
sandbox.run(Program("python", "def"), [b""], Limits())
sandbox.run(Program("cpp", "int main( {"), [b""], Limits())
sandbox.run(Program("python", "while True: pass"), [b""], Limits(cpu_s=1.0, wall_s=2.0))
sandbox.close()
print(zombies())
"""


def test_a_parent_that_does_not_reap_is_left_without_zombies(
    kind: LocalKind, tmp_path: Path
) -> None:
    require_compiler()
    words = [kind.__module__, kind.__name__, str(tmp_path / "programs")]
    done = subprocess.run(
        [sys.executable, "-c", NEVER_REAPS, *words],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.splitlines() == [f"{list(range(10))} 0", "0"], done.stderr
