"""The vote of reference solutions: who has one, and which answer wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.factory.references import Ballot
from scaler_core.interfaces import RunResult
from scaler_core.models import AnswerType, Tolerance
from tests.factory.scripted import ok

FAILURES = ("runtime_error", "time_limit", "compile_error", "forbidden", "output_limit")
NO_TRUTHS = ("", "nan", "1 2", b"\xff")

answers = st.sampled_from(["1", "2", "3"])
results = answers.map(ok)
failures = st.one_of(st.sampled_from(FAILURES).map(RunResult), st.sampled_from(NO_TRUTHS).map(ok))
runs = st.lists(st.one_of(results, failures), max_size=9)


def ballot_of(runs: Sequence[RunResult], answer_type: AnswerType = "number") -> Ballot:
    """The ballot after solutions 1, 2, ... ended so."""
    ballot = Ballot()
    for number, result in enumerate(runs, start=1):
        ballot.take(number, result, answer_type)
    return ballot


def winner(ballot: Ballot, needed: int) -> str | None:
    """The text of the answer that wins."""
    answer = ballot.winner(needed)
    return None if answer is None else answer.text


@given(st.lists(answers, max_size=9), st.integers(1, 9))
def test_the_winner_is_an_answer_that_enough_solutions_gave(texts: list[str], needed: int) -> None:
    answer = ballot_of([ok(text) for text in texts]).winner(needed)
    most = max(Counter(texts).values(), default=0)
    assert (answer is not None) == (most >= needed)
    if answer is not None:
        assert texts.count(answer.text) == most
        assert answer.solutions == [i for i, text in enumerate(texts, 1) if text == answer.text]


@given(runs)
def test_every_solution_either_votes_once_or_fails(runs: list[RunResult]) -> None:
    ballot = ballot_of(runs)
    voters = [number for answer in ballot.answers for number in answer.solutions]
    assert sorted([*voters, *ballot.failures]) == list(range(1, len(runs) + 1))
    assert ballot.votes == len(voters)


@given(st.data())
def test_solutions_that_fail_change_nothing_but_their_own_entry(data: st.DataObject) -> None:
    votes = data.draw(st.lists(results, max_size=6))
    mixed = list(votes)
    for failure in data.draw(st.lists(failures, max_size=6)):
        mixed.insert(data.draw(st.integers(0, len(mixed))), failure)
    needed = data.draw(st.integers(1, 6))
    assert winner(ballot_of(mixed), needed) == winner(ballot_of(votes), needed)


@given(st.data())
def test_a_majority_wins_in_whatever_order_solutions_answer(data: st.DataObject) -> None:
    ended = data.draw(runs)
    ballot = ballot_of(ended)
    shuffled = ballot_of(data.draw(st.permutations(ended)))
    assert shuffled.votes == ballot.votes
    needed = ballot.votes // 2 + 1
    assert winner(shuffled, needed) == winner(ballot, needed)


@given(st.data())
def test_the_order_of_solutions_decides_nothing_but_ties(data: st.DataObject) -> None:
    texts = data.draw(st.lists(answers, max_size=9))
    needed = data.draw(st.integers(1, 9))
    counts = Counter(texts).most_common()
    tied = {text for text, votes in counts if votes == counts[0][1] and votes >= needed}
    shuffled = data.draw(st.permutations(texts))
    assert winner(ballot_of([ok(text) for text in shuffled]), needed) in (tied or {None})


def test_of_equal_answers_the_one_that_was_given_first_wins() -> None:
    assert winner(ballot_of([ok("8"), ok("7"), ok("7"), ok("8")]), 2) == "8"


def test_one_vote_is_enough_where_one_is_needed() -> None:
    assert winner(ballot_of([RunResult("runtime_error"), ok("7"), ok("8")]), 1) == "7"
    assert winner(ballot_of([]), 1) is None


def test_answers_that_agree_share_their_votes_and_are_written_as_the_first_wrote_them() -> None:
    ballot = ballot_of([ok("0.50"), ok("9"), ok(" 0.5\n")])
    assert winner(ballot, 2) == "0.50"
    assert [answer.solutions for answer in ballot.answers] == [[1, 3], [2]]


@pytest.mark.parametrize("output", NO_TRUTHS)
def test_output_that_can_be_no_truth_is_a_failure_and_no_vote(output: str | bytes) -> None:
    ballot = ballot_of([ok(output)])
    assert ballot.answers == []
    assert ballot.failures[1].cause == ("invalid_truth" if output else "empty_output")


def test_only_a_failure_of_the_machine_is_an_outage() -> None:
    assert ballot_of([RunResult(status) for status in FAILURES]).outage is None  # type: ignore[arg-type]
    outage = ballot_of([ok("7"), RunResult("sandbox_failure", error="no memory")]).outage
    assert outage is not None
    assert outage.detail == "solution 2: sandbox_failure: no memory"


def test_votes_within_a_tolerance_go_to_the_first_answer_that_is_near_enough() -> None:
    tolerance = Tolerance(kind="absolute", value=0.01)
    ballot = Ballot()
    for number, text in enumerate(["1.000", "1.008", "1.016", "1.008", "0.995"], start=1):
        ballot.take(number, ok(text), "number", tolerance)
    assert [answer.solutions for answer in ballot.answers] == [[1, 2, 4, 5], [3]]
    assert winner(ballot, 3) == "1.000"
    assert [a.solutions for a in ballot_of([ok("1.000"), ok("1.008")]).answers] == [[1], [2]]


@given(st.lists(st.sampled_from(["1.00", "1.01", "1.02", "1.03", "2"]), max_size=8))
def test_every_vote_within_a_tolerance_is_near_the_answer_that_it_went_to(texts: list[str]) -> None:
    ballot = Ballot()
    for number, text in enumerate(texts, start=1):
        ballot.take(number, ok(text), "number", Tolerance(kind="absolute", value=0.01))
    for answer in ballot.answers:
        assert answer.text == texts[answer.solutions[0] - 1]
        for number in answer.solutions:
            assert abs(float(texts[number - 1]) - float(answer.text)) < 0.0101
    firsts = [float(answer.text) for answer in ballot.answers]
    assert all(abs(a - b) > 0.0099 for i, a in enumerate(firsts) for b in firsts[:i])
