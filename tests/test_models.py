"""How one record is made of another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from scaler_core.models import (
    ComponentChoice,
    Environment,
    Event,
    Instance,
    Outcome,
    Ticket,
    Tolerance,
    Verdict,
)
from scaler_core.testing.environments import program_environment, sum_problem


def test_a_ticket_repeats_whatever_it_shares_with_its_instance_and_takes_the_judge_it_is_given():
    instance = Instance(
        environment_id="sums",
        level=3,
        seed=17,
        messages=({"role": "user", "content": "What is 2 + 3?"},),
        truth="5",
        answer_type="number",
        verifier=ComponentChoice(use="native"),
    )
    judge = ComponentChoice(use="typed", options={"answer_type": "number"})
    ticket = Ticket.of(instance, id="4.0.sums", step=4, verifier=judge, draw=2, attempt=1)
    assert (ticket.id, ticket.step, ticket.draw, ticket.attempt) == ("4.0.sums", 4, 2, 1)
    assert ticket.verifier == judge
    for name in Ticket.model_fields.keys() & Instance.model_fields.keys() - {"verifier"}:
        assert getattr(ticket, name) == getattr(instance, name), name


def test_an_environment_without_a_tolerance_is_written_and_hashed_as_before_there_were_any():
    environment = program_environment()
    written = environment.model_dump(mode="json")
    assert "tolerance" not in written["problem"]
    assert Environment.model_validate(written) == environment
    stated = sum_problem(tolerance=Tolerance(kind="absolute", value=1e-4))
    changed = program_environment(problem=stated)
    assert changed.content_hash != environment.content_hash
    assert Environment.model_validate(changed.model_dump(mode="json")) == changed
    assert changed.tolerance == stated.tolerance
    assert program_environment(problem=stated, answer_type="string").tolerance is None


TASK = {"environment_id": "e", "level": 0, "seed": 0, "messages": (), "truth": "1"}
HOLDERS: list[Callable[[float], object]] = [
    lambda number: Instance(**TASK, testcase={"rows": [[1.5, number]]}),
    lambda number: Instance(**TASK, metadata={"weights": {"a": number}}),
    lambda number: ComponentChoice(use="typed", options={"bound": number}),
    lambda number: Verdict(result="correct", score=number),
    lambda number: Verdict.scored(0.5, components={"style": number}),
    lambda number: Outcome(level=0, correct=0, decided=1, score=number),
    lambda number: Event(kind="moved", step=1, evidence={"d": number}),
]


@pytest.mark.parametrize("make", HOLDERS)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_refused_by_every_record(make, number):
    with pytest.raises(ValidationError, match=r"finite number"):
        make(number)
