"""Lookahead: what it names is what is drawn, and nothing but time depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.errors import DataError
from scaler_core.factory import InstanceFailure, InstanceRequest
from scaler_core.factory.ready import ReadyFactory
from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import Batch, Ticket
from scaler_plugins.controllers.fixed import Fixed
from scaler_plugins.curators.active_set import ActiveSet
from scaler_plugins.curators.everything import All
from tests.run.worlds import ScriptedFactory, World

Place = tuple[str, int, int]


class Listening(ScriptedFactory):
    """Keeps the hints that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.hints: list[list[InstanceRequest]] = []

    def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
        self.hints.append(list(requests))

    def named(self, hint: int = -1) -> list[Place]:
        """Environment, level and seed of all that a hint names, in its order."""
        return [
            (item.environment.id, item.level, seed)
            for item in self.hints[hint]
            for seed in item.seeds
        ]

    def levels(self) -> list[int]:
        """The levels that the last hint names, in its order."""
        return list(dict.fromkeys(level for _, level, _ in self.named()))


def listening(count: int = 4, **options: Any) -> tuple[World, Listening]:
    """A world whose factory takes hints; everything stays active unless *options* say otherwise."""
    factory = Listening()
    return World(count, factory=factory, **{"curator": All(), "ready": 2, **options}), factory


def places(batch: Batch) -> list[Place]:
    return [(item.environment_id, item.level, item.seed) for item in batch.tickets]


def skill(ticket: Ticket) -> int:
    """Right responses of 8: environments differ, and none stands still."""
    return (int(ticket.environment_id[1:]) * 5 + ticket.step * 3 + ticket.level) % 9


@settings(max_examples=40)
@given(
    count=st.integers(1, 9),
    prompts=st.integers(1, 20),
    ready=st.integers(1, 4),
    levels=st.integers(1, 6),
)
def test_whatever_a_step_draws_was_named_after_the_draw_before_and_after_the_record(
    count: int, prompts: int, ready: int, levels: int
) -> None:
    world, factory = listening(count, prompts=prompts, ready=ready, levels=levels)
    world.step(skill)
    for _ in range(8):
        after_draw, after_record = factory.named(-2), factory.named(-1)
        drawn = set(places(world.step(skill)))
        assert drawn <= set(after_record)
        assert drawn <= set(after_draw)
        assert len(set(after_record)) == len(after_record)


def test_the_levels_around_d_come_first_for_every_environment() -> None:
    world, factory = listening(2, prompts=4)
    for _ in range(3):
        world.step(lambda ticket: 8)
    world.step(lambda ticket: 6)
    assert world.engine.difficulty("e00") == 3.5
    assert [(item.environment.id, item.level) for item in factory.hints[-1]] == [
        ("e00", 3),
        ("e00", 4),
        ("e01", 3),
        ("e01", 4),
        ("e00", 2),
        ("e00", 5),
        ("e01", 2),
        ("e01", 5),
    ]


def test_levels_stay_between_0_and_the_highest_that_may_be_drawn() -> None:
    world, factory = listening(1, prompts=2, levels=3)
    world.feed.draw()
    assert factory.levels() == [0, 1]
    world, factory = listening(1, prompts=2, levels=3)
    for _ in range(5):
        world.step(lambda ticket: 8)
    assert factory.levels() == [2, 1]


def test_a_level_whose_prompt_is_too_long_is_not_named_any_more() -> None:
    world, factory = listening(1, prompts=2)
    world.feed.measure_prompts(lambda messages: len(messages[-1]["content"]), limit=6)
    for _ in range(4):
        world.step(lambda ticket: 8)
    assert world.engine.top_level("e00") == 2
    assert factory.levels() == [2, 1]


@pytest.mark.parametrize(("prompts", "named"), [(2, 3), (8, 4), (9, 5)])
def test_as_many_are_named_as_an_environment_can_draw_and_no_fewer_than_asked_for(
    prompts: int, named: int
) -> None:
    world, factory = listening(2, prompts=prompts, ready=3)
    world.feed.draw()
    counts = Counter((name, level) for name, level, _ in factory.named())
    assert max(counts.values()) == named


