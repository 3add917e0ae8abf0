"""Answers that stand in the structured input, whatever they are called."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.audit.generator import LevelTestcase
from scaler_core.audit.leaks import measure_leaks
from scaler_core.audit.rules import RULES
from scaler_core.factory import programs
from scaler_core.models import ScaleParameter
from tests.audit.makers import audit_one, detail, rules
from tests.audit.test_prompt_data import digits, drawn

Value = dict[str, object]


def case(seed: int, value: Value, truth: object, stdin: str = "") -> LevelTestcase:
    return LevelTestcase(3, seed, programs.Testcase(stdin.encode(), value), str(truth))


def severities(testcases: Sequence[LevelTestcase]) -> dict[str, str | None]:
    return {
        item.rule: severity
        for item in measure_leaks({"level 3": testcases})
        if (severity := RULES[item.rule].severity(item.figure))
    }


LEAKS = {
    "another key": "{'values': values, 'hint': weighted}",
    "a text": "{'values': values, 'debug': {'expected': str(weighted)}}",
    "a sentence": "{'values': values, 'note': f'the answer is {weighted}'}",
    "a sentence with other numbers": "{'values': values, 'note': f'n={len(values)}: {weighted}!'}",
    "the last element": "{'values': values + [weighted]}",
    "the first element": "{'values': [weighted] + values}",
    "the third element": "{'values': [*values[:2], weighted, *values[2:]]}",
    "deep inside": "{'values': values, 'a': {'b': [{'c': [[{'d': {'e': [weighted]}}]]}]}}",
    "a key": "{'values': values, f'case {weighted}': True}",
    "off by one": "{'values': values, 'limit': weighted + 1}",
    "negative": "{'values': values, 'limit': -weighted}",
    "a multiple and more": "{'values': values, 'limit': 7 * weighted + 3}",
    "a sum": "{'values': values, 'sum': weighted}",
    "a length": "{'values': values, 'padding': '.' * weighted}",
    "one element too many": "{'values': values, 'padding': [0] * (weighted + 1)}",
    "digits reversed": "{'values': values, 'limit': str(weighted)[::-1]}",
}


@pytest.mark.parametrize("how", LEAKS)
def test_an_answer_in_the_structured_input_is_bad(how: str):
    (leak, *_) = measure_leaks({"level 4": drawn(LEAKS[how])})
    assert leak.rule == "answer_leaked"
    assert RULES["answer_leaked"].severity(leak.figure) == "bad"
    assert "20 of 20 instances" in leak.detail


def test_an_answer_that_is_leaked_between_the_usual_levels_only_is_bad():
    value = "{'values': values, **({'x': weighted} if scale['n'] not in (5, 14) else {})}"
    wide = {"levels": tuple(range(10)), "parameters": {"n": ScaleParameter(minimum=5, maximum=14)}}
    found = audit_one(digits(value).model_copy(update=wide), levels=("min", "max"), instances=12)
    assert rules(found)["answer_leaked"] == "bad"
    assert "levels with a seed each" in detail(found, "answer_leaked")


FUNCTIONS: dict[str, tuple[Callable[[list[int]], Sequence[object]], str, str]] = {
    "count": (lambda values: [len(values)], "answer_leaked", "bad"),
    "maximum": (lambda values: [max(values)], "answer_derived", "warning"),
    "minimum": (lambda values: [min(values)], "answer_derived", "warning"),
    "first": (lambda values: [values[0]], "answer_leaked", "bad"),
    "last": (lambda values: [values[-1]], "answer_leaked", "bad"),
    "copy": (lambda values: values, "answer_leaked", "bad"),
    "sorted": (lambda values: sorted(values), "answer_derived", "warning"),
    "reversed": (lambda values: values[::-1], "answer_derived", "warning"),
    "twice the count": (lambda values: [2 * len(values)], "answer_derived", "warning"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_trivial_function_of_what_solutions_read_is_found(name: str):
    function, rule, severity = FUNCTIONS[name]
    rng = random.Random(0)
    testcases = []
    for size in range(5, 35):
        values = [rng.randrange(1000) for _ in range(size)]
        stdin = f"{size}\n{' '.join(map(str, values))}\n"
        truth = " ".join(map(str, function(values)))
        testcases.append(case(size, {"values": values}, truth, stdin))
    assert severities(testcases) == {rule: severity}


@pytest.mark.parametrize("work", [sum, lambda values: max(values) - min(values)])
def test_work_is_no_leak(work: Callable[[list[int]], int]):
    rng = random.Random(0)
    testcases = []
    for size in range(5, 35):
        values = [rng.randrange(100) for _ in range(size)]
        stdin = f"{size}\n{' '.join(map(str, values))}\n"
        testcases.append(case(size, {"n": size, "values": values}, work(values), stdin))
    assert severities(testcases) == {}


@pytest.mark.parametrize("names", [("YES", "NO"), ("Alice", "Bob"), ("0", "1")])
def test_an_answer_under_another_name_is_a_leak_where_solutions_do_not_read_it(
    names: tuple[str, str],
):
    rng = random.Random(5)
    testcases, harmless = [], []
    for seed in range(30):
        code, other = rng.randrange(2), rng.randrange(2)
        testcases.append(case(seed, {"a": [seed, 77], "kind": code}, names[code], f"{seed} 77\n"))
        harmless.append(case(seed, {"a": [seed, 77], "kind": other}, names[code], f"{seed} 77\n"))
    assert severities(testcases)["answer_leaked"] == "bad"
    assert severities(harmless) == {}


def test_a_constant_answer_is_no_leak_nor_is_one_that_is_common():
    constant = [case(n, {"n": 7, "flag": bool(n % 2)}, 7, "7\n") for n in range(20)]
    assert measure_leaks({"level 3": constant}) == []
    common = [case(n, {"n": 7, "m": n}, 7 if n % 10 else n * n + 1, f"7 {n}\n") for n in range(30)]
    assert severities(common) == {}


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(2, 9), st.integers(20, 40))
def test_random_data_leaks_nothing(data: st.DataObject, size: int, count: int):
    rng = random.Random(data.draw(st.integers(0, 10_000)))
    top = data.draw(st.sampled_from([2, 3, 5, 10, 100, 10**9]))
    testcases = []
    for seed in range(count):
        values = [rng.randrange(top) for _ in range(size)]
        stdin = f"{size}\n{' '.join(map(str, values))}\n"
        testcases.append(case(seed, {"n": size, "values": values}, rng.randrange(top), stdin))
    assert severities(testcases) == {}


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=30,
    ),
    st.lists(st.text(max_size=5), min_size=5, max_size=8),
)
def test_any_value_and_any_truth_can_be_compared(value: object, truths: list[str]):
    measure_leaks({"level 1": [case(n, {"value": value}, t) for n, t in enumerate(truths)]})
