"""Dynamic sampling: a step that wants informative groups draws until it has them.

::

    wanted 4        . + + .              2 of 4 taught: draw 4 more
                    + . + .              4 of 8: done; all 8 reach the curriculum
    oversample 2    . . . . . + . .      8 drawn, 1 taught: at the bound, a smaller step

Every drawn group is recorded: the curriculum sees all of them, so difficulty follows what the model
can do and not what was kept (DAPO, arXiv 2503.14476, filters without telling anybody).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from scaler_core.errors import UsageError
from scaler_core.interfaces import Oversampling
from scaler_core.judge import Judged, verdict_from
from scaler_core.models import Group, Response, Ticket

PayloadT = TypeVar("PayloadT")


class DrawsMany(Protocol):
    """An open feed, in this process or served, as :class:`GroupFilter` uses it."""

    def draw_many(self, count: int) -> list[Ticket]:
        """The next *count* tickets."""

    def record(
        self,
        ticket: Ticket,
        verdicts: Sequence[Judged],
        responses: Sequence[Response | str] = (),
    ) -> None:
        """Resolve a ticket."""


class GroupFilter(Generic[PayloadT]):
    """Collects the informative groups of one step of a loop on an open feed.

    ::

        step = GroupFilter(feed, Oversampling(wanted=64))
        while tickets := step.draw():
            for ticket in tickets:
                responses = sample(ticket)
                verdicts = [feed.verify(ticket, item) for item in responses]
                step.record(ticket, verdicts, responses, payload=responses)
        train(step.kept)

    Args:
        feed: The feed.
        plan: How many groups are wanted.

    Attributes:
        kept: Tickets of informative groups, each with its payload, as many as are wanted at most.
        drawn: Tickets drawn.
        informative: Informative groups among them, which may be more than are kept.
    """

    def __init__(self, feed: DrawsMany, plan: Oversampling) -> None:
        self._feed = feed
        self._plan = plan
        self._out: set[str] = set()
        self.kept: list[tuple[Ticket, PayloadT]] = []
        self.drawn = 0
        self.informative = 0

    def draw(self) -> list[Ticket]:
        """The tickets to answer next; none where the step is complete.

        Raises:
            UsageError: Some of the last ones were not recorded.
        """
        if self._out:
            raise UsageError(f"{len(self._out)} tickets of the last draw were not recorded")
        count = self._plan.more(self.drawn, self.informative)
        tickets = self._feed.draw_many(count) if count else []
        self._out = {ticket.id for ticket in tickets}
        self.drawn += len(tickets)
        return tickets

    def record(
        self,
        ticket: Ticket,
        verdicts: Sequence[Judged],
        responses: Sequence[Response | str] = (),
        *,
        payload: PayloadT,
    ) -> bool:
        """Record a group, and keep *payload* where it is informative and wanted.

        Returns:
            Whether it was kept.
        """
        judged = [verdict_from(item) for item in verdicts]
        self._feed.record(ticket, judged, responses)
        self._out.discard(ticket.id)
        if not Group.of(ticket.id, judged).informative:
            return False
        self.informative += 1
        if len(self.kept) < self._plan.wanted:
            self.kept.append((ticket, payload))
            return True
        return False
