"""What the model reads must be what the solutions read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.audit.pairs import mismatch
from scaler_core.synthesis.checks.bounds import constraints_text, counts_test_cases


@pytest.mark.parametrize(
    ("stdin", "value"),
    [
        ("2\n10 -20\n", {"n": 2, "a": [10, -20]}),
        ("1\n12 2\nab cd\n", {"strings": ["ab", "cd"], "k": 12}),  # T = 1 and a count
        ("#.#\n.#.\n", {"grid": [["#", ".", "#"], [".", "#", "."]]}),
        ("0101\n1100\n", {"rows": [[0, 1, 0, 1], [1, 1, 0, 0]]}),
        ("abcdefghijkl\n", {"n": 12, "s": "abcdefghijkl"}),  # a length that stdin leaves out
        ("3 1.50 2e3\n", {"n": 3, "x": [1.5, 2000.0]}),
        ("PUSH 17\nPOP\n", {"queries": [{"op": "push", "x": 17}, {"op": "pop"}]}),
        ("12:30\n", {"hour": 12, "minute": 30}),
        ("5\n", {"n": 5, "flag": True, "nothing": None}),
    ],
)
def test_the_same_in_another_form_is_no_mismatch(stdin, value):
    assert mismatch(stdin, value) == ""


@pytest.mark.parametrize(
    ("stdin", "value", "what"),
    [
        ("2\n10 20\n", {"n": 2, "a": [10, 21]}, "20, which the structured value"),
        ("2\n10 20\n", {"n": 2, "a": [10]}, "20, which the structured value"),
        ("2\n10 20\n", {"n": 2, "a": [10, 20, 99]}, "99, which stdin"),
        ("hello\n", {"s": "world"}, "hello"),
        ("1\n15\n", {"a": [-15]}, "15"),
        ("13 14\n", {"edges": [[12, 13]]}, "14"),  # counted from 0
    ],
)
def test_a_mismatch_is_told_with_an_example(stdin, value, what):
    assert what in mismatch(stdin, value)


@given(st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=30))
def test_a_list_agrees_with_itself_and_with_no_list_that_lacks_a_large_value(values):
    stdin = f"{len(values)}\n{' '.join(map(str, values))}\n"
    assert mismatch(stdin, {"n": len(values), "a": values}) == ""
    changed = [10**20 + 1, *values[1:]]
    assert "which" in mismatch(stdin, {"n": len(values), "a": changed})


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=9), st.text(max_size=50)))
def test_any_pair_can_be_compared(stdin, value):
    assert isinstance(mismatch(stdin, value), str)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("Input\n\nThe first line contains t — the number of test cases.\n", True),
        ("INPUT:\nAn integer T denoting the number of testcases. Then...\n", True),
        ("Input\n\nThe first line contains n.\n\nNote\n\nthe number of test cases is 5\n", False),
        ("The number of test cases is large.\n\nInput\n\nOne integer n.\n", False),
        ("no sections: the number of tests", False),
    ],
)
def test_the_input_section_says_whether_tests_are_counted(text, counted):
    assert counts_test_cases(text) is counted


def test_bounds_are_looked_for_in_input_and_constraints_only():
    text = "Let 1 ≤ x.\nInput\none\nOutput\ntwo\nConstraints\nthree\nSubtask 2\nfour\nNote\nfive\n"
    assert constraints_text(text).split() == ["one", "three", "four"]
