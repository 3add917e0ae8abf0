"""A verifier whose verdicts do not depend on what the model says: equal tickets, equal verdicts."""

from __future__ import annotations

from pydantic import Field

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Options, Verifier
from scaler_core.models import Response, Ticket, Verdict
from scaler_core.seeds import derive_seed


def hashed_verdict(ticket_id: str, sample: int, undecided: float = 0.0) -> Verdict:
    """The verdict on one response: right in about two of three, undecided by that share."""
    roll = derive_seed("hashed verdict", ticket_id, sample) % 1000
    if roll < undecided * 1000:
        return Verdict.undecided("by hash")
    return Verdict.correct() if roll % 3 else Verdict.incorrect("by hash")


class Hashed(Verifier):
    """Judges by ticket id and number of the sample."""

    name = "hashed"

    class Config(Options):
        """Options of ``hashed``."""

        undecided: float = Field(default=0.0, ge=0, le=1)
        """Share of responses that get no verdict."""

    config: Config

    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """See :func:`hashed_verdict`."""
        assert response.sample is not None
        return hashed_verdict(ticket.id, response.sample, self.config.undecided)


@hookimpl
def scaler_register_verifiers() -> list[type[Verifier]]:
    return [Hashed]
