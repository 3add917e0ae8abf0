"""The paper's controller: the published behaviour, and the laws it keeps."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.interfaces import EnvironmentContext
from scaler_core.models import Outcome, accuracy
from scaler_plugins.controllers.fixed import Fixed
from scaler_plugins.controllers.proportional import Proportional
from scaler_plugins.curators.active_set import least_squares_slope

TOLERANCE = 1e-9
RNG = random.Random(0)  # which the paper's controller leaves alone


def with_top(top_level: int) -> EnvironmentContext:
    return EnvironmentContext("some", top_level, step=1)


def outcome(level: int, correct: int, decided: int) -> Outcome:
    return Outcome(level=level, correct=correct, decided=decided)


def replay(trace: dict[str, Any]) -> None:
    """Run a recorded trace through the state-in, state-out interface."""
    options = {key: trace[key] for key in ("target", "gain", "step_cap")}
    controller = Proportional(Proportional.Config(**options))
    top, prompts = trace["dmax"], trace["prompts_per_step"]
    here = with_top(top)
    state = {**controller.start(here), "difficulty": trace["rows"][0]["d_before"]}
    difficulties: list[float] = []
    for row in trace["rows"]:
        where = f"step {row['step']}"
        difficulties.append(controller.difficulty(state, here))
        assert difficulties[-1] == pytest.approx(row["d_before"], abs=TOLERANCE), where
        levels = controller.propose(state, prompts, here, RNG)
        assert levels == row["levels"], where
        outcomes = [
            outcome(int(level), counts["correct"], counts["samples"])
            for level, counts in row["outcomes"].items()
        ]
        assert accuracy(outcomes) == pytest.approx(row["accuracy"], abs=TOLERANCE), where
        state = controller.update(state, outcomes, here).state
        assert controller.difficulty(state, here) == pytest.approx(row["d_after"], abs=TOLERANCE), (
            where
        )
        if row.get("slope_last_10") is not None:
            slope = least_squares_slope(difficulties[-10:])
            assert slope == pytest.approx(row["slope_last_10"], abs=TOLERANCE), where
        state = json.loads(json.dumps(state))


@pytest.mark.shared
def test_controller_traces_are_reproduced(request: pytest.FixtureRequest) -> None:
    folder = os.environ.get("SCALER_REFERENCE")
    reference = Path(folder) if folder else request.getfixturevalue("shared_dir") / "reference"
    traces = json.loads((reference / "controller_traces.json").read_text())["traces"]
    assert traces
    for trace in traces:
        replay(trace)


def test_a_trace_worked_by_hand_is_reproduced() -> None:
    rows = [
        # d 0: all four prompts at level 0; 3 of 4 right moves d by 2 * 0.25
        {"step": 0, "d_before": 0.0, "levels": [0] * 4, "accuracy": 0.75, "d_after": 0.5,
         "outcomes": {"0": {"correct": 24, "samples": 32}}},
        # d 0.5: round(4 * 0.5) = 2 prompts above; accuracy weighs samples, not levels
        {"step": 1, "d_before": 0.5, "levels": [0, 0, 1, 1], "accuracy": 0.5, "d_after": 0.5,
         "outcomes": {"0": {"correct": 16, "samples": 16}, "1": {"correct": 0, "samples": 16}}},
        {"step": 2, "d_before": 0.5, "levels": [0, 0, 1, 1], "accuracy": 1.0, "d_after": 1.5,
         "outcomes": {"0": {"correct": 16, "samples": 16}, "1": {"correct": 16, "samples": 16}}},
        # the top level is 2: d stops there
        {"step": 3, "d_before": 1.5, "levels": [1, 1, 2, 2], "accuracy": 1.0, "d_after": 2.0,
         "outcomes": {"1": {"correct": 16, "samples": 16}, "2": {"correct": 16, "samples": 16}}},
        {"step": 4, "d_before": 2.0, "levels": [2] * 4, "accuracy": 0.0, "d_after": 1.0,
         "outcomes": {"2": {"correct": 0, "samples": 32}}},
    ]  # fmt: skip
    replay(
        {"dmax": 2, "prompts_per_step": 4, "target": 0.5, "gain": 2.0, "step_cap": 1.0,
         "rows": rows}
    )  # fmt: skip


def test_half_prompts_round_to_even_as_published() -> None:
    controller = Proportional()
    assert controller.propose({"difficulty": 0.5}, 1, with_top(9), RNG) == [0]
    assert controller.propose({"difficulty": 1.5}, 1, with_top(9), RNG) == [1]
    assert controller.propose({"difficulty": 0.5}, 3, with_top(9), RNG) == [0, 1, 1]


def test_a_small_cap_binds() -> None:
    controller = Proportional(Proportional.Config(step_cap=0.25))
    state = controller.update({"difficulty": 3.0}, [outcome(3, 8, 8)], with_top(9)).state
    assert controller.difficulty(state, with_top(9)) == 3.25


def test_an_environment_with_one_level_stays_there() -> None:
    controller = Proportional()
    here = with_top(0)
    state = controller.update(controller.start(here), [outcome(0, 8, 8)], here).state
    assert controller.propose(state, 3, here, RNG) == [0, 0, 0]


@given(
    difficulty=st.floats(0, 40),
    prompts=st.integers(1, 100),
    top=st.integers(0, 40),
)
def test_proposed_levels_lie_around_the_difficulty(
    difficulty: float, prompts: int, top: int
) -> None:
    levels = Proportional().propose({"difficulty": difficulty}, prompts, with_top(top), RNG)
    assert len(levels) == prompts
    assert all(0 <= level <= top and abs(level - min(difficulty, top)) < 1 for level in levels)


@given(
    difficulty=st.floats(0, 20),
    correct=st.integers(0, 64),
    gain=st.floats(0.1, 10),
    cap=st.floats(0.1, 5),
)
def test_difficulty_moves_towards_the_target_and_never_leaves_the_range(
    difficulty: float, correct: int, gain: float, cap: float
) -> None:
    controller = Proportional(Proportional.Config(gain=gain, step_cap=cap))
    state = {"difficulty": difficulty}
    move = controller.update(state, [outcome(0, correct, 64)], with_top(20))
    after = controller.difficulty(move.state, with_top(20))
    assert state == {"difficulty": difficulty}, "the state that went in is untouched"
    assert 0 <= after <= 20
    assert abs(after - difficulty) <= cap + 1e-12
    assert (after - difficulty) * (correct / 64 - 0.5) >= 0


def test_the_fixed_controller_never_moves() -> None:
    controller = Fixed(Fixed.Config(level=5))
    state = controller.update(controller.start(with_top(9)), [outcome(5, 8, 8)], with_top(9)).state
    assert controller.propose(state, 2, with_top(9), RNG) == [5, 5]
    assert controller.propose(state, 2, with_top(3), RNG) == [3, 3], "fewer levels: the highest"
    assert controller.difficulty(state, with_top(9)) == 5
