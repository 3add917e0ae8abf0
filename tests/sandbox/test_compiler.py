"""The compiler, with a script in the place of g++: who is to blame, and what is remembered."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from scaler_core.interfaces import RunResult
from scaler_core.sandbox.compiler import COMPILE_LIMITS, Compiled, Compiler
from scaler_core.sandbox.toolchain import DIALECTS
from tests.sandbox.compilers import FakeCompiler, failure, ok, program, writes_the_source, wrong


@pytest.fixture
def fake(tmp_path: Path) -> FakeCompiler:
    return FakeCompiler(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def dialect_of(words: list[str]) -> str:
    return next(word for word in words if word.startswith("-std=")).removeprefix("-std=")


def test_a_source_is_compiled_once(fake: FakeCompiler, cache: Path) -> None:
    first = program(fake.compiler(cache).compile("#!/bin/sh\n"))
    again = program(fake.compiler(cache).compile("#!/bin/sh\n"))
    assert first.read_text() == "#!/bin/sh\n"
    assert os.access(first, os.X_OK)
    assert (again, fake.calls) == (first, 1)


def test_another_source_compiler_version_or_fork_server_is_another_program(
    fake: FakeCompiler, cache: Path, tmp_path: Path
) -> None:
    paths = {program(fake.compiler(cache).compile(source)) for source in ("a", "b")}
    fake.version = "compiler 2\n"
    paths.add(program(fake.compiler(cache).compile("a")))
    server = tmp_path / "serve.c"
    server.write_text("one")
    for text in ("one", "two"):
        server.write_text(text)
        compiler = Compiler(fake, cache, str(fake.path), fork_server=server)
        paths.add(program(compiler.compile("a")))
    assert len(paths) == 5


def test_the_compiler_runs_by_its_absolute_path_and_never_but_by_the_runner(
    fake: FakeCompiler, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.path.write_text("#!/bin/sh\ntouch here\n")
    monkeypatch.chdir(fake.path.parent)
    monkeypatch.setenv("PATH", "", prepend=None)
    program(Compiler(fake, cache, "./compiler").compile("source"))
    assert {words[0] for words in fake.commands} == {str(fake.path)}
    assert not Path("here").exists()


# --------------------------------------------------------------------- who is to blame


def test_a_failure_is_remembered_with_its_message(fake: FakeCompiler, cache: Path) -> None:
    fake.answer = lambda words, folder, stdin: wrong("line 1: this is wrong")
    results = [failure(fake.compiler(cache).compile("source")) for _ in range(2)]
    assert {result.status for result in results} == {"compile_error"}
    assert {result.error for result in results} == {"line 1: this is wrong"}
    assert fake.calls == len(DIALECTS)


@pytest.mark.parametrize(
    "message",
    [
        "<stdin>:1:2: error: #error No space left on device",
        "<stdin>:1:15: error: static assertion failed: x\ng++: fatal error: Killed signal "
        "terminated program cc1plus",
        "foo:7:20: note: '#pragma message: Input/output error'\n<stdin>:9:1: error: x",
        "x" * 1990 + "Read-only file system",
    ],
)
def test_no_source_passes_its_fault_off_as_the_machines(
    fake: FakeCompiler, cache: Path, message: str
) -> None:
    fake.answer = lambda words, folder, stdin: wrong(message)
    assert failure(fake.compiler(cache).compile("source")).status == "compile_error"


@pytest.mark.parametrize(
    "result",
    [
        RunResult(status="sandbox_failure", error="the guard ended early"),
        RunResult(status="time_limit", error="wall", cpu_s=3.0, wall_s=COMPILE_LIMITS.wall_s),
        wrong("g++: fatal error: Killed signal terminated program cc1plus"),
        wrong("/usr/bin/ld: final link failed: No space left on device"),
    ],
)
def test_what_the_machine_did_is_not_remembered(
    fake: FakeCompiler, cache: Path, result: RunResult
) -> None:
    fake.answer = lambda words, folder, stdin: result
    blamed = failure(fake.compiler(cache).compile("source"))
    assert blamed.status == "sandbox_failure"
    assert result.error in blamed.error
    fake.answer = writes_the_source
    program(fake.compiler(cache).compile("source"))


@pytest.mark.parametrize(
    "result",
    [
        RunResult(status="time_limit", error="CPU", cpu_s=COMPILE_LIMITS.cpu_s + 1, wall_s=400.0),
        RunResult(status="time_limit", error="CPU", cpu_s=COMPILE_LIMITS.cpu_s - 0.01, wall_s=60.0),
        RunResult(status="memory_limit", error="memory"),
        RunResult(status="output_limit", error="output"),
        RunResult(status="forbidden", error="processes"),
    ],
)
def test_a_source_that_exceeds_a_limit_is_to_blame_at_once(
    fake: FakeCompiler, cache: Path, result: RunResult
) -> None:
    fake.answer = lambda words, folder, stdin: result
    for _ in range(2):
        blamed = failure(fake.compiler(cache).compile("source"))
        assert (blamed.status, blamed.error) == ("compile_error", result.error)
    assert fake.calls == 1


def test_a_machine_without_a_compiler_is_to_blame(fake: FakeCompiler, cache: Path) -> None:
    result = failure(Compiler(fake, cache, "no-such-compiler").compile("source"))
    assert result.status == "sandbox_failure"
    assert "no C++ compiler (no-such-compiler) found; install g++" in result.error


def test_a_compiler_that_cannot_compile_an_empty_program_is_to_blame(
    fake: FakeCompiler, cache: Path
) -> None:
    fake.answer_empty = lambda words, folder, stdin: wrong("ld is missing")
    result = failure(fake.compiler(cache).compile("source"))
    assert result.status == "sandbox_failure"
    assert "cannot compile an empty program: ld is missing" in result.error
    fake.answer_empty = writes_the_source
    program(fake.compiler(cache).compile("source"))


def test_half_a_program_never_appears(fake: FakeCompiler, cache: Path) -> None:
    def half(words: list[str], folder: Path, stdin: bytes) -> RunResult:
        (folder / words[-1]).write_text("half")
        return wrong()

    fake.answer = half
    failure(fake.compiler(cache).compile("source"))
    assert [path for path in cache.rglob("program") if path.is_file()] == []
    assert [path for path in cache.iterdir() if path.name.startswith(".")] == []


def test_a_compiler_that_writes_nothing_is_an_error(fake: FakeCompiler, cache: Path) -> None:
    fake.answer = lambda words, folder, stdin: ok()
    result = failure(fake.compiler(cache).compile("source"))
    assert (result.status, result.error) == ("compile_error", "the compiler wrote no program")


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_program_is_a_regular_file_and_nothing_that_leads_elsewhere(
    fake: FakeCompiler, cache: Path, tmp_path: Path, kind: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")

    def make(words: list[str], folder: Path, stdin: bytes) -> RunResult:
        built = folder / words[-1]
        if kind == "link":
            built.symlink_to(secret)
        elif kind == "pipe":
            os.mkfifo(built)
        else:
            built.mkdir()
        return ok()

    fake.answer = make
    assert failure(fake.compiler(cache).compile("source")).status == "compile_error"


# --------------------------------------------------------------------- dialects


@pytest.mark.parametrize("works", DIALECTS)
def test_an_older_or_newer_dialect_is_taken_where_the_first_fails(
    fake: FakeCompiler, cache: Path, works: str
) -> None:
    def one_dialect(words: list[str], folder: Path, stdin: bytes) -> RunResult:
        if dialect_of(words) == works:
            return writes_the_source(words, folder, stdin)
        return wrong()

    fake.answer = one_dialect
    program(fake.compiler(cache).compile("source"))
    program(fake.compiler(cache).compile("source"))
    assert fake.calls == DIALECTS.index(works) + 1  # the others are not tried again


def test_where_all_dialects_fail_the_message_is_that_of_the_first(
    fake: FakeCompiler, cache: Path
) -> None:
    fake.answer = lambda words, folder, stdin: wrong(f"wrong in {dialect_of(words)}")
    assert failure(fake.compiler(cache).compile("source")).error == f"wrong in {DIALECTS[0]}"


def test_a_source_that_costs_much_gets_no_further_dialect(fake: FakeCompiler, cache: Path) -> None:
    fake.answer = lambda words, folder, stdin: wrong(cpu_s=COMPILE_LIMITS.cpu_s / 2)
    failure(fake.compiler(cache).compile("source"))
    assert fake.calls == 1


# --------------------------------------------------------------------- linking


def test_a_machine_without_static_libraries_gets_dynamic_programs(
    fake: FakeCompiler, cache: Path
) -> None:
    def no_static(words: list[str], folder: Path, stdin: bytes) -> RunResult:
        if "-static" in words:
            return wrong("cannot find -lc")
        return writes_the_source(words, folder, stdin)

    fake.answer = fake.answer_empty = no_static
    compiler = fake.compiler(cache)
    results = [compiler.compile(source) for source in ("one", "two")]
    assert [isinstance(result, Compiled) and not result.warm for result in results] == [True] * 2
    empty = [words for words in fake.commands if "-static" in words]
    assert len(empty) == 1  # found out once

    fake.answer = fake.answer_empty = writes_the_source  # the libraries were installed since
    program(fake.compiler(cache).compile("one"))
    assert "-static" in fake.commands[-1]


def test_how_programs_are_linked_is_found_out_once_where_all_is_well(
    fake: FakeCompiler, cache: Path
) -> None:
    program(fake.compiler(cache).compile("one"))
    fake.commands.clear()
    program(fake.compiler(cache).compile("one"))
    assert [words[1:] for words in fake.commands] == [["--version"]]


# --------------------------------------------------------------------- counting and messages


def test_each_source_is_counted_once(fake: FakeCompiler, cache: Path) -> None:
    fake.compiler(cache).compile("old")
    compiler = fake.compiler(cache)
    for source in ("old", "old", "new", "new"):
        program(compiler.compile(source))
    fake.answer = lambda words, folder, stdin: wrong(cpu_s=0.5)
    failure(compiler.compile("bad"))
    failure(compiler.compile("bad"))
    assert compiler.counters() == {
        "compiled": 1.0,
        "compile_failed": 1.0,
        "cache_hits": 1.0,
        "evicted": 0.0,
        "cpu_s/compile": 1.0 + 0.5 * len(DIALECTS),
    }


def test_a_message_names_no_folder_of_the_machine_and_is_short(
    fake: FakeCompiler, cache: Path
) -> None:
    def complain(words: list[str], folder: Path, stdin: bytes) -> RunResult:
        noise = "x" * 100_000
        return wrong(f"{noise}\n{folder}/program: bad\nld: {folder}/ccAb12Cd.o: undefined")

    fake.answer = complain
    error = failure(fake.compiler(cache).compile("source")).error
    assert error.endswith("\nprogram: bad\nld: program.o: undefined")
    assert len(error) <= 4000


def test_threads_that_want_the_same_program_compile_it_once(
    fake: FakeCompiler, cache: Path
) -> None:
    together = threading.Barrier(4)
    compiler = fake.compiler(cache)
    results: list[Compiled | RunResult] = []

    def work() -> None:
        together.wait()
        results.append(compiler.compile("source"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({program(result) for result in results}) == 1
    assert fake.calls == 1


def test_a_source_of_any_characters_is_compiled(fake: FakeCompiler, cache: Path) -> None:
    source = "int main() {} // \0 \ud800 é"
    path = program(fake.compiler(cache).compile(source))
    assert path.read_bytes() == source.encode(errors="surrogatepass")
