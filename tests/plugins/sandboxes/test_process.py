"""What the sandboxes of this machine promise to programs and to their callers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scaler_core.errors import UsageError
from scaler_core.interfaces import Limits, Program, Sandbox
from scaler_core.testing.environments import SUM_CPP, SUM_GENERATOR, SUM_PYTHON
from tests.plugins.sandboxes.conftest import LocalKind
from tests.plugins.sandboxes.processes import descendants
from tests.plugins.sandboxes.running import QUICK, cpp, generator, python
from tests.sandbox.machines import eventually


@pytest.mark.parametrize("source", SUM_PYTHON)
def test_a_batch_gives_one_result_per_input_in_order(sandbox: Sandbox, source: str) -> None:
    inputs = [f"3\n1 2 {number}\n".encode() for number in range(20)]
    results = sandbox.run(Program("python", source), inputs, QUICK)
    assert [result.status for result in results] == ["ok"] * 20
    assert [int(result.output) for result in results] == [3 + number for number in range(20)]
    assert all(result.cpu_s > 0 for result in results)


@pytest.mark.parametrize("source", SUM_CPP)
def test_cpp_solutions_run(cpp_sandbox: Sandbox, source: str) -> None:
    result = cpp(cpp_sandbox, source, "3\n1 2 3")
    assert (result.status, result.output) == ("ok", b"6\n")


def test_no_inputs_give_no_results(sandbox: Sandbox) -> None:
    assert sandbox.run(Program("python", "print(1)"), [], QUICK) == []


def test_stdin_is_a_regular_file_that_ends_in_a_newline(sandbox: Sandbox) -> None:
    source = """
import os, stat, sys
facts = os.fstat(0)
assert stat.S_ISREG(facts.st_mode)
text = os.pread(0, facts.st_size, 0)
print(facts.st_size, repr(text), repr(sys.stdin.read()))
"""
    result = python(sandbox, source, "3 4")
    assert result.output.decode() == "4 b'3 4\\n' '3 4\\n'\n"


def test_a_cpp_program_may_map_its_stdin(cpp_sandbox: Sandbox) -> None:
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
    assert cpp(cpp_sandbox, source, "mapped").output == b"mapped\n"


def test_an_input_that_ends_in_a_newline_gets_no_second_one(sandbox: Sandbox) -> None:
    assert python(sandbox, "import sys; print(repr(sys.stdin.read()))", "a\n").output == b"'a\\n'\n"


def test_exit_and_quit_exist(sandbox: Sandbox) -> None:
    assert python(sandbox, "print(1); exit()").status == "ok"
    assert python(sandbox, "print(1); quit(0)").status == "ok"
    assert python(sandbox, "exit(3)").status == "runtime_error"
    assert "bad input" in python(sandbox, "exit('bad input')").error


def test_a_solution_is_the_main_module(sandbox: Sandbox) -> None:
    source = """
import sys
from dataclasses import dataclass

@dataclass
class Point:
    x: int

if __name__ == "__main__":
    print(Point(3).x, sys.modules["__main__"].Point is Point)
"""
    assert python(sandbox, source).output == b"3 True\n"


def test_future_statements_of_our_own_files_do_not_leak_into_programs(sandbox: Sandbox) -> None:
    source = "def f(x: int): pass\nprint(f.__annotations__)"
    assert python(sandbox, source).output == b"{'x': <class 'int'>}\n"


def test_exit_handlers_and_threads_are_waited_for(sandbox: Sandbox) -> None:
    source = """
import atexit, sys, threading, time
atexit.register(lambda: sys.stdout.write("last"))
def work():
    time.sleep(0.05)
    print("worked")
threading.stack_size(64 << 20)
threading.Thread(target=work).start()
"""
    assert python(sandbox, source, processes=2).output == b"worked\nlast"


def test_stderr_is_captured_apart_from_stdout(sandbox: Sandbox) -> None:
    result = python(sandbox, "import sys; print('out'); print('err', file=sys.stderr); 1 / 0")
    assert (result.status, result.output) == ("runtime_error", b"out\n")
    assert "err" in result.error
    assert "ZeroDivisionError" in result.error


def test_undecodable_source_and_output_raise_nothing(sandbox: Sandbox) -> None:
    assert python(sandbox, "x = '\udcff'").status == "compile_error"
    assert python(sandbox, "x = '\0'").status == "compile_error"
    assert python(sandbox, "import os; os.write(1, b'\\xff')").output == b"\xff"


def test_a_source_that_does_not_compile_says_why(sandbox: Sandbox) -> None:
    result = python(sandbox, "print(1")
    assert result.status == "compile_error"
    assert "SyntaxError" in result.error
    assert python(sandbox, "(" * 100_000).status == "compile_error"
    assert generator(sandbox, "def generate_testcase(").status == "compile_error"


def test_cpp_that_does_not_compile_says_why(cpp_sandbox: Sandbox) -> None:
    for _ in range(2):  # the second answer comes from the cache
        result = cpp(cpp_sandbox, "int main() { return missing; }")
        assert result.status == "compile_error"
        assert "missing" in result.error


def test_an_exit_code_and_a_signal_are_runtime_errors(cpp_sandbox: Sandbox) -> None:
    assert "exit code 3" in cpp(cpp_sandbox, "int main() { return 3; }").error
    crash = cpp(cpp_sandbox, "int main() { __builtin_trap(); }")
    assert (crash.status, "SIG" in crash.error) == ("runtime_error", True)


def test_a_closed_pipe_ends_a_program_as_in_a_shell(sandbox: Sandbox) -> None:
    source = """
