"""Compilers for tests: one that is written in Python, and the machine's own in a guard."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from scaler_core.interfaces import Limits, RunResult
from scaler_core.sandbox.compiler import Compiled, Compiler
from scaler_core.sandbox.confinement import Confinement
from scaler_core.sandbox.container import NoContainer, View
from scaler_core.sandbox.guard import system, wire
from scaler_core.sandbox.interpreter import find_interpreter
from scaler_core.sandbox.launch import Job, Launcher
from scaler_core.sandbox.toolchain import EMPTY_PROGRAM

Answer = Callable[[list[str], Path, bytes], RunResult]


def ok(**values: object) -> RunResult:
    return RunResult(status="ok", **values)  # type: ignore[arg-type]


def wrong(message: str = "this is wrong", **values: object) -> RunResult:
    return RunResult(status="runtime_error", error=message, **values)  # type: ignore[arg-type]


def writes_the_source(words: list[str], folder: Path, stdin: bytes) -> RunResult:
    """What a compiler does whose programs are their sources."""
    (folder / words[-1]).write_bytes(stdin)
    return ok(cpu_s=1.0)


class FakeCompiler:
    """A compiler and who runs it; its calls are lines of a file, for several processes to share.

    Args:
        folder: Where compiler and calls lie.
        answer: What compiling a source does.
        answer_empty: What compiling the empty program does.
    """

    def __init__(
        self,
        folder: Path,
        answer: Answer = writes_the_source,
        answer_empty: Answer = writes_the_source,
    ) -> None:
        self.path = folder / "compiler"
        self.path.write_text("")
        self.path.chmod(0o755)
        self.version = "compiler 1\n"
        self.answer = answer
        self.answer_empty = answer_empty
        self.commands: list[list[str]] = []
        self._calls = folder / "calls"

    def run_tool(
        self,
        words: Sequence[str],
        folder: Path,
        stdin: bytes,
        limits: Limits,
        readable: Sequence[Path] = (),
    ) -> RunResult:
        self.commands.append(list(words))
        if words[1:] == ["--version"]:
            return ok(output=self.version.encode())
        if stdin == EMPTY_PROGRAM:
            return self.answer_empty(list(words), folder, stdin)
        with self._calls.open("a") as calls:
            calls.write("call\n")
        return self.answer(list(words), folder, stdin)

    @property
    def calls(self) -> int:
        """How often a source was compiled, by all processes."""
        return len(self._calls.read_text().splitlines()) if self._calls.exists() else 0

    def compiler(self, cache: Path, **options: int) -> Compiler:
        """A new object, as another process would have it."""
        return Compiler(self, cache, str(self.path), **options)


class GuardedTools:
    """Runs tools in a guard of the sandbox ``process``.

    Attributes:
        most_memory: Bytes that a tool gets at most, whatever its limits say.
    """

    def __init__(self) -> None:
        interpreter = find_interpreter(None)
        self._confinement = Confinement(interpreter)
        self._launcher = Launcher(interpreter, NoContainer(), self._confinement)
        self.commands: list[list[str]] = []
        self.most_memory = 8 << 30

    def run_tool(
        self,
        words: Sequence[str],
        folder: Path,
        stdin: bytes,
        limits: Limits,
        readable: Sequence[Path] = (),
    ) -> RunResult:
        self.commands.append(list(words))
        limits = replace(limits, memory_bytes=min(limits.memory_bytes, self.most_memory))
        tool_folder = Path(words[0]).parent
        variables = {"PATH": f"{tool_folder}:/usr/bin:/bin", "TMPDIR": str(folder), "LC_ALL": "C"}
        view = View((tool_folder, *readable), folder)
        job = Job(wire.TOOL, "\0".join(words).encode(), variables, view=view)
        return self._launcher.run(job, [stdin], limits)[0]

    def close(self) -> None:
        self._launcher.close()


def program(result: Compiled | RunResult) -> Path:
    """The program's path; fails the test where there is none."""
    assert isinstance(result, Compiled), result
    return result.path


def failure(result: Compiled | RunResult) -> RunResult:
    """The result in the place of a program; fails the test where there is a program."""
    assert isinstance(result, RunResult), result
    return result


# ------------------------------------------------- what other processes do, started by "spawn"


def compile_slowly(folder: Path, cache: Path, source: str, started: Path, seconds: float) -> None:
    """Compile with a compiler that takes its time."""

    def slowly(words: list[str], place: Path, stdin: bytes) -> RunResult:
        (place / words[-1]).write_text("half")
        started.touch()
        time.sleep(seconds)
        return writes_the_source(words, place, stdin)

    FakeCompiler(folder, slowly).compiler(cache).compile(source)


def compile_where_root_may_not_write(folder: Path, cache: Path, results: Path) -> None:
    """Compile an old and a new source as a user bound by permissions; write what came out."""
    system.drop_privileges()
    compiler = FakeCompiler(folder).compiler(cache)
    old = "found" if isinstance(compiler.compile("old"), Compiled) else "lost"
    new = failure(compiler.compile("new"))
    results.write_text(f"{old}\n{new.status}\n{new.error}\n")
