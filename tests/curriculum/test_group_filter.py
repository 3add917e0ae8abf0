"""Dynamic sampling: further groups until enough of them teach, all of them recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.curriculum.group_filter import GroupFilter
from scaler_core.errors import BackendProtocolError, UsageError
from scaler_core.interfaces import Oversampling
from scaler_core.models import Ticket, Verdict
from scaler_core.run.opening import open_run
from scaler_plugins.backends.simulated import Simulated
from tests.run.test_run import HOST, make_pool, recipe
from tests.run.worlds import World, group

RIGHT, WRONG = Verdict.correct("1"), Verdict.incorrect("wrong")


@given(
    wanted=st.integers(1, 100),
    oversample=st.floats(1, 10),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=50),
)
def test_a_step_ends_with_what_it_wants_or_at_its_bound(
    wanted: int, oversample: float, shares: list[float]
) -> None:
    plan = Oversampling(wanted, oversample)
    drawn = informative = waves = 0
    while count := plan.more(drawn, informative):
        drawn += count
        informative += round(count * shares[waves % len(shares)])
        waves += 1
        assert drawn <= plan.most <= max(wanted, oversample * wanted)
    assert informative >= wanted or drawn == plan.most


def test_the_first_wave_is_what_is_wanted_and_the_next_follows_the_share() -> None:
    plan = Oversampling(64, 4)
    assert plan.more(0, 0) == 64
    assert plan.more(64, 32) == 64
    assert plan.more(64, 64) == 0
    assert plan.more(64, 0) == 64
    assert plan.more(256, 10) == 0


class Feed:
    """A feed that counts what is drawn and recorded."""

    def __init__(self) -> None:
        self.drawn: list[str] = []
        self.recorded: list[str] = []
        self._tickets = World(4, prompts=8).feed.draw().tickets

    def draw_many(self, count: int) -> list[Ticket]:
        first = len(self.drawn)
        self.drawn += [str(number) for number in range(first, first + count)]
        ticket = self._tickets[0]
        return [ticket.model_copy(update={"id": name}) for name in self.drawn[first:]]

    def record(self, ticket: Ticket, verdicts: object, responses: object = ()) -> None:
        self.recorded.append(ticket.id)


def test_a_loop_keeps_informative_groups_and_records_all() -> None:
    feed = Feed()
    step: GroupFilter[str] = GroupFilter(feed, Oversampling(4, 3))
    waves = []
    while tickets := step.draw():
        waves.append(len(tickets))
        for ticket in tickets:
            teaches = int(ticket.id) % 2 == 0
            verdicts = [RIGHT, WRONG if teaches else RIGHT]
            step.record(ticket, verdicts, payload=f"rollouts {ticket.id}")
    assert waves == [4, 4]
    assert [payload for _, payload in step.kept] == [f"rollouts {n}" for n in (0, 2, 4, 6)]
    assert feed.recorded == feed.drawn
    assert (step.drawn, step.informative) == (8, 4)


def test_a_wave_is_recorded_before_the_next() -> None:
    step: GroupFilter[None] = GroupFilter(Feed(), Oversampling(4, 3))
    step.draw()
    with pytest.raises(UsageError, match="4 tickets of the last draw were not recorded"):
        step.draw()


def test_an_extended_step_ends_with_all_its_tickets() -> None:
    world = World(4, prompts=4)
    with pytest.raises(BackendProtocolError, match="no step is open"):
        world.feed.extend(2)
    tickets = [*world.feed.draw().tickets, *world.feed.extend(3).tickets]
    assert len({ticket.id for ticket in tickets}) == 7
    world.feed.record(1, [group(ticket, 4) for ticket in tickets])
    assert world.feed.step == 1
    assert world.feed.metrics["decided"] == 56
    assert world.feed.metrics["responses_per_informative"] == 8
    assert len(world.feed.draw().tickets) == 4


def test_a_filtered_run_learns_from_informative_groups_and_resumes(tmp_path: Path) -> None:
    settings = recipe(
        make_pool(tmp_path / "pool"), batch={"prompts": 6, "responses": 4, "filter": "informative"}
    )
    run = open_run(settings, run_dir=tmp_path / "run", host=HOST)
    run.train()
    lines = list(run.files.read_log("metrics.jsonl"))
    decided = [line["decided"] for line in lines]
    assert max(decided) > 6 * 4
    assert all(line["decided"] <= 3 * 6 * 4 for line in lines)


def test_a_backend_that_filters_nothing_refuses_the_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = recipe(make_pool(tmp_path / "pool"), batch={"filter": "informative"})
    monkeypatch.setattr(Simulated, "filters_groups", False)
    with pytest.raises(UsageError, match=r"batch\.filter: backend 'simulated' filters no groups"):
        open_run(settings, run_dir=tmp_path / "run", host=HOST)
