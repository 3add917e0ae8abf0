"""Votes: who is outvoted, and when the testcase rather than a solution is to blame."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.audit.generator import LevelTestcase
from scaler_core.audit.programs import Programs
from scaler_core.audit.voting import InputBallot, VoteCount, cast_votes, count_votes
from scaler_core.errors import InfrastructureError
from scaler_core.factory import programs as factory_programs
from scaler_core.interfaces import RunResult
from scaler_core.testing.environments import program_environment
from tests.factory.scripted import ScriptedSandbox, ok, solutions

CRASH = RunResult("runtime_error", error="Segmentation fault")
SLOW = RunResult("time_limit", error="more than 10 CPU seconds", cpu_s=10.0)
BROKEN = RunResult("compile_error", error="expected ';'")


def said(*columns: Sequence[str | RunResult], budget_s: float = 1e9) -> list[InputBallot]:
    """Ballots of solutions, each given by what it says to one testcase after the other."""
    plays = {
        f"s{number}": [ok(item) if isinstance(item, str) else item for item in column]
        for number, column in enumerate(columns, start=1)
    }
    inputs = [
        LevelTestcase(0, seed, factory_programs.Testcase(b"%d\n" % seed, {}))
        for seed in range(len(columns[0]))
    ]
    environment = program_environment(solutions=solutions(*plays))
    programs = Programs(ScriptedSandbox(dict(plays)))
    return cast_votes(programs, environment, inputs, budget_s)[0]


def outcomes(count: VoteCount, number: int) -> list[str]:
    return [count.solution(index, "python", ()).outcome for index in range(1, number + 1)]


def test_the_majority_of_answering_solutions_wins():
    (ballot,) = said(["7"], ["8"], ["7"], [CRASH])
    assert ballot.majority is not None
    assert ballot.majority.solutions == [1, 3]
    assert ballot.differing == {2, 4}


@pytest.mark.parametrize("answers", [["7", "8"], ["7", "7", "8", "8"], ["1", "2", "3"]])
def test_an_answer_without_a_majority_makes_the_testcase_suspicious(answers):
    ballots = said(*([answer] for answer in answers))
    assert ballots[0].majority is None
    assert count_votes(ballots).suspicious == ballots


def test_a_testcase_on_which_all_solutions_crash_is_suspicious():
    assert len(count_votes(said([CRASH], [CRASH], [CRASH])).suspicious) == 1


def test_a_solution_that_is_always_wrong_makes_no_testcase_suspicious():
    count = count_votes(said(["1", "2"], ["1", "2"], ["1", "2"], ["9", "9"], [CRASH, CRASH]))
    assert count.suspicious == []
    assert outcomes(count, 5) == ["agrees", "agrees", "agrees", "disagrees", "fails"]


def test_a_generator_that_is_wrong_half_of_the_time_is_blamed_for_it():
    sound = ["1", "2", "3", "4"]
    others = ["1", "2", "33", "44"]
    count = count_votes(said(sound, sound, sound, sound, sound, others, others))
    assert [ballot.seed for ballot in count.suspicious] == [2, 3]
    assert outcomes(count, 7) == ["agrees"] * 7


def test_several_sound_solutions_that_differ_on_one_testcase_blame_the_testcase():
    good = ["1", "2", "3", "4"]
    odd = ["1", "2", "3", "77"]
    count = count_votes(said(good, good, good, good, odd, ["1", "2", "3", CRASH]))
    assert [ballot.seed for ballot in count.suspicious] == [3]
    assert outcomes(count, 6) == ["agrees"] * 6
    solution = count.solution(5, "python", ())
    assert (solution.agreed, solution.disagreed, solution.on_suspicious) == (3, 0, 1)
    assert count.disagreements()[0].suspicious


def test_one_sound_solution_that_differs_is_itself_to_blame():
    good = ["1", "2", "3", "4"]
    count = count_votes(said(good, good, good, good, ["1", "2", "3", "77"]))
    assert count.suspicious == []
    assert outcomes(count, 5) == ["agrees"] * 4 + ["disagrees"]
    assert "seed 3: it answers 77, 4 others 4" in count.solution(5, "python", ()).example


def test_limits_blame_the_solution_and_never_the_testcase():
    good = ["1", "2", "3", "4"]
    slow = ["1", "2", "3", SLOW]
    count = count_votes(said(good, good, slow, slow, slow, slow))
    assert count.suspicious == []
    assert outcomes(count, 6) == ["agrees", "agrees", "fails", "fails", "fails", "fails"]
    assert list(count.solution(3, "python", ()).failures) == ["solution_limit"]


def test_a_solution_that_does_not_compile_has_no_say():
    count = count_votes(said(["1"], ["1"], [BROKEN]))
    assert count.suspicious == []
    assert outcomes(count, 3) == ["agrees", "agrees", "does_not_compile"]
    assert count.disagreements() == ()


def test_a_slow_solution_is_run_until_the_budget_is_spent():
    answers = [str(number) for number in range(20)]
    ballots = said(answers, answers, [SLOW] * 20, budget_s=25.0)
    assert [3 in ballot.voters for ballot in ballots] == [True] * 3 + [False] * 17
    assert count_votes(ballots).solution(3, "python", ()).runs == 3


def test_a_sandbox_that_fails_says_nothing_about_a_solution():
    lost = RunResult("sandbox_failure", error="the guard ended early")
    with pytest.raises(InfrastructureError, match="guard ended early"):
        said(["1"], [lost, lost])


def test_long_answers_are_kept_short():
    ballots = said(["1" * 5000], ["2" * 5000], ["2" * 5000])
    (told,) = count_votes(ballots).disagreements()
    assert all(len(item.answer) <= 60 for item in told.answers)


votes = st.lists(st.sampled_from(["1", "2", "3", CRASH, SLOW]), min_size=4, max_size=4)


@given(st.lists(votes, min_size=1, max_size=6))
def test_counting_loses_no_run_and_blames_none_twice(columns):
    ballots = said(*columns)
    count = count_votes(ballots)
    for number in range(1, len(columns) + 1):
        solution = count.solution(number, "python", ())
        failed = sum(item.count for item in solution.failures.values())
        blamed = solution.disagreed + failed + solution.on_suspicious
        assert solution.runs == 4
        assert solution.agreed + blamed == 4 or any(ballot.majority is None for ballot in ballots)
        assert (solution.outcome == "agrees") == (solution.disagreed + failed == 0)


@given(st.integers(3, 8), st.integers(0, 1))
def test_unanimous_solutions_are_sound_whatever_one_other_says(sound, other):
    columns = [["1", "2", "3"]] * sound + [["5", "6", "7"]] * other
    count = count_votes(said(*columns))
    assert outcomes(count, sound) == ["agrees"] * sound
    assert count.suspicious == []
