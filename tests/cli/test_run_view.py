"""What a person sees while a run trains, and the closing table."""

from __future__ import annotations

import os
import pty
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from scaler_core.cli.run import print_report
from scaler_core.run.held_out import Score
from scaler_core.run.summary import EnvironmentSummary, RunSummary
from tests.cli.test_run_command import SIMULATED, command


def on_a_terminal(work: Path, *arguments: str) -> str:
    """What a command draws on a terminal of 120 columns."""
    leader, follower = pty.openpty()
    variables = {**os.environ, "COLUMNS": "120", "LINES": "40", "TERM": "xterm"}
    process = subprocess.Popen(
        command(*arguments), cwd=work, stderr=follower, stdout=follower, env=variables
    )
    os.close(follower)
    drawn = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end of a terminal closes with an error
            break
        if not piece:
            break
        drawn += piece
    os.close(leader)
    assert process.wait(timeout=60) == 0, drawn.decode()
    return drawn.decode()


def test_on_a_terminal_a_panel_shows_the_figures_and_the_latest_decisions(tmp_path: Path) -> None:
    (tmp_path / "sim.toml").write_text(SIMULATED)
    drawn = on_a_terminal(tmp_path, "run", "sim.toml", "--run-dir", "out")
    for word in ("scaler run sim", "accuracy", "informative", "difficulty", "6/6", "admitted "):
        assert word in drawn
    assert "go on: scaler run --resume out" in drawn


def summary(**overrides: object) -> RunSummary:
    environment = EnvironmentSummary(
        environment_id="longest-run",
        difficulty_start=0.0,
        difficulty_end=4.25,
        steps=9,
        retirements=Counter({"slope": 2, "zero": 1}),
        before={0: Score(10, 40), 2: Score(0, 40)},
        after={0: Score(30, 40), 2: Score(0, 0)},
    )
    fields: dict[str, object] = {
        "steps": 9,
        "before": Score(10, 80),
        "after": Score(30, 80),
        "outside_before": None,
        "outside_after": None,
        "informative_share": 0.5,
        "retired": 3,
        "environments": [environment],
    }
    return RunSummary(**{**fields, **overrides})  # type: ignore[arg-type]


def test_the_closing_table_compares_before_and_after_by_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    print_report(summary(), tmp_path)
    text = capsys.readouterr().err
    row = next(line for line in text.splitlines() if line.startswith("longest-run"))
    assert row.split()[:6] == ["longest-run", "0.0", "->", "4.2", "25>75", "0>-"]
    assert "slope x2, zero" in row
    assert "held-out accuracy 12.5 % -> 37.5 % (+25.0 points, 3.8 standard errors" in text
    assert "mean difficulty 0.00 -> 4.25, 3 retired, 50 % of groups informative" in text
    assert f"the trained model: {tmp_path / 'model'}" in text


def test_a_run_without_a_grid_has_no_accuracy_to_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_report(summary(before=None, after=None), tmp_path)
    text = capsys.readouterr().err
    assert "held-out accuracy" not in text
    assert "mean difficulty" in text
