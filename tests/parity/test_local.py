"""The local backend decides what the simulated one decides, given the same verdicts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.parity.running import HASHED, RECIPE, decisions, train, train_simulated

LOCAL = """
[backend]
use = "local"
model = "tiny"
threads = 1
warmup_steps = 2
max_prompt_tokens = 400
max_response_tokens = 8
"""


@pytest.mark.thorough
@pytest.mark.local
@pytest.mark.slow
def test_given_the_same_verdicts_local_and_simulated_write_the_same_events(tmp_path: Path) -> None:
    simulated = decisions(train_simulated(tmp_path / "simulated"))
    command = [sys.executable, "-m", "scaler_core.cli"]
    local = decisions(train(tmp_path / "local", RECIPE + HASHED + LOCAL, command))
    assert len(simulated) > 20
    assert {event["kind"] for event in simulated} >= {"drawn", "difficulty", "admitted"}
    assert local == simulated
