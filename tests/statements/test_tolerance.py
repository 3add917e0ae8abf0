"""The error that a statement allows is read where it is meant, and nowhere else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.models import Tolerance
from scaler_core.statements.tolerance import asks_for_decimals, read_tolerance, wanted_precision


def read(text: str) -> tuple[str, float] | None:
    """Kind and value that an Output section of *text* states."""
    found = read_tolerance(text)
    return None if found is None else (found.kind, found.value)


STATED = [
    ("An error of 0.0001 or less is allowed.", "absolute", 1e-4),
    ("Print the area with an error of 0.0001 or less.", "absolute", 1e-4),
    ("The absolute or relative error should not exceed 10^{-6}.", "either", 1e-6),
    ("Absolute or relative error should not exceed 10^-6.", "either", 1e-6),
    ("Your answer is correct if its absolute or relative error is at most 10^-4.", "either", 1e-4),
    ("The relative or absolute error must be less than 1e-6.", "either", 1e-6),
    ("Your answer must have an absolute or relative error less than 10-6.", "either", 1e-6),
    ("with an absolute or relative error of no more than 10 - 4.", "either", 1e-4),
    (
        "If the absolute error or relative error is $ 10 ^ {-9} $ or less, it is right.",
        "either",
        1e-9,
    ),
    ("The absolute error must not be greater than $10^{-8}$.", "absolute", 1e-8),
    ("The relative error of your answer must not exceed 10\u22126.", "relative", 1e-6),
    ("The answer may have a relative error of up to 1.0e-5.", "relative", 1e-5),
    ("Your answer should not have an error greater than 0.00001.", "absolute", 1e-5),
    ("The output must not contain an error greater than 1e-8.", "absolute", 1e-8),
    ("The output must not contain errors greater than 10<sup>-8</sup>.", "absolute", 1e-8),
    ("Print it with a precision of at least 10\u207b\u2076.", "absolute", 1e-6),
    ("Print the answer with an accuracy of 1E-7.", "absolute", 1e-7),
    ("The answer must be accurate to within 10^(-5).", "absolute", 1e-5),
    ("Your answer must be within 10^{-6} of the right one.", "absolute", 1e-6),
    ("It may differ from the judges' answer by at most 10^-6.", "absolute", 1e-6),
    ("Answers within an absolute or relative error of 10^{-6} are accepted.", "either", 1e-6),
    ("Answers with \\(\\text{absolute error} \\le 10^{-6}\\) are accepted.", "absolute", 1e-6),
    ("An answer is right if \\frac{|a - b|}{\\max{(1, |b|)}} \\le 10^{-6}.", "either", 1e-6),
    ("It is right if |a-b|/max(1,b) <= 10^-9, where a is your answer.", "either", 1e-9),
    ("A deviation of \u00b10.001 is tolerated.", "absolute", 1e-3),
    ("A tolerance of 5*10^-5 is allowed.", "absolute", 5e-5),
    ("An error of 2.5\u00b710^{-7} is allowed.", "absolute", 2.5e-7),
    ("The checker compares with eps = 1e-6.", "absolute", 1e-6),
    ("The answer must be given with an error of at most 0.01.", "absolute", 1e-2),
    ("An absolute error of 10 ^ - 3 or smaller is fine.", "absolute", 1e-3),
    ("Print a real number. 10^{-6} absolute error is allowed.", "absolute", 1e-6),
    ("Print one number.\n\nIts error must be below .001.", "absolute", 1e-3),
    ("The error, i.e. the difference to the right one, must stay under 1e-4.", "absolute", 1e-4),
    (
        "Print any number of digits whose error does not exceed 0.00000001.",
        "absolute",
        1e-8,
    ),
]

NOT_STATED = [
    "Print the answer.",
    "Print it with 6 digits after the decimal point.",
    "Print it with a precision of two decimals.",
    "The error must not exceed 0.5.",
    "The error must not exceed 0.1.",
    "The error must not exceed 0.",
    "The error must not exceed 0.000.",
    "The error must not exceed 10^-30.",
    "The error must not exceed 10^6.",
    "The relative error must not exceed 1%.",
    "The relative error must be below 0.01 %.",
    "Print the number of typing errors in 10-6 pages.",
    "Print the number of errors, a number from 10 - 15.",
    "Print the sum modulo 10^9 + 7.",
    "It is guaranteed that the answer does not change when the error is at most 10^-6.",
    "The values of the input are given with an error of at most 0.01.",
    "Two points within 10^-6 of each other are considered equal.",
    "Points that differ by less than 0.001 coincide.",
    "In each step the speed grows by 0.05 percent.",
    "The price of one unit is 0.05, at most 0.09.",
    "Print YES if it weighs less than 0.01 grams.",
    "The versions 1.0.0.1 and 10.0.0.1 have errors.",
]


@pytest.mark.parametrize(("text", "kind", "value"), STATED)
def test_a_stated_tolerance_is_read(text: str, kind: str, value: float):
    assert read(text) == (kind, value)
    assert read(f"Print one real number.\n\n{text}\n\nDo not print anything else.") == (kind, value)


@pytest.mark.parametrize("text", NOT_STATED)
def test_what_states_no_tolerance_of_answers_is_left_alone(text: str):
    assert read(text) is None


def test_outside_the_output_section_a_sentence_must_speak_of_answers():
    about_scales = "The scale has an error of 0.001 or less."
    assert read_tolerance("Print it.", about_scales) is None
    about_answers = "Your answer may have an error of 0.001 or less."
    assert read_tolerance("Print it.", about_answers) == Tolerance(kind="absolute", value=0.001)


def test_the_output_section_goes_first_and_the_smallest_of_several_counts():
    elsewhere = "Your answer may have an error of 10^-3."
    assert read_tolerance("An error of 10^-6 is allowed.", elsewhere) == Tolerance(
        kind="absolute", value=1e-6
    )
    both = "A relative error of 10^-6 or an absolute error of 10^-9 is allowed."
    assert read(both) == ("either", 1e-9)


SPELLINGS = ["10^-{}", "10^{{-{}}}", "1e-{}", "10-{}", "10 ^ ( - {} )", "10**-{}", "1.0E-{}"]


@given(st.integers(2, 15), st.sampled_from(SPELLINGS))
def test_every_spelling_of_a_power_is_the_same_number(power: int, spelling: str):
    text = f"The absolute or relative error must not exceed {spelling.format(power)}."
    assert read(text) == ("either", float(f"1e-{power}"))


@given(st.text(max_size=200), st.text("10^-{}e. error<=\\,\u2212", max_size=80))
def test_no_text_makes_the_reader_fail_or_read_an_absurd_value(words: str, signs: str):
    for text in (words, signs, f"An error of {signs} {words}"):
        found = read_tolerance(text, words)
        assert found is None or 1e-15 <= found.value < 0.1


@pytest.mark.parametrize(
    "text", ["error of " * 4000, "10^-" * 6000, "error 1" * 4000, "0.0" * 8000, "\\le " * 6000]
)
@pytest.mark.timeout(30)
def test_a_hostile_text_is_read_in_time(text: str):
    began = time.process_time()
    read_tolerance(text, text)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (
            "absolute",
            1e-4,
            "An absolute error of at most 0.0001 is allowed: give at least 4",
        ),
        (
            "either",
            1e-9,
            "An absolute or relative error of at most 10^-9 is allowed",
        ),
        ("either", 2.5e-7, "at most 2.5*10^-7 is allowed: give at least 7 decimals"),
        ("absolute", 0.05, "at most 0.05 is allowed: give at least 2 decimals"),
        (
            "relative",
            1e-3,
            "error of at most 0.001 is allowed: give at least 4 significant",
        ),
    ],
)
def test_a_prompt_tells_the_error_and_digits_that_keep_to_it(kind, value, words):
    assert words in wanted_precision(Tolerance(kind=kind, value=value))


@pytest.mark.parametrize(
    ("instruction", "logic", "asked"),
    [
        ("Print a real number, the length.", "Find the length.", True),
        ("Print the answer.", "Find the expected number of steps.", True),
        ("Print the probability.", "A game.", True),
        ("Print the probability with two decimals.", "A game.", False),
        ("Print the probability modulo 10^9 + 7.", "A game.", False),
        ("Print the answer.", "Find the expected value modulo 998244353.", False),
        ("Print an irreducible fraction, the probability.", "A game.", False),
        ("Print one integer, the largest.", "Find the largest expected one.", False),
        ("Print the answer.", "Find the sum.", False),
        ("Print the value rounded to 3 digits after the point.", "A real number.", False),
    ],
)
def test_decimals_that_are_asked_for_without_a_form_are_found(instruction, logic, asked):
    assert asks_for_decimals(instruction, logic) == asked
