"""The host's side of the plain way, where things break."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scaler_core.interfaces import Limits
from scaler_core.sandbox.confinement import Confinement
from scaler_core.sandbox.container import GUARD, NoContainer, View
from scaler_core.sandbox.guard import wire
from scaler_core.sandbox.interpreter import Interpreter, find_interpreter
from scaler_core.sandbox.launch import Job, Launcher

LIMITS = Limits(cpu_s=1.0, wall_s=20.0, memory_bytes=512 << 20)


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    yield from a_launcher(find_interpreter(None))


def a_launcher(interpreter: Interpreter) -> Iterator[Launcher]:
    confinement = Confinement(interpreter)
    launcher = Launcher(interpreter, NoContainer(), confinement)
    yield launcher
    launcher.close()


def with_interpreter(path: Path) -> Interpreter:
    return replace(find_interpreter(None), path=path)


def test_a_tool_gets_its_words_and_its_environment_and_nothing_else(
    launcher: Launcher, tmp_path: Path
) -> None:
    words = b"/bin/sh\0-c\0echo $NAME $0; exec env\0word"
    job = Job(wire.TOOL, words, {"NAME": "value"}, view=View(writable=tmp_path))
    result = launcher.run(job, [b""], replace(LIMITS, processes=4))[0]
    assert result.status == "ok"
    lines = result.output.decode().splitlines()
    assert lines[0] == "value word"
    assert {line.split("=")[0] for line in lines[1:]} <= {"NAME", "PWD", "SHLVL", "_", "OLDPWD"}


def test_a_tool_reads_and_writes_where_it_may_and_nowhere_else(
    launcher: Launcher, tmp_path: Path
) -> None:
    folder, readable, other = (tmp_path / name for name in ("folder", "readable", "other"))
    for path in (folder, readable, other):
        path.mkdir()
        (path / "file").write_text(path.name)
    script = (
        f"cat {readable}/file; cat {other}/file /etc/passwd; echo x > {readable}/new; "
        f"echo x > {other}/new; echo written > new; cat new"
    )
    view = View((readable,), folder)
    job = Job(wire.TOOL, f"/bin/sh\0-c\0{script}".encode(), {"PATH": "/usr/bin:/bin"}, view=view)
    result = launcher.run(job, [b""], replace(LIMITS, processes=8))[0]
    assert result.output == b"readablewritten\n"
    assert (folder / "new").exists()
    assert not (readable / "new").exists()
    assert not (other / "new").exists()


def test_a_program_that_is_gone_is_a_failure_of_the_sandbox(launcher: Launcher) -> None:
    result = launcher.run(Job(wire.COMMAND, b"/no/such/program"), [b""], LIMITS)[0]
    assert result.status == "sandbox_failure"
    assert "No such file" in result.error


def test_an_interpreter_that_is_gone_is_a_failure_of_the_sandbox(tmp_path: Path) -> None:
    for launcher in a_launcher(with_interpreter(tmp_path / "python")):
        results = launcher.run(Job(wire.SOLUTION, b""), [b"", b""], LIMITS)
    assert [result.status for result in results] == ["sandbox_failure"] * 2
    assert str(tmp_path / "python") in results[0].error


def test_an_interpreter_that_answers_nonsense_is_a_failure_of_the_sandbox(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho broken >&2\n")
    script.chmod(0o755)
    for launcher in a_launcher(with_interpreter(script)):
        result = launcher.run(Job(wire.SOLUTION, b""), [b""], LIMITS)[0]
    assert result.status == "sandbox_failure"
    assert "broken" in result.error


def test_a_source_that_takes_too_long_to_compile_is_a_compile_error(launcher: Launcher) -> None:
    source = b"x = [" + b"a+b," * 3_000_000 + b"]"
    results = launcher.run(Job(wire.SOLUTION, source), [b"", b""], LIMITS)
    assert [result.status for result in results] == ["compile_error"] * 2


def test_a_guard_starts_without_modules_that_cost_more_than_the_interpreter() -> None:
    ask = (
        "import sys; sys.path.append(sys.argv.pop()); from guard import supervisor; "
        "heavy = {'collections', 'contextlib', 'enum', 'functools', 're', 'typing'}; "
        "print(*sorted(heavy.intersection(sys.modules)))"
    )
    command = [*find_interpreter(None).words("supervisor")[:-1], ask, str(GUARD.parent)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"
