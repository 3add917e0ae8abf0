"""When two solutions agree."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.factory.references import LONGEST_TRUTH, agree, read_answer
from scaler_core.models import AnswerType, Tolerance

integers = st.integers(-(10**40), 10**40)


def same(first: str, second: str, answer_type: AnswerType = "number") -> bool:
    """Whether two outputs agree."""
    return agree(tuple(first.split()), tuple(second.split()), answer_type)


@given(integers, integers)
def test_integers_agree_exactly_when_they_are_equal(first: int, second: int) -> None:
    assert same(str(first), str(second)) == (first == second)


@given(integers)
def test_neighbouring_integers_never_agree(number: int) -> None:
    assert not same(str(number), str(number + 1))
    assert not same(str(number), f"{number + 1}.0")


def test_a_float_is_no_excuse_for_large_integers() -> None:
    assert not same(str(10**18), str(10**18 + 1))
    digits = "7" * 50_000
    assert same(digits, digits)
    assert not same(digits, digits[:-1] + "8")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("007", "7", True),
        ("+7", "7", True),
        ("-0", "0", True),
        ("3", "3.0", True),
        ("3", "3.0000000001", True),
        ("3", "3.001", False),
        ("1000000000000", "1000000000000.4", False),
        ("0.5", ".5", True),
        ("0.1", "0.1000000001", True),
        ("0.1", "0.10001", False),
        ("0.333333", "0.3333333333", True),
        ("0.333333", "0.333334", False),
        ("0.33", "0.3333333333", False),
        ("1e3", "1000.0", True),
        ("1e-9", "2e-9", True),
        ("1.5e300", "1.5000000000001e300", True),
        ("1e9999", "1e-9999", False),
        ("1e99999", "1e99999", True),
        ("NaN", "NaN", False),
        ("nan", "1.0", False),
        ("inf", "inf", False),
        ("-Infinity", "-Infinity", False),
        ("NO", "NO", True),
        ("NO", "no", False),
        ("1_000", "1000", False),
        ("٣", "3", False),
    ],
)
def test_numbers_agree_by_these_rules(first: str, second: str, expected: bool) -> None:
    assert same(first, second) is expected
    assert same(second, first) is expected


@given(st.lists(integers, max_size=6), st.lists(integers, max_size=6))
def test_arrays_agree_element_by_element(first: list[int], second: list[int]) -> None:
    texts = [" ".join(map(str, values)) for values in (first, second)]
    assert same(texts[0], texts[1], "array") == (first == second)


@pytest.mark.parametrize(
    ("first", "second"), [("0110", "110"), ("ab", "ba"), ("1.0", "1.00"), ("a b", "ab")]
)
def test_strings_agree_only_character_by_character(first: str, second: str) -> None:
    assert not same(first, second, "string")
    assert same(first, first, "string")


def test_a_string_may_be_called_nan() -> None:
    assert same("nan", "nan", "string")


@given(st.text(max_size=30), st.text(max_size=30))
def test_agreement_is_symmetric_and_never_raises(first: str, second: str) -> None:
    for answer_type in ("number", "array", "string"):
        assert same(first, second, answer_type) == same(second, first, answer_type)


def test_layout_does_not_matter() -> None:
    assert read_answer(b" 1\n2  3\r\n\n", "array") == ("1", "2", "3")


@pytest.mark.parametrize(
    ("output", "answer_type", "problem"),
    [
        (b"", "string", "empty"),
        (b" \n ", "number", "empty"),
        (b"\xff", "string", "UTF-8"),
        (b"1 2", "number", "2 words"),
        (b"nan", "number", "NaN"),
        (b"1 inf 2", "array", "NaN"),
        (b"1" * (LONGEST_TRUTH + 1), "number", "longer"),
    ],
)
def test_what_can_be_no_truth_is_refused_with_the_reason(
    output: bytes, answer_type: AnswerType, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        read_answer(output, answer_type)


# ------------------------------------------------------------------ stated tolerances

KINDS = st.sampled_from(["absolute", "relative", "either"])
TENTHS = st.integers(2, 14)
DECIMALS = st.decimals(
    min_value=-(10**9), max_value=10**9, places=6, allow_nan=False, allow_infinity=False
)


def within(first: str, second: str, tolerance: Tolerance | None) -> bool:
    """Whether two outputs agree, in both orders alike."""
    words = tuple(first.split()), tuple(second.split())
    found = agree(*words, "array", tolerance)
    assert found == agree(*reversed(words), "array", tolerance)
    return found


def allowed_error(number: Decimal, tolerance: Tolerance) -> Decimal:
    """What the statement allows about *number*."""
    size = {
        "absolute": Decimal(1),
        "relative": abs(number),
        "either": max(Decimal(1), abs(number)),
    }
    return tolerance.exact * size[tolerance.kind]


@given(KINDS, TENTHS, DECIMALS, st.booleans())
def test_answers_within_a_stated_tolerance_agree_and_those_beyond_do_not(
    kind: Any, power: int, number: Decimal, above: bool
) -> None:
    tolerance = Tolerance(kind=kind, value=float(f"1e-{power}"))
    with localcontext(prec=60):
        error = allowed_error(number, tolerance) * (1 if above == (number > 0) else -1)
        usual = max(Decimal("1e-9") * max(1, abs(number)), Decimal("0.5e-6"))
        inside, outside = number + error * Decimal("0.99"), number + error * Decimal("1.02")
        assert within(f"{number:f}", f"{inside:f}", tolerance)
        if abs(outside - number) > usual * 2:
            assert not within(f"{number:f}", f"{outside:f}", tolerance)


@given(KINDS, TENTHS, integers)
def test_neighbouring_integers_agree_under_no_tolerance(kind: Any, power: int, number: int) -> None:
    tolerance = Tolerance(kind=kind, value=float(f"1e-{power}"))
    assert not within(str(number), str(number + 1), tolerance)


@pytest.mark.parametrize("answer", ["nan", "inf", "-inf", "1e9999", "1e99999", "yes", "0.5x"])
def test_what_is_no_number_near_the_other_agrees_under_no_tolerance(answer: str) -> None:
    tolerance = Tolerance(value=0.09)
    assert not within("0.5", answer, tolerance)
    assert answer in ("1e9999", "yes", "0.5x", "1e99999") or not within(answer, answer, tolerance)


def test_strings_agree_to_the_letter_whatever_the_tolerance() -> None:
    assert not agree(("0.5",), ("0.50",), "string", Tolerance(value=0.09))
