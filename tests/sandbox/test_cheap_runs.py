"""What a run of a Python program shares with its server, and what it must not find there."""

from __future__ import annotations

import faulthandler
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.interfaces import Limits, Program
from scaler_core.sandbox.guard import batch, calls, lock, system
from scaler_core.sandbox.local import LocalSandbox
from scaler_plugins.sandboxes.bubblewrap import Bubblewrap
from scaler_plugins.sandboxes.process import Process
from tests.sandbox.machines import forks
from tests.sandbox.test_warm import QUICK, make

INPUTS = [b"%d\n" % number for number in range(6)]


@pytest.fixture(params=[Process, Bubblewrap], ids=["process", "bubblewrap"])
def sandbox(request: pytest.FixtureRequest, programs: Path) -> Iterator[LocalSandbox]:
    box = make(request.param, programs, boxes=1)
    yield box
    box.close()


def answers(sandbox: LocalSandbox, source: str, limits: Limits = QUICK) -> list[bytes]:
    """What each of some runs of a solution writes; all of them in the warm way."""
    program = Program("python", source)
    results = sandbox.run(program, INPUTS, limits) + sandbox.run(program, INPUTS, limits)
    assert {result.status for result in results} == {"ok"}, results[0].error
    assert sandbox.counters()["programs/plain"] == 0
    return [result.output for result in results]


def test_an_empty_program_takes_few_pages(sandbox: LocalSandbox) -> None:
    source = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)"
    results = sandbox._run_warm(Program("python", source), None, INPUTS * 3, QUICK)
    # some 150; more than 350 with the modules and the set-up of a child that is written plainly
    assert max(int(result.output) for result in results) < 250


def test_a_server_holds_no_module_that_its_program_does_not_name(sandbox: LocalSandbox) -> None:
    source = "import sys\nprint(sorted({'typing', 'socket', 'decimal'} & set(sys.modules)))"
    assert set(answers(sandbox, source)) == {b"[]\n"}
    source = "import sys\nimport decimal\nprint('decimal' in sys.modules)"
    assert set(answers(sandbox, source)) == {b"True\n"}


def test_every_run_has_the_same_random_numbers_in_both_ways(
    sandbox: LocalSandbox, tmp_path: Path
) -> None:
    source = "import random\nprint(random.random())\nrandom.seed(int(input()))"
    plain = make(Process, tmp_path, warm=False)
    expected = plain.run(Program("python", source), INPUTS[:1], QUICK)[0].output
    plain.close()
    assert set(answers(sandbox, source)) == {expected}


def test_a_run_has_the_same_depth_of_stack_in_both_ways(
    sandbox: LocalSandbox, tmp_path: Path
) -> None:
    source = """
import sys
def deepest(depth):
    try:
        return deepest(depth + 1)
    except RecursionError:
        return depth
depth, frame = 0, sys._getframe()
while frame:
    depth, frame = depth + 1, frame.f_back
print(deepest(0), depth)
"""
    plain = make(Process, tmp_path, warm=False)
    expected = plain.run(Program("python", source), INPUTS[:1], QUICK)[0].output
    plain.close()
    assert set(answers(sandbox, source)) == {expected}


def test_the_streams_of_a_run_are_new_files_at_their_start(sandbox: LocalSandbox) -> None:
    source = """
import fcntl, os, sys
facts = [(os.lseek(n, 0, 1), os.fstat(n).st_size, os.get_inheritable(n)) for n in range(3)]
streams = [sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno(), sys.stdin.seekable()]
print(facts, streams, sys.stdin.tell(), sys.stdin is sys.__stdin__, input())
sys.stderr.write("left")
"""
    before = "[(0, 2, True), (0, 0, True), (0, 0, True)] [0, 1, 2, True] 0 True"
    assert answers(sandbox, source) == [f"{before} {n % 6}\n".encode() for n in range(12)]


