"""Verdicts that depend on the ticket alone: equal tickets, equal verdicts, whoever trains."""

from __future__ import annotations

from pydantic import Field

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Backend, Options, RunLike, Verifier
from scaler_core.models import Group, Response, Ticket, Verdict
from scaler_core.seeds import derive_seed
from scaler_plugins.backends.simulated import Simulated
from scaler_plugins.backends.simulated.learner import Learner


class HashedOptions(Options):
    """Options of ``hashed`` and ``hashed-simulated``."""

    undecided: float = Field(default=0.0, ge=0, le=1)
    """Share of responses that get no verdict."""


def hashed_verdict(ticket_id: str, sample: int, undecided: float) -> Verdict:
    """The verdict on one response: right in about two of three that are decided."""
    roll = derive_seed("hashed verdict", ticket_id, sample) % 3000
    if roll < undecided * 3000:
        return Verdict.undecided("by hash")
    return Verdict.correct() if roll % 3 else Verdict.incorrect("by hash")


class Hashed(Verifier):
    """Judges by the ticket's id and the number of the sample."""

    name = "hashed"
    Config = HashedOptions
    config: HashedOptions

    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """See :func:`hashed_verdict`."""
        assert response.sample is not None
        return hashed_verdict(ticket.id, response.sample, self.config.undecided)


class HashedSimulated(Simulated):
    """The simulated backend, with the verdicts of ``hashed`` instead of a learner's."""

    name = "hashed-simulated"

    def _answer(self, ticket: Ticket, learner: Learner, run: RunLike) -> Group:
        verdicts = [
            hashed_verdict(ticket.id, sample, self.config.undecided)
            for sample in range(run.responses)
        ]
        return Group(ticket_id=ticket.id, verdicts=tuple(verdicts))


@hookimpl
def scaler_register_verifiers() -> list[type[Verifier]]:
    return [Hashed]


@hookimpl
def scaler_register_backends() -> list[type[Backend]]:
    return [HashedSimulated]
