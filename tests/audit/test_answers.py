"""Right answers and junk, and what the verifiers that come with SCALER say to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.audit.verifier import HUGE, junk, right_answers, wrong_answers
from scaler_core.models import AnswerType, ComponentChoice, Response, Ticket
from scaler_plugins.verifiers.typed import Typed

JUNK = junk()

integers = st.integers(-(10**30), 10**30).map(str)
decimals = st.decimals(-(10**6), 10**6, places=3).map(str)
arrays = st.lists(integers, min_size=1, max_size=6).map(" ".join)
strings = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=9)


def verdict(truth: str, answer_type: AnswerType | None, text: str) -> str:
    verifier = Typed(Typed.Config(answer_type=answer_type))
    ticket = Ticket(
        id="t",
        step=1,
        environment_id="e",
        level=0,
        seed=0,
        messages=(),
        truth=truth,
        verifier=ComponentChoice(use="typed"),
    )
    return verifier.verify(Response(text=text), ticket).result


def wrongly_judged(
    truth: str, answer_type: AnswerType | None, others: tuple[str, ...] = ()
) -> list[str]:
    """Names of the questions that ``typed`` answers otherwise than it should."""
    right = right_answers(truth, answer_type)
    wrong = wrong_answers(truth, answer_type, others)
    asked = {name: (text, "correct") for name, text in right.items()}
    # junk is the same for every truth, and long
    asked |= {name: (wrong[name], "incorrect") for name in wrong if name not in JUNK}
    return [name for name, (text, due) in asked.items() if verdict(truth, answer_type, text) != due]


@given(integers | decimals, integers)
def test_numbers_are_told_from_junk(truth, other):
    assert wrongly_judged(truth, "number", (other,)) == []


@given(arrays, arrays)
def test_arrays_are_told_from_junk(truth, other):
    assert wrongly_judged(truth, "array", (other,)) == []


@given(strings.map(str.split).filter(bool).map(" ".join))
def test_strings_are_told_from_junk(truth):
    assert wrongly_judged(truth, "string") == []


@pytest.mark.parametrize("truth", ["7", "-0.5", "1 2 3", "abc", "[[1, 2], [3]]", "YES"])
def test_truths_without_a_type_are_told_from_junk(truth):
    assert wrongly_judged(truth, None, ("8", "3 2 1", "NO")) == []


def test_what_agrees_with_the_truth_is_no_junk():
    wrong = wrong_answers("1 2 1", "array", ["1 2 1", "9"])
    assert "backwards" not in wrong
    assert "another instance's truth (1)" not in wrong
    assert wrong["another instance's truth (2)"] == "\\boxed{9}"


@pytest.mark.parametrize("truth", ["1e999999999", "9" * 60_000, "1e-99999"])
def test_a_hostile_truth_makes_no_endless_question(truth):
    texts = wrong_answers(truth, "number", [])
    assert max(map(len, texts.values())) < 2 * HUGE


@pytest.mark.parametrize(("truth", "answer_type"), [("7", "number"), ("a", "string")])
def test_junk_is_refused_a_megabyte_of_it_too(truth, answer_type):
    assert max(map(len, junk().values())) >= HUGE
    judged = {name: verdict(truth, answer_type, text) for name, text in junk().items()}
    assert set(judged.values()) == {"incorrect"}


@pytest.mark.parametrize("truth", ["7", "1000000000000000000", "-1", "0.5", "1.5e+30", "1e-99"])
def test_a_larger_number_is_out_of_every_tolerance(truth):
    larger = wrong_answers(truth, "number", [])["a larger number"]
    assert verdict(truth, "number", larger) == "incorrect"


def test_a_brace_without_its_pair_is_escaped():
    assert right_answers("}{", "string") == {"the plain box": "\\boxed{\\}\\{}"}
    assert right_answers("{}", "string") == {"the plain box": "\\boxed{{}}"}
