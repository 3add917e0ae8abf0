"""Pools that would teach nothing are bad at default settings, and sound ones are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Scaler
from tests.pool.makers import entry, write_file

GENERATOR = """\
import random


def generate_testcase(scale):
    n = scale["n"]
    values = [random.randint(1, 50) for _ in range(n)]
    other = [random.randint(1, 50) for _ in range(n)]
    answer = sum(abs(left - right) for left, right in zip(values, values[1:]))
    BODY
    return f"{n}\\n{' '.join(map(str, values))}\\n", value
"""
SOLUTION = """\
values = list(map(int, open(0).read().split()))[1:]
print(sum(abs(left - right) for left, right in zip(values, values[1:])))
"""
SOUND = 'value = {"n": n, "values": values}'


def pool_of(folder: Path, scaler: Scaler, **bodies: str) -> Path:
    """A pool with an environment for each of *bodies*, which sets ``value``."""
    solutions = [f"{SOLUTION}# {number}\n" for number in range(3)]
    data = {
        name: entry(
            name=name,
            solutions={"solution": solutions, "language": [3] * len(solutions)},
            generate_testcase=GENERATOR.replace("BODY", body),
            params={"n": {"min": 5, "max": 14, "base": 1.0}},
            scale_range=9,
            difficulty_dict={str(level): level for level in range(10)},
        )
        for name, body in bodies.items()
    }
    pool = folder / "pool"
    code, _, err = scaler(
        "pool", "import", write_file(folder / "pool.json", data), "-o", pool, "--look", 0
    )
    assert code == 0, err
    return pool


HOSTILE = {
    "leak": 'value = {"n": n, "values": values, "checksum": [{"of": str(answer)}]}',
    "other": 'value = {"n": n, "values": other}',
    "half": 'value = {"n": n, "values": values[: n // 2]}',
    "dead": f"assert n not in range(7, 13)\n    {SOUND}",
}
REASONS = {
    "leak": "answer_leaked",
    "other": "prompt_differs",
    "half": "prompt_differs",
    "dead": "generator_fails",
}


@pytest.mark.thorough
def test_pools_that_would_teach_nothing_are_bad_at_default_settings(
    tmp_path: Path, scaler: Scaler
) -> None:
    pool = pool_of(tmp_path, scaler, sound=SOUND, **HOSTILE)
    code, out, _ = scaler("pool", "audit", pool, "--allow-weak-sandbox", "--json")
    assert code == 1
    audits = {audit["environment_id"]: audit for audit in json.loads(out)["audits"]}
    assert audits.pop("sound")["verdict"] == "good"
    assert {name: audit["verdict"] for name, audit in audits.items()} == dict.fromkeys(
        HOSTILE, "bad"
    )
    for name, rule in REASONS.items():
        bad = {item["rule"] for item in audits[name]["findings"] if item["severity"] == "bad"}
        assert rule in bad, name
    assert audits["dead"]["dead_levels"] == [2, 3, 4, 5, 6, 7]
