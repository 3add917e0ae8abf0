"""The host's side of the guard, where things break."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.sandbox import Limits
from scaler_core.sandbox.guard import wire
from scaler_core.sandbox.launch import Job, Launcher

LIMITS = Limits(cpu_s=1.0, wall_s=20.0, memory_bytes=512 << 20)


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    launcher = Launcher(Path(os.path.realpath(sys.executable)))
    yield launcher
    launcher.close()


def test_a_command_gets_its_words_and_its_environment_and_nothing_else(launcher: Launcher) -> None:
    job = Job(wire.COMMAND, b"/bin/sh\0-c\0echo $NAME $0; exec env\0word", {"NAME": "value"})
    result = launcher.run(job, [b""], LIMITS)[0]
    assert result.status == "ok"
    lines = result.output.decode().splitlines()
    assert lines[0] == "value word"
    assert {line.split("=")[0] for line in lines[1:]} <= {"NAME", "PWD", "SHLVL", "_", "OLDPWD"}


def test_a_program_that_is_gone_is_a_failure_of_the_sandbox(launcher: Launcher) -> None:
    result = launcher.run(Job(wire.COMMAND, b"/no/such/program"), [b""], LIMITS)[0]
    assert result.status == "sandbox_failure"
    assert "No such file" in result.error


def test_an_interpreter_that_is_gone_is_a_failure_of_the_sandbox(tmp_path: Path) -> None:
    results = Launcher(tmp_path / "python").run(Job(wire.SOLUTION, b""), [b"", b""], LIMITS)
    assert [result.status for result in results] == ["sandbox_failure"] * 2
    assert str(tmp_path / "python") in results[0].error


def test_an_interpreter_that_answers_nonsense_is_a_failure_of_the_sandbox(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho broken >&2\n")
    script.chmod(0o755)
    result = Launcher(script).run(Job(wire.SOLUTION, b""), [b""], LIMITS)[0]
    assert result.status == "sandbox_failure"
    assert "broken" in result.error


def test_a_source_that_takes_too_long_to_compile_is_a_compile_error(launcher: Launcher) -> None:
    source = b"x = [" + b"a+b," * 3_000_000 + b"]"
    results = launcher.run(Job(wire.SOLUTION, source), [b"", b""], LIMITS)
    assert [result.status for result in results] == ["compile_error"] * 2
