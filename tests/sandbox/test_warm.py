"""Warm workers: the same results as from nothing, whatever dies beside them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from scaler_core.interfaces import Limits, Program, RunResult
from scaler_core.sandbox.local import LocalSandbox
from scaler_core.sandbox.warm.server import Server
from scaler_core.testing.environments import SUM_CPP, SUM_GENERATOR, SUM_PYTHON
from scaler_plugins.sandboxes.bubblewrap import Bubblewrap
from scaler_plugins.sandboxes.process import Process
from tests.sandbox.machines import eventually, forks, is_running, require_compiler

QUICK = Limits(cpu_s=2.0, wall_s=30.0, memory_bytes=512 << 20, output_bytes=1 << 20)
INPUTS = [f"3\n1 2 {number}\n".encode() for number in range(5)]
ECHO = Program("python", "print(input())")


@pytest.fixture(params=[Process, Bubblewrap], ids=["process", "bubblewrap"])
def sandbox(request: pytest.FixtureRequest, programs: Path) -> Iterator[LocalSandbox]:
    box = make(request.param, programs)
    yield box
    box.close()


def make(kind: type[LocalSandbox], folder: Path, **options: object) -> LocalSandbox:
    if missing := kind.missing():
        if os.environ.get("CI"):
            pytest.fail(f"{kind.name} cannot run in CI: {missing}")
        pytest.skip(f"{kind.name} cannot run here: {missing}")
    if kind.weakness():
        pytest.skip(f"warm workers cannot run here: {kind.weakness()}")
    return kind(kind.Config.model_validate({"cache_dir": folder, **options}))


def descendants(process: int) -> list[int]:
    """All processes below a process."""
    found: list[int] = []
    for task in os.listdir(f"/proc/{process}/task"):
        try:
            text = Path(f"/proc/{process}/task/{task}/children").read_text()
        except OSError:
            continue
        for child in map(int, text.split()):
            found += [child, *descendants(child)] if is_running(child) else []
    return found


def kill(process: int) -> None:
    """SIGKILL, to a process that may have ended already."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def outputs(results: list[RunResult]) -> list[tuple[str, bytes]]:
    return [(result.status, result.output) for result in results]


def requests(seeds: range) -> list[bytes]:
    return [json.dumps({"scale": {"n": 5}, "seed": seed}).encode() for seed in seeds]


# ------------------------------------------------------------------ equality


def test_warm_results_are_those_of_the_plain_way(programs: Path) -> None:
    require_compiler()
    warm, plain = make(Process, programs), make(Process, programs, warm=False)
    programs = [
        *(Program("cpp", source) for source in SUM_CPP),
        *(Program("python", source) for source in SUM_PYTHON),
        Program("python", "import sys\nprint(sys.argv, __name__, sys.flags.hash_randomization)"),
        Program("python", "import this_is_not_there"),
        Program("python", "print(open(0).read()[::-1], end=''); raise SystemExit(3)"),
        Program("cpp", '#include <cstdio>\nint main(int c, char **v) { printf("%d %s", c, *v); }'),
        Program("cpp", "#include <cstdlib>\nint main() { abort(); }"),
        Program("cpp", "int main() { return 7; }"),
        Program("cpp", "#include <unistd.h>\nint main() { return environ && *environ; }"),
    ]
    for program in programs:
        for _ in range(2):  # the first touch, and what follows it
            assert outputs(warm.run(program, INPUTS, QUICK)) == outputs(
                plain.run(program, INPUTS, QUICK)
            )
    assert warm.counters()["programs/plain"] == 0
    for sandbox in (warm, plain):
        sandbox.close()


def test_seeds_give_the_same_together_and_alone(sandbox: LocalSandbox) -> None:
    program = Program("python", SUM_GENERATOR, "generator")
    together = sandbox.run(program, requests(range(20)), QUICK)
    alone = [sandbox.run(program, [one], QUICK)[0] for one in requests(range(20))]
    backwards = sandbox.run(program, requests(range(20))[::-1], QUICK)[::-1]
    assert outputs(together) == outputs(alone) == outputs(backwards)
    assert all(result.status == "ok" for result in together)


