"""Texts that cannot be asked as they stand are found, and those that can are left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.statements.faults import (
    doubtful_exponents,
    interaction,
    restore_exponents,
    several_answers,
)


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


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("1 ≤ n ≤ 105", ["105"]),
        ("$n \\le 105$ and x < 1018.", ["105", "1018"]),
        ("n ≤ 105 and a ≤ 10^9", []),
        ("n ≤ 100, m ≤ 102, k ≤ 1050", []),
        ("105 apples", []),
    ],
)
def test_a_bound_that_may_have_lost_an_exponent_is_told(text: str, doubtful: list[str]):
    assert doubtful_exponents(text) == doubtful


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


# ------------------------------------------------------------------ further sentences, each way

LOST = [
    "Since the answer can be large, print it modulo 109 + 7.",
    "Output the count modulo 109+7",
    "print the remainder of division by 109 + 9",
    "Find the sum mod (109 + 7)",
    "divided by 1000000007 (109 + 7)",
    "The value modulo 109 +7 is asked.",
    "print it modulo 108 + 7",
    "modulo 1018 + 3",
    "taken by mod 106 + 3.",
    "The answer modulo prime number 109 + 7",
    "It does not exceed 2·109.",
    "the sum is at most 3·105",
    "Values up to a ≤ 5 · 108",
    "more than 2*105 edges",
    "k <= 4 * 1018",
    "at most 2 \N{MULTIPLICATION SIGN} 105 characters",
    "less than 9·1018",
    "n \\le 3\\cdot 105",
    "print modulo 10 9 + 7",
    "its remainder when divided by 109 + 7",
    "modulo (109+9)",
    "1 ≤ x < 2·106",
    "The total does not exceed 106·2 modulo 109 + 7",
    "the answer % 109+7",
    "Compute F(n) mod 109+33",
]
KEPT = [
    "print it modulo 10^9 + 7",
    "109 + 7 = 116",
    "He has 105 apples",
    "at most 105 pages",
    "between 101 and 109",
    "2·103 = 206",
    "bus 109 and 7",
    "10 9 8 7 + 6",
    "The score is 104 + 2 points",
    "1009 + 7",
    "10^9+7",
    "1e9+7",
    "x109 + 7",
    "modulo 998244353",
    "a + 109 + 7 + b",
    "5 * 104 - 3",
    "bought 2*105 grams for 3",
    "108+7*2",
    "there are 3·104 = 312 ways",
    "the number 1,109 + 7",
    "109+75",
    "109 + 7.5",
    "10 + 7",
    "the year 1064 + 3 days is not 106 + 34",
]
SEVERAL = [
    "If there are several possible answers, output any of them.",
    "If multiple answers exist, print any.",
    "You may print any of them.",
    "If there are many solutions, you can print any of them.",
    "In case of multiple answers, print any one of them.",
    "If there exist multiple valid answers, output any.",
    "If there is more than one solution, find any.",
    "You can output any valid sequence.",
    "Any valid construction will be accepted.",
    "Print any such pair.",
    "If several plans are optimal, print any of them.",
    "It is allowed to print any of the optimal answers.",
    "If there are multiple strings with the maximum value, print any.",
    "Output any array that satisfies the conditions.",
    "You can print the answers in any order.",
    "Print the indices in arbitrary order.",
    "If there are different solutions, it is enough to print one of them.",
    "If there is not a unique answer, print any of them.",
    "All correct answers are accepted.",
    "Multiple outputs are possible, any of them is accepted.",
    "If there are multiple such k, output any of them.",
    "If the answer is not unique, any answer is accepted.",
    "Find any permutation that fits.",
    "Output any possible arrangement.",
    "If there are more than one answers, print any of them.",
    "Any answer that is right will be accepted.",
    "The edges may be printed in any order.",
    "If there are several such numbers, you are allowed to print any of them.",
    "In case there are several answers you may output any.",
    "print one of the possible answers",
    "If several answers exist, choose any one.",
]
ONE = [
    "If there are multiple answers, print the lexicographically smallest.",
    "If there are several such strings, print the first one.",
    "You may print each letter in any case.",
    "Print -1 if there is no answer.",
    "You can perform the operation any number of times.",
    "In any order the numbers are the same; print the sum.",
    "He may visit the cities in any order. Print the cost.",
    "Print the number of ways to choose any of them.",
    "Print YES if any of the numbers is even.",
    "Output the minimum over any of the paths.",
    "If there are several optimal plans, print their number.",
    "Print the smallest among any two neighbours.",
    "Print the sum of the elements of any of the equal rows.",
    "Choose any i and j and swap them.",
    "In one move you can choose any element and remove it.",
    "Multiple test cases are given; print the answer of each.",
    "There can be several edges between any two nodes.",
    "You may output the answer without any leading zeros.",
    "Is there any valid colouring? Print YES or NO.",
    "Find the length of any longest path; all have one length.",
    "Print the maximum number of coins that you can get in any order of moves.",
    "The cards can be taken in any order; print the largest sum.",
    "Print the answer with any absolute error below 10^-6.",
    "Find the sum of any subarray that is largest.",
    "Determine whether any of them wins.",
    "If any answer exceeds 10^9, print -1.",
    "The letters can be rearranged in any order. Output the number of different words.",
    "Print how many of the several answers are even.",
]
INTERACTIVE = [
    "This is an interactive problem.",
    "It is an interactive task.",
    "Your program should interact with the grader.",
    "After printing a query do not forget to flush the output.",
    "use fflush(stdout)",
    "Interaction Protocol",
    "the interactor answers",
    "cout.flush() after each line",
    "To get flush you need to call fflush",
    "Interaction\nStart by reading n.",
]
ALONE = [
    "Two particles interact.",
    "interactive maps show roads",
    "A royal flush wins",
    "Their interaction is strong.",
    "water flushes the pipe",
    "interaction between molecules costs 5",
]


def test_sentences_that_lost_an_exponent_are_told_from_those_that_did_not():
    assert [text for text in LOST if not restore_exponents(text)[1]] == []
    assert [text for text in KEPT if restore_exponents(text)[1]] == []


def test_sentences_with_several_answers_are_told_from_those_with_one():
    assert [text for text in SEVERAL if not several_answers(text)] == []
    assert [text for text in ONE if several_answers(text)] == []


def test_sentences_about_a_judge_to_talk_to_are_told_from_others():
    assert [text for text in INTERACTIVE if not interaction(text)] == []
    assert [text for text in ALONE if interaction(text)] == []
