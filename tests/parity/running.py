"""The same short run on any backend, in a process of its own, and what it decided."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaler_core import read_events

PLUGIN = Path(__file__).with_name("plugin")
UNDECIDED = 0.1

RECIPE = """
[run]
steps = 6
[pool]
use = "starter"
environments = ["count-target", "largest-value", "longest-run", "distinct-values"]
[batch]
prompts = 8
responses = 4
[prompt]
style = "compact"
[curator]
size = 3
k_slope = 3
[checkpoint]
every = 2
"""

HASHED = f"""
[verifier]
use = "hashed"
undecided = {UNDECIDED}
"""


def environment(*folders: Path) -> dict[str, str]:
    """Variables of a process that finds the plugin, and what is in *folders*."""
    path = [str(PLUGIN), *map(str, folders), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def train_simulated(directory: Path, recipe: str = RECIPE) -> Path:
    """The run on the simulated backend; its directory."""
    backend = f'[backend]\nuse = "hashed-simulated"\nundecided = {UNDECIDED}\n'
    return train(directory, recipe + backend, [sys.executable, "-m", "scaler_core.cli"])


def train(
    directory: Path, recipe: str, command: Sequence[str], folders: Sequence[Path] = ()
) -> Path:
    """Train *recipe* by *command* into *directory*."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    file = directory.with_suffix(".toml")
    file.write_text(recipe)
    done = subprocess.run(
        [*command, "run", str(file), "--run-dir", str(directory)],
        env=environment(*folders),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return directory


def decisions(run: Path) -> list[dict[str, Any]]:
    """All events of a run but those that tell of starting and going on."""
    events = [event.model_dump(mode="json") for event in read_events(run)]
    return [event for event in events if event["kind"] not in ("started", "resumed")]