def test_a_seed_that_fails_spoils_no_other(sandbox: LocalSandbox) -> None:
    source = """
import os, random, sys
def generate_testcase(scale):
    number = random.randrange(6)
    if number == 0: raise ValueError("unlucky")
    if number == 1: os._exit(9)
    if number == 2: sys.exit(4)
    return f"{number}", {"n": number}
"""
    program = Program("python", source, "generator")
    together = sandbox.run(program, requests(range(40)), QUICK)
    alone = [sandbox.run(program, [one], QUICK)[0] for one in requests(range(40))]
    assert outputs(together) == outputs(alone)
    assert {result.status for result in together} == {"ok", "runtime_error"}
    assert any("unlucky" in result.error for result in together)


def test_a_generator_that_remembers_its_last_seed_is_run_seed_by_seed(tmp_path: Path) -> None:
    sandbox = make(Process, tmp_path)
    source = """
import math
def generate_testcase(scale):
    math.calls = getattr(math, "calls", 0) + 1
    return f"{math.calls}", {"calls": math.calls}
"""
    results = sandbox.run(Program("python", source, "generator"), requests(range(4)), QUICK)
    assert [json.loads(result.output)[0] for result in results] == ["1"] * 4
    assert sandbox.counters()["programs/plain"] == 1
    sandbox.close()


def test_a_program_that_asks_the_clock_is_warm_all_the_same(sandbox: LocalSandbox) -> None:
    program = Program("python", "import time\nprint(time.time_ns())")
    sandbox.run(program, INPUTS, QUICK)
    assert sandbox.counters()["programs/plain"] == 0


def test_more_inputs_than_a_message_carries_come_back_in_order(sandbox: LocalSandbox) -> None:
    inputs = [b"%d\n" % number for number in range(150)]
    assert [result.output for result in sandbox.run(ECHO, inputs, QUICK)] == inputs


def test_a_program_that_hangs_is_not_tried_on_all_of_a_batch(sandbox: LocalSandbox) -> None:
    require_compiler()
    limits = Limits(wall_s=0.3)
    sleeper = "#include <unistd.h>\nint main() { sleep(600); }"
    generator = "import time\ndef generate_testcase(scale): time.sleep(600)"
    for program, inputs in (
        (Program("python", "import time\ntime.sleep(600)"), INPUTS * 12),
        (Program("cpp", sleeper), INPUTS * 12),
        (Program("python", generator, "generator"), requests(range(60))),
    ):
        sandbox.prepare([program])
        results = sandbox.run(program, inputs, limits)
        assert {result.status for result in results} == {"time_limit"}
        # the rest repeat the last report; the two at the beginning were run in the plain way too
        assert len({(result.wall_s, result.cpu_s) for result in results}) <= 4


def test_megabytes_on_both_streams_deadlock_nobody(sandbox: LocalSandbox) -> None:
    source = """
import sys
for _ in range(30):
    sys.stderr.write("e" * 100_000)
    sys.stdout.write("o" * 100_000)
"""
    limits = Limits(cpu_s=5.0, output_bytes=4 << 20)
    result = sandbox.run(Program("python", source), [b""], limits)[0]
    assert (result.status, len(result.output)) == ("ok", 3_000_000)


def test_prints_in_a_generator_disturb_nothing(sandbox: LocalSandbox) -> None:
    source = """
import os, sys
print("[\\"forged\\", {}]")
def generate_testcase(scale):
    print("[\\"forged\\", {}]", flush=True)
    os.write(1, b"forged")
    sys.stderr.write("forged")
    return "true", {"n": scale["n"]}
print("'" + '"', end="")
"""
    results = sandbox.run(Program("python", source, "generator"), requests(range(3)), QUICK)
    assert [json.loads(result.output) for result in results] == [["true", {"n": 5}]] * 3


