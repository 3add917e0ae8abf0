"""The prompt tells what the programs read, all of it and nothing else, and not the answer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.audit.columns import compare_series
from scaler_core.audit.leaks import Answered, measure_leaks
from scaler_core.audit.telling import Told, untold_headers
from scaler_core.factory import programs
from scaler_core.models import Environment, ScaleParameter
from scaler_core.testing.environments import python_solutions
from tests.audit.makers import audit_one, detail, rules, sums

# digits: nothing that a comparison of longer numbers could see
DIGITS = """\
import random


def generate_testcase(scale):
    values = [random.randint(0, 9) for _ in range(scale["n"])]
    other = [random.randint(0, 9) for _ in range(scale["n"])]
    weighted = sum(place * item for place, item in enumerate(values, start=1))
    return f"{len(values)}\\n{' '.join(map(str, values))}\\n", VALUE
"""
WEIGHTED = (
    "import sys\nwords = list(map(int, sys.stdin.read().split()))[1:]\n"
    "print(sum(place * item for place, item in enumerate(words, start=1)))\n"
)
SUM = "import sys\nprint(sum(map(int, sys.stdin.read().split()[1:])))\n"


def digits(value: str, solution: str = WEIGHTED) -> Environment:
    """Numbers of one digit, n = 10 to 14, and an answer that depends on their order."""
    return sums(
        generator=DIGITS.replace("VALUE", value),
        solutions=python_solutions(solution, f"{solution}# again\n", f"{solution}# and again\n"),
        parameters={"n": ScaleParameter(minimum=10, maximum=14)},
    )


def test_what_is_told_in_full_is_good():
    for value in ("{'n': len(values), 'values': values}", "{'text': ' '.join(map(str, values))}"):
        assert rules(audit_one(digits(value), instances=12)) == {}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("{'n': len(values), 'values': other}", "but not those from line 2"),
        ("{'n': len(values), 'values': values[: len(values) // 2]}", "elements from line 2"),
        ("{'n': len(values), 'values': values[::2]}", "elements from line 2"),
    ],
    ids=["other data", "half the data", "every second element"],
)
def test_other_data_and_half_of_it_are_bad(value: str, what: str):
    found = audit_one(digits(value), instances=12)
    assert rules(found)["prompt_differs"] == "bad"
    assert what in detail(found, "prompt_differs")


def test_data_in_another_order_is_bad_where_the_order_decides():
    found = audit_one(digits("{'n': len(values), 'values': sorted(values)}"), instances=12)
    assert rules(found)["prompt_loses_order"] == "bad"
    assert "have another answer in the order" in detail(found, "prompt_loses_order")


def test_data_in_another_order_is_fine_where_the_order_decides_nothing():
    value = "{'n': len(values), 'values': sorted(values)}"
    assert rules(audit_one(digits(value, SUM), instances=12)) == {}


@pytest.mark.parametrize(
    "leak",
    [
        "{'values': values, 'hint': weighted}",
        "{'values': values, 'debug': {'expected': str(weighted)}}",
        "{'values': values, 'note': f'the answer is {weighted}'}",
        "{'values': values + [weighted]}",
        "{'values': [weighted] + values}",
    ],
)
def test_an_answer_that_stands_in_the_structured_input_is_bad(leak: str):
    found = audit_one(digits(leak), instances=12)
    assert rules(found)["answer_leaked"] == "bad"
    assert "is the answer of 12 of 12 instances" in detail(found, "answer_leaked")


@pytest.mark.parametrize(
    ("solution", "rule", "severity"),
    [
        ("print(len(values))", "answer_leaked", "bad"),
        ("print(max(values))", "answer_leaked", "bad"),
        ("print(values[-1])", "answer_leaked", "bad"),
        ("print(*sorted(values))", "answer_in_order", "warning"),
        ("print(*values[::-1])", "answer_in_order", "warning"),
    ],
)
def test_a_trivial_function_of_a_field_is_told(solution: str, rule: str, severity: str):
    rng = random.Random(0)
    answered = []
    for size in range(5, 25):
        values = [rng.randrange(1000) for _ in range(size)]
        expected = {
            "print(len(values))": [len(values)],
            "print(max(values))": [max(values)],
            "print(values[-1])": [values[-1]],
            "print(*sorted(values))": sorted(values),
            "print(*values[::-1])": values[::-1],
        }[solution]
        answered.append(Answered({"values": values}, " ".join(map(str, expected))))
    figures = {item.rule: item.figure for item in measure_leaks({3: answered})}
    assert figures[rule] == 1.0
    from scaler_core.audit.rules import RULES

    assert RULES[rule].severity(1.0) == severity


def test_a_constant_answer_is_no_leak():
    answered = [Answered({"n": 7, "flag": bool(number % 2)}, "7") for number in range(20)]
    assert measure_leaks({3: answered}) == []


def test_equal_inputs_with_different_truths_are_ambiguous():
    found = audit_one(digits("{'n': len(values)}"), instances=12)
    assert rules(found)["prompt_ambiguous"] == "bad"


def test_a_number_of_the_first_line_that_is_not_told_is_found():
    def told(seed: int, value: object) -> Told:
        return Told(
            1, seed, programs.Testcase(f"3 {seed % 9}\n100 200 300\n".encode(), value), None
        )

    values = [100, 200, 300]
    assert untold_headers([told(seed, {"a": values, "k": seed % 9}) for seed in range(12)]) == []
    found = untold_headers([told(seed, {"a": values}) for seed in range(12)])
    assert "does not tell" in found[0]


FORMS = {
    "a list": lambda rows: {"rows": rows},
    "columns": lambda rows: {"u": [row[0] for row in rows], "v": [row[1] for row in rows]},
    "objects": lambda rows: {"rows": [{"u": row[0], "v": row[1]} for row in rows]},
    "counted from 0": lambda rows: {"rows": [[row[0] - 1, row[1] - 1] for row in rows]},
    "names": lambda rows: {"rows": [["abcdefghij"[row[0]], row[1]] for row in rows]},
    "with another field": lambda rows: {"rows": [[n, *row] for n, row in enumerate(rows)]},
    "text": lambda rows: {"rows": "\n".join(" ".join(map(str, row)) for row in rows)},
}


@pytest.mark.parametrize("form", FORMS)
@given(rows=st.lists(st.lists(st.integers(1, 9), min_size=2, max_size=2), min_size=8, max_size=20))
def test_the_same_rows_in_any_usual_form_differ_in_nothing(form: str, rows: list[list[int]]):
    stdin = f"{len(rows)}\n" + "".join(f"{left} {right}\n" for left, right in rows)
    found = compare_series(stdin, FORMS[form](rows))
    assert found.difference == ""
    assert found.reordered is None


@given(st.lists(st.integers(0, 9), min_size=12, max_size=40).filter(lambda v: len(set(v)) > 3))
def test_half_of_a_line_is_found(values: list[int]):
    stdin = f"{len(values)}\n{' '.join(map(str, values))}\n"
    half = values[: len(values) // 2]
    assert "elements from line 2" in compare_series(stdin, {"values": half}).difference


@given(st.lists(st.integers(0, 9), min_size=12, max_size=40), st.randoms())
def test_what_is_reordered_is_read_in_the_new_order(values: list[int], rng: random.Random):
    moved = rng.sample(values, len(values))
    stdin = f"{len(values)}\n{' '.join(map(str, values))}\n"
    found = compare_series(stdin, {"values": moved})
    assert found.difference == ""
    if found.reordered is not None:
        assert found.reordered.decode() == f"{len(values)}\n{' '.join(map(str, moved))}\n"
        assert moved != values


@given(
    st.text(alphabet="ab01 \n-.", max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=30,
    ),
)
def test_anything_can_be_compared(stdin: str, value: object):
    compare_series(stdin, {"value": value})
    measure_leaks({1: [Answered({"value": value}, str(n)) for n in range(5)]})
