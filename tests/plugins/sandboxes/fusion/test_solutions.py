"""Solutions on a server give what they give in the local sandbox."""

from __future__ import annotations

import pytest

from scaler_core.interfaces import Limits, Program
from scaler_core.testing.environments import SUM_CPP, SUM_GENERATOR, SUM_PYTHON
from scaler_core.testing.fusion import FakeFusion
from scaler_plugins.sandboxes.fusion.sandbox import SandboxFusion
from scaler_plugins.sandboxes.process import Process
from tests.plugins.sandboxes.fusion.running import ENOUGH, solve, solve_cpp, statuses
from tests.sandbox.machines import require_compiler


@pytest.mark.parametrize("source", SUM_PYTHON)
def test_a_batch_gives_one_result_per_input_in_order(
    server: FakeFusion, fusion: SandboxFusion, source: str
) -> None:
    inputs = [f"3\n1 2 {number}\n".encode() for number in range(12)]
    results = fusion.run(Program("python", source), inputs, ENOUGH)
    assert [int(result.output) for result in results] == [3 + number for number in range(12)]
    assert statuses(results) == ["ok"] * 12
    assert len(server.requests) == 12
    assert 1 < server.most_at_once <= 4
    assert fusion.counters()["requests"] == 12


@pytest.mark.parametrize("source", SUM_CPP)
def test_cpp_solutions_run(fusion: SandboxFusion, source: str) -> None:
    result = solve_cpp(fusion, source, "3\n1 2 3")
    assert (result.status, result.output) == ("ok", b"6\n")


def test_no_inputs_make_no_request(server: FakeFusion, fusion: SandboxFusion) -> None:
    assert fusion.run(Program("python", "print(1)"), [], ENOUGH) == []
    assert fusion.run(Program("python", SUM_GENERATOR, "generator"), [], ENOUGH) == []
    assert server.requests == []


def test_stdin_is_a_regular_file_that_ends_in_a_newline(fusion: SandboxFusion) -> None:
    source = """
import os, stat, sys
facts = os.fstat(0)
assert stat.S_ISREG(facts.st_mode)
print(os.pread(0, facts.st_size, 0), repr(sys.stdin.read()))
sys.stdin.seek(0)
print(repr(input()))
"""
    assert solve(fusion, source, "3 é").output.decode() == ("b'3 \\xc3\\xa9\\n' '3 é\\n'\n'3 é'\n")
    assert solve(fusion, "import sys; print(repr(sys.stdin.read()))", "a\n").output == b"'a\\n'\n"


def test_a_cpp_program_may_map_its_stdin(fusion: SandboxFusion) -> None:
    source = """
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
int main() {
    struct stat facts;
    fstat(0, &facts);
    void *text = mmap(0, facts.st_size, PROT_READ, MAP_PRIVATE, 0, 0);
    return write(1, text, facts.st_size) < 0;
}
"""
    assert solve_cpp(fusion, source, "mapped").output == b"mapped\n"


def test_what_we_put_before_a_cpp_program_meets_none_of_its_names(fusion: SandboxFusion) -> None:
    source = """\
#define part long long
#include <cstdio>
int read = 1, write[9], lseek = 3, dup2 = 4, close[100], setrlimit, limit, file = 5;
int main() {
    part n;
    if (scanf("%lld", &n) != 1) return 1;
    printf("%lld %d", n + read + write[0] + lseek + dup2 + close[0] + file, __LINE__);
}
"""
    result = solve_cpp(fusion, source, "1")
    assert (result.status, result.output) == ("ok", b"14 7")


def test_deep_recursion_works_in_cpp(fusion: SandboxFusion) -> None:
    source = """
#include <cstdio>
int depth(int n) {
    volatile char frame[1000];
    frame[0] = 1;
    return n ? frame[0] + depth(n - 1) : 0;
}
int main() { printf("%d", depth(100000)); }
"""
    assert solve_cpp(fusion, source).output == b"100000"


def test_hash_order_is_that_of_the_asked_seed(fusion: SandboxFusion, local: Process) -> None:
    source = "print(*{'apple', 'pear', 'plum', 'fig', 'quince', 'lime'})"
    expected = solve(local, source).output
    assert {solve(fusion, source).output for _ in range(3)} == {expected}
    other = fusion.run(Program("python", source, hash_seed=7), [b""], ENOUGH)[0]
    assert (other.status, other.output == expected) == ("ok", False)


def test_a_source_that_is_no_text_is_the_programs_fault(
    server: FakeFusion, fusion: SandboxFusion
) -> None:
    assert solve(fusion, "x = '\udcff'").status == "compile_error"
    assert server.requests == []
    assert solve(fusion, "x = '\0'").status == "compile_error"


