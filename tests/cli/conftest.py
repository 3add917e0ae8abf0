"""Command lines, run in this process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from scaler_core.cli import main
from tests.cli.running import Scaler, Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process, as ``Popen`` with text does; killed where its test leaves it running."""
    with ExitStack() as stack:

        def run(command: list[str], **options: Any) -> subprocess.Popen[str]:
            process = stack.enter_context(subprocess.Popen(command, text=True, **options))
            stack.callback(process.kill)  # before the wait for it; harmless once it has ended
            return process

        yield run


@pytest.fixture
def scaler(capsys: pytest.CaptureFixture[str]) -> Scaler:
    """Runs a command line: exit code, stdout, stderr."""

    def run(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run
