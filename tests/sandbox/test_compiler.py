"""The compile cache, with scripts in the place of a compiler."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.sandbox import RunResult
from scaler_core.sandbox.compiler import Compiler
from scaler_core.sandbox.launch import Launcher

WRITES_A_PROGRAM = """\
cat > "$last"
chmod +x "$last"
"""


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    launcher = Launcher(Path(os.path.realpath(sys.executable)))
    yield launcher
    launcher.close()


class ScriptedCompiler:
    """A compiler that counts its calls; its "programs" are their sources."""

    def __init__(self, folder: Path, body: str = WRITES_A_PROGRAM) -> None:
        self.path = folder / "compiler"
        self.calls = folder / "calls"
        self.version = folder / "version"
        self.version.write_text("compiler 1\n")
        self.set(body)

    def set(self, body: str) -> None:
        self.path.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && exec cat {self.version}\n'
            f"echo >> {self.calls}\nfor last; do :; done\n{body}"
        )
        self.path.chmod(0o755)

    @property
    def count(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedCompiler:
    return ScriptedCompiler(tmp_path)


def compiler(launcher: Launcher, scripted: ScriptedCompiler, cache: Path) -> Compiler:
    return Compiler(launcher, cache, str(scripted.path))


def files_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


def test_a_source_is_compiled_once(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = compiler(launcher, scripted, cache).compile("#!/bin/sh\n")
    again = compiler(launcher, scripted, cache).compile("#!/bin/sh\n")
    assert isinstance(first, Path)
    assert first.read_text() == "#!/bin/sh\n"
    assert os.access(first, os.X_OK)
    assert (again, scripted.count) == (first, 1)


def test_another_source_or_compiler_version_is_another_program(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    programs = {compiler(launcher, scripted, cache).compile(source) for source in ("a", "b")}
    scripted.version.write_text("compiler 2\n")
    programs.add(compiler(launcher, scripted, cache).compile("a"))
    assert len(programs) == 3


def test_a_failure_is_remembered_with_its_message(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path
) -> None:
    scripted.set("echo 'line 1: this is wrong' >&2; exit 1\n")
    results = [compiler(launcher, scripted, tmp_path / "cache").compile("source") for _ in range(2)]
    for result in results:
        assert isinstance(result, RunResult)
        assert result.status == "compile_error"
        assert "this is wrong" in result.error
    assert scripted.count == 1


@pytest.mark.parametrize(
    "body",
    [
        "echo 'g++: fatal error: Killed signal terminated program cc1plus' >&2; exit 1\n",
        "kill -9 $PPID; sleep 10\n",
    ],
)
def test_what_the_machine_did_is_not_remembered(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path, body: str
) -> None:
    cache = tmp_path / "cache"
    scripted.set(body)
    result = compiler(launcher, scripted, cache).compile("source")
    assert isinstance(result, RunResult)
    assert result.status == "sandbox_failure"
    assert files_in(cache) == []
    scripted.set(WRITES_A_PROGRAM)
    assert isinstance(compiler(launcher, scripted, cache).compile("source"), Path)


def test_half_a_program_never_appears(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    scripted.set('echo half > "$last"; exit 1\n')
    assert isinstance(compiler(launcher, scripted, cache).compile("source"), RunResult)
    assert [name for name in files_in(cache) if not name.endswith(".error")] == []
    assert [path for path in cache.iterdir() if path.name.startswith(".")] == []


def test_a_compiler_that_writes_nothing_is_an_error(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path
) -> None:
    scripted.set("exit 0\n")
    result = compiler(launcher, scripted, tmp_path / "cache").compile("source")
    assert isinstance(result, RunResult)
    assert result.status == "compile_error"


def test_threads_that_want_the_same_program_compile_it_once(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path
) -> None:
    scripted.set("sleep 0.3\n" + WRITES_A_PROGRAM)
    shared = compiler(launcher, scripted, tmp_path / "cache")
    results: list[Path | RunResult] = []
    threads = [
        threading.Thread(target=lambda: results.append(shared.compile("source"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert isinstance(results[0], Path)
    assert scripted.count == 1


def test_a_cache_that_cannot_be_written_blames_the_machine(
    launcher: Launcher, scripted: ScriptedCompiler, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = compiler(launcher, scripted, blocked / "cache").compile("source")
    assert isinstance(result, RunResult)
    assert result.status == "sandbox_failure"
    assert "cannot compile" in result.error
