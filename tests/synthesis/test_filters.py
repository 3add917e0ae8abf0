"""Each filter refuses by its name, and what is kept is bounded."""

from __future__ import annotations

import pytest

from scaler_core.interfaces import Metadata
from scaler_core.models import Tolerance
from scaler_core.synthesis.config import FilterSettings
from scaler_core.synthesis.filters import (
    KeptProblem,
    ProblemFilter,
    check_metadata,
    distinct_solutions,
)
from scaler_core.synthesis.records import Rejection, SourceProblem, SourceTest
from scaler_core.testing.environments import cpp_solutions, python_solutions
from tests.synthesis.problems import STATEMENT, problem, source_problem


def select(item: SourceProblem, **settings: int) -> KeptProblem | Rejection:
    return ProblemFilter(FilterSettings(**settings))(item)


def check_of(item: SourceProblem) -> str:
    result = select(item)
    assert isinstance(result, Rejection)
    assert result.stage == "filter"
    return result.check


def test_a_good_problem_is_kept_with_figures():
    kept = select(source_problem())
    assert not isinstance(kept, Rejection)
    assert kept[0] == source_problem()
    assert kept[1] == {
        "solutions": 3,
        "solutions_identical": 0,
        "solutions_cut": 0,
        "tests": 2,
        "tests_cut": 0,
        "examples_unread": False,
    }


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("Print 1.", "no_input_section"),
        ("Task.\n\nInput\n\nn", "no_output_section"),
        ("Task.\n\nInput\n\nn\n\nOutput\n\n\n\nExamples\n\nInput\n\n1", "no_output_section"),
        ("Input\n\nn\n\nOutput\n\nm", "no_task"),
        (STATEMENT.replace("Add", "See <image> and add"), "image"),
        (STATEMENT.replace("Add", "![figure](figure.png) Add"), "image"),
        (STATEMENT.replace("Add", '<img src="x.png"> Add'), "image"),
        (STATEMENT.replace("their sum.", "any of them. If so, stop."), "several_answers"),
        ("This is an interactive problem.\n\nInteraction\n\nAsk.", "interactive"),
    ],
)
def test_a_statement_that_lacks_something_is_refused_by_name(statement, check):
    assert check_of(source_problem(statement=statement)) == check


def test_a_prompt_gets_back_an_exponent_that_plain_text_lost():
    item = source_problem(statement=STATEMENT.replace("their sum", "their sum modulo 109 + 7"))
    texts = {"instruction": "Print their sum modulo 109 + 7.", "logic": "At most 3·105 of them."}
    problem_of = item.problem.model_copy(update=texts)
    kept = select(item.model_copy(update={"problem": problem_of}))
    assert not isinstance(kept, Rejection)
    assert kept[0].problem.instruction == "Print their sum modulo 10^9 + 7."
    assert kept[0].problem.logic == "At most 3·10^5 of them."
    assert kept[0].problem.statement == item.problem.statement
    assert kept[1]["exponents_restored"] == ["105", "109 + 7"]


def test_a_prompt_gets_what_the_input_section_alone_defines():
    item = source_problem()
    statement = item.problem.statement.replace("Input\n\n", "Input\n\n0 means nothing. ", 1)
    stated = item.problem.model_copy(update={"statement": statement})
    kept = select(item.model_copy(update={"problem": stated}))
    assert not isinstance(kept, Rejection)
    assert "0 means nothing." in kept[0].problem.logic
    assert kept[1]["meaning_added"] == ["0"]


def test_a_tolerance_that_the_statement_gives_is_kept_with_the_problem():
    item = source_problem()
    text = "Print it. The relative error must not exceed 10-6."
    stated = item.problem.model_copy(update={"instruction": text})
    kept = select(item.model_copy(update={"problem": stated}))
    assert not isinstance(kept, Rejection)
    assert kept[0].problem.tolerance == Tolerance(kind="relative", value=1e-6)
    assert kept[1]["tolerance"] == {"kind": "relative", "value": 1e-6}


def test_the_beginnings_of_a_hundred_thousand_images_are_read_in_one_go():
    assert not isinstance(select(source_problem(statement="![" * 100_000 + STATEMENT)), Rejection)


def test_solutions_that_differ_in_white_space_count_once():
    twice = python_solutions("print(1)\n", "print(1)", "print(2)")
    assert check_of(source_problem(solutions=twice)) == "few_solutions"
    assert len(distinct_solutions(twice)) == 2
    # the same text in two languages is two programs
    assert len(distinct_solutions([*python_solutions("x"), *cpp_solutions("x")])) == 2


def test_the_first_solutions_and_the_first_tests_are_kept():
    many = python_solutions(*(f"print({number})" for number in range(14)))
    tests = tuple(SourceTest(stdin=f"{number}\n", stdout="1\n") for number in range(40))
    huge = SourceTest(stdin="1" * 100_000, stdout="1\n")
    item = source_problem(solutions=many).model_copy(update={"tests": (huge, *tests)})
    kept = select(item, tests_kept=5)
    assert not isinstance(kept, Rejection)
    assert kept[0].problem.solutions == many[:10]
    assert kept[0].tests == tests[:5]
    assert (kept[1]["solutions_cut"], kept[1]["tests_cut"]) == (4, 36)


def test_the_first_of_equal_statements_is_kept():
    chosen = ProblemFilter(FilterSettings())
    text = problem().statement
    assert not isinstance(chosen(source_problem("first", statement=text)), Rejection)
    again = chosen(source_problem("second", statement=text.upper().replace("\n", "\n\n")))
    assert isinstance(again, Rejection)
    assert (again.check, again.detail) == ("duplicate", "its statement is that of first")


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"answer_unique": False}, "not_unique"),
        ({"output_type": "graph"}, "output_type"),
        ({"parameters": {}}, "no_scale_parameter"),
        ({"parameters": {"n": (5, 5)}}, "no_scale_parameter"),
    ],
)
def test_metadata_that_give_no_environment_are_refused_by_name(changed, check):
    fields = {"parameters": {"n": (1, 9)}, "output_type": "number", "answer_unique": True}
    rejection = check_metadata(Metadata(**fields | changed))
    assert rejection is not None
    assert (rejection.stage, rejection.check) == ("extract", check)
    assert check_metadata(Metadata(**fields)) is None
