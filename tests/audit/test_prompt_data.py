"""The structured input holds the data that programs read: all of it and nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.audit.columns import Comparison, compare_series
from scaler_core.audit.generator import LevelTestcase
from scaler_core.audit.prompt_data import measure_prompt_data, missing_words
from scaler_core.audit.rules import RULES, Measure
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


def drawn(value: str, count: int = 20) -> list[LevelTestcase]:
    """Testcases of the generator that gives *value*, with their truths, made right here."""
    names: dict[str, Any] = {}
    exec(DIGITS.replace("VALUE", f"({value}, weighted)"), names)
    testcases = []
    for seed in range(count):
        random.seed(seed)
        stdin, (made, truth) = names["generate_testcase"]({"n": 14})
        testcases.append(
            LevelTestcase(4, seed, programs.Testcase(stdin.encode(), made), str(truth))
        )
    return testcases


def prompt_differs(testcases: list[LevelTestcase]) -> Measure:
    measures = measure_prompt_data(testcases, sums(), lambda stdins: [None for _ in stdins])
    return next(item for item in measures if item.rule == "prompt_differs")


def test_data_that_the_prompt_holds_in_full_is_good():
    for value in ("{'n': len(values), 'values': values}", "{'text': ' '.join(map(str, values))}"):
        assert rules(audit_one(digits(value), instances=12)) == {}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("{'n': len(values), 'values': other}", "but not those from line 2"),
        ("{'n': len(values), 'values': values[: len(values) // 2]}", "elements from line 2"),
        ("{'n': len(values), 'values': values[::2]}", "elements from line 2"),
        ("{'n': len(values), 'values': values[: len(values) // 4 + 1]}", "elements from line 2"),
        ("{'n': len(values), 'values': values[:-1]}", "from line 2"),
        ("{'n': len(values), 'values': values[1:]}", "line 2 of stdin holds"),
        ("{'n': len(values), 'values': values[1:-1]}", "elements from line 2"),
        ("{'n': len(values), 'text': ' '.join(map(str, values[:-2]))}", "elements from line 2"),
        ("{'n': len(values), 'a': {'b': [{'v': item} for item in values[:6]]}}", "from line 2"),
        ("{'n': len(values), 'values': values[:-1] + [(values[-1] + 1) % 10]}", "not those from"),
        ("{'values': [(item + random.randint(0, 1)) % 10 for item in values]}", "not those from"),
        ("{'n': len(values), 'values': values[:3] + values[5:]}", "elements from line 2"),
        ("{'n': len(values), 'first': values[0]}", "line 2 of stdin holds"),
    ],
    ids=[
        "other data",
        "half the data",
        "every second element",
        "a quarter",
        "all but the last",
        "all but the first",
        "all but both ends",
        "a part of a text",
        "a part in records",
        "another last element",
        "some elements changed",
        "a gap",
        "the first alone",
    ],
)
def test_other_data_and_parts_of_it_are_bad(value: str, what: str):
    found = prompt_differs(drawn(value))
    assert RULES["prompt_differs"].severity(found.figure) == "bad"
    assert what in found.detail


def test_an_audit_finds_half_the_data():
    found = audit_one(
        digits("{'n': len(values), 'values': values[: len(values) // 2]}"), instances=12
    )
    assert rules(found)["prompt_differs"] == "bad"
    assert "elements from line 2" in detail(found, "prompt_differs")


def test_data_in_another_order_is_bad_where_the_order_decides():
    found = audit_one(digits("{'n': len(values), 'values': sorted(values)}"), instances=12)
    assert rules(found)["prompt_loses_order"] == "bad"
    assert "have another answer in the order" in detail(found, "prompt_loses_order")


def test_data_in_another_order_is_fine_where_the_order_decides_nothing():
    value = "{'n': len(values), 'values': sorted(values)}"
    assert rules(audit_one(digits(value, SUM), instances=12)) == {}


def test_equal_inputs_with_different_truths_are_ambiguous():
    found = audit_one(digits("{'n': len(values)}"), instances=12)
    assert rules(found)["prompt_ambiguous"] == "bad"


def small(seed: int, stdin: str, value: dict[str, object]) -> LevelTestcase:
    return LevelTestcase(1, seed, programs.Testcase(stdin.encode(), value))


def test_a_number_of_the_first_line_that_is_missing_is_found():
    def case(seed: int, value: dict[str, object]) -> LevelTestcase:
        return small(seed, f"3 {seed % 9}\n100 200 300\n", value)

    values = [100, 200, 300]
    assert missing_words([case(seed, {"a": values, "k": seed % 9}) for seed in range(12)]) == []
    assert missing_words([case(seed, {"a": values, "k": seed % 9 + 1}) for seed in range(12)]) == []
    found = missing_words([case(seed, {"a": values}) for seed in range(12)])
    assert "place 2, which the structured value lacks" in found[0].text


def test_few_small_numbers_of_another_instance_are_found():
    rng = random.Random(3)
    rows = [[rng.randrange(10) for _ in range(3)] for _ in range(31)]
    good = [
        small(seed, f"{row[0]} {row[1]} {row[2]}\n", {"a": row})
        for seed, row in enumerate(rows[:30])
    ]
    swapped = [
        small(seed, testcase.text, {"a": rows[seed + 1]}) for seed, testcase in enumerate(good)
    ]
    assert missing_words(good) == []
    assert len(missing_words(swapped)) > 10


def test_a_zero_that_ends_the_list_is_not_data():
    def cases(end: str) -> list[LevelTestcase]:
        rng = random.Random(1)
        rows = [[rng.randrange(1, 9) for _ in range(12)] for _ in range(10)]
        return [
            small(seed, f"{' '.join(map(str, row))} {end or rng.randrange(9)}\n", {"a": row})
            for seed, row in enumerate(rows)
        ]

    def figure(testcases: list[LevelTestcase]) -> float:
        return measure_prompt_data(testcases, sums(), lambda stdins: [None for _ in stdins])[
            0
        ].figure

    assert figure(cases("0")) == 0
    assert figure(cases("")) > 0.5


def test_rows_below_a_header_of_their_width_are_compared():
    rng = random.Random(2)

    def rows() -> list[list[int]]:
        return [[rng.randrange(10, 20), rng.randrange(10, 20)] for _ in range(30)]

    own, other = rows(), rows()
    stdin = "20 30\n" + "".join(f"{left} {right}\n" for left, right in own)
    assert compare_series(stdin, {"n": 20, "rows": own}) == Comparison()
    assert "not those from line" in compare_series(stdin, {"n": 20, "rows": other}).difference


def test_pairs_of_letters_are_compared_with_words():
    stdin = "".join(f"{pair[0]} {pair[1]}\n" for pair in ("ab", "cd", "ae", "bf", "gh", "ah"))
    pairs = stdin.replace(" ", "").split()
    assert compare_series(stdin, {"roads": pairs}) == Comparison()
    assert compare_series(stdin, {"roads": [*pairs[:5], "ag"]}).difference


def test_another_permutation_is_another_order():
    found = compare_series("7\n1 5 2 3 4 7 6\n", {"a": [2, 6, 1, 3, 5, 4, 7]})
    assert found.reordered == b"7\n2 6 1 3 5 4 7\n"


def test_a_series_that_nothing_can_hold_is_lost():
    stdin = "8 7\n1 5 2 8 3 4 7 6\n2 6 1 3 8 5 4 7\n"
    first, second = ([int(word) for word in line.split()] for line in stdin.splitlines()[1:])
    assert compare_series(stdin, {"n": 8, "a": first, "b": second}) == Comparison()
    assert "lacks the 8 elements from line 3" in compare_series(stdin, {"a": first}).difference


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
    testcases = [small(seed, stdin, {"value": value}) for seed in range(6)]
    measure_prompt_data(testcases, sums(), lambda stdins: [None for _ in stdins])
