"""How many solutions are asked, and what their answers make of an input."""

from __future__ import annotations

import pytest

from scaler_core.factory import InstanceFailure
from scaler_core.factory.references import SPARE_SOLUTIONS, References
from scaler_core.interfaces import Limits, RunResult, RunStatus
from scaler_core.models import Environment
from scaler_core.testing.environments import program_environment
from tests.factory.scripted import ScriptedSandbox, ok, runner, solutions


def prints(*answers: str) -> tuple[Environment, ScriptedSandbox]:
    """Solutions that print these, or end with the status that a word in angles names."""
    plays = {}
    for number, answer in enumerate(answers):
        result = RunResult(answer[1:-1]) if answer.startswith("<") else ok(answer)  # type: ignore[arg-type]
        plays[f"s{number}"] = lambda data, result=result: result
    environment = program_environment(solutions=solutions(*plays))
    return environment, ScriptedSandbox(plays)  # type: ignore[arg-type]


def truth(*answers: str, references: int = 3, agree: int = 2) -> str:
    """The truth that solutions with these outputs give, or the cause of the failure."""
    environment, sandbox = prints(*answers)
    found = References(runner(sandbox), references, agree, Limits()).truths(environment, [b"1\n"])[
        0
    ]
    return f"failed: {found.cause}" if isinstance(found, InstanceFailure) else found


def asked(*answers: str, references: int = 3, agree: int = 2) -> int:
    """How many solutions were run."""
    environment, sandbox = prints(*answers)
    References(runner(sandbox), references, agree, Limits()).truths(environment, [b"1\n"])
    return len(sandbox.calls)


def test_two_that_agree_settle_it() -> None:
    assert truth("5", "5", "6") == "5"
    assert asked("5", "5", "6") == 2


def test_the_third_decides_between_two_that_disagree() -> None:
    assert truth("5", "6", "6") == "6"
    assert truth("5", "6", "5") == "5"
    assert asked("5", "6", "6") == 3


def test_three_different_answers_are_a_disagreement() -> None:
    assert truth("5", "6", "7", "5") == "failed: disagreement"
    assert asked("5", "6", "7", "5") == 3


def test_more_references_can_be_asked() -> None:
    assert truth("5", "6", "7", "5", references=4) == "5"
    assert truth("5", "6", "5", "6", "5", references=5, agree=3) == "5"


def test_one_that_must_agree_takes_the_first_that_runs() -> None:
    assert truth("<runtime_error>", "5", "6", agree=1) == "5"
    assert asked("5", "6", agree=1) == 1


def test_failing_solutions_are_passed_over() -> None:
    assert truth("<compile_error>", "5", "<time_limit>", "", "5") == "5"


def test_only_so_many_failures_are_tried() -> None:
    failing = ["<runtime_error>"] * 20
    assert asked(*failing) == 3 + SPARE_SOLUTIONS


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("runtime_error", "solution_error"),
        ("forbidden", "solution_error"),
        ("time_limit", "solution_limit"),
        ("memory_limit", "solution_limit"),
        ("output_limit", "solution_limit"),
        ("compile_error", "compile_error"),
        ("sandbox_failure", "infrastructure"),
    ],
)
def test_the_first_failure_is_the_cause(status: RunStatus, cause: str) -> None:
    assert truth(f"<{status}>", "5") == f"failed: {cause}"


def test_output_that_can_be_no_truth_is_a_cause() -> None:
    assert truth("", " \n") == "failed: empty_output"
    assert truth("nan", "nan") == "failed: invalid_truth"


def test_a_single_solution_cannot_agree_with_itself() -> None:
    assert truth("5") == "failed: disagreement"
    assert truth("5", agree=1) == "5"


def test_the_truth_is_written_as_the_earliest_solution_of_the_winners_wrote_it() -> None:
    assert truth("9", "0.50", " 0.5 ") == "0.50"


def test_words_are_joined_by_single_spaces() -> None:
    environment, sandbox = prints("1\n2  3\n", "1 2 3")
    environment = environment.model_copy(update={"answer_type": "array"})
    found = References(runner(sandbox), 3, 2, Limits()).truths(environment, [b"1\n"])
    assert found == ["1 2 3"]


def test_each_input_is_settled_by_itself_and_no_solution_is_run_in_vain() -> None:
    def third_differs(data: bytes) -> RunResult:
        return ok("7" if data == b"3\n" else "5")

    sandbox = ScriptedSandbox({"a": lambda _: ok("5"), "b": third_differs, "c": third_differs})
    environment = program_environment(solutions=solutions("a", "b", "c"))
    references = References(runner(sandbox), 3, 2, Limits())
    assert references.truths(environment, [b"1\n", b"2\n", b"3\n"]) == ["5", "5", "7"]
    assert sandbox.calls == [("a", 3), ("b", 3), ("c", 1)]


def test_a_failure_of_the_sandbox_is_tried_once_more() -> None:
    broken = RunResult("sandbox_failure", error="no memory")
    sandbox = ScriptedSandbox({"a": [ok("5"), broken, ok("6")], "b": [ok("5"), ok("6")]})
    environment = program_environment(solutions=solutions("a", "b"))
    references = References(runner(sandbox), 3, 2, Limits())
    assert references.truths(environment, [b"1\n", b"2\n"]) == ["5", "6"]
    assert sandbox.calls == [("a", 2), ("a", 1), ("b", 2)]


def test_no_inputs_run_nothing() -> None:
    environment, sandbox = prints("5", "5")
    assert References(runner(sandbox), 3, 2, Limits()).truths(environment, []) == []
    assert sandbox.calls == []
