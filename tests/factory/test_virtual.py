"""Instances for backends that need none."""

from __future__ import annotations

from scaler_core.factory.interface import VirtualFactory
from scaler_core.models import ComponentChoice, Instance, Response, Ticket
from scaler_core.testing.environments import program_environment
from tests.factory.natives import Adder


def test_instances_are_empty_and_say_where_they_come_from() -> None:
    factory = VirtualFactory()
    for environment in (program_environment(), Adder()):
        made = factory.make(environment, 2, [5, 6])
        assert all(isinstance(item, Instance) for item in made)
        places = [
            (item.environment_id, item.level, item.seed, item.messages, item.truth)
            for item in made
            if isinstance(item, Instance)
        ]
        assert places == [(environment.id, 2, seed, (), "") for seed in (5, 6)]
    assert factory.counters() == {"made": 4}
    factory.close()


def test_nothing_can_be_scored() -> None:
    ticket = Ticket(
        id="1",
        step=1,
        environment_id="x",
        level=0,
        seed=0,
        messages=(),
        truth="",
        verifier=ComponentChoice(use="native"),
    )
    assert VirtualFactory().score(Response(text=""), ticket).result == "undecided"
