"""Groups whose responses are judged one at a time, in any order, and recorded when they are whole.

For trainers that call a reward function for each response by itself. All responses to a ticket must
be judged by one recorder, so in one process. A group that loses a response is never whole; the feed
gives its ticket up as it does with every one that does not come back.
"""

from __future__ import annotations

import threading
from typing import Final

from scaler_core.adapters import AnyFeed
from scaler_core.models import Response, Ticket, Verdict

MOST_GROUPS: Final = 1 << 14
"""Groups that are waited for; the oldest are those that lost a response."""


class GroupRecorder:
    """Judges responses and records groups. Threads may share it.

    Args:
        feed: Where the tickets were drawn.
        responses: How many make a group.
    """

    def __init__(self, feed: AnyFeed, responses: int) -> None:
        self._feed = feed
        self._responses = responses
        self._judged: dict[tuple[str, int], list[tuple[Verdict, Response]]] = {}
        self._lock = threading.Lock()

    def judge(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on one response; that on the last of a group records all of it.

        Raises:
            BackendProtocolError: The ticket came back before, or was given up.
        """
        verdict = self._feed.verify(ticket, response)
        group = self._add(ticket, verdict, response)
        if len(group) == self._responses:
            self._feed.record(ticket, [item for item, _ in group], [item for _, item in group])
        return verdict

    def _add(
        self, ticket: Ticket, verdict: Verdict, response: Response
    ) -> list[tuple[Verdict, Response]]:
        """What was judged of a ticket so far."""
        key = ticket.id, ticket.seed
        with self._lock:
            group = [*self._judged.pop(key, ()), (verdict, response)]
            if len(group) < self._responses:
                self._judged[key] = group
            if len(self._judged) > MOST_GROUPS:
                del self._judged[next(iter(self._judged))]
        return group
