"""Candidates: an indexable set, and draws that are those of a walk over all of it."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.curriculum.candidates import Candidates, PoolIds, draw_by_weight
from scaler_core.interfaces import AnyEnvironment, EnvironmentSource

NAMES = [f"e{number:02}" for number in range(40)]


class Names(EnvironmentSource):
    """A pool of ids alone; weights are counted."""

    def __init__(self, names: Sequence[str], weights: Mapping[str, float] | None = None) -> None:
        self.names = names
        self.weights = weights or {}
        self.asked = 0

    def ids(self) -> Sequence[str]:
        return self.names

    def get(self, environment_id: str) -> AnyEnvironment:
        raise NotImplementedError

    def content_hash(self, environment_id: str) -> str:
        raise NotImplementedError

    def top_level(self, environment_id: str) -> int:
        raise NotImplementedError

    def weight(self, environment_id: str) -> float:
        self.asked += 1
        return self.weights.get(environment_id, 1.0)


def walk(
    names: Sequence[str], weight: Callable[[str], float], count: int, rng: random.Random
) -> list[str]:
    """The plain definition: a key for every name, in order."""
    keyed = []
    for name in names:
        u = rng.random()
        if weight(name) > 0:
            keyed.append((u ** (1 / weight(name)), name))
    return [name for _, name in heapq.nlargest(count, keyed)]


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from([*NAMES, "unknown"])))
def test_candidates_are_the_sorted_ids_without_those_taken(all_ids: set[str], taken: set[str]):
    found = PoolIds(Names(list(all_ids))).without([*taken, *taken])
    expected = sorted(all_ids - taken)
    assert list(found) == expected
    assert [found[index] for index in range(len(found))] == expected
    assert [found[index] for index in range(-len(found), 0)] == expected
    assert found[1:-1] == expected[1:-1]
    assert found[::-2] == expected[::-2]
    assert [name for name in [*NAMES, "unknown", 3] if name in found] == expected
    for wrong in (len(found), -len(found) - 1):
        with pytest.raises(IndexError):
            found[wrong]


WEIGHTS = st.one_of(
    st.just(1.0), st.sampled_from([0.0, 0.5, 3.0]), st.floats(0, 1e300, allow_nan=False)
)


@settings(max_examples=300)
@given(st.data(), st.integers(0, 300), st.integers(0, 320), st.integers(0, 2**32))
def test_a_draw_is_that_of_a_walk_over_all_candidates(
    data: st.DataObject, size: int, count: int, seed: int
) -> None:
    few = data.draw(st.lists(WEIGHTS, min_size=1, max_size=5))
    names = [f"e{number:03}" for number in range(size)]
    weights = {name: few[number % len(few)] for number, name in enumerate(names)}
    source = Names(names, weights)
    taken = data.draw(st.sets(st.sampled_from(names))) if names else set()
    found = PoolIds(source).without(taken)
    expected = walk(list(found), source.weight, count, random.Random(seed))
    assert draw_by_weight(found, source.weight, count, random.Random(seed)) == expected
    as_list = list(found)
    assert draw_by_weight(as_list, source.weight, count, random.Random(seed)) == expected


@pytest.mark.parametrize("weights", [{}, {"e0007": 1000.0}, {"e0007": 1e-9}])
@pytest.mark.parametrize("count", [1, 30, 2000])
def test_draws_from_a_large_pool_are_the_same_too(weights: dict[str, float], count: int) -> None:
    source = Names([f"e{number:04}" for number in range(5000)], weights)
    found = PoolIds(source).without(["e0003", "e4999"])
    for seed in range(5):
        expected = walk(found, source.weight, count, random.Random(seed))
        assert draw_by_weight(found, source.weight, count, random.Random(seed)) == expected


def test_a_draw_of_few_asks_for_few_weights() -> None:
    source = Names([f"e{number:05}" for number in range(20_000)])
    found = PoolIds(source).without(["e00003"])
    assert found.largest_weight == 1.0
    source.asked = 0
    assert len(draw_by_weight(found, source.weight, 3, random.Random(1))) == 3
    assert source.asked < 200, "and not one for every candidate"


def test_nothing_is_drawn_of_nothing_or_of_what_weighs_nothing() -> None:
    source = Names(["a", "b"], {"a": 0.0, "b": 0.0})
    assert draw_by_weight(PoolIds(source).without([]), source.weight, 2, random.Random(1)) == []
    assert draw_by_weight([], source.weight, 2, random.Random(1)) == []


def test_a_random_sample_of_candidates_is_that_of_a_list() -> None:
    found = PoolIds(Names(NAMES)).without(NAMES[3:9])
    assert isinstance(found, Candidates)
    assert random.Random(1).sample(found, 5) == random.Random(1).sample(list(found), 5)
    assert random.Random(1).choice(found) == random.Random(1).choice(list(found))
