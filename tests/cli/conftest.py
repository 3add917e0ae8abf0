"""Command lines, run in this process."""

from __future__ import annotations

import pytest

from scaler_core.cli import main
from tests.cli.running import Scaler


@pytest.fixture
def scaler(capsys: pytest.CaptureFixture[str]) -> Scaler:
    """Runs a command line: exit code, stdout, stderr."""

    def run(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run