import os
reader, writer = os.pipe()
os.close(reader)
os.write(writer, b"x")
"""
    result = python(sandbox, source)
    assert (result.status, "SIGPIPE" in result.error) == ("runtime_error", True)


def test_deep_recursion_works(sandbox: Sandbox) -> None:
    source = """
import sys
from functools import lru_cache
sys.setrecursionlimit(10**6)
@lru_cache(None)
def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)
print(depth(50_000))
"""
    assert python(sandbox, source, cpu_s=20, wall_s=60).output == b"50000\n"


def test_deep_recursion_works_in_cpp(cpp_sandbox: Sandbox) -> None:
    source = """
#include <cstdio>
int depth(int n) {
    volatile char frame[1000];
    frame[0] = 1;
    return n ? frame[0] + depth(n - 1) : 0;
}
int main() { printf("%d", depth(100000)); }
"""
    assert cpp(cpp_sandbox, source).output == b"100000"


def test_another_language_for_a_generator_is_refused(sandbox: Sandbox) -> None:
    result = sandbox.run(Program("cpp", "", "generator"), [b"{}"], QUICK)[0]
    assert result.status == "compile_error"


# ------------------------------------------------------------------ generators


def test_a_generator_depends_on_its_seed_alone(sandbox: Sandbox) -> None:
    program = Program("python", SUM_GENERATOR, "generator")

    def results(seeds: list[int]) -> dict[int, bytes]:
        inputs = [json.dumps({"scale": {"n": 4}, "seed": seed}).encode() for seed in seeds]
        outputs = [result.output for result in sandbox.run(program, inputs, QUICK)]
        return dict(zip(seeds, outputs, strict=True))

    together = results([1, 2, 3, 2**62])
    assert len(set(together.values())) == 4
    assert results([3, 2**62, 1]) == {seed: together[seed] for seed in (3, 2**62, 1)}


def test_hash_order_is_the_same_in_every_process(sandbox: Sandbox) -> None:
    source = """
def generate_testcase(scale):
    words = list({"apple", "pear", "plum", "fig", "quince", "lime"})
    return " ".join(words), {"words": words}
"""
    assert len({generator(sandbox, source).output for _ in range(3)}) == 1


def test_top_level_random_numbers_are_the_same_in_every_process(sandbox: Sandbox) -> None:
    source = """
import random
KEY = random.random()
def generate_testcase(scale):
    return str(KEY), {"key": KEY}
