"""The quickstart, as the README says it: one command trains a model whose difficulty rises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scaler_core.run.directory import RunDirectory
from scaler_core.run.held_out import standard_errors
from scaler_core.run.summary import summarize


@pytest.mark.local
@pytest.mark.slow
@pytest.mark.timeout(3600)  # six minutes on two quiet cores, and a hang ends some time
def test_the_quickstart_learns_and_the_difficulty_follows(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scaler_core.cli", "run", "--run-dir", "out", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    summary = summarize(RunDirectory(tmp_path / "out"))
    assert summary.before is not None
    assert summary.after is not None
    assert summary.before.decided >= 2000
    assert summary.after.decided >= 2000
    assert line["accuracy_before"] == summary.before.accuracy
    assert line["accuracy_after"] == summary.after.accuracy
    assert standard_errors(summary.before, summary.after) >= 3
    assert len(summary.environments) == 8
    high = [item for item in summary.environments if item.difficulty_end > 3]
    assert len(high) >= 4
    assert line["mean_difficulty_end"] > line["mean_difficulty_start"] == 0
    assert (tmp_path / "out" / "model" / "model.safetensors").is_file()
