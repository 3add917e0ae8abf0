"""Commands that a signal ends: in good order, at once, or while they cannot hear it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import Start
from tests.cli.test_run_command import SIMULATED, command, wait_for
from tests.sandbox.machines import eventually, is_running
from tests.sandbox.test_warm import descendants

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

DEAF = """
import hashlib
from scaler_core.cli.signals import first_stop_asks
with first_stop_asks(lambda: None, "stopping"):
    print("deaf", flush=True)
    hashlib.pbkdf2_hmac("sha512", b"", b"", 2_000_000_000)
"""

LOUD = """
import time
from scaler_core.cli.signals import Stopped, first_stop_asks
try:
    with first_stop_asks(lambda: print("asked", flush=True), "stopping") as stop:
        print("ready", flush=True)
        time.sleep(600)
except Stopped as error:
    print(stop.number, error.exit_code, error, flush=True)
"""


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_run_after_its_step_with_a_checkpoint(
    number: signal.Signals, tmp_path: Path, start: Start
) -> None:
    (tmp_path / "sim.toml").write_text(SIMULATED)
    process = start(
        command("run", "sim.toml", "--run-dir", "out", "--json", "--set", "run.steps=100000"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(tmp_path / "out" / "metrics.jsonl", process)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert "go on with: scaler run --resume out" in err
    summary = json.loads(out)
    assert not summary["finished"]
    assert (tmp_path / "out" / "checkpoints" / f"step-{summary['steps']}" / "COMPLETE").exists()


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_before_the_first_step_is_one_line_and_its_exit_code(
    number: signal.Signals, tmp_path: Path, start: Start
) -> None:
    (tmp_path / "sim.toml").write_text(SIMULATED)
    code = (
        "import scaler_core.run.opening, time, sys\n"
        "def wait(*args, **others):\n    print('opening', flush=True); time.sleep(600)\n"
        "scaler_core.run.opening.open_run = wait\n"
        "from scaler_core.cli import main\nmain(['run', 'sim.toml'])\n"
    )
    process = start(
        [sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stderr
    assert process.stderr.readline() == "opening\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err.strip() in (
        "scaler: interrupted",
        "scaler: ended by SIGTERM",
        "scaler: ended because its terminal was closed",
    )


def test_ctrl_c_while_the_command_loads_is_one_line(tmp_path: Path, start: Start) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    process = start(
        [sys.executable, "-c", "from scaler_core.cli import main\nmain()"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "scaler: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.0, 1.1, 4.7])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_at_any_moment_of_an_audit_leaves_no_process_and_no_folder(
    number: signal.Signals, delay_s: float, tmp_path: Path, start: Start
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(
        command("pool", "audit", "starter", "--json"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert eventually(lambda: bool(descendants(process.pid)))
    time.sleep(delay_s)
    below = descendants(process.pid)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert eventually(lambda: not any(map(is_running, below)))
    assert list(scratch.iterdir()) == []


def test_the_second_signal_is_obeyed_at_once(start: Start) -> None:
    process = start([sys.executable, "-c", LOUD], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "15 130 interrupted\n"
    assert process.wait(60) == 0


def test_a_process_that_cannot_hear_is_left_after_the_second_signal(start: Start) -> None:
    process = start([sys.executable, "-c", DEAF], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "deaf\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)  # two signals of one number that wait are one
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


def test_a_hangup_that_nohup_ignores_is_ignored(tmp_path: Path, start: Start) -> None:
    (tmp_path / "sim.toml").write_text(SIMULATED)
    process = start(
        ["nohup", *command("run", "sim.toml", "--run-dir", "out", "--set", "run.steps=60")],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(tmp_path / "out" / "metrics.jsonl", process)
    process.send_signal(signal.SIGHUP)
    assert process.wait(120) == 0
