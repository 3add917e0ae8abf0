"""Calls from the trainer's process to the one with feed and run, and the loader that draws by them.

Ray can call into actors only, and the process with the feed is none. So a small actor stands
between them: the trainer waits there for answers, the process with the feed for calls. OpenRLHF's
prompts come the same way, step by step: nothing is read ahead.

Needs Ray, but not OpenRLHF.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ray


@dataclass(frozen=True)
class Call:
    """A call that waits for its answer.

    Attributes:
        number: Counts the calls of a mailbox.
        name: The name of the called function.
        arguments: Its arguments.
    """

    number: int
    name: str
    arguments: tuple[Any, ...]


class CallFailed(Exception):
    """The process with the feed could not answer, and raises the error there; the trainer ends."""


class Mailbox:
    """Keeps calls until they are answered; an actor of its own."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._count = 0

    async def call(self, name: str, *arguments: Any) -> Any:
        """Queue a call and wait for its answer.

        Raises:
            CallFailed: There is none.
        """
        self._count += 1
        number = self._count
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._calls.put(Call(number, name, arguments))
        try:
            return await self._answers[number]
        finally:
            del self._answers[number]

    async def next_call(self) -> Call:
        """Wait for the next call."""
        return await self._calls.get()

    async def answer(self, number: int, value: Any) -> None:
        """Set the answer to a call."""
        self._answers[number].set_result(value)

    async def fail(self, number: int, reason: str) -> None:
        """Make a call raise, for *reason*."""
        self._answers[number].set_exception(CallFailed(reason))


class Caller:
    """The trainer's end of a mailbox. Picklable."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Call the process with the feed, and wait for its answer.

        Raises:
            CallFailed: There is none.
        """
        return ray.get(self._mailbox.call.remote(name, *arguments))


Item = tuple[list[str], list[str], list[Any], list[None]]
"""Source, prompt, label and image, each as a batch of one."""


class TicketLoader:
    """The part of a data loader that OpenRLHF uses: ``iter``, ``len``, and its state.

    The first prompt of a step draws all of its tickets. The trainer requests it only after the
    step before was recorded.

    Args:
        call: Calls the process that holds the feed.
        prompts: Tickets per step.
        first_step: The first step that is drawn here.
        last_step: The last one.
    """

    def __init__(self, call: Caller, prompts: int, first_step: int, last_step: int) -> None:
        self._call = call
        self._prompts = prompts
        self._next = first_step
        self._last = last_step
        self._state: dict[str, Any] = {}

    def __len__(self) -> int:
        """Prompts of the whole run."""
        return self._prompts * self._last

    def __iter__(self) -> Iterator[Item]:
        while self._next <= self._last:
            drawn = self._call("draw", self._next)
            self._next += 1
            yield from map(_item, drawn)

    def extend(self, count: int) -> list[Item]:
        """*count* further prompts of the step that was drawn last."""
        return [_item(row) for row in self._call("extend", count)]

    def stop(self) -> None:
        """Draw no further step."""
        self._last = self._next - 1

    def remember(self, state: dict[str, Any]) -> None:
        """Keep the curriculum's state after the last recorded step, for the next checkpoint."""
        self._state = state

    def state_dict(self) -> dict[str, Any]:
        """The curriculum's state, for the checkpoint of the model."""
        return self._state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Compare *state* with the feed, which was restored before; see ``session.py``."""
        self._call("restored", state)
        self._state = state


def _item(row: tuple[str, str, Any]) -> Item:
    source, prompt, label = row
    return [source], [prompt], [label], [None]
