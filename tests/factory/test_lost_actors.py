"""When work whose actors die is given up, and what the reason says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scaler_core.factory.ray_cluster import (
    ACTORS_A_WORK_MAY_KILL,
    ACTORS_A_WORK_MAY_LOSE,
    ActorLost,
    LostActors,
)


@given(st.lists(st.booleans(), min_size=30, max_size=30))
def test_work_is_given_up_at_its_second_actor_or_when_too_many_are_lost(begun: list[bool]) -> None:
    lost = LostActors("'sum'")
    tries = [lost.add(ActorLost(f"host {index}", at_it)) for index, at_it in enumerate(begun)]
    given_up = next(index for index, reason in enumerate(tries, start=1) if reason)
    assert given_up <= ACTORS_A_WORK_MAY_LOSE
    deaths = sum(begun[:given_up])
    assert (deaths == ACTORS_A_WORK_MAY_KILL) or (given_up == ACTORS_A_WORK_MAY_LOSE)
    assert f"host {given_up - 1}" in tries[given_up - 1]
    assert "'sum'" in tries[given_up - 1]


def test_an_actor_in_whose_queue_work_waited_is_no_death_of_it() -> None:
    lost = LostActors("this work")
    for _ in range(ACTORS_A_WORK_MAY_LOSE - 1):
        assert lost.add(ActorLost("host", begun=False)) == ""
    assert lost.deaths == []
    assert lost.add(ActorLost("host", begun=False)).startswith("20 Ray actors died before")
