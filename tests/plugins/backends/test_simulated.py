"""The simulated learner: a skill curve with known laws."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from scaler_core.testing.contracts import BackendContract
from scaler_plugins.backends.simulated import Simulated
from scaler_plugins.backends.simulated.learner import Learner


class TestSimulated(BackendContract):
    def make(self) -> Simulated:
        return Simulated(Simulated.Config(undecided=0.1))


def learner(**options: float) -> Learner:
    defaults = {
        "initial_skill": 2.0,
        "learning_rate": 0.1,
        "transfer": 0.0,
        "width": 1.5,
        "floor": 0.0,
        "spread": 0.5,
    }
    return Learner(**{**defaults, **options})


def test_at_the_skill_half_of_the_responses_are_right() -> None:
    assert learner().chance("a", 2) == 0.5
    assert learner(floor=0.25).chance("a", 2) == 0.625


@given(st.integers(0, 2000), st.floats(0.01, 10), st.floats(0, 0.9))
def test_harder_levels_are_never_easier(level: int, width: float, floor: float) -> None:
    known = learner(width=width, floor=floor)
    assert floor <= known.chance("a", level + 1) <= known.chance("a", level) <= 1


def test_groups_that_are_all_right_or_all_wrong_teach_nothing() -> None:
    known = learner()
    known.learn({"a": [0.0, 1.0], "b": []})
    assert known.skill("a") == known.skill("b") == 2.0


def test_an_informative_group_teaches_its_environment_and_a_little_to_the_others() -> None:
    known = learner(transfer=0.1)
    known.learn({"a": [0.5]})
    assert known.skill("a") > known.skill("b") > 2.0


def test_environments_differ_in_how_fast_they_are_learnt_within_the_spread() -> None:
    known = learner()
    names = [f"e{index}" for index in range(200)]
    known.learn({name: [0.5] for name in names})
    gains = [known.skill(name) - 2.0 for name in names]
    assert 0.05 <= min(gains) < 0.06
    assert 0.14 < max(gains) <= 0.15


def test_what_was_learnt_survives_json() -> None:
    known = learner(transfer=0.1)
    known.learn({"a": [0.5, 0.3], "b": [0.25]})
    again = learner(transfer=0.1)
    again.load_state_dict(json.loads(json.dumps(known.state_dict())))
    assert [again.skill(name) for name in "abc"] == [known.skill(name) for name in "abc"]
