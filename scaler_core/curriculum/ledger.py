"""The ledger: which tickets are out, and which came back in the step that is under way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scaler_core.models import Outcome, Record, Ticket, accuracy

TICKET_STEPS = 16
"""The age at which an open ticket is given up."""
CLOSED_STEPS = 8
"""Steps for which such a ticket is remembered, so that its late record is known as late."""


class OpenTicket(Record):
    """What the feed remembers of a ticket that is out.

    Attributes:
        environment_id: Its environment.
        level: Its level.
        step: The step it was drawn in.
        number: Its place among the tickets of that step.
        draw: Which draw of this (environment, level) it is.
        attempt: How many instances of this draw were invalid before it.
        seed: The seed of its instance.
        content_hash: Its environment's content when it was drawn.
    """

    environment_id: str
    level: int
    step: int
    number: int
    draw: int
    attempt: int
    seed: int
    content_hash: str

    @classmethod
    def of(cls, ticket: Ticket, content_hash: str) -> OpenTicket:
        """What is remembered of *ticket*."""
        return cls(
            environment_id=ticket.environment_id,
            level=ticket.level,
            step=ticket.step,
            number=int(ticket.id.split(".", 2)[1]),
            draw=ticket.draw,
            attempt=ticket.attempt,
            seed=ticket.seed,
            content_hash=content_hash,
        )


class Resolved(Record):
    """A ticket that came back, in the step that is under way.

    Attributes:
        ticket: The ticket.
        outcome: Its verdicts, counted; ``None`` where it was abandoned.
        informative: Whether its decided responses differ.
    """

    ticket: OpenTicket
    outcome: Outcome | None = None
    informative: bool = False


class Ledger:
    """Tickets by id, as plain data that goes into every checkpoint.

    Attributes:
        open: Tickets that are out, oldest first.
        closed: Tickets that were given up, with the step in which that was.
    """

    def __init__(self) -> None:
        self.open: dict[str, OpenTicket] = {}
        self.closed: dict[str, int] = {}
        self._resolved: list[Resolved] = []

    def __len__(self) -> int:
        """Tickets that came back in the step under way."""
        return len(self._resolved)

    def knows(self, ticket_id: str) -> bool:
        """Whether the ticket can be recorded, in time or late."""
        return ticket_id in self.open or ticket_id in self.closed

    def hand_out(self, ticket: Ticket, content_hash: str) -> None:
        """The ticket is out."""
        self.open[ticket.id] = OpenTicket.of(ticket, content_hash)

    def resolve(self, ticket_id: str, outcome: Outcome, *, informative: bool) -> None:
        """An open ticket came back."""
        ticket = self.open.pop(ticket_id)
        self._resolved.append(Resolved(ticket=ticket, outcome=outcome, informative=informative))

    def close(self, ticket_id: str, step: int) -> None:
        """An open ticket was given up in *step*."""
        ticket = self.open.pop(ticket_id)
        self.closed[ticket_id] = step
        self._resolved.append(Resolved(ticket=ticket))

    def end_step(self) -> list[Resolved]:
        """The tickets of the step that ends, in the order of their draw.

        The order in which they came back decides nothing.
        """
        resolved, self._resolved = self._resolved, []
        return sorted(resolved, key=lambda item: (item.ticket.step, item.ticket.number))

    def forget_closed(self, step: int) -> None:
        """Forget tickets that were given up long before the end of *step*."""
        self.closed = {
            name: closed for name, closed in self.closed.items() if step - closed < CLOSED_STEPS
        }

    def too_old(self, step: int) -> list[str]:
        """Open tickets that are too old in *step*."""
        return [name for name, item in self.open.items() if step - item.step >= TICKET_STEPS]

    def state_dict(self) -> dict[str, Any]:
        """The ledger as JSON."""
        return {
            "open": {name: item.model_dump(mode="json") for name, item in self.open.items()},
            "resolved": [item.model_dump(mode="json") for item in self._resolved],
            "missing": dict(self.closed),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Ledger:
        """The ledger that :meth:`state_dict` described; older states have no open tickets.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: It is no state of a ledger.
        """
        ledger, opened = cls(), state.get("open", {})
        ledger.open = {name: OpenTicket.model_validate(item) for name, item in opened.items()}
        ledger.closed = {str(name): int(step) for name, step in state["missing"].items()}
        ledger._resolved = [Resolved.model_validate(item) for item in state.get("resolved", ())]
        return ledger

    def forget_all_but(self, environment_ids: Collection[str]) -> None:
        """Forget tickets of environments that left the pool."""
        self.open = {
            name: item for name, item in self.open.items() if item.environment_id in environment_ids
        }
        self._resolved = [
            item for item in self._resolved if item.ticket.environment_id in environment_ids
        ]


def outcomes_of(resolved: Sequence[Resolved]) -> dict[str, list[Outcome]]:
    """The outcomes of each environment, both in the order of *resolved*."""
    found: dict[str, list[Outcome]] = {}
    for item in resolved:
        if item.outcome is not None:
            found.setdefault(item.ticket.environment_id, []).append(item.outcome)
    return found


def step_figures(resolved: Sequence[Resolved]) -> dict[str, float]:
    """Figures over the tickets that were resolved in a step.

    ``accuracy`` is over decided responses, and absent when there is none. ``informative_share`` is
    the share of the tickets, abandoned ones among them, whose decided responses are neither all
    right nor all wrong: only those carry a gradient under group-normalised advantages.
    """
    outcomes = [item.outcome for item in resolved if item.outcome is not None]
    mean = accuracy(outcomes)
    informative = sum(item.informative for item in resolved)
    aged = sum(item.age for item in outcomes)
    return {
        **({} if mean is None else {"accuracy": mean}),
        "informative_share": informative / len(resolved),
        "decided": sum(item.decided for item in outcomes),
        "undecided": sum(item.undecided for item in outcomes),
        **({"mean_age": aged / len(outcomes)} if aged else {}),
        **_cost_of_information(outcomes, informative),
    }


def _cost_of_information(outcomes: Sequence[Outcome], informative: int) -> dict[str, float]:
    """Responses, and tokens where they are known, for each informative group."""
    if not informative:
        return {}
    responses = sum(item.decided + item.undecided for item in outcomes)
    figures = {"responses_per_informative": round(responses / informative, 4)}
    tokens = [item.tokens for item in outcomes]
    known = [count for count in tokens if count is not None]
    if known and len(known) == len(tokens):
        figures["tokens_per_informative"] = round(sum(known) / informative, 4)
    return figures