def test_cpp_that_does_not_compile_says_why(fusion: SandboxFusion) -> None:
    result = solve_cpp(fusion, "int main() {\n  return missing;\n}")
    assert result.status == "compile_error"
    assert "solution.cpp:2" in result.error
    assert "missing" in result.error


def test_a_crash_is_named(fusion: SandboxFusion) -> None:
    crash = solve_cpp(fusion, "int main() { __builtin_trap(); }")
    assert (crash.status, crash.error) == ("runtime_error", "ended by SIGILL")
    assert "exit code 3" in solve_cpp(fusion, "int main() { return 3; }").error


def test_memory_that_cpp_cannot_have_is_a_memory_limit(fusion: SandboxFusion) -> None:
    source = "#include <vector>\nint main() { std::vector<char> v(2000000000); return v[5]; }"
    assert solve_cpp(fusion, source).status == "memory_limit"


def test_an_endless_loop_in_cpp_ends_at_its_cpu_limit(fusion: SandboxFusion) -> None:
    require_compiler()
    source = "int main() { for (volatile int i = 0;; i++); }"
    result = fusion.run(Program("cpp", source), [b""], Limits(cpu_s=1, wall_s=60))[0]
    assert (result.status, result.error) == ("time_limit", "more than 1 CPU seconds")


def test_a_program_that_ignores_the_signal_of_its_cpu_limit_is_killed(
    fusion: SandboxFusion,
) -> None:
    source = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    result = solve(fusion, source, limits=Limits(cpu_s=1, wall_s=60))
    assert (result.status, result.error) == ("time_limit", "more than 1 CPU seconds")


def test_a_program_that_sleeps_ends_at_the_wall_limit(fusion: SandboxFusion) -> None:
    source = "import time\nprint('before', flush=True)\ntime.sleep(600)"
    result = solve(fusion, source, limits=Limits(wall_s=1))
    assert (result.status, result.output) == ("time_limit", b"before\n")
    assert "1 seconds of the server's wall time" in result.error


def test_a_program_meets_its_limits(fusion: SandboxFusion) -> None:
    source = """
from resource import RLIMIT_AS, RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, getrlimit
for limit in (RLIMIT_CPU, RLIMIT_AS, RLIMIT_FSIZE, RLIMIT_NOFILE):
    print(*getrlimit(limit))
"""
    limits = Limits(cpu_s=1.5, memory_bytes=300 << 20, file_bytes=5, output_bytes=99, open_files=20)
    assert solve(fusion, source, limits=limits).output.split() == (
        b"2 3 314572800 314572800 100 100 20 20".split()
    )


@pytest.mark.parametrize(
    "source",
    [
        "print(1); exit()",
        "quit(3)",
        "exit('bad input')",
        "print(1",
        "(" * 100_000,
        "import sys; print('out'); print('err', file=sys.stderr); 1 / 0",
        "bytearray(1 << 30)",
        "import os; os.kill(os.getpid(), 15)",
        "import os; os.write(os.pipe()[1], b'x'); r, w = os.pipe(); os.close(r); os.write(w, b'x')",
        "import sys; sys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\n"
        "print(f(50_000))",
        "import random; print(random.random())",
        "import sys; print(sys.argv, sys.flags.no_site, __name__, sys.stdin.encoding)",
        "import atexit; atexit.register(print, 'last'); print('first')",
        "def f(x: int): pass\nprint(f.__annotations__)",
        "print('x' * 3_000_000)",
        "print('é' * 3)",
    ],
)
def test_a_solution_ends_as_it_does_in_the_local_sandbox(
    fusion: SandboxFusion, local: Process, source: str
) -> None:
    theirs, ours = solve(fusion, source), solve(local, source)
    assert (theirs.status, theirs.output) == (ours.status, ours.output)
    assert theirs.error.splitlines()[-1:] == ours.error.splitlines()[-1:] or ours.status in (
        "memory_limit",
        "output_limit",
    )


def test_output_that_the_server_cuts_is_a_limit_and_not_a_result(fusion: SandboxFusion) -> None:
    limits = Limits(output_bytes=4 << 20)
    assert solve(fusion, "print('x' * 3_000_000)", limits=limits).status == "output_limit"
    result = solve(fusion, "print('x' * 1_000_000)", limits=limits)
    assert (result.status, len(result.output)) == ("ok", 1_000_001)


def test_output_that_is_no_text_is_an_error(fusion: SandboxFusion) -> None:
    result = solve(fusion, "import os; os.write(1, b'\\xff')")
    assert (result.status, result.error) == ("runtime_error", "stdout is not UTF-8 text")


def test_a_file_that_grows_too_large_is_an_output_limit(fusion: SandboxFusion) -> None:
    source = "open('big', 'wb').write(bytes(40 << 20))"
    assert solve(fusion, source).status == "output_limit"
