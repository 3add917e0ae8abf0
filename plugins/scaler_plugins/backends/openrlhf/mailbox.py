"""Calls from the trainer's process to the one that holds feed and run.

Ray can call into actors only, and the process with the feed is none. So a small actor stands
between them: the trainer waits there for answers, the other side for calls.
"""

from __future__ import annotations

import asyncio
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