def test_a_run_has_no_descriptor_but_its_streams(sandbox: LocalSandbox) -> None:
    source = """
import os
found = []
for number in range(3, 60):
    try:
        os.fstat(number)
        found.append(number)
    except OSError:
        pass
print(found)
"""
    assert set(answers(sandbox, source)) == {b"[]\n"}


def test_limits_of_one_batch_do_not_bind_the_next(sandbox: LocalSandbox) -> None:
    source = """
import resource as r
print([r.getrlimit(n) for n in (r.RLIMIT_CPU, r.RLIMIT_NOFILE, r.RLIMIT_AS, r.RLIMIT_CORE)])
"""
    for cpu_s, files, memory in ((2, 40, 256 << 20), (5, 60, 512 << 20), (1, 50, 384 << 20)):
        limits = Limits(cpu_s=cpu_s, wall_s=30, memory_bytes=memory, open_files=files)
        expected = [(cpu_s, cpu_s + 1), (files, files), (memory, memory), (0, 0)]
        assert set(answers(sandbox, source, limits)) == {f"{expected}\n".encode()}


def test_the_keeper_s_own_environment_is_not_a_program_s(sandbox: LocalSandbox) -> None:
    assert set(answers(sandbox, "import os\nprint('LD_BIND_NOW' in os.environ)")) == {b"False\n"}


@pytest.mark.parametrize("name", ["_usage", "_status", "_watched"])
def test_how_earlier_runs_ended_is_not_in_the_memory_of_a_run(
    sandbox: LocalSandbox, name: str
) -> None:
    source = f"""
import sys
frame, found = sys._getframe(), None
while found is None:
    frame = frame.f_back
    found = getattr(frame.f_locals.get("self"), "children", None)
print("there", flush=True)
print(bytes(found.{name}))
"""
    results = sandbox._run_warm(Program("python", source), None, INPUTS, QUICK)
    assert {result.output for result in results} == {b"there\n"}
    assert {result.error.split()[-1] for result in results} == {"SIGSEGV"}


@forks
def test_a_child_has_nothing_of_what_its_server_notes() -> None:
    notes = calls.memory_without_children(batch.NOTES_BYTES)
    notes[0] = 42
    process = calls.fork()
    if process == 0:
        faulthandler.disable()
        print(notes[0])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -11  # SIGSEGV


@forks
def test_what_a_child_takes_on_is_what_the_plain_calls_take_on() -> None:
    limits = [system.hard_limit(resource.RLIMIT_CORE, 0), system.hard_limit(resource.RLIMIT_CPU, 9)]
    process = calls.fork()
    if process == 0:
        code = 1
        try:
            calls.perform([*map(calls.take_on, limits), calls.close_from(3)])
            values = [resource.getrlimit(number) for number, _ in limits]
            code = 0 if values == [values for _, values in limits] else 2
            os.fstat(3)
        except OSError:
            pass
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


@forks
def test_a_call_that_is_refused_stops_a_child() -> None:
    with pytest.raises(OSError, match="cannot be confined"):
        calls.perform([calls.restrict_files(-1)])


def test_a_filter_is_installed_byte_for_byte_but_for_the_process_id() -> None:
    mark = lock.OWN_PROCESS.to_bytes(4, "little")
    instructions = bytes(range(8)) + b"\x15\x00\x00\x01" + mark + bytes(range(8, 16))
    item = lock.Filter(instructions)
    for place in item._places:
        item._words[place] = 77
    assert item._buffer.raw == instructions.replace(mark, (77).to_bytes(4, "little"))


def test_the_servers_load_neither_typing_nor_socket(tmp_path: Path) -> None:
    source = (
        f"import sys; sys.path.append({str(Path(lock.__file__).parent.parent)!r})\n"
        "from guard import keeper\n"
        "print(sorted({'typing', 'socket', 'subprocess', 'mmap', 'select'} & set(sys.modules)))"
    )
    words = [sys.executable, "-s", "-S", "-P", "-c", source]
    assert subprocess.check_output(words) == b"[]\n"