def test_only_environments_that_have_prompts_in_the_next_step_are_named() -> None:
    world, factory = listening(1000, prompts=8)
    world.step()
    for _ in range(3):
        names = {name for name, _, _ in factory.named()}
        assert len(names) == 8
        assert names == {ticket.environment_id for ticket in world.step().tickets}


def test_other_controllers_are_foreseen_by_their_difficulty() -> None:
    world, factory = listening(1, prompts=2, controller=Fixed(Fixed.Config(level=4)))
    world.feed.draw()
    assert factory.levels() == [4, 3, 5]


def test_nothing_is_named_where_nothing_is_made_ahead() -> None:
    world, factory = listening(ready=0)
    world.step()
    assert factory.hints == []


def test_nothing_is_named_after_the_last_step() -> None:
    world, factory = listening(last_step=2)
    world.step()
    world.feed.draw()
    assert len(factory.hints) == 2


def test_a_resumed_feed_names_what_it_draws_first() -> None:
    world, _ = listening()
    for _ in range(3):
        world.step(skill)
    resumed, factory = listening()
    resumed.feed.load_state_dict(world.feed.state_dict())
    named = set(factory.named())
    assert set(places(resumed.feed.draw())) <= named
    fresh, factory = listening()
    fresh.feed.load_state_dict(listening()[0].feed.state_dict())
    assert factory.hints == [[]]


def test_a_difficulty_above_an_edited_pool_is_foreseen_at_its_top() -> None:
    world, _ = listening(1, prompts=2)
    for _ in range(6):
        world.step(lambda ticket: 8)
    lower, factory = listening(1, prompts=2, levels=3)
    lower.feed.load_state_dict(world.feed.state_dict())
    assert set(places(lower.feed.draw())) <= set(factory.named(0))


def test_a_fault_that_foresight_meets_is_left_to_the_draw() -> None:
    world, factory = listening(8, prompts=2)
    world.step()

    def damaged(name: str) -> AnyEnvironment:
        raise DataError(f"{name} is damaged")

    world.engine.environment = damaged  # type: ignore[assignment]
    hints = len(factory.hints)
    world.group_feed._prefetch(2)
    assert len(factory.hints) == hints
    with pytest.raises(DataError, match="is damaged"):
        world.feed.draw()


def trained(
    steps: int, ready: int, wrap: Callable[[ScriptedFactory], Any] = lambda inner: inner
) -> tuple[World, list[Batch], dict[str, Any]]:
    """A run with failures, retirements and a cap; *wrap* may put a buffer around the factory."""

    def answer(environment: AnyEnvironment, level: int, seed: int) -> InstanceFailure | str:
        bad = environment.id == "e03" or seed % 5 == 0
        return InstanceFailure("disagreement", "1 != 2") if bad else str(seed)

    curator = ActiveSet(ActiveSet.Config(size=4, k_zero=2))
    factory = wrap(ScriptedFactory(answer))
    world = World(12, prompts=6, factory=factory, curator=curator, ready=ready)
    world.feed.measure_prompts(lambda messages: len(messages[-1]["content"]), limit=6)
    batches = [world.step(skill) for _ in range(steps)]
    return world, batches, world.feed.state_dict()


def test_a_feed_with_foresight_decides_and_remembers_what_one_without_does() -> None:
    expected, batches, state = trained(25, ready=0)
    assert {event.kind for event in expected.events} >= {"quarantined", "level_capped", "retired"}
    for ready in (1, 5):
        buffers: list[ReadyFactory] = []

        def wrap(inner: ScriptedFactory, buffers: list[ReadyFactory] = buffers) -> ReadyFactory:
            buffers.append(ReadyFactory(inner))
            return buffers[-1]

        world, drawn, remembered = trained(25, ready, wrap)
        with closing(buffers[0]):
            assert (world.events, drawn, remembered) == (expected.events, batches, state)
            assert buffers[0].counters()["ready/made_ahead"] > 0
