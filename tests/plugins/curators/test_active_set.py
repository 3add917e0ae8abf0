"""The paper's curator: each rule at its exact step, and the set's laws."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scaler_core.testing.fakes import FakeCuratorView, FakeRecord
from scaler_plugins.curators.active_set import ActiveSet
from scaler_plugins.curators.everything import All


def rule(past: FakeRecord, **options: object) -> str | None:
    found = ActiveSet(ActiveSet.Config(**options)).retire(FakeCuratorView(active=[past]))
    return found[0].rule if found else None


def rising(count: int) -> list[float]:
    return [0.1 * index for index in range(count)]


def falling(count: int) -> list[float]:
    return [5 - 0.1 * index for index in range(count)]


def history(difficulties: list[float], accuracy: float = 0.5) -> FakeRecord:
    return FakeRecord(
        top_level=9, difficulties=difficulties, accuracies=[accuracy] * len(difficulties)
    )


def test_the_slope_rule_needs_ten_values_and_not_one_more() -> None:
    assert rule(history(falling(9))) is None
    assert rule(history(falling(10))) == "slope"
    assert rule(history(rising(10))) is None


def test_the_slope_rule_reads_only_the_last_ten_values() -> None:
    assert rule(history([*rising(20), *falling(10)])) == "slope"
    assert rule(history([*falling(20), *rising(10)])) is None


def test_a_flat_history_retires_as_published_unless_the_recipe_says_otherwise() -> None:
    flat = history([3.7] * 10)
    assert rule(flat) == "slope"
    assert rule(flat, retire_flat=False) is None
    assert rule(history(falling(10)), retire_flat=False) == "slope"


def test_five_zero_steps_retire_at_the_fifth_the_oldest_included() -> None:
    def past(accuracies: list[float]) -> FakeRecord:
        return FakeRecord(difficulties=rising(len(accuracies)), accuracies=accuracies)

    assert rule(past([0, 0, 0, 0])) is None
    assert rule(past([0, 0, 0, 0, 0])) == "zero"
    assert rule(past([0.1, 0, 0, 0, 0])) is None, "the oldest of the five counts"
    assert rule(past([0, 0, 0.1, 0, 0, 0, 0, 0])) == "zero"


def test_five_steps_at_the_top_retire_at_the_fifth_the_oldest_included() -> None:
    assert rule(history([9.0] * 4)) is None
    assert rule(history([9.0] * 5)) == "saturated"
    assert rule(history([8.5, 9.0, 9.0, 9.0, 9.0])) is None


def test_the_window_can_be_what_the_pool_asks_for() -> None:
    past = replace(history(falling(19)), history_length=20)
    assert rule(past) == "slope", "the paper's text says 10"
    assert rule(past, k_slope="pool") is None
    past = replace(past, difficulties=falling(20))
    assert rule(past, k_slope="pool") == "slope"
    past = replace(past, history_length=None, difficulties=falling(10))
    assert rule(past, k_slope="pool") == "slope", "where the pool is silent it is 10"


def test_every_rule_can_be_switched_off() -> None:
    stuck = history([9.0] * 30, accuracy=0.0)
    assert rule(stuck, k_slope="off", k_zero=0, k_sat=0) is None


def test_a_retirement_carries_its_evidence() -> None:
    found = ActiveSet().retire(FakeCuratorView(active=[history(falling(10))]))[0]
    assert found.evidence["slope"] == pytest.approx(-0.1)
    assert found.evidence["k_slope"] == 10
    assert found.evidence["difficulties"] == pytest.approx(falling(10))


@pytest.mark.parametrize("wrong", [1, 0, -3, "sometimes"])
def test_a_window_that_gives_no_slope_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        ActiveSet.Config(k_slope=wrong)


def test_a_pool_smaller_than_the_set_is_admitted_whole() -> None:
    admitted = ActiveSet().admit(FakeCuratorView(candidates=["a", "b"]), random.Random(0))
    assert sorted(item.environment_id for item in admitted) == ["a", "b"]


def test_candidates_are_drawn_in_proportion_to_their_weight() -> None:
    view = FakeCuratorView(candidates=["light", "heavy"], weights={"heavy": 3.0})
    curator = ActiveSet(ActiveSet.Config(size=1))
    rng = random.Random(0)
    drawn = Counter(curator.admit(view, rng)[0].environment_id for _ in range(4000))
    assert 0.72 < drawn["heavy"] / 4000 < 0.78


@given(st.integers(0, 30), st.integers(1, 20), st.integers(0, 10), st.integers(0, 2**32))
def test_admissions_fill_the_set_without_repeats(
    candidates: int, size: int, active: int, seed: int
) -> None:
    names = [f"c{index:02}" for index in range(candidates)]
    view = FakeCuratorView(
        active=[FakeRecord(environment_id=f"a{i}") for i in range(active)], candidates=names
    )
    curator = ActiveSet(ActiveSet.Config(size=size))
    admitted = [item.environment_id for item in curator.admit(view, random.Random(seed))]
    assert len(set(admitted)) == len(admitted) == min(max(0, size - active), candidates)
    assert set(admitted) <= set(names)


def test_the_curator_all_admits_everything_and_retires_nothing() -> None:
    view = FakeCuratorView(active=[history([9.0] * 50, accuracy=0.0)], candidates=["b", "c"])
    assert [item.environment_id for item in All().admit(view, random.Random(0))] == ["b", "c"]
    assert All().retire(view) == []