"""
    assert len({generator(sandbox, source, seed=seed).output for seed in (1, 2, 3)}) == 1


def test_a_prelude_that_shadows_builtins_does_no_harm(sandbox: Sandbox) -> None:
    modules = "string re datetime collections heapq bisect copy math random statistics itertools"
    modules += " functools operator io sys json builtins typing"
    prelude = "".join(f"from {name} import *\n" for name in modules.split())
    source = prelude + "import random\nopen = print = list = None\n" + SUM_GENERATOR
    result = generator(sandbox, source)
    assert result.status == "ok"
    assert result.output == generator(sandbox, SUM_GENERATOR).output


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return 1", "must return"),
        ("return 'text'", "must return"),
        ("return (1, {})", "must return"),
        ("return 'text', {1, 2}", "not JSON serializable"),
        ("return 'text', {'x': float('nan')}", "JSON compliant"),
        ("raise KeyError('scale')", "KeyError"),
        ("exit(0)", "sent no result"),
        ("import os; os._exit(0)", "sent no result"),
    ],
)
def test_a_generator_that_returns_no_testcase_fails_with_the_reason(
    sandbox: Sandbox, body: str, problem: str
) -> None:
    result = generator(sandbox, f"def generate_testcase(scale):\n    {body}\n")
    assert result.status == "runtime_error"
    assert problem in result.error


def test_a_module_without_the_function_fails_with_the_reason(sandbox: Sandbox) -> None:
    assert "no function generate_testcase" in generator(sandbox, "x = 1").error


def test_a_top_level_that_hangs_is_reported_per_input(sandbox: Sandbox) -> None:
    program = Program("python", "while True: pass", "generator")
    data = json.dumps({"scale": {}, "seed": 1}).encode()
    results = sandbox.run(program, [data, data], QUICK)
    assert [result.status for result in results] == ["time_limit", "time_limit"]


# ------------------------------------------------------------------ the host's side


def test_calls_from_many_threads_do_not_disturb_each_other(sandbox: Sandbox) -> None:
    def total(number: int) -> list[int]:
        inputs = [f"2\n{number} {index}\n".encode() for index in range(3)]
        results = sandbox.run(Program("python", SUM_PYTHON[0]), inputs, QUICK)
        return [int(result.output) for result in results]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(total, range(12)))
    assert answers == [[number, number + 1, number + 2] for number in range(12)]


@pytest.mark.parametrize("warm", [True, False])
def test_nothing_stays_in_the_temporary_folder(
    kind: LocalKind, warm: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sandbox = kind(kind.Config(cache_dir=cache, warm=warm))
    assert python(sandbox, "print(1)").status == "ok"
    assert generator(sandbox, SUM_GENERATOR).status == "ok"
    sandbox.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("warm", [True, False])
def test_a_missing_temporary_folder_is_no_fault_of_the_program(
    kind: LocalKind, warm: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    sandbox = kind(kind.Config(cache_dir=cache, warm=warm))
    result = python(sandbox, "print(1)")
    sandbox.close()
    assert result.status == "sandbox_failure"
    assert "missing" in result.error


def test_closing_ends_what_runs_and_refuses_more(kind: LocalKind, cache: Path) -> None:
    sandbox = kind(kind.Config(cache_dir=cache))
    before = descendants()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(python, sandbox, "import time\ntime.sleep(600)", wall_s=500)
        assert eventually(lambda: set(descendants()) > set(before))
        sandbox.close()
        assert call.result(60).status == "sandbox_failure"
    assert eventually(lambda: set(descendants()) <= set(before))
    assert python(sandbox, "print(1)").status == "sandbox_failure"


@pytest.mark.parametrize("warm", [True, False])
def test_nothing_outlives_a_host_that_is_killed(
    kind: LocalKind, warm: bool, tmp_path: Path, orphans_come_here: None
) -> None:
    before = descendants()
    host = f"""
from scaler_core.interfaces import Limits, Program
from {kind.__module__} import {kind.__name__}
program = Program("python", "import time\\nif input() == 'sleep': time.sleep(600)")
sandbox = {kind.__name__}({kind.__name__}.Config(warm={warm}))
sandbox.run(program, [b"wake"], Limits())
print("started", flush=True)
sandbox.run(program, [b"sleep"], Limits(wall_s=500))
"""
    # its temporary folder stays behind, so it is put where the test's own files are
    process = subprocess.Popen(
        [sys.executable, "-c", host],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        assert eventually(lambda: len(set(descendants()) - set(before)) >= 3)
    finally:
        process.kill()
        process.communicate()
    assert eventually(lambda: set(descendants()) <= set(before)), descendants()


def test_a_wrong_interpreter_is_refused_at_once(kind: LocalKind, tmp_path: Path) -> None:
    script = tmp_path / "old-python"
    script.write_text("#!/bin/sh\nexit 2\n")
    script.chmod(0o755)
    for wrong in (tmp_path / "missing", script, tmp_path):
        with pytest.raises(UsageError, match=r"sandbox\.python"):
            kind(kind.Config(python=wrong))


def test_the_interpreter_can_be_chosen(kind: LocalKind, tmp_path: Path) -> None:
    sandbox = kind(kind.Config(python=Path(sys.executable), cache_dir=tmp_path))
    result = python(sandbox, "import sys; print(sys.version_info[:2], sys.flags.no_site)")
    assert result.output.decode() == f"{sys.version_info[:2]} 1\n"
    sandbox.close()


def test_a_machine_without_a_compiler_is_told_apart_from_a_bad_source(
    kind: LocalKind, tmp_path: Path
) -> None:
    sandbox = kind(kind.Config(compiler="no-such-compiler", cache_dir=tmp_path))
    result = cpp(sandbox, SUM_CPP[0])
    assert result.status == "sandbox_failure"
    assert "no C++ compiler (no-such-compiler) found; install g++" in result.error
    sandbox.close()


def test_default_limits_suit_a_plain_program(sandbox: Sandbox) -> None:
    result = sandbox.run(Program("python", SUM_PYTHON[0]), [b"2\n1 2\n"], Limits())[0]
    assert (result.status, result.output) == ("ok", b"3\n")


def test_a_program_learns_the_host_s_name_only_where_the_sandbox_says_so(
    kind: LocalKind, sandbox: Sandbox
) -> None:
    told = python(sandbox, "import os\nprint(os.uname().nodename)").output.decode().strip()
    says_so = any(line.startswith("the host's name") for line in kind.does_not_cover)
    assert says_so or told != os.uname().nodename
    assert says_so == (kind.name == "process")
