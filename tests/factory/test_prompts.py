"""How exact an answer must be stands in the prompt, where answers are decimals."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler_core.factory.local import LocalFactory
from scaler_core.factory.prompts import UNSTATED_PRECISION, render
from scaler_core.models import AnswerType, Instance, Tolerance
from scaler_core.testing.environments import program_environment, python_solutions, sum_problem
from scaler_plugins.sandboxes.process import Process

HALVES = python_solutions(
    "print(sum(map(int, open(0).read().split()[1:])) / 2)\n",
    "print(sum(map(int, open(0).read().split()[1:])) / 2 + 0.00003)\n",
    "print(sum(map(int, open(0).read().split()[1:])) / 2 - 0.00003)\n",
)


def prompt(answer_type: AnswerType = "number", **fields: object) -> str:
    """The user's message of an environment whose problem has these fields."""
    environment = program_environment(problem=sum_problem(**fields), answer_type=answer_type)
    return render(environment, {"n": 1, "values": [1]})[-1]["content"]


@pytest.mark.parametrize("answer_type", ["number", "array"])
def test_a_prompt_tells_the_tolerance_of_its_statement(answer_type: AnswerType) -> None:
    text = prompt(answer_type, tolerance=Tolerance(kind="absolute", value=1e-4))
    assert text.endswith(
        "An absolute error of at most 0.0001 is allowed: give at least 4 decimals, or an exact "
        "fraction, where a number is not an integer."
    )
    assert UNSTATED_PRECISION not in text


def test_a_prompt_tells_how_many_decimals_where_its_statement_says_nothing() -> None:
    assert prompt(instruction="Print a real number, their mean.").endswith(UNSTATED_PRECISION)
    assert UNSTATED_PRECISION not in prompt(instruction="Print their mean with two decimals.")


def test_a_prompt_for_integers_or_strings_says_nothing_of_decimals() -> None:
    assert "decimals" not in prompt()
    text = prompt("string", tolerance=Tolerance(value=1e-4), instruction="Print a real number.")
    assert "decimals" not in text


def test_solutions_within_the_stated_tolerance_agree_on_a_truth(programs: Path) -> None:
    factory = LocalFactory(Process(Process.Config(cache_dir=programs)))
    try:
        for tolerance, agreed in [(Tolerance(kind="absolute", value=1e-4), True), (None, False)]:
            problem = sum_problem(solutions=HALVES, tolerance=tolerance)
            (made,) = factory.make(program_environment(problem=problem), 0, [1])
            assert isinstance(made, Instance) == agreed
            if isinstance(made, Instance):
                assert made.tolerance == tolerance
    finally:
        factory.close()
