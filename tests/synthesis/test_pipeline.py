"""Problems go through the stages once, and whatever stops a run, the next one goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler_core.endpoint import BudgetSpent, EndpointFailed
from scaler_core.errors import DataError, InfrastructureError, PluginError, UsageError
from scaler_core.synthesis.journey import Step
from scaler_core.synthesis.pipeline import FAILURES_IN_A_ROW, Synthesis
from scaler_core.synthesis.sources import Unusable
from tests.synthesis.faking import ActedStages, Shelf, passed, refused, run, settings, shelf
from tests.synthesis.problems import source_problem

NEVER = ActedStages(lambda *_: pytest.fail("nothing is left to do"))


def failing_checks(*problems: str, times: int = 99):
    """The checks refuse the first *times* generators of these problems."""

    def act(step, problem):
        wrong = step.stage == "check" and problem.id in problems and step.attempt < times
        return refused(step) if wrong else passed(step, problem)

    return act


# ------------------------------------------------------------------ going through


def test_every_problem_goes_through_every_stage_once(tmp_path: Path):
    stages = ActedStages(passed)
    ran = run(tmp_path, shelf(12), stages)
    assert ran.status.accepted == 12
    assert set(stages.done.values()) == {1}
    assert len(stages.done) == 12 * 4
    assert ran.yields.accepted == 12
    run(tmp_path, shelf(12), NEVER)


def test_a_generator_that_fails_is_followed_by_another_one(tmp_path: Path):
    stages = ActedStages(failing_checks("p000", times=2))
    ran = run(tmp_path, shelf(2), stages)
    assert ran.status.accepted == 2
    assert stages.done["p000", Step("generate", 2)] == 1
    assert ran.index.trail("p000").notes[-1][0] == Step("calibrate", 2)


def test_after_the_last_generator_the_problem_is_rejected(tmp_path: Path):
    ran = run(tmp_path, shelf(2), ActedStages(failing_checks("p000")))
    assert (ran.status.accepted, ran.status.rejected) == (1, 1)
    (refusal,) = ran.yields.refusals
    assert (refusal.check, refusal.problems, refusal.attempts) == ("breadth", 1, 2)


def test_a_component_that_writes_nothing_is_not_asked_again(tmp_path: Path):
    def act(step, problem):
        return refused(step, "reply") if step.stage == "generate" else passed(step, problem)

    stages = ActedStages(act)
    run(tmp_path, shelf(1), stages)
    assert sum(stages.done.values()) == 2


def test_what_gives_no_problem_is_counted_with_the_filters(tmp_path: Path):
    broken = Unusable.because("unreadable", "row 7: no name", id="row-7", source="tests")
    twin = source_problem("twin", statement=source_problem("p").problem.statement)
    items = [broken, source_problem("p"), twin]
    ran = run(tmp_path, Shelf(items), ActedStages(passed))
    assert (ran.status.accepted, ran.status.rejected) == (1, 2)
    assert ran.refusals == {"row-7": "unreadable", "twin": "duplicate"}


def test_a_run_may_end_before_the_last_stage_and_look_at_some_problems_only(tmp_path: Path):
    stages = ActedStages(passed)
    dataset = shelf(9)
    ran = run(tmp_path, dataset, stages, until="generate", limit=4)
    assert ran.status.read == dataset.read == 4
    assert {step.stage for _, step in stages.done} == {"extract", "generate"}
    again = ActedStages(passed)
    run(tmp_path, shelf(9), again)
    assert again.done["p000", Step("extract", 0)] == 0
    assert again.done["p000", Step("check", 0)] == 1
    assert again.done["p008", Step("extract", 0)] == 1


def test_reading_waits_while_too_many_problems_are_in_flight(tmp_path: Path):
    dataset = shelf(40)
    ended, ahead = [], []

    def act(step, problem):
        ahead.append(dataset.read - len(ended))
        if step.stage == "calibrate":
            ended.append(problem.id)
        return passed(step, problem)

    stages = ActedStages(act)
    run(tmp_path, dataset, stages, in_flight=3)
    assert len(ended) == 40
    assert stages.most_at_once == 3
    assert max(ahead) <= 3 + 1  # and one that is read already


# ------------------------------------------------------------------ going on


def test_an_outage_rejects_nobody_and_the_next_run_tries_again(tmp_path: Path):
    def act(step, problem):
        if problem.id == "p001" and step.stage == "generate":
            return EndpointFailed("the endpoint is away")
        if problem.id == "p002" and step.stage == "check":
            return InfrastructureError("the sandbox broke")
        return passed(step, problem)

    ran = run(tmp_path, shelf(4), ActedStages(act))
    assert set(ran.status.undone) == {"p001", "p002"}
    assert not ran.synthesis.stop_reason
    yields = ran.yields
    assert (yields.accepted, yields.rejected, yields.waiting) == (2, 0, 2)
    again = ActedStages(passed)
    ran = run(tmp_path, shelf(4), again)
    assert ran.status.accepted == 4
    assert set(again.done) == {
        ("p001", Step("generate", 0)),
        ("p001", Step("check", 0)),
        ("p001", Step("calibrate", 0)),
        ("p002", Step("check", 0)),
        ("p002", Step("calibrate", 0)),
    }


@pytest.mark.parametrize(
    ("error", "reason"),
    [(EndpointFailed("away"), "endpoint"), (InfrastructureError("broken"), "machine")],
)
def test_an_outage_that_lasts_stops_the_run(tmp_path: Path, error, reason):
    stages = ActedStages(lambda *_: error)
    ran = run(tmp_path, shelf(100), stages, in_flight=4)
    assert ran.synthesis.stop_reason == reason
    assert FAILURES_IN_A_ROW <= len(stages.done) <= FAILURES_IN_A_ROW + 4


def test_failures_between_successes_stop_nothing(tmp_path: Path):
    def act(step, problem):
        bad = int(problem.id[1:]) % 2
        return EndpointFailed("away") if bad else passed(step, problem)

    ran = run(tmp_path, shelf(40), ActedStages(act), in_flight=1)
    assert not ran.synthesis.stop_reason
    assert len(ran.status.undone) == 20


def test_a_spent_budget_lets_checks_go_on_and_reads_no_further(tmp_path: Path):
    def act(step, problem):
        if step.stage == "generate" and problem.id == "p003":
            return BudgetSpent("the budget is spent", hint="run again with a larger one")
        return passed(step, problem)

    dataset = shelf(60)
    ran = run(tmp_path, dataset, ActedStages(act), in_flight=6)
    assert ran.synthesis.stop_reason == "budget"
    assert str(ran.synthesis.stop_error).startswith("the budget is spent")
    assert dataset.read < 60
    # those that were in flight and needed no money came to their end
    assert ran.status.accepted >= 3
    assert sum(ran.status.under_way.values()) == 0


def test_a_sandbox_that_never_works_stops_the_run_although_requests_succeed(tmp_path: Path):
    """Or else replies for the whole dataset would be paid for, and none of them checked."""

    def act(step, problem):
        return InfrastructureError("broken") if step.stage == "check" else passed(step, problem)

    ran = run(tmp_path, shelf(100), ActedStages(act), in_flight=2)
    assert ran.synthesis.stop_reason == "machine"
    assert ran.status.read <= FAILURES_IN_A_ROW + 4


def test_an_endpoint_that_is_away_stops_the_run_although_checks_succeed(tmp_path: Path):
    half = Shelf(shelf(60).items[::2])
    run(tmp_path, half, ActedStages(passed), until="generate")

    def act(step, problem):
        return EndpointFailed("away") if step.stage == "extract" else passed(step, problem)

    ran = run(tmp_path, shelf(60), ActedStages(act), in_flight=2)
    assert ran.synthesis.stop_reason == "endpoint"
    assert ran.status.read <= 2 * FAILURES_IN_A_ROW + 4


def test_an_endpoint_that_takes_no_question_at_all_stops_the_run(tmp_path: Path):
    """A wrong option, or a wrong model that is told so with a 400: no problem is to blame."""

    def act(step, problem):
        return refused(step, "request_refused")

    stages = ActedStages(act)
    ran = run(tmp_path, shelf(100), stages, in_flight=4)
    assert ran.synthesis.stop_reason == "endpoint"
    assert "--retry-rejected request_refused" in str(ran.synthesis.stop_error)
    assert len(stages.done) <= FAILURES_IN_A_ROW + 4
    ran = run(tmp_path, shelf(100), ActedStages(passed), retry="request_refused")
    assert ran.status.accepted == 100


def test_single_questions_that_are_refused_stop_nothing(tmp_path: Path):
    def act(step, problem):
        long = int(problem.id[1:]) % 5 and step.stage == "extract"
        return refused(step, "request_refused") if long else passed(step, problem)

    ran = run(tmp_path, shelf(40), ActedStages(act), in_flight=1)
    assert not ran.synthesis.stop_reason
    assert ran.status.rejected == 32


@pytest.mark.parametrize("weightier", ["endpoint", "machine", "interrupted"])
def test_a_spent_budget_does_not_keep_a_run_from_being_stopped(tmp_path: Path, weightier):
    holder: list[Synthesis] = []

    def act(step, problem):
        if problem.id == "p000":
            return BudgetSpent("the budget is spent")
        if step.stage == "check":
            assert holder[0].stop_reason in ("budget", weightier)
            holder[0].stop(weightier)
        return passed(step, problem)

    stages = ActedStages(act)
    ran = run(tmp_path, shelf(8), stages, in_flight=8, during=holder.append)
    assert ran.synthesis.stop_reason == weightier
    assert stages.stopping
    assert ran.status.accepted == 0  # nobody begins another stage


def test_an_interrupt_that_is_obeyed_at_once_is_no_error(tmp_path: Path):
    holder: list[Synthesis] = []

    def act(step, problem):
        holder[0].stop("interrupted")
        raise KeyboardInterrupt  # what the second Ctrl-C does to whatever runs

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, shelf(3), ActedStages(act), during=holder.append)
    assert holder[0].stop_reason == "interrupted"


def test_an_error_after_the_budget_was_spent_is_not_swallowed(tmp_path: Path):
    def act(step, problem):
        if problem.id == "p000":
            return BudgetSpent("the budget is spent")
        return PluginError("llm raised") if step.stage == "generate" else passed(step, problem)

    with pytest.raises(PluginError, match="llm raised"):
        run(tmp_path, shelf(8), ActedStages(act), in_flight=8)


def test_an_interrupt_ends_every_problem_after_its_stage(tmp_path: Path):
    holder: list[Synthesis] = []

    def act(step, problem):
        if step.stage == "check":
            holder[0].stop("interrupted")
        return passed(step, problem)

    stages = ActedStages(act)
    ran = run(tmp_path, shelf(30), stages, in_flight=5, during=holder.append)
    assert ran.synthesis.stop_reason == "interrupted"
    assert stages.stopping
    done = sum(len(ran.index.trail(item).notes) - 1 for item in ran.index)
    assert done == sum(stages.done.values())  # nothing that was done is lost
    again = ActedStages(passed)
    ran = run(tmp_path, shelf(30), again)
    assert ran.status.accepted == 30
    assert not set(again.done) & set(stages.done)


@pytest.mark.parametrize("error", [UsageError("no such model"), PluginError("llm raised")])
def test_an_error_that_concerns_all_problems_ends_the_run(tmp_path: Path, error):
    def act(step, problem):
        return error if problem.id == "p005" else passed(step, problem)

    with pytest.raises(type(error)):
        run(tmp_path, shelf(50), ActedStages(act), in_flight=2)
    again = ActedStages(passed)
    run(tmp_path, shelf(50), again)
    assert ("p000", Step("extract", 0)) not in again.done


def test_a_dataset_that_breaks_off_lets_what_is_under_way_come_to_its_end(tmp_path: Path):
    class Torn(Shelf):
        def __iter__(self):
            yield from super().__iter__()
            raise DataError("cannot read the rest")

    stages = ActedStages(passed)
    with pytest.raises(DataError, match="cannot read the rest"):
        run(tmp_path, Torn(shelf(5).items), stages, in_flight=3)
    assert len(stages.done) < 5 * 4  # nobody begins another stage
    again = ActedStages(passed)
    ran = run(tmp_path, shelf(5), again)
    assert ran.status.accepted == 5
    assert not set(again.done) & set(stages.done)


# ------------------------------------------------------------------ once more


def test_rejected_problems_are_tried_again_when_that_is_asked_for(tmp_path: Path):
    def act(step, problem):
        if problem.id == "p000" and step.stage == "extract":
            return refused(step, "not_unique")
        return failing_checks("p001")(step, problem)

    run(tmp_path, shelf(3), ActedStages(act))
    run(tmp_path, shelf(3), NEVER)
    again = ActedStages(passed)
    ran = run(tmp_path, shelf(3), again, retry="breadth")
    assert (ran.status.accepted, ran.status.rejected) == (2, 1)
    # another generator: the ones before are not written again
    assert set(again.done) == {("p001", Step(s, 3)) for s in ("generate", "check", "calibrate")}
    run(tmp_path, shelf(3), NEVER)
    ran = run(tmp_path, shelf(3), ActedStages(passed), retry="")
    assert ran.status.accepted == 3


def test_a_problem_rests_where_it_came_furthest_for_yields_refusals_and_retries(tmp_path: Path):
    def act(step, problem):
        if step.stage == "calibrate":
            return refused(step, "too_long")
        return refused(step, "pairs") if step[:] == ("check", 2) else passed(step, problem)

    ran = run(tmp_path, shelf(1), ActedStages(act))
    assert ran.refusals == {"p000": "too_long"}
    figures = {item.check: (item.problems, item.attempts) for item in ran.yields.refusals}
    assert figures == {"too_long": (1, 1), "pairs": (0, 1)}
    run(tmp_path, shelf(1), NEVER, retry="pairs")
    ran = run(tmp_path, shelf(1), ActedStages(passed), retry="too_long")
    assert ran.status.accepted == 1


def test_fewer_generators_than_before_take_no_environment_away_unasked(tmp_path: Path):
    run(tmp_path, shelf(1), ActedStages(failing_checks("p000", times=2)))
    fewer = settings().model_copy(update={"generators": 2})
    with pytest.raises(UsageError, match="up to 3 generators a problem, and now 2"):
        run(tmp_path, shelf(1), NEVER, told=fewer)
    ran = run(tmp_path, shelf(1), NEVER, told=fewer, redo_changed=True)
    assert ran.status.accepted == 0
    ran = run(tmp_path, shelf(1), NEVER, told=settings())
    assert ran.status.accepted == 1


def test_more_generators_than_before_find_those_that_are_there(tmp_path: Path):
    def act(step, problem):
        mute = step == Step("generate", 0)
        return refused(step, "reply") if mute else passed(step, problem)

    run(tmp_path, shelf(1), ActedStages(act))
    assert run(tmp_path, shelf(1), ActedStages(act), retry="reply").status.accepted == 1
    more = settings().model_copy(update={"generators": 5})
    assert run(tmp_path, shelf(1), NEVER, told=more).status.accepted == 1


def test_a_problem_that_was_edited_is_done_anew(tmp_path: Path):
    run(tmp_path, shelf(2), ActedStages(passed))
    items = [source_problem("p000"), source_problem("p001", time_limit_s=9.0)]
    again = ActedStages(passed)
    run(tmp_path, Shelf(items), again)
    assert {name for name, _ in again.done} == {"p001"}
    run(tmp_path, shelf(2), NEVER)  # and what was known of the former one still is


# ------------------------------------------------------------------ other settings


def test_other_settings_are_refused_until_their_stages_may_be_done_again(tmp_path: Path):
    run(tmp_path, shelf(3), ActedStages(passed))
    other = settings(generate={"model": "b"})
    with pytest.raises(UsageError, match=r"generate was done for 3 problems.*model is now 'b'"):
        run(tmp_path, shelf(3), NEVER, told=other)
    run(tmp_path, shelf(3), NEVER)  # nothing was changed by the refusal
    again = ActedStages(passed)
    run(tmp_path, shelf(3), again, told=other, redo_changed=True)
    assert {step.stage for _, step in again.done} == {"generate", "check", "calibrate"}
    # the former results are still there for the former settings
    run(tmp_path, shelf(3), NEVER, redo_changed=True)


def test_settings_of_stages_that_were_never_done_may_change(tmp_path: Path):
    run(tmp_path, shelf(3), ActedStages(passed), until="extract")
    run(tmp_path, shelf(3), ActedStages(passed), told=settings(check={"breadth": 7}))


def test_results_of_another_dataset_are_not_mixed_in_unasked(tmp_path: Path):
    run(tmp_path, shelf(3), ActedStages(passed))
    moved = settings().model_copy(update={"problems": "moved"})
    with pytest.raises(UsageError, match=r"was made of shelf, not of moved.*--redo-changed"):
        run(tmp_path, shelf(3), NEVER, told=moved)
    run(tmp_path, shelf(3), NEVER, told=moved, redo_changed=True)
