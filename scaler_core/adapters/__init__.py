"""Adapters: environments and the curriculum in other people's trainers and libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scaler_core.models import Response, Ticket, Verdict


class AnyFeed(Protocol):
    """An open feed, in this process or served: what adapters call."""

    def draw(self) -> Ticket:
        """The next ticket."""

    def draw_many(self, count: int) -> list[Ticket]:
        """The next tickets; fewer where the machine fails, or the pool ends, after some."""

    def verify(self, ticket: Ticket, response: Response | str) -> Verdict:
        """The verdict on one response."""

    def verify_many(self, pairs: Sequence[tuple[Ticket | str, Response | str]]) -> list[Verdict]:
        """Verdicts on many responses, in order."""

    def record(
        self, ticket: Ticket, verdicts: Sequence[Verdict], responses: Sequence[Response] = ()
    ) -> None:
        """Resolve a ticket."""

    def abandon(self, ticket: Ticket, reason: str) -> None:
        """Resolve a ticket without verdicts."""

    def checkpoint(self, name: str) -> None:
        """Keep the present state."""
