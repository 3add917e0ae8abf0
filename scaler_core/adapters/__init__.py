"""Adapters: environments and the curriculum in other people's trainers and libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scaler_core.models import Response, Ticket, Verdict


class AnyFeed(Protocol):
    """An open feed, in this process or served: what adapters call."""

    def draw(self) -> Ticket:
        """The next ticket."""

    def verify(self, ticket: Ticket, response: Response | str) -> Verdict:
        """The verdict on one response."""

    def record(
        self, ticket: Ticket, verdicts: Sequence[Verdict], responses: Sequence[Response] = ()
    ) -> None:
        """Resolve a ticket."""

    def checkpoint(self, name: str) -> None:
        """Keep the present state."""
