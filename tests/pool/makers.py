"""Small factories for tests of pools: a published entry, a program and a native environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scaler_core.interfaces import NativeEnvironment
from scaler_core.models import Environment, Instance
from scaler_core.testing.environments import program_environment


def entry(**overrides: Any) -> dict[str, Any]:
    """A published entry with the defects of level tables; an override of ``None`` leaves a key out.

    Two parameters that move together (ratios 1 and 2.5), one solution in each language.
    """
    fields: dict[str, Any] = {
        "name": "7_A. Sum",
        "logic_description": "Add the numbers.",
        "raw_description": "Add the numbers.\n\nInput\n\nn, m\n\nOutput\n\nTheir sum.",
        "solutions": {"solution": ["int main(){}", "print(1)"], "language": [2, 3]},
        "instruction": "Print their sum.",
        "generate_testcase": "def generate_testcase(scale):\n    return '1', {}\n",
        "scale_range": 6,
        "output_type": "number",
        "is_output_unique": True,
        "difficulty_dict": {"0": 0, "1": 1, "2": 2, "3": 2, "4": 4},
        "params": {
            "n": {"min": 1, "max": 7, "base": 1.0},
            "m": {"min": 0, "max": 15, "base": 2.5},
            "difficulty": {"version": 1, "params": {"dmax": 4, "history_len": 20, "beta": 0.1}},
        },
    }
    return {key: value for key, value in (fields | overrides).items() if value is not None}


def write_file(path: Path, data: object) -> Path:
    """*data* as a JSON file."""
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def environments(count: int, **overrides: Any) -> list[Environment]:
    """*count* program environments ``env-0``, ``env-1``, ..."""
    return [program_environment(id=f"env-{number}", **overrides) for number in range(count)]


class Coin(NativeEnvironment):
    """A native environment that is only looked at."""

    id = "coin"
    top_level = 3

    def make(self, level: int, seed: int) -> Instance:
        """An instance with the seed as its truth."""
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": "Say it."},),
            truth=str(seed),
        )
