"""Which rows are asked, how often, and with which seeds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scaler_core.evaluation.plan import choose_rows, samples_of
from tests.evaluation.worlds import Sums, row


def test_each_sample_of_each_question_has_a_seed_of_its_own() -> None:
    benchmark = Sums([row(number, samples=16) for number in range(30)])
    samples = samples_of(benchmark, benchmark.questions, 0, None)
    assert len(samples) == 480
    assert len({item.question.seed for item in samples}) == 480
    other = samples_of(benchmark, benchmark.questions, 1, None)
    assert not {item.question.seed for item in samples} & {item.question.seed for item in other}


def test_questions_are_sampled_as_the_benchmark_says() -> None:
    question = samples_of(Sums(), [row(1)], 0, None)[0].question
    assert (question.temperature, question.top_p) == (0.6, 0.95)


def test_more_samples_only_add_some() -> None:
    few, many = (samples_of(Sums(), [row(1), row(2)], 0, count) for count in (2, 5))
    assert {item.question.seed for item in few} < {item.question.seed for item in many}


@given(st.integers(1, 40), st.integers(1, 50))
def test_a_limit_takes_so_many_rows_in_their_order_and_a_larger_one_adds(
    count: int, limit: int
) -> None:
    rows = [row(number) for number in range(count)]
    chosen = choose_rows("sums", rows, limit)
    assert len(chosen) == min(count, limit)
    assert chosen == [item for item in rows if item in chosen]
    more = choose_rows("sums", rows, limit + 1)
    assert all(item in more for item in chosen)


def test_a_limit_does_not_take_the_first_rows() -> None:
    rows = [row(number) for number in range(400)]
    chosen = choose_rows("sums", rows, 100)
    places = [rows.index(item) for item in chosen]
    assert 150 < sum(places) / 100 < 250
