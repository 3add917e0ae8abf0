"""Scores: means of means, intervals, and what is counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.evaluation.scoring import Graded, bootstrap, mean, score_of

MEANS = st.lists(st.integers(0, 16).map(lambda right: right / 16), min_size=1, max_size=60)


def graded(row: str, result: str = "correct", **changes: Any) -> Graded:
    facts: dict[str, Any] = {
        "row": row,
        "sample": 0,
        "category": "",
        "truth": "1",
        "result": result,
        "reason": "",
        "answer": None,
        "truncated": False,
        "boxed": True,
        "tokens": 10,
        "seconds": 0.5,
        "response": "key",
    }
    return Graded(**{**facts, **changes})


def test_the_score_is_the_mean_over_samples_then_over_questions() -> None:
    results = [graded("a"), *[graded("b", "incorrect")] * 3, graded("b")]
    score = score_of("some", results, source="here", size=2)
    assert score.score == mean([1.0, 0.25])
    assert (score.questions, score.samples, score.whole) == (2, 5, True)


def test_copies_are_never_counted_as_questions() -> None:
    sixteen = [graded("a", sample=number) for number in range(16)]
    score = score_of("aime24", [*sixteen, graded("b", "incorrect")], source="", size=30)
    assert score.score == 0.5
    assert (score.questions, score.whole) == (2, False)


def test_undecided_responses_count_neither_way_and_are_shown() -> None:
    results = [graded("a"), graded("a", "undecided"), graded("b", "undecided")]
    score = score_of("some", results, source="", size=2)
    assert (score.score, score.undecided, score.questions) == (1.0, 2, 2)


def test_nothing_decided_is_no_score() -> None:
    score = score_of("some", [graded("a", "undecided")], source="", size=1)
    assert (score.score, score.low, score.high, score.undecided) == (None, None, None, 1)


def test_what_else_is_counted() -> None:
    results = [
        graded("a", truncated=True, boxed=False),
        graded("b", "incorrect", boxed=False, tokens=None),
        graded("c"),
    ]
    score = score_of("some", results, source="", size=3)
    assert (score.truncated, score.unboxed, score.tokens, score.seconds) == (1, 2, 20, 1.5)
    unknown = score_of("some", [graded("a", tokens=None)], source="", size=1)
    assert unknown.tokens is None


@given(MEANS)
def test_the_interval_holds_the_mean_and_stays_within_the_values(means: list[float]) -> None:
    low, high = bootstrap(means, "some")
    assert min(means) <= low <= mean(means) + 1e-9
    assert mean(means) - 1e-9 <= high <= max(means)


@settings(max_examples=20)
@given(MEANS)
def test_the_interval_shrinks_with_the_number_of_questions(means: list[float]) -> None:
    low, high = bootstrap(means, "some")
    narrow = bootstrap(means * 16, "some")
    assert narrow[1] - narrow[0] <= high - low + 1e-9


@given(st.floats(0, 1), st.integers(1, 50))
def test_the_interval_of_equal_scores_is_a_point(value: float, count: int) -> None:
    low, high = bootstrap([value] * count, "some")
    assert low == pytest.approx(value)
    assert high == pytest.approx(value)


def test_the_interval_is_that_of_the_normal_law_where_there_are_many_questions() -> None:
    means = [1.0] * 200 + [0.0] * 200
    low, high = bootstrap(means, "some")
    assert low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.01)
    assert high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.01)


def test_the_interval_is_the_same_each_time() -> None:
    means = [0.0, 0.25, 1.0, 1.0]
    assert bootstrap(means, "some") == bootstrap(means, "some")
