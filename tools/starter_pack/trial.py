"""Runs the programs of one starter problem many times in one child interpreter.

Only for programs that we wrote: nothing here contains them. A sandbox starts a process for every
run; this starts one for thousands, which the checks of the pack need.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaler_core.errors import DataError

_CHILD = Path(__file__).with_name("trial_child.py")
_WALL_S = 300


@dataclass(frozen=True)
class Trial:
    """One generated input: stdin, structured testcase, and the output of each solution."""

    stdin: str
    testcase: dict[str, Any]
    answers: tuple[str, ...]


def run_trials(
    generator: str,
    solutions: Sequence[str],
    draws: Sequence[tuple[Mapping[str, int], int]],
    hash_seed: int = 0,
) -> list[Trial]:
    """Generates an input for each draw and runs every solution on it.

    Args:
        generator: Source that defines ``generate_testcase``.
        solutions: Sources that read stdin and print the answer.
        draws: Scale and seed of each input.
        hash_seed: The child's PYTHONHASHSEED.

    Raises:
        DataError: A program failed or never ended.
    """
    request = {"generator": generator, "solutions": solutions, "draws": draws}
    rows = _in_child(request, hash_seed)
    return [Trial(stdin, testcase, tuple(answers)) for stdin, testcase, answers in rows]


def _in_child(request: Mapping[str, Any], hash_seed: int) -> Any:
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_CHILD)],
            input=json.dumps(request),
            env={"PYTHONHASHSEED": str(hash_seed)},
            capture_output=True,
            text=True,
            timeout=_WALL_S,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"a starter program did not end within {_WALL_S} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise DataError(f"a starter program failed: {last}")
    return json.loads(done.stdout)
