"""Controllers of other papers and ours: each against its equations, worked by hand."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.interfaces import Controller, EnvironmentContext, Moved, State
from scaler_core.models import Outcome
from scaler_core.testing.contracts import ControllerContract
from scaler_plugins.controllers.bandit import Bandit
from scaler_plugins.controllers.frontier import GRID, MARGIN, Frontier
from scaler_plugins.controllers.global_level import Global
from scaler_plugins.controllers.thompson import Thompson
from scaler_plugins.controllers.uniform import Uniform
from scaler_plugins.controllers.window import Window

FEW = settings(max_examples=30, deadline=None)


class TestFrontier(ControllerContract):
    def make(self) -> Controller:
        return Frontier()


class TestWindow(ControllerContract):
    def make(self) -> Controller:
        return Window(Window.Config(prompts=2, rise=0.6))


class TestGlobal(ControllerContract):
    def make(self) -> Controller:
        return Global(Global.Config(step=0.2))


class TestThompson(ControllerContract):
    def make(self) -> Controller:
        return Thompson()


class TestBandit(ControllerContract):
    def make(self) -> Controller:
        return Bandit()


class TestUniform(ControllerContract):
    def make(self) -> Controller:
        return Uniform()


def here(top: int, shared: State | None = None) -> EnvironmentContext:
    return EnvironmentContext("some", top, step=1, shared=shared or {})


def group(level: int, right: int, of: int = 8) -> Outcome:
    return Outcome(level=level, correct=right, decided=of)


# -------------------------------------------------------------- the window (RLVE)


def test_the_window_slides_up_when_its_highest_level_is_mastered() -> None:
    controller = Window()
    state = controller.start(here(9))
    for _ in range(7):
        state = controller.update(state, [group(0, 8)], here(9)).state
        assert controller.difficulty(state, here(9)) == 0, "eight groups are needed"
    move = controller.update(state, [group(0, 2)], here(9))
    assert controller.difficulty(move.state, here(9)) == 1, "58 of 64 are 90 %"
    assert move.why == "91% right in 8 groups at level 0: the window slides up"
    assert move.state == {"high": 1, "groups": 0, "credit": 0.0, "decided": 0}


def test_the_window_stays_and_counts_anew_below_the_bar() -> None:
    controller = Window()
    move = controller.update(controller.start(here(9)), [group(0, 7)] * 8, here(9))
    assert move.state == {"high": 0, "groups": 0, "credit": 0.0, "decided": 0}
    assert "below 90%, it stays" in move.why


def test_only_the_highest_level_of_the_window_counts() -> None:
    controller = Window()
    state = {**controller.start(here(9)), "high": 5}
    after = controller.update(state, [group(4, 8), group(2, 0), group(5, 3)], here(9)).state
    assert after == {"high": 5, "groups": 1, "credit": 3, "decided": 8}


def test_the_window_holds_four_levels_drawn_alike() -> None:
    state = {**Window().start(here(9)), "high": 5}
    drawn = Counter(Window().propose(state, 4000, here(9), random.Random(1)))
    assert set(drawn) == {2, 3, 4, 5}
    assert all(900 < count < 1100 for count in drawn.values())


# -------------------------------------------------------------- one difficulty for all (AdaRFT)


def test_the_whole_step_moves_the_difficulty_of_the_whole_pool() -> None:
    controller = Global()
    shared = controller.start_shared()
    moved = [
        Moved(here(9), {}, {}, [group(0, 8)]),
        Moved(here(19), {}, {}, [group(0, 4), group(0, 8)]),
    ]
    after = controller.update_shared(shared, moved, step=1)
    assert after["target"] == pytest.approx(0.5 * math.tanh(2 * (20 / 24 - 0.5)))
    assert controller.difficulty({}, here(10, after)) == pytest.approx(10 * after["target"])
    down = controller.update_shared(after, [Moved(here(9), {}, {}, [group(3, 0)])], step=2)
    assert down["target"] == 0, "the scale ends there"


# -------------------------------------------------------------- Thompson sampling (MoPPS)


def test_counts_of_a_level_fade_before_new_ones_are_added() -> None:
    controller = Thompson(Thompson.Config(decay=0.5))
    state = controller.update(controller.start(here(4)), [group(2, 6)], here(4)).state
    assert state == {"right": {"2": 7.0}, "wrong": {"2": 3.0}}
    state = controller.update(state, [group(2, 0), group(2, 4), group(1, 8)], here(4)).state
    assert state["right"] == {"2": 0.5 * 7 + 0.5 + 4, "1": 9.0}
    assert state["wrong"] == {"2": 0.5 * 3 + 0.5 + 12, "1": 1.0}


def test_draws_gather_at_the_level_where_half_is_right() -> None:
    controller = Thompson()
    state = controller.start(here(4))
    for _ in range(10):
        answers = [group(0, 8), group(1, 7), group(2, 4), group(3, 1), group(4, 0)]
        state = controller.update(state, answers, here(4)).state
    drawn = Counter(controller.propose(state, 500, here(4), random.Random(1)))
    assert drawn[2] > 350
    assert controller.difficulty(state, here(4)) == 2


# -------------------------------------------------------------- the bandit (SEC)


def test_values_follow_the_size_of_the_advantages() -> None:
    controller = Bandit(Bandit.Config(rate=0.5, temperature=0.5))
    state = controller.update(controller.start(here(2)), [group(1, 4), group(2, 8)], here(2)).state
    assert state["values"] == {"1": 0.5, "2": 0.0}
    state = controller.update(state, [group(1, 2), group(1, 4)], here(2)).state
    assert state["values"]["1"] == pytest.approx(0.25 + 0.5 * (math.sqrt(0.75) + 1) / 2)
    weight = math.exp(state["values"]["1"] / 0.5)
    drawn = Counter(controller.propose(state, 6000, here(2), random.Random(1)))
    assert drawn[1] / 6000 == pytest.approx(weight / (weight + 2), abs=0.02)
    assert controller.difficulty(state, here(2)) == pytest.approx((weight + 2) / (weight + 2))


def test_a_difficulty_of_the_bandit_is_its_mean_draw() -> None:
    state = {"values": {"0": 1.0, "3": 0.9}}
    drawn = Bandit().propose(state, 20_000, here(3), random.Random(2))
    assert sum(drawn) / len(drawn) == pytest.approx(Bandit().difficulty(state, here(3)), abs=0.03)


# -------------------------------------------------------------- the frontier


@FEW
@given(
    mean=st.floats(0, 9),
    variance=st.floats(0.1, 30),
    seen=st.integers(1, 9),
    answers=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 8)), min_size=1, max_size=4),
)
def test_the_posterior_is_prior_times_likelihood(
    mean: float, variance: float, seen: int, answers: list[tuple[int, int]]
) -> None:
    config = Frontier.Config()
    outcomes = [group(level, right) for level, right in answers]
    state = {"mean": mean, "variance": variance, "seen": seen}
    after = Frontier(config).update(state, outcomes, here(9)).state
    jump = config.jump_new if seen < config.settle else config.jump
    spread = variance + config.drift
    skills = [point / GRID - MARGIN for point in range((9 + 2 * MARGIN) * GRID + 1)]
    weights = []
    for s in skills:
        normal = math.exp(-((s - mean) ** 2) / 2 / spread) / math.sqrt(2 * math.pi * spread)
        weight = (1 - jump) * normal / GRID + jump / len(skills)
        for level, right in answers:
            p = config.floor + (1 - config.floor - config.slip) / (
                1 + math.exp((level - s) / config.width)
            )
            weight *= p**right * (1 - p) ** (8 - right)
        weights.append(weight)
    expected = sum(w * s for w, s in zip(weights, skills, strict=True)) / sum(weights)
    assert after["mean"] == pytest.approx(expected, abs=1e-6)
    second = sum(w * (s - expected) ** 2 for w, s in zip(weights, skills, strict=True))
    assert after["variance"] == pytest.approx(max(0.1, second / sum(weights)), abs=1e-6)
    assert after["seen"] == seen + 1


def test_a_late_outcome_counts_as_one_of_now() -> None:
    state = {"mean": 4.0, "variance": 1.0, "seen": 9}
    late = Outcome(level=2, correct=5, decided=8, age=6)
    assert Frontier().update(state, [late], here(9)) == Frontier().update(
        state, [group(2, 5)], here(9)
    )


def test_four_steps_find_the_frontier() -> None:
    rng, near = random.Random(5), 0
    for _ in range(60):
        skill, controller = rng.uniform(0, 29), Frontier()
        context = here(29, controller.start_shared())
        state = controller.start(context)
        for _ in range(4):
            outcomes = [
                group(level, sum(rng.random() < chance(skill, level) for _ in range(8)))
                for level in controller.propose(state, 8, context, rng)
            ]
            state = controller.update(state, outcomes, context).state
        near += abs(controller.difficulty(state, context) - skill) <= 1
    assert near >= 51, f"{near} of 60 within a level"


def chance(skill: float, level: int) -> float:
    return 1 / (1 + math.exp(level - skill))


def test_a_new_environment_starts_where_the_others_settled() -> None:
    controller = Frontier()
    shared = controller.start_shared()
    for number in range(20):
        before = {"mean": 6.0, "variance": 0.2, "seen": 4}
        after = {"mean": 7.0 + number % 2, "variance": 0.2, "seen": 5}
        shared = controller.update_shared(shared, [Moved(here(29), before, after, [])], number)
    fresh = controller.start(here(29))
    assert controller.difficulty(fresh, here(29, shared)) == pytest.approx(7.5, abs=0.1)
    assert controller.difficulty(fresh, here(5, shared)) == 5
    again = controller.update_shared(shared, [Moved(here(29), after, after | {"seen": 6}, [])], 21)
    assert again == shared, "an environment tells once"


@pytest.mark.parametrize("right", [0, 4096])
def test_many_responses_do_not_overflow(right: int) -> None:
    state = {"mean": 4.0, "variance": 0.1, "seen": 9}
    after = Frontier(Frontier.Config(jump=0.0)).update(state, [group(4, right, 4096)], here(9))
    assert math.isfinite(after.state["mean"])
    assert after.state["variance"] >= 0.1
