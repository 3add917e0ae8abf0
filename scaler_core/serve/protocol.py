"""What travels between server and clients: requests, answers, and errors as JSON."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field, StrictBool, StrictFloat

from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    FeedFull,
    InfrastructureError,
    PluginError,
    PoolExhausted,
    ScalerError,
    UsageError,
)
from scaler_core.models import Record, Response, Ticket, Verdict

API_VERSION: Final = "1"
VERSION_HEADER: Final = "X-Scaler-Api"
"""A request may state the version that it was written for; another one is refused."""

LARGEST_DRAW: Final = 4096
LARGEST_VERIFY: Final = 4096
LONGEST_TEXT: Final = 1_000_000
"""Characters of one response."""

STATUS: Final[dict[type[ScalerError], int]] = {
    FeedFull: 429,
    BackendProtocolError: 409,
    UsageError: 400,
    PoolExhausted: 410,
    InfrastructureError: 503,
    DataError: 500,
    PluginError: 500,
}
"""The status of each error, the most special class first."""


class DrawRequest(Record):
    """Asks for tickets.

    Attributes:
        count: How many.
        request: An id of this call; the same call may be made again with it.
    """

    count: int = Field(default=1, ge=1, le=LARGEST_DRAW)
    request: str = Field(default="", max_length=200)


class DrawAnswer(Record):
    """The tickets."""

    tickets: tuple[Ticket, ...]


class VerifyItem(Record):
    """A response to judge.

    Attributes:
        ticket: The id of a ticket that is out.
        response: The text, or the whole response.
    """

    ticket: str
    response: str | Response


class VerifyRequest(Record):
    """Asks for verdicts, on many responses at once."""

    items: tuple[VerifyItem, ...] = Field(max_length=LARGEST_VERIFY)


class VerifyAnswer(Record):
    """A verdict for each item, in order."""

    verdicts: tuple[Verdict, ...]


class RecordRequest(Record):
    """Resolves a ticket.

    Attributes:
        ticket: Its id.
        seed: Its seed, where an older ticket of that id is to be refused.
        verdicts: For each response a verdict, a score from 0 to 1, true, false, or null where
            nobody could judge.
        responses: The responses, where controllers are to know their lengths.
        request: An id of this call; the same call may be made again with it.
    """

    ticket: str
    seed: int | None = None
    verdicts: tuple[Verdict | StrictBool | StrictFloat | None, ...]
    responses: tuple[Response, ...] = ()
    request: str = Field(default="", max_length=200)


class AbandonRequest(Record):
    """Gives a ticket up.

    Attributes:
        ticket: Its id.
        seed: Its seed, where an older ticket of that id is to be refused.
        reason: Why, for the events.
        request: An id of this call; the same call may be made again with it.
    """

    ticket: str
    seed: int | None = None
    reason: str = Field(default="given up by the loop", max_length=500)
    request: str = Field(default="", max_length=200)


class CheckpointRequest(Record):
    """Keeps the present state.

    Attributes:
        name: The name to go back to.
        request: An id of this call; the same call may be made again with it.
    """

    name: str
    request: str = Field(default="", max_length=200)


class StepAnswer(Record):
    """Steps that have ended, after a call."""

    step: int


class ErrorAnswer(Record):
    """Why a call was refused or failed; a refused one has changed nothing.

    Attributes:
        kind: The class of the error.
        error: What and where, in one line.
        hint: What to do next, in one line.
    """

    kind: str
    error: str
    hint: str = ""


def status_of(error: ScalerError) -> int:
    """The status with which a server answers *error*."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def error_of(answer: Any, status: int) -> ScalerError:
    """The error that a server answered with, as its feed raised it."""
    try:
        found = ErrorAnswer.model_validate(answer)
    except ValueError:
        return InfrastructureError(f"the server answered with status {status} and no reason")
    kinds = {kind.__name__: kind for kind in STATUS}
    return kinds.get(found.kind, UsageError)(found.error, hint=found.hint)
