"""What is for programmers alone is left out of prompts, and nothing else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.statements.leaving_out import leave_out

ADVICE = [
    "Please, do not use the %lld specifier to read or write 64-bit integers in C++.",
    "It is preferred to use the cin, cout streams or the %I64d specifier.",
    "Please do not use %lld; use cin instead.",
    "Note that the answer can be too large, so you should use 64-bit integer type to store it.",
    "In C++ you can use the long long integer type and in Java you can use long integer type.",
    "The answer may not fit in a 32-bit integer, so use long long.",
    "Please note that the answer may not fit into 32-bit integer type.",
    "It is recommended to use fast input and output methods.",
    "Use fast I/O, since the input is large.",
    "In C++ use printf with %I64d.",
    "You can print each letter in any case (upper or lower).",
    "You may print every letter in any case you want.",
    'For example, "yEs" will be recognized as positive responses.',
    "Do not print trailing spaces.",
    "Don't print extra spaces or line breaks.",
    "Make sure there is a newline at the end.",
    "The output should end with a newline.",
    "Use scanf instead of cin.",
    "Be careful with std::endl, which is slow.",
    "Do not forget to call fflush.",
    "Avoid leading and trailing blanks.",
    "Read the input with BufferedReader in Java.",
]

KEPT = [
    "Print one integer, the answer.",
    "Print the numbers in one line.",
    "Print each number on a separate line.",
    "Print the answer without leading zeros.",
    "The result is a 64-bit unsigned integer.",
    "All sums are taken as in a 32-bit register.",
    "He bought 64 bits of cheese.",
    "The letters may be in any case, upper or lower.",
    'For example, for the text "to be" the answer is 2.',
    "In each test the pupil scores up to 5 points.",
    "For each query print its answer.",
    "For each of the n days print the largest price.",
    "For each city, the roads are given.",
    "The test is passed if the sum is even.",
    'Print "Case #1: x" where x is the answer for the test case.',
    "Write a program that finds the largest sum.",
    "The cashier uses long sticks to store integers.",
    "The end of the new line of the metro is at station k.",
    "Print YES or NO.",
    "If there is no way, print -1, i.e. one number.",
    "The box holds 3.5 kg at most.",
    "There are several cases of wine in the cellar.",
]

CASES = [
    ("For each test case, print one integer: the sum.", "Print one integer: the sum."),
    ("For every test case output the sum.", "Output the sum."),
    ("In each test case print YES or NO.", "Print YES or NO."),
    ("For each dataset, print the area in a line.", "Print the area in a line."),
    ("Print a single integer for each test case.", "Print a single integer."),
    ("Print the answer for each test case on a separate line.", "Print the answer."),
    ("Output the result of each test case in a single line.", "Output the result."),
    ("Print the answers to all test cases.", "Print the answer."),
    ("For each of the test cases print the sum.", "Print the sum."),
    ("For each test print the sum.", "Print the sum."),
    (
        "Print t lines, the i-th of which is the answer to the i-th test case.",
        "Print the answer.",
    ),
]

ABOUT_CASES = [
    "The first line contains the number of test cases t (1 ≤ t ≤ 100).",
    "The first line of the input contains a single integer T, the number of test cases.",
    "The input consists of multiple test cases.",
    "Then T test cases follow.",
    "The description of the test cases follows.",
    "It is guaranteed that the sum of n over all test cases does not exceed 10^5.",
    "The input ends with a line of two zeros.",
    "The input is terminated by EOF.",
]


@pytest.mark.parametrize("sentence", ADVICE)
def test_printing_advice_is_left_out(sentence: str):
    left, pieces = leave_out(f"Print the sum of a and b.\n\n{sentence} It is at least 1.")
    assert pieces
    assert left == "Print the sum of a and b.\n\nIt is at least 1."


@pytest.mark.parametrize("sentence", KEPT)
def test_what_a_solver_needs_stays(sentence: str):
    assert leave_out(sentence) == (sentence, [])
    text = f"A task. {sentence}\n\nSo it is."
    assert leave_out(text) == (text, [])


@pytest.mark.parametrize(("sentence", "left"), CASES)
def test_an_answer_to_each_test_case_becomes_the_answer(sentence: str, left: str):
    assert leave_out(sentence) == (left, [sentence])


@pytest.mark.parametrize("sentence", ABOUT_CASES)
def test_the_number_of_test_cases_is_left_out(sentence: str):
    assert leave_out(f"{sentence}\nThe next line holds n.") == (
        "The next line holds n.",
        [sentence],
    )


@pytest.mark.parametrize(
    "block",
    [
        "Examples\n\nInput\n\n1 2\n\nOutput\n\n3\n\nNote\n\nAs 1 + 2 = 3.",
        "Sample Input 1:\n1 2\n\nSample Output 1:\n3",
        "-----Example-----\nInput\n1 2\nOutput\n3",
        "### Sample Input #1\n\n```\n1 2\n```\n\n### Sample Output #1\n\n```\n3\n```",
        "Example 1\n\nInput:\n1 2\nOutput:\n3",
        "Sample test case\n\nInput\n1\n\nOutput\n1",
    ],
)
def test_a_block_of_samples_is_left_out_up_to_the_next_section(block: str):
    assert leave_out(f"Print the sum.\n\n{block}")[0] == "Print the sum."
    text = f"Print the sum.\n\n{block}\n\nConstraints\n\n1 ≤ a ≤ 9"
    assert leave_out(text)[0] == "Print the sum.\n\nConstraints\n\n1 ≤ a ≤ 9"


def test_an_example_in_words_stays():
    text = "Add them up.\n\nExample\n\nThe sum of 1 and 2 is 3."
    assert leave_out(text) == (text, [])


def test_a_text_of_which_nothing_would_be_left_stays():
    for text in ("Use cin.", "Sample Input\n\n1", "The input ends with EOF."):
        assert leave_out(text) == (text, [])


PIECES = st.sampled_from([*ADVICE, *KEPT, *ABOUT_CASES, *(text for text, _ in CASES), "\n", "\n\n"])


@given(st.lists(PIECES, max_size=8).map(" ".join))
def test_leaving_out_adds_no_word_and_is_done_once(text: str):
    left, pieces = leave_out(text)
    assert bool(pieces) == (left != text)
    assert leave_out(left) == (left, [])
    words = {word.rstrip(".") for word in text.lower().split()} | {"answer"}
    assert {word.rstrip(".") for word in left.lower().split()} <= words


@pytest.mark.parametrize(
    "text",
    ["use " * 4900, "for each test case " * 1000, "\n" * 19_000, "Example\n" * 2400, "sum " * 4900],
)
@pytest.mark.timeout(60)
def test_a_hostile_text_is_read_in_time(text: str):
    began = time.process_time()
    leave_out(text)
    assert time.process_time() - began < 20
