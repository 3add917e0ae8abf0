"""One hostile program, at least, for every line that the sandbox says it covers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from scaler_core.sandbox import Program
from scaler_plugins.sandboxes.process import Process
from tests.plugins.sandboxes.running import QUICK, cpp, generator, python
from tests.sandbox.machines import is_running

TESTED: set[str] = set()
Test = TypeVar("Test", bound=Callable[..., None])
DOCUMENT = Path(__file__).parents[3] / "docs" / "sandbox.md"


def covers(line: str) -> Callable[[Test], Test]:
    """Note that a test proves *line* of ``Process.covers``."""

    def note(test: Test) -> Test:
        TESTED.add(line)
        return test

    return note


@covers("endless loops: CPU seconds, then wall seconds")
def test_an_endless_loop_ends_at_the_cpu_limit(sandbox: Process) -> None:
    result = python(sandbox, "while True: pass", wall_s=100)
    assert result.status == "time_limit"
    assert "CPU" in result.error


def test_catching_the_signal_of_the_cpu_limit_wins_one_second(sandbox: Process) -> None:
    source = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    result = python(sandbox, source, wall_s=100)
    assert result.status == "time_limit"
    assert result.cpu_s < 4


def test_an_endless_loop_in_cpp_ends(cpp_sandbox: Process) -> None:
    source = "int main() { for (volatile int i = 0;; i++); }"
    assert cpp(cpp_sandbox, source, wall_s=100).status == "time_limit"


@covers("ignored signals, and closing stdout and sleeping")
def test_ignoring_signals_and_sleeping_ends_at_the_wall_limit(sandbox: Process) -> None:
    source = """
import os, signal, time
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
os.close(0); os.close(1); os.close(2)
while True:
    time.sleep(1000)
"""
    result = python(sandbox, source, wall_s=1)
    assert result.status == "time_limit"
    assert "wall time" in result.error


@covers("memory bombs: the address space is bounded")
@pytest.mark.parametrize(
    "source",
    ["x = bytearray(4 << 30)", "x = []\nwhile True: x.append('x' * (64 << 20))"],
)
def test_a_memory_bomb_is_a_memory_limit(sandbox: Process, source: str) -> None:
    assert python(sandbox, source, cpu_s=30, wall_s=100).status == "memory_limit"


def test_a_memory_bomb_in_cpp_is_a_memory_limit(cpp_sandbox: Process) -> None:
    source = """
#include <vector>
int main() { std::vector<std::vector<int>> all; while (true) all.emplace_back(1 << 22, 1); }
"""
    assert cpp(cpp_sandbox, source, cpu_s=30, wall_s=100).status == "memory_limit"


@covers("output floods on stdout, stderr and the result")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_an_output_flood_is_cut_and_told(sandbox: Process, stream: str) -> None:
    source = f"import sys\nwhile True: sys.{stream}.write('x' * 100_000)"
    result = python(sandbox, source, cpu_s=30, wall_s=100)
    assert result.status == "output_limit"
    assert len(result.output) <= QUICK.output_bytes


def test_a_flood_that_ignores_the_signal_of_the_file_limit_is_cut_too(sandbox: Process) -> None:
    source = """
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
while True:
    try:
        os.write(1, b"x" * 100_000)
    except OSError:
        pass
"""
    result = python(sandbox, source, cpu_s=30, wall_s=100)
    assert result.status == "output_limit"
    assert len(result.output) == QUICK.output_bytes


def test_a_huge_result_of_a_generator_is_an_output_limit(sandbox: Process) -> None:
    source = "def generate_testcase(scale):\n    return 'x' * (3 << 20), {}\n"
    assert generator(sandbox, source).status == "output_limit"


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20])
def test_output_up_to_the_limit_is_whole(sandbox: Process, size: int) -> None:
    result = python(sandbox, f"import sys; sys.stdout.write('x' * {size})")
    assert (result.status, len(result.output)) == ("ok", size)


def test_megabytes_on_both_streams_deadlock_nobody(sandbox: Process) -> None:
    source = """
import sys
for _ in range(30):
    sys.stderr.write("e" * 100_000)
    sys.stdout.write("o" * 100_000)
"""
    result = python(sandbox, source, output_bytes=4 << 20)
    assert (result.status, len(result.output)) == ("ok", 3_000_000)


@covers("single files larger than the limit")
def test_a_file_larger_than_the_limit_ends_the_program(sandbox: Process) -> None:
    source = "with open('disk', 'wb') as stream:\n    while True: stream.write(b'x' * 65536)"
    result = python(sandbox, source, cpu_s=30, file_bytes=2 << 20)
    assert result.status == "output_limit"
    assert "file" in result.error


@covers("more processes or threads than allowed, counted every 20 ms")
@pytest.mark.parametrize(
    "source",
    [
        "import os\nwhile True: os.fork()",
        "import os, time\nfor _ in range(50):\n    if os.fork() == 0: time.sleep(1000)\n"
        "time.sleep(1000)",
        "import threading, time\n"
        "for _ in range(50): threading.Thread(target=time.sleep, args=(1000,)).start()",
    ],
)
def test_a_fork_bomb_ends_soon(sandbox: Process, source: str) -> None:
    result = python(sandbox, source, cpu_s=5)
    if os.geteuid() == 0 or result.status != "runtime_error":
        assert result.status == "forbidden"
    assert result.wall_s < 15


def test_a_few_processes_are_allowed_where_the_limits_say_so(sandbox: Process) -> None:
    source = """