FAST_OUTPUT = """
import os, sys
from io import BytesIO
class Output:
    def __init__(self):
        self.buffer = BytesIO()
    def write(self, text):
        self.buffer.write(text.encode())
    def flush(self):
        os.write(1, self.buffer.getvalue())
        self.buffer.truncate(0), self.buffer.seek(0)
sys.stdout = Output()
print("from a class of the program's own")
"""
ODD_ENDS = [
    "print(1); import sys; sys.stdout.close()",
    "print(1); import sys; sys.stderr.close()",
    "print(1); import sys; sys.stdout = None",
    "print(1); import sys; sys.stdout = sys.stderr",
    "o = open(1, 'w'); o.write('1')",
    "print(1); raise SystemExit(10**30)",
    "print(1); raise SystemExit(-1)",
    "import atexit; atexit.register(print, 2); print(1)",
    FAST_OUTPUT,
    "def f(n): return n and 1 + f(n - 1)\nprint(f(990))",
    "def f(n): return n and 1 + f(n - 1)\nprint(f(1010))",
    "import os, signal; os.kill(os.getpid(), signal.SIGINT); print(1)",
    "import os, signal; print(signal.pthread_sigmask(0, []), flush=True); os.kill(os.getpid(), 15)",
]


@pytest.mark.parametrize("source", ODD_ENDS)
def test_a_program_ends_as_in_an_interpreter_of_its_own(tmp_path: Path, source: str) -> None:
    outside = subprocess.run([sys.executable, "-S", "-c", source], capture_output=True)
    for warm in (True, False):
        sandbox = make(Process, tmp_path, warm=warm)
        result = sandbox.run(Program("python", source), [b""], QUICK)[0]
        assert result.output == outside.stdout, result.error
        assert (result.status == "ok") == (outside.returncode == 0), result.error
        sandbox.close()


def test_signals_that_the_host_ignores_or_blocks_are_usual_inside(tmp_path: Path) -> None:
    require_compiler()
    source = '#include <csignal>\n#include <cstdio>\nint main() { raise(SIGTERM); puts("alive"); }'
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        for warm in (True, False):
            sandbox = make(Process, tmp_path, warm=warm)
            result = sandbox.run(Program("cpp", source), [b""], QUICK)[0]
            assert (result.status, result.output) == ("runtime_error", b"")
            sandbox.close()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_batch_of_any_size_leaves_a_seed_the_same_descriptors(sandbox: LocalSandbox) -> None:
    source = """
import os
def generate_testcase(scale):
    kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(40)]
    import colorsys
    for one in kept:
        os.close(one)
    return colorsys.__name__, {"n": 1}
"""
    program = Program("python", source, "generator")
    for count in (2, 32, 70):
        results = sandbox.run(program, requests(range(count)), QUICK)
        assert {result.status for result in results} == {"ok"}, results[0].error


def test_arrays_beyond_the_limit_are_a_memory_limit(sandbox: LocalSandbox) -> None:
    require_compiler()
    source = "char a[100 << 20];\nint main(int c, char **) { a[c] = 1; return 0; }"
    small, large = Limits(memory_bytes=64 << 20), Limits(memory_bytes=256 << 20)
    program = Program("cpp", source)
    assert [sandbox.run(program, [b""], one)[0].status for one in (small, large)] == [
        "memory_limit",
        "ok",
    ]


def test_nothing_of_earlier_runs_lies_in_the_memory_of_a_cpp_program(tmp_path: Path) -> None:
    require_compiler()
    source = """
#include <cstdio>
#include <cstdint>
#include <cstdlib>
extern "C" unsigned char __bss_start, _end;
int main() {
    int found = 0;
    for (unsigned char *p = &__bss_start; p + 8 < &_end; p += 4)
        found += *(uint32_t *)p == 0x00002a00u;
    printf("%d\\n", found);
    exit(42);
}
"""
    sandbox = make(Process, tmp_path)
    results = sandbox.run(Program("cpp", source), INPUTS * 3, QUICK)
    assert {result.output for result in results} == {b"0\n"}
    sandbox.close()


