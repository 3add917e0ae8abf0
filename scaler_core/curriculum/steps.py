"""The feed as a strict loop sees it, which is how backends train: a step at a time.

::

    backend                      step feed
    -------                      ---------
    draw()          ------->     curate, propose levels, make instances
                    <-------     Batch(step, tickets)
    verify(t, r)    ------->     Verdict           (pure; from any thread)
    record(step, g) ------->     outcomes -> difficulty moves
    draw()          ------->     the next step; never before the record of the last

A step is open from its draw to its record. State is saved between steps only, so a killed step is
simply drawn again, ticket for ticket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scaler_core.curriculum.engine import Engine
from scaler_core.curriculum.feed import Feed
from scaler_core.errors import BackendProtocolError
from scaler_core.interfaces import CountTokens
from scaler_core.judge import Judge, PortableJudge
from scaler_core.models import Batch, Group, Response, Ticket, Verdict


class StepFeed:
    """Hands out whole steps; see :class:`scaler_core.interfaces.training.FeedLike`.

    Args:
        feed: The feed; nobody else draws from it.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    @property
    def step(self) -> int:
        """The last step that was recorded."""
        return self._feed.step

    @property
    def engine(self) -> Engine:
        """The curriculum."""
        return self._feed.engine

    @property
    def judge(self) -> Judge:
        """Gives verdicts."""
        return self._feed.judge

    @property
    def metrics(self) -> Mapping[str, float]:
        """Figures of the last step that was recorded."""
        return self._feed.metrics

    def draw(self) -> Batch:
        """The tickets of the next step, exactly as many as the recipe asks for.

        Raises:
            BackendProtocolError: The last step was not recorded, or the run is over.
            PoolExhausted: No environment can give an instance any more.
            InfrastructureError: The machine could not make instances; no environment is blamed.
        """
        feed, step = self._feed, self._feed.step + 1
        if feed.open_tickets:
            raise BackendProtocolError(
                f"step {step} was drawn but not recorded: draw again after its record"
            )
        if feed.last_step is not None and step > feed.last_step:
            raise BackendProtocolError(f"the run ends after step {feed.last_step}")
        return feed.draw_batch()

    def extend(self, count: int) -> Batch:
        """*count* further tickets of the step that is open, to be recorded with the others.

        Raises:
            BackendProtocolError: No step is open.
        """
        if not self._feed.open_tickets:
            raise BackendProtocolError("no step is open that could be extended: draw first")
        return self._feed.extend(count)

    def verify(self, ticket: Ticket, response: Response | str) -> Verdict:
        """The verdict on one response; pure, thread-safe, needs only the ticket."""
        return self._feed.verify(ticket, response)

    def portable_judge(self) -> PortableJudge:
        """A judge with the verdicts of :meth:`verify`, for any machine with the same plugins."""
        return self._feed.portable_judge()

    def measure_prompts(self, count_tokens: CountTokens, limit: int) -> None:
        """Cap levels whose rendered prompt exceeds *limit* tokens; nothing is ever cut."""
        self._feed.measure_prompts(count_tokens, limit)

    def record(self, step: int, groups: Sequence[Group]) -> None:
        """Record the verdicts of a step, and move difficulty.

        Tickets without a group are counted as missing. Groups of an earlier step whose tickets were
        missing are late: they become events and move nothing.

        Raises:
            BackendProtocolError: An id is unknown or recorded twice, a group holds no verdict, or
                no step is open. Nothing has changed then.
        """
        # everything is checked before anything changes, so that a rejected call can be corrected
        feed = self._feed
        self._check(step, groups)
        is_current = bool(feed.open_tickets) and step == feed.step + 1
        current = {item.ticket_id for item in groups if item.ticket_id in feed.open_tickets}
        for group in groups:
            if group.ticket_id not in current:
                feed.resolve(group)
        if not is_current:
            return
        missing = [name for name in feed.open_tickets if name not in current]
        if missing:
            feed.drop(missing, "the backend recorded no group for them")
        for group in groups:
            if group.ticket_id in current:
                feed.resolve(group)

    def _check(self, step: int, groups: Sequence[Group]) -> None:
        feed, now = self._feed, self._feed.step + 1
        if step >= now and not feed.open_tickets:
            raise BackendProtocolError(f"step {step} cannot be recorded: it was not drawn")
        if step > now:
            raise BackendProtocolError(
                f"step {step} cannot be recorded: step {now} is the one that is open"
            )
        for name, count in Counter(group.ticket_id for group in groups).items():
            if count > 1:
                raise BackendProtocolError(f"ticket {name!r} is recorded twice in step {step}")
            if name in feed.open_tickets and step != now:
                raise BackendProtocolError(
                    f"ticket {name!r} cannot be recorded in step {step}: it is of step {now}"
                )
        feed.check(groups)
        if step == feed.step and not feed.open_tickets and not groups:
            raise BackendProtocolError(f"step {step} is recorded twice")

    def state_dict(self) -> dict[str, Any]:
        """The curriculum between two steps, as JSON.

        Raises:
            BackendProtocolError: A step is open: its tickets would be lost.
        """
        if self._feed.open_tickets:
            raise BackendProtocolError(
                f"step {self.step + 1} is open: save the state after its record"
            )
        return self._feed.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore *state*; the next draw is the one that followed it."""
        self._feed.load_state_dict(state)