import threading, time
threads = [threading.Thread(target=time.sleep, args=(0.2,)) for _ in range(3)]
for thread in threads: thread.start()
print("ok")
"""
    assert python(sandbox, source, processes=3).status == "ok"
    assert python(sandbox, source, processes=2).status == "forbidden"


@covers("deep recursion: a stack of 256 MiB, then a crash of the one process")
def test_endless_recursion_ends_one_process(sandbox: Process) -> None:
    source = """
import sys
sys.setrecursionlimit(10**9)
def endless(_=0):
    return [0].sort(key=endless)
endless()
"""
    assert python(sandbox, source, cpu_s=10).status in {"runtime_error", "memory_limit"}


def test_endless_recursion_in_cpp_ends_one_process(cpp_sandbox: Process) -> None:
    source = """
int endless(int n) { volatile char a[1000]; a[0] = 1; return endless(n + 1) + a[0]; }
int main() { return endless(0); }
"""
    assert cpp(cpp_sandbox, source, cpu_s=10).status in {"runtime_error", "memory_limit"}


@covers("processes left behind, in their own session too")
@pytest.mark.parametrize("escape", ["", "os.setsid()", "os.setpgid(0, 0)"])
def test_processes_left_behind_are_ended(sandbox: Process, tmp_path: Path, escape: str) -> None:
    source = f"""
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    {escape}
    if os.fork() == 0:
        os.write(writer, b"%d " % os.getpid())
        time.sleep(1000)
    os.write(writer, b"%d " % os.getpid())
    time.sleep(1000)
text = b""
while text.count(b" ") < 2:
    text += os.read(reader, 100)
print(text.decode())
"""
    result = python(sandbox, source, processes=4)
    assert result.status == "ok"
    left = [int(word) for word in result.output.split()]
    assert len(left) == 2
    assert not any(is_running(process) for process in left)


@covers("the environment and open files of SCALER: not inherited")
def test_environment_and_open_files_are_not_inherited(
    sandbox: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        source = """
import os
print(sorted(os.environ), sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1])
"""
        result = python(sandbox, source)
    assert result.output.decode() == "['LC_CTYPE', 'PYTHONHASHSEED'] [0, 1, 2]\n"


def test_a_cpp_program_has_no_environment_at_all(cpp_sandbox: Process) -> None:
    source = "#include <unistd.h>\nint main() { return environ && *environ; }"
    assert cpp(cpp_sandbox, source).status == "ok"


@covers("raising limits, as root too")
def test_limits_cannot_be_raised(sandbox: Process) -> None:
    source = """
import resource
for name in ("CPU", "AS", "FSIZE", "NOFILE", "CORE", "STACK"):
    limit = getattr(resource, "RLIMIT_" + name)
    hard = resource.getrlimit(limit)[1]
    try:
        resource.setrlimit(limit, (hard + 1, hard + 1))
        print(name, "was raised")
    except (ValueError, OSError):
        pass
"""
    assert python(sandbox, source).output == b""


@covers("prints and forged results in a generator")
def test_prints_in_a_generator_disturb_nothing(sandbox: Process) -> None:
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
    assert json.loads(generator(sandbox, source).output) == ["true", {"n": 3}]


def test_a_forged_report_reaches_nobody(sandbox: Process) -> None:
    source = """
import os
def generate_testcase(scale):
    for descriptor in range(4, 300):
        try:
            os.write(descriptor, b"\\0" * 4096)
        except OSError:
            pass
    return "true", {"n": 1}
"""
    program = Program("python", source, "generator")
    inputs = [json.dumps({"scale": {}, "seed": seed}).encode() for seed in range(3)]
    results = sandbox.run(program, inputs, QUICK)
    assert [json.loads(result.output)[0] for result in results] == ["true"] * 3


@covers("state in memory or working folder between inputs")
def test_no_state_passes_from_one_input_to_the_next(sandbox: Process) -> None:
    source = """
import builtins, math, os
seen = getattr(math, "seen", 0) + getattr(builtins, "seen", 0) + len(os.listdir("."))
math.seen = builtins.seen = 1
open("file", "w").write("x")
open("math.py", "w").write("x = 1")
print(seen)
"""
    results = sandbox.run(Program("python", source), [b""] * 3, QUICK)
    assert [result.output for result in results] == [b"0\n"] * 3


@covers("compiler bombs: C++ is compiled under limits")
@pytest.mark.parametrize(
    "source",
    [
        '#include "/dev/zero"',
        "int main[-1u] = {1};",
        "template<int n> struct A { A<n + 1> a; A<n + 2> b; }; A<0> x; int main() {}",
    ],
)
def test_a_compiler_bomb_is_a_compile_error(cpp_sandbox: Process, source: str) -> None:
    assert cpp(cpp_sandbox, source).status == "compile_error"


def test_the_sandbox_still_works_after_all_that(sandbox: Process) -> None:
    assert python(sandbox, "print('still here')").output == b"still here\n"


def test_every_covered_line_has_its_test_and_stands_in_the_documentation() -> None:
    assert set(Process.covers) == TESTED
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    for line in (*Process.covers, *Process.does_not_cover):
        assert line in text
