"""Prompts are drawn a step at a time, and only when the trainer asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

pytest.importorskip("ray", reason="the trainer's end of the mailbox is a part of Ray")

from scaler_plugins.backends.openrlhf.mailbox import (
    Call,
    Caller,
    CallFailed,
    Item,
    Mailbox,
    TicketLoader,
)

pytestmark = pytest.mark.ray


class FakeCaller(Caller):
    """Answers as the session does, and keeps the calls."""

    def __init__(self, prompts: int) -> None:
        super().__init__(None)
        self.prompts = prompts
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, name: str, *arguments: Any) -> Any:
        self.calls.append((name, *arguments))
        if name == "restored":
            return None
        count = arguments[0] if name == "extend" else self.prompts
        assert name in ("draw", "extend")
        return [
            ("source", f"prompt {arguments[0]}.{index}", f"label {arguments[0]}.{index}")
            for index in range(count)
        ]


def loader(
    first_step: int = 1, last_step: int = 3, prompts: int = 2
) -> tuple[TicketLoader, FakeCaller]:
    caller = FakeCaller(prompts)
    return TicketLoader(caller, prompts, first_step, last_step), caller


def prompts_of(items: Iterator[Item]) -> list[str]:
    return [prompt for _, (prompt,), _, _ in items]


def test_nothing_is_drawn_before_the_first_prompt_is_asked_for() -> None:
    made, caller = loader()
    items = iter(made)
    assert caller.calls == []
    assert next(items) == (["source"], ["prompt 1.0"], ["label 1.0"], [None])
    assert caller.calls == [("draw", 1)]


def test_a_step_is_drawn_whole_and_the_next_one_not_before_it_is_asked_for() -> None:
    made, caller = loader()
    items = iter(made)
    assert prompts_of(islice(items, 2)) == ["prompt 1.0", "prompt 1.1"]
    assert caller.calls == [("draw", 1)], "the verdicts of step 1 are not recorded yet"
    assert prompts_of(islice(items, 1)) == ["prompt 2.0"]
    assert caller.calls == [("draw", 1), ("draw", 2)]


def test_a_step_is_extended_without_drawing_the_next_one() -> None:
    made, caller = loader()
    items = iter(made)
    assert len(prompts_of(islice(items, 2))) == 2
    assert len(made.extend(3)) == 3
    assert prompts_of(islice(items, 1)) == ["prompt 2.0"]
    assert caller.calls == [("draw", 1), ("extend", 3), ("draw", 2)]


def test_the_loader_ends_with_the_last_step() -> None:
    made, caller = loader(last_step=3)
    assert len(prompts_of(iter(made))) == 6
    assert caller.calls == [("draw", 1), ("draw", 2), ("draw", 3)]
    assert list(made) == []


def test_its_length_is_that_of_the_whole_run_wherever_it_begins() -> None:
    assert len(loader(last_step=50, prompts=8)[0]) == 400
    assert len(loader(first_step=20, last_step=50, prompts=8)[0]) == 400


def test_a_resumed_run_begins_with_the_step_after_its_checkpoint() -> None:
    made, caller = loader(first_step=3, last_step=4)
    assert prompts_of(iter(made)) == ["prompt 3.0", "prompt 3.1", "prompt 4.0", "prompt 4.1"]
    assert caller.calls == [("draw", 3), ("draw", 4)]


def test_after_a_stop_no_step_is_drawn() -> None:
    made, caller = loader(last_step=30)
    items = iter(made)
    prompts_of(islice(items, 2))
    made.stop()
    assert list(items) == []
    assert caller.calls == [("draw", 1)]


def test_a_stop_in_mid_step_gives_out_the_rest_of_the_step() -> None:
    made, caller = loader(last_step=30)
    items = iter(made)
    next(items)
    made.stop()
    assert prompts_of(items) == ["prompt 1.1"]
    assert caller.calls == [("draw", 1)]


def test_a_new_iterator_goes_on_and_draws_nothing_twice() -> None:
    made, caller = loader()
    prompts_of(islice(iter(made), 2))
    assert prompts_of(islice(iter(made), 2)) == ["prompt 2.0", "prompt 2.1"]
    assert caller.calls == [("draw", 1), ("draw", 2)]


def test_a_checkpoint_keeps_what_was_remembered_last() -> None:
    made, _ = loader()
    assert made.state_dict() == {}
    made.remember({"step": 1})
    made.remember({"step": 2})
    assert made.state_dict() == {"step": 2}


def test_a_restored_state_is_shown_to_the_session_and_kept() -> None:
    made, caller = loader(first_step=6)
    made.load_state_dict({"step": 5})
    assert caller.calls == [("restored", {"step": 5})]
    assert made.state_dict() == {"step": 5}


def test_what_the_session_cannot_answer_ends_the_loader() -> None:
    class Failing(FakeCaller):
        def __call__(self, name: str, *arguments: Any) -> Any:
            raise CallFailed("no environment is left")

    with pytest.raises(CallFailed, match="no environment is left"):
        next(iter(TicketLoader(Failing(2), 2, 1, 3)))


# ------------------------------------------------------------------ the mailbox


def test_a_call_waits_for_its_own_answer() -> None:
    async def scene() -> tuple[list[Call], list[Any]]:
        mailbox = Mailbox()
        waiting = [asyncio.ensure_future(mailbox.call("draw", step)) for step in (1, 2)]
        calls = [await mailbox.next_call() for _ in waiting]
        await mailbox.answer(calls[1].number, "second")
        await mailbox.answer(calls[0].number, "first")
        return calls, [await item for item in waiting]

    calls, answers = asyncio.run(scene())
    assert [(call.name, call.arguments) for call in calls] == [("draw", (1,)), ("draw", (2,))]
    assert answers == ["first", "second"]


def test_a_call_that_fails_says_why_and_later_ones_go_on() -> None:
    async def scene() -> Any:
        mailbox = Mailbox()
        failing = asyncio.ensure_future(mailbox.call("record", 1))
        await mailbox.fail((await mailbox.next_call()).number, "disk full")
        with pytest.raises(CallFailed, match="disk full"):
            await failing
        later = asyncio.ensure_future(mailbox.call("draw"))
        await mailbox.answer((await mailbox.next_call()).number, None)
        return await later

    assert asyncio.run(scene()) is None
