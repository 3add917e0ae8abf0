"""Whole runs of the openrlhf backend, each in a process of its own, on pretended GPUs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.parity.running import HASHED, RECIPE, environment

HERE = Path(__file__).parent
PATIENCE_S = 600

BACKEND = """
[backend]
use = "openrlhf"
model = "tiny"
eager = true
sleep = false
attention = "eager"
packing = false
tokens_per_gpu = 0
micro_batch = 8
learning_rate = 1e-3
warmup_steps = 2
max_prompt_tokens = 400
max_response_tokens = 8
engine_memory = 0.1
"""


def write_recipe(folder: Path, further: str = "", recipe: str = RECIPE + HASHED + BACKEND) -> Path:
    """A recipe file; *further* is appended, so it may go on with the section ``[backend]``."""
    path = folder / "recipe.toml"
    path.write_text(recipe + further)
    return path


def command(gpus: int, *arguments: str) -> list[str]:
    """The command ``scaler`` on so many pretended GPUs."""
    return [sys.executable, str(HERE / "drive.py"), str(gpus), *arguments]


def scaler(gpus: int, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the command says and writes."""
    return subprocess.run(
        command(gpus, *arguments),
        env={**environment(HERE / "cpu"), **variables},
        capture_output=True,
        text=True,
    )


@contextmanager
def running(log: Path, gpus: int, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command while it runs; what it prints goes to *log*."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command(gpus, *arguments),
            env=environment(HERE / "cpu"),
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until *process* has printed *text*."""
    end = time.monotonic() + PATIENCE_S
    while text not in log.read_text(errors="replace"):
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < end, log.read_text(errors="replace")
        time.sleep(0.05)


def kill_actor(name: str) -> None:
    """``kill -9`` the process of the Ray actor whose class has that name."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    found = [line.split()[0] for line in listed.stdout.splitlines() if f"ray::{name}" in line]
    assert found, listed.stdout
    for pid in found:
        os.kill(int(pid), signal.SIGKILL)


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
