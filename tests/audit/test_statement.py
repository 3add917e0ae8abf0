"""Texts that cannot be asked as they stand are found, and those that can are left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.audit.statement import interaction, restore_exponents, several_answers


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ("Print the answer modulo 109 + 7.", "Print the answer modulo 10^9 + 7."),
        ("modulo 1000000007 (109 + 7).", "modulo 1000000007 (10^9 + 7)."),
        ("taken modulo 109+7", "taken modulo 10^9+7"),
        ("the remainder by 109 + 9", "the remainder by 10^9 + 9"),
        ("divide it by 10 9 + 7 and", "divide it by 10^9 + 7 and"),
        ("$109 + 7$", "$10^9 + 7$"),
        ("no number exceeds 3·105.", "no number exceeds 3·10^5."),
        ("numbers up to n ≤ 2·1018 fit", "numbers up to n ≤ 2·10^18 fit"),
    ],
)
def test_a_lost_exponent_is_restored(text: str, restored: str):
    assert restore_exponents(text)[0] == restored
    assert len(restore_exponents(text)[1]) == 1
    assert restore_exponents(restored) == (restored, [])


@pytest.mark.parametrize(
    "text",
    [
        "modulo 10^9 + 7",
        "modulo $10^{9} + 7$",
        "109 + 7 = 116",
        "2 + 109 + 7",
        "102 + 7 chairs",
        "n is at most 105",
        "pay 2·103 = 206 coins",
        "1109 + 7 and 109 + 75",
        "0.109 + 7",
    ],
)
def test_a_number_that_may_be_meant_as_it_stands_stays(text: str):
    assert restore_exponents(text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "If there are several answers, print any of them.",
        "If there are multiple optimal solutions, you may print any.",
        "If there are multiple solutions, output any one.",
        "Print any valid permutation.",
        "If there is more than one such string, print an arbitrary one.",
        "You can print any of the possible answers.",
        "Output one of them.",
        "Any correct answer is accepted.",
        "If there are many\nanswers, any\nwill be accepted.",
        "Print the numbers in any order.",
        "If several solutions exist, find any.",
        "Find any suitable array.",
    ],
)
def test_a_text_that_allows_several_answers_is_found(text: str):
    assert several_answers(f"A task. {text} Good luck!")


@pytest.mark.parametrize(
    "text",
    [
        "If there are several answers, print the smallest of them.",
        "You can print each letter in any case (upper or lower).",
        "Print -1 if there isn't any answer.",
        "Do not print any extra spaces.",
        "The edges are given in any order.",
        "He can start in any of the several cities and visit any city.",
        "Print the minimum number of moves that make any two neighbours differ.",
        "In this problem there aren't multiple possible answers: the answer is unique.",
        "Vasya could not find any of the keys.",
        "The answer is accepted with any error below 0.001.",
        "In one move you may choose any number and add one to it.",
        "Print the number of different arrays, in which any number is even.",
        "Print one integer: in how many ways any of them can be chosen.",
    ],
)
def test_a_text_with_one_answer_is_left_alone(text: str):
    assert several_answers(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "This is an interactive problem. You can ask 20 queries.",
        "Your program must interact with the judge.",
        "To flush use fflush(stdout) in C++.",
        "Interaction\n\nPrint a query.",
        "The interactor is not adaptive.",
        "Do not forget to flush the output after each query.",
    ],
)
def test_an_interactive_problem_is_found(text: str):
    assert interaction(f"A task.\n\n{text}")


@pytest.mark.parametrize(
    "text",
    ["The pieces interact with each other.", "A flush is five cards of one suit.", "A query."],
)
def test_a_problem_without_a_judge_to_talk_to_is_left_alone(text: str):
    assert interaction(text) == ""


@given(st.text(alphabet="109+7 ·^≤=.,\n$", max_size=80))
def test_restoring_changes_no_digit_and_is_done_once(text: str):
    restored, changed = restore_exponents(text)
    assert restored.replace("^", "").replace(" ", "") == text.replace("^", "").replace(" ", "")
    assert bool(changed) == (restored != text)


@pytest.mark.parametrize(
    "text",
    [
        "print any " * 5000,
        "several " * 6000,
        "a " * 25_000,
        "109 + " * 8000,
        "multiple ways any " * 3000,
    ],
)
@pytest.mark.timeout(30)
def test_a_hostile_text_is_read_in_time(text: str):
    began = time.process_time()
    several_answers(text), interaction(text), restore_exponents(text)
    assert time.process_time() - began < 20
