"""A prompt gets what the Input section alone defines, and nothing where it has all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.statements.meaning import (
    HEADING,
    add_meaning,
    describe_input,
    keys_of,
    missing_codes,
    missing_names,
)
from scaler_core.statements.wording import mend_texts
from scaler_core.testing.environments import sum_problem

LOGIC = "A pupil has n days of holidays. On each day the gym may be open. How often does he rest?"

CODES = [
    ("a_i equals 0, if the gym is closed; a_i equals 1, if it is open.", {"0", "1"}),
    ("0 means closed, 1 means open, and 2 stands for unknown.", {"0", "1", "2"}),
    ("Each value is 0 if the gym is closed and 1 if it is open.", {"0", "1"}),
    ("If a_i is 1, the gym is open. If a_i = 0, it is closed.", {"0", "1"}),
    ("1 represents an open gym, 0 represents a closed one.", {"0", "1"}),
    ("The type is 1 for an open day and 2 for a closed one.", {"1", "2"}),
    ("Each day is either 0 or 1.", {"0", "1"}),
    ("c_i = 1 means that the gym is open.", {"1"}),
    ("  * 0: the gym is closed\n  * 1: the gym is open", {"0", "1"}),
    ("1 l r - the gym is open from l to r\n2 l - it is closed on day l", {"1", "2"}),
    ("-1 denotes a day without news.", {"-1"}),
    ("Each character is 'o' (open) or 'c' (closed).", {"o", "c"}),
    ('The word is "open" or "shut".', {"shut"}),
    ("'.' is a closed day, '#' an open one.", {".", "#"}),
    ("\u201cX\u201d marks an open day, \u2018Y\u2019 a closed one.", {"X", "Y"}),
    ("`+` marks an open day.", {"+"}),
    ("The string openall if it is open all day.", {"openall"}),
    ("U means up, D means down.", {"U", "D"}),
    ("ON - the gym is open\nOFF - it is closed", {"ON", "OFF"}),
    ("Each day is described with the string half if half of it is free.", {"half"}),
]

NO_CODES = [
    "The first line contains n, the number of days.",
    "The first line contains n (1 ≤ n ≤ 100) — the number of days.",
    "N denotes the number of days.",
    "The second line contains n integers.",
    "It is guaranteed that 1 ≤ a_i ≤ 9.",
    "There are 2 lines for each day.",
    "Days are numbered from 1 to n.",
    "The next 3 lines describe the days.",
    "T: the number of days",
    "The numbers are separated by 1 blank.",
    "The days don't repeat, and the pupil's list isn't empty.",
    "Each of the next n lines contains two integers.",
    "The weight is at most 5 kilograms.",
    "n is at least 2 and at most 5.",
    "The text has letters from 'a' to 'z' alone.",
    "Its letters are English ('A'-'Z', 'a'..'z').",
    "All letters lie between 'a' and 'z', or 'a' <= s_i <= 'z'.",
    'The digits "0" to "9" may stand in it.',
]


@pytest.mark.parametrize(("section", "codes"), CODES)
def test_codes_that_the_input_section_alone_defines_are_found(section: str, codes: set[str]):
    assert set(missing_codes(describe_input(section), LOGIC)) == codes
    logic, terms = add_meaning(LOGIC, "Print it.", section)
    assert logic == f"{LOGIC}\n\n{HEADING}\n{describe_input(section)}"
    assert set(terms) == codes
    assert missing_codes(describe_input(section), logic) == []
    assert add_meaning(logic, "Print it.", section) == (logic, [])


@pytest.mark.parametrize("section", NO_CODES)
def test_an_input_section_without_codes_adds_nothing(section: str):
    assert missing_codes(describe_input(section), LOGIC) == []
    assert add_meaning(LOGIC, "Print it.", section) == (LOGIC, [])


@pytest.mark.parametrize("section", [section for section, _ in CODES])
def test_a_prompt_that_defines_its_codes_gets_nothing(section: str):
    logic = f"{LOGIC} {section}" if "\n" not in section else f"{LOGIC}\n{section}"
    assert add_meaning(logic, "Print it.", section) == (logic, [])


def test_a_name_that_the_structured_value_uses_is_defined_and_a_count_needs_no_definition():
    section = "The first line contains integers n, k and m: the days, the limit and the gain."
    assert missing_names(section, LOGIC, {"n", "k", "m"}) == ["k", "m"]
    assert missing_names(section, LOGIC, {"n", "k"}) == ["k"]
    assert missing_names(section, f"{LOGIC} At most k.", {"k"}) == []
    assert missing_names("One integer q, the number of days.", LOGIC, {"q"}) == []
    assert (
        missing_names("The second line contains integers c_1, c_2.", "The costs c_i.", {"c"}) == []
    )
    source = "def generate_testcase(scale):\n    return '', {'k': 1, \"m\": 2, 'pairs': []}\n"
    assert keys_of(source) == {"k", "m", "pairs"}


def test_the_description_is_that_of_one_input_without_bounds():
    section = (
        "The first line contains the number of test cases t (1 ≤ t ≤ 100). The description of the "
        "test cases follows.\n\nThe first line of each test case contains n and k "
        "(1 ≤ n, m ≤ 3·105; 0 ≤ k < n) — the days and the limit (both are integers).\n\n"
        "It is guaranteed that the sum of n over all test cases does not exceed 10^5.\n\n"
        "'o' is an open day."
    )
    assert describe_input(section) == (
        "The first line contains n and k — the days and the limit (both are integers).\n\n"
        "'o' is an open day."
    )


def test_texts_are_mended_in_one_go_and_only_once():
    problem = sum_problem(
        statement=f"{LOGIC}\n\nInput\n\n0 means closed.\n\nOutput\n\nPrint it modulo 109 + 7.",
        logic=LOGIC,
        instruction="For each test case print it modulo 109 + 7. Do not use %lld.",
    )
    mended = mend_texts(problem)
    assert mended.logic == f"{LOGIC}\n\n{HEADING}\n0 means closed."
    assert mended.instruction == "Print it modulo 10^9 + 7."
    assert mended.changes == {
        "exponents_restored": ["109 + 7"],
        "left_out": ["For each test case print it modulo 10^9 + 7.", "Do not use %lld."],
        "meaning_added": ["0"],
    }
    texts = {"logic": mended.logic, "instruction": mended.instruction}
    again = mend_texts(problem.model_copy(update=texts))
    assert (again.logic, again.instruction, again.changes) == (*texts.values(), {})


WORDS = st.sampled_from(
    [
        *(text for text, _ in CODES),
        *NO_CODES,
        LOGIC,
        "Use cin.",
        "For each test case print it.",
        "\n",
    ]
)


@given(st.lists(WORDS, max_size=5), st.lists(WORDS, max_size=5), st.text(max_size=60))
def test_mending_a_mended_text_changes_nothing(logic: list[str], section: list[str], free: str):
    problem = sum_problem(
        statement=f"x\n\nInput\n\n{' '.join(section)} {free}\n\nOutput\n\nPrint it.",
        logic=" ".join([*logic, free]),
    )
    mended = mend_texts(problem, "{'k': 1, 'm': 2}")
    texts = {"logic": mended.logic, "instruction": mended.instruction}
    again = mend_texts(problem.model_copy(update=texts), "{'k': 1, 'm': 2}")
    assert (again.logic, again.instruction) == (mended.logic, mended.instruction)


@pytest.mark.parametrize("text", ["if a " * 2000, "' " * 4000, "integers n, " * 700, "(" * 8000])
@pytest.mark.timeout(60)
def test_a_hostile_text_is_read_in_time(text: str):
    began = time.process_time()
    add_meaning("x", "y", text, {"n"})
    assert time.process_time() - began < 20