def test_nothing_of_earlier_runs_lies_in_the_frames_above_a_python_program(
    sandbox: LocalSandbox,
) -> None:
    source = """
import sys
frame, found = sys._getframe(), []
while frame:
    found += [value for value in frame.f_locals.get("__builtins__", {}) and [] or
              [getattr(v, "reports", None) or [] for v in frame.f_locals.values()] if value]
    frame = frame.f_back
print(found)
raise SystemExit(42)
"""
    results = sandbox.run(Program("python", source), INPUTS, QUICK)
    assert {result.output for result in results} == {b"[]\n"}


# ------------------------------------------------------------------ interruption and forks


def test_a_call_that_was_interrupted_spoils_no_later_one(
    sandbox: LocalSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.run(ECHO, INPUTS, QUICK)

    def interrupt(*_: object, **options: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Server, "_receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sandbox.run(ECHO, INPUTS, QUICK)
    for _ in range(3):
        assert [result.output for result in sandbox.run(ECHO, INPUTS, QUICK)] == [b"3\n"] * 5


@forks
def test_a_forked_host_and_its_parent_disturb_each_other_in_nothing(sandbox: LocalSandbox) -> None:
    inputs = [b"%d\n" % number for number in range(20)]
    sandbox.run(ECHO, inputs, QUICK)
    process = os.fork()
    if process == 0:
        code = 1
        try:
            answers = [[r.output for r in sandbox.run(ECHO, inputs, QUICK)] for _ in range(5)]
            code = 0 if answers == [inputs] * 5 else 2
            sandbox.close()
        finally:
            os._exit(code)
    answers = [[r.output for r in sandbox.run(ECHO, inputs, QUICK)] for _ in range(5)]
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert answers == [inputs] * 5
    assert [r.output for r in sandbox.run(ECHO, inputs, QUICK)] == inputs


def test_a_missing_temporary_folder_is_a_failure_of_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = make(Process, tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert sandbox.run(ECHO, [b"1"], QUICK)[0].status == "sandbox_failure"
    monkeypatch.undo()
    assert sandbox.run(ECHO, [b"1"], QUICK)[0].output == b"1\n"
    sandbox.close()


# ------------------------------------------------------------------ death


@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_worker_that_is_killed_between_two_calls_is_replaced(
    sandbox: LocalSandbox, which: int
) -> None:
    sandbox.run(ECHO, INPUTS, QUICK)
    below = descendants(os.getpid())
    kill(below[min(which, len(below) - 1)])
    assert [result.output for result in sandbox.run(ECHO, INPUTS, QUICK)] == [b"3\n"] * 5


def test_a_worker_that_is_killed_in_the_middle_is_replaced_and_nothing_is_lost(
    sandbox: LocalSandbox,
) -> None:
    # up to a moment that its input names
    source = "import time\nprint(input())\ntime.sleep(max(0.0, float(input()) - time.time()))"
    program = Program("python", source)
    sandbox.run(program, [b"3\n0\n"], QUICK)
    before = set(descendants(os.getpid()))

    def kill_all() -> None:
        assert eventually(lambda: bool(set(descendants(os.getpid())) - before))
        for process in descendants(os.getpid()):
            kill(process)

    with ThreadPoolExecutor(1) as threads:
        killed = threads.submit(kill_all)
        results = sandbox.run(program, [f"3\n{time.time() + 3}\n".encode()] * 5, QUICK)
        killed.result()
    assert outputs(results) == [("ok", b"3\n")] * 5
    assert sandbox.counters()["workers/replaced"] >= 1


def test_two_deaths_on_the_same_work_are_a_failure_of_the_sandbox(sandbox: LocalSandbox) -> None:
    program = Program("python", "import time\nprint(input())\ntime.sleep(float(input()))")
    sandbox.run(program, [b"3\n0\n"], QUICK)
    over = threading.Event()

    def kill_all() -> None:
        while not over.is_set():
            for process in descendants(os.getpid()):
                kill(process)
            time.sleep(0.05)

    killer = threading.Thread(target=kill_all)
    killer.start()
    try:
        results = sandbox.run(program, [b"3\n20\n"] * 5, QUICK)
    finally:
        over.set()
        killer.join()
    assert [result.status for result in results] == ["sandbox_failure"] * 5
    assert [result.output for result in sandbox.run(ECHO, INPUTS, QUICK)] == [b"3\n"] * 5


def test_closing_in_the_middle_ends_the_call_and_every_process(sandbox: LocalSandbox) -> None:
    program = Program("python", "import time\ntime.sleep(60)")
    results: list[RunResult] = []
    limits = Limits(wall_s=100)
    thread = threading.Thread(target=lambda: results.extend(sandbox.run(program, [b""], limits)))
    thread.start()
    assert eventually(lambda: len(descendants(os.getpid())) >= 3)
    time.sleep(0.3)
    below = descendants(os.getpid())
    sandbox.close()
    thread.join(20)
    assert [result.status for result in results] == ["sandbox_failure"]
    assert eventually(lambda: not any(map(is_running, below)))
    assert sandbox.run(ECHO, [b""], QUICK)[0].status == "sandbox_failure"


@pytest.mark.parametrize("name", ["process", "bubblewrap"])
def test_nothing_outlives_a_host_that_is_killed(name: str, tmp_path: Path) -> None:
    kind = {"process": Process, "bubblewrap": Bubblewrap}[name]
    make(kind, tmp_path).close()
    source = f"""
import sys, threading
from scaler_core.interfaces import Limits, Program
from scaler_plugins.sandboxes.{name} import {kind.__name__} as Kind
sandbox = Kind()
sandbox.run(Program("python", "print(1)"), [b""], Limits())
print("warm", flush=True)
program = Program("python", "import signal, time\\nfor n in range(1, 32):\\n"
    "    if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\\ntime.sleep(600)")
sandbox.run(program, [b""], Limits(wall_s=500))
"""
    host = subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert host.stdout is not None
    assert host.stdout.readline() == b"warm\n"
    time.sleep(0.5)
    below = descendants(host.pid)
    assert below
    host.kill()
    host.wait()
    host.stdout.close()
    assert eventually(lambda: not any(map(is_running, below)))


# ------------------------------------------------------------------ many programs, many threads


def test_the_program_used_least_recently_makes_room(tmp_path: Path) -> None:
    sandbox = make(Process, tmp_path, servers=2, boxes=1)
    programs = [Program("python", f"print({number})") for number in range(4)]
    for _ in range(2):
        for number, program in enumerate(programs):
            assert sandbox.run(program, [b""], QUICK)[0].output == b"%d\n" % number
    assert sandbox.counters()["workers/servers"] == 2
    sandbox.close()


def test_no_more_boxes_start_than_calls_run_side_by_side(tmp_path: Path) -> None:
    sandbox = make(Process, tmp_path, boxes=2)
    results: list[list[RunResult]] = []

    def call(number: int) -> None:
        program = Program("python", f"import time\ntime.sleep(0.02)\nprint({number})")
        results.append(sandbox.run(program, INPUTS, QUICK))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(one[0].output) for one in results) == list(range(8))
    assert all(result.status == "ok" for one in results for result in one)
    assert sandbox.counters()["workers/boxes"] <= 2
    sandbox.close()


def test_a_prepared_program_waits_in_a_box(sandbox: LocalSandbox) -> None:
    require_compiler()
    broken = Program("cpp", "this is not C++")
    sandbox.prepare([ECHO, Program("cpp", SUM_CPP[0]), broken, Program("python", "(((")])
    assert sandbox.counters()["workers/servers"] == 2
    assert sandbox.run(broken, [b""], QUICK)[0].status == "compile_error"
    assert sandbox.run(Program("python", "((("), [b""], QUICK)[0].status == "compile_error"


def test_a_binary_that_would_start_something_else_is_not_served(tmp_path: Path) -> None:
    require_compiler()
    sandbox = make(Process, tmp_path)
    attack = 'asm(".section .interp,\\"a\\"\\n.asciz \\"/usr/bin/bash\\"\\n.text");int main() {}'
    result = sandbox.run(Program("cpp", attack), [b"touch harm; cat /etc/passwd"], QUICK)[0]
    assert b"root" not in result.output
    assert result.status != "sandbox_failure"
    counters = sandbox.counters()
    assert (counters["workers/servers"], counters["runs/plain"]) == (0, 1)
    sandbox.close()
