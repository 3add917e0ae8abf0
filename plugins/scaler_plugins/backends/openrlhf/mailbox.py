"""Calls from the trainer's process to the one that holds feed and run, and the prompts they bring.

Ray can call into actors only, and the process with the feed is none. So a small actor stands
between them: the trainer waits there for answers, the other side for calls. OpenRLHF's prompts come
the same way, step by step: nothing is read ahead.

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
        name: What is called.
        arguments: Its arguments.
    """

    number: int
    name: str
    arguments: tuple[Any, ...]


class CallFailed(Exception):
    """The other side could not answer, and says there why; this side only has to end."""


class Mailbox:
    """Keeps calls until they are answered; an actor of its own."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._count = 0

    async def call(self, name: str, *arguments: Any) -> Any:
        """The answer to a call.

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
        """The next call, as soon as there is one."""
        return await self._calls.get()

    async def answer(self, number: int, value: Any) -> None:
        """Give the answer to a call."""
        self._answers[number].set_result(value)

    async def fail(self, number: int, reason: str) -> None:
        """Say that a call has no answer."""
        self._answers[number].set_exception(CallFailed(reason))


class Caller:
    """The trainer's end of a mailbox. Picklable."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def __call__(self, name: str, *arguments: Any) -> Any:
        """The answer to a call; waits for it.

        Raises:
            CallFailed: There is none.
        """
        return ray.get(self._mailbox.call.remote(name, *arguments))


Item = tuple[list[str], list[str], list[Any], list[None]]
"""Source, prompt, label and image, each as a batch of one."""


class TicketLoader:
    """All that OpenRLHF asks of a loader of prompts: ``iter``, ``len``, state in and out.

    The first prompt of a step draws all of its tickets, which the trainer asks for only after the
    step before was recorded.

    Args:
        call: Asks the process that holds the feed.
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
            for source, prompt, label in drawn:
                yield [source], [prompt], [label], [None]

    def stop(self) -> None:
        """Draw no further step."""
        self._last = self._next - 1

    def remember(self, state: dict[str, Any]) -> None:
        """Keep the curriculum's state after the last recorded step, for the next checkpoint."""
        self._state = state

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return self._state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Compare with the feed, which is there already; see ``session.py``."""
        self._call("restored", state)
        self._state = state
