"""The turns of a conversation: ask, read, send faults back, and begin afresh when that fails.

::

    attempt 0:  question -> reply -> usable? ---------------------------> done
                               |  no
                               +--> reason -> reply -> usable? ---------> done     (repairs)
                                                          |  no
    attempt 1:  question, a fresh reply -> ...  <---------+                        (attempts)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import Field

from scaler_core.interfaces import ChatClient, Options
from scaler_core.models import Message

Read = TypeVar("Read")
LONGEST_REPAIRED = 40_000  # characters of a reply that are worth sending back
LONGEST_REASON = 300


class AskingOptions(Options):
    """How long a model is asked before its problem is given up."""

    attempts: int = Field(default=3, ge=1, le=20)
    """Conversations begun from scratch, as in the paper."""

    repairs: int = Field(default=2, ge=0, le=10)
    """Times that a reply is sent back with the reason why it cannot be used, in each attempt."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """Sampling temperature; the pipeline's when not given. With 0 all attempts may get the same
    reply."""


class Unsuitable(ValueError):
    """The reply is clear, and says that nothing can be made of the problem."""


async def ask(
    client: ChatClient,
    question: Sequence[Message],
    read: Callable[[str], Read],
    repair: Callable[[str], Message],
    options: AskingOptions,
) -> Read:
    """Ask until *read* accepts a reply, and return its result.

    Args:
        client: The model.
        question: The messages that begin a conversation.
        read: Parses a reply, or raises ``ValueError`` with a reason for the model.
        repair: Makes the message that sends a reply back with the reason.
        options: Numbers of attempts and repairs.

    Raises:
        ValueError: No reply was usable; the last reason of each attempt.
    """
    reasons = []
    for attempt in range(options.attempts):
        try:
            return await _attempt(client, question, read, repair, options, attempt)
        except Unsuitable:  # a clear answer, which more attempts would not change
            raise
        except ValueError as error:
            reasons.append(_shortened(str(error)))
    distinct = "; ".join(dict.fromkeys(reasons))
    raise ValueError(f"no usable reply in {options.attempts} attempts: {distinct}")


async def _attempt(
    client: ChatClient,
    question: Sequence[Message],
    read: Callable[[str], Read],
    repair: Callable[[str], Message],
    options: AskingOptions,
    attempt: int,
) -> Read:
    async def reply() -> str:
        return await client.chat(messages, attempt=attempt, temperature=options.temperature)

    messages = list(question)
    for _ in range(options.repairs):
        text = await reply()
        try:
            return read(text)
        except Unsuitable:
            raise
        except ValueError as error:
            if not text.strip() or len(text) > LONGEST_REPAIRED:
                raise
            reason = _shortened(str(error))
        messages += [{"role": "assistant", "content": text}, repair(reason)]
    return read(await reply())


def _shortened(reason: str) -> str:
    return " ".join(reason.split())[:LONGEST_REASON].rstrip(".")
