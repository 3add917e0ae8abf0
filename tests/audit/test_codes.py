"""Codes of the structured input that the prompt does not explain are told."""

from __future__ import annotations

from typing import Any

import pytest

from scaler_core.audit.codes import measure_codes
from scaler_core.models import Problem
from scaler_core.statements.wording import mend_texts
from scaler_core.testing.environments import python_solutions, sum_problem
from tests.audit.makers import audit_one, detail, rules, sums

GYM = "On some of n days the gym is open. On how many days is it?"
SECTION = "The second line contains n integers a_i: 0 if the gym is closed, 1 if it is open."
SOLUTIONS = python_solutions(
    "input()\nprint(sum(map(int, input().split())))\n",
    "input()\nprint(input().split().count('1'))\n",
    "print(open(0).read().split()[1:].count('1'))\n",
)
GENERATOR = """\
import random


def generate_testcase(scale):
    days = [random.randint(0, 1) for _ in range(scale["n"] * 9)]
    return f"{len(days)}\\n{' '.join(map(str, days))}\\n", {"n": len(days), "days": days}
"""


def gym(section: str = SECTION, **fields: Any) -> Problem:
    """A problem whose Input section is *section*."""
    statement = f"{GYM}\n\nInput\n\n{section}\n\nOutput\n\nPrint it."
    texts = {"statement": statement, "logic": GYM, "instruction": "Print the number."}
    return sum_problem(**{**texts, **fields})


def figures(problem: Problem, *values: object) -> tuple[float, float]:
    """Lost and undefined codes of these structured inputs."""
    lost, undefined = measure_codes(problem, values)
    return lost.figure, undefined.figure


DAYS = [{"days": [0, 1] * 20}]


def test_a_code_that_the_input_section_alone_defines_is_lost_where_inputs_use_it() -> None:
    assert figures(gym(), *DAYS)[0] == 2
    assert figures(gym(), {"days": ["open"] * 40}) == (0, 0)
    assert figures(gym("'o' is an open day, 'c' a closed one."), {"days": "ooc"})[0] == 2
    assert figures(gym("The string halfday if it is open."), {"days": ["halfday"]})[0] == 1


def test_what_import_and_synthesis_mend_is_lost_no_more() -> None:
    mended = mend_texts(gym())
    assert figures(gym(logic=mended.logic), *DAYS) == (0, 0)


@pytest.mark.parametrize(
    ("value", "undefined"),
    [
        ({"days": [0, 1] * 20}, 1),
        ({"days": [0, 1, 2] * 20}, 1),
        ({"days": ["north", "south"] * 20}, 1),
        ({"days": [{"kind": "red"}, {"kind": "blue"}] * 20}, 1),
        ({"days": [1, 2] * 20}, 0),
        ({"days": [0, 1, 2, 3] * 20}, 0),
        ({"days": [0, 1]}, 0),
        ({"days": [0] * 40}, 0),
        ({"days": ["open", "gym"] * 20}, 0),
        ({"days": [True, False] * 20}, 0),
        ({"days": [0.5, 1.5] * 20}, 0),
    ],
)
def test_a_field_of_codes_that_no_text_explains_is_told(value: object, undefined: int) -> None:
    assert figures(gym("The second line describes the days."), value) == (0, undefined)


def test_a_text_about_letters_or_digits_explains_such_fields() -> None:
    about_letters = gym("n", logic="Given is a text of letters.")
    assert figures(about_letters, {"s": ["a", "b"] * 40}) == (0, 0)
    about_bits = gym("n", logic="Given are n bits.")
    assert figures(about_bits, {"s": [0, 1] * 40}) == (0, 0)


def test_an_environment_whose_prompt_lost_its_codes_is_bad_until_it_is_mended() -> None:
    fields = {"generator": GENERATOR, "problem": gym(solutions=SOLUTIONS)}
    lost = audit_one(sums(**fields))
    assert rules(lost)["meaning_lost"] == "bad"
    assert "'0', '1'" in detail(lost, "meaning_lost")
    texts = mend_texts(fields["problem"])
    mended = fields["problem"].model_copy(update={"logic": texts.logic})
    assert "meaning_lost" not in rules(audit_one(sums(**{**fields, "problem": mended})))
