"""How one record is made of another."""

from __future__ import annotations

from scaler_core.models import ComponentChoice, Instance, Ticket


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
