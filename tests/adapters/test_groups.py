"""Groups are recorded when they are whole, in whatever order their responses are judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scaler_core.adapters.groups as groups
from scaler_core.adapters.groups import GroupRecorder
from scaler_core.models import ComponentChoice, Response, Ticket, Verdict


class Scripted:
    """A feed whose verdict is in the response."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, list[str]]] = []

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        return Verdict.correct() if response.text == "1" else Verdict.incorrect("wrong")

    def record(self, ticket: Ticket, verdicts: Any, responses: Any) -> None:
        assert [item.result == "correct" for item in verdicts] == [
            item.text == "1" for item in responses
        ]
        self.recorded.append((ticket.id, sorted(item.text for item in responses)))


def ticket(number: int) -> Ticket:
    return Ticket(
        id=f"t{number}",
        step=1,
        environment_id="e",
        level=0,
        seed=number,
        messages=(),
        truth="1",
        verifier=ComponentChoice(use="math"),
    )


@settings(max_examples=20)
@given(st.permutations([(number, copy) for number in range(3) for copy in range(3)]))
def test_each_group_is_recorded_once_and_whole(order: list[tuple[int, int]]) -> None:
    feed = Scripted()
    recorder = GroupRecorder(feed, responses=3)  # type: ignore[arg-type]
    for number, copy in order:
        recorder.judge(ticket(number), Response(text=str(copy)))
    assert sorted(feed.recorded) == [(f"t{number}", ["0", "1", "2"]) for number in range(3)]


def test_of_groups_that_lost_a_response_the_oldest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 2)
    feed = Scripted()
    recorder = GroupRecorder(feed, responses=2)  # type: ignore[arg-type]
    for number in (0, 1, 2, 2, 1, 0):
        recorder.judge(ticket(number), Response(text="1"))
    assert [name for name, _ in feed.recorded] == ["t2", "t1"]
