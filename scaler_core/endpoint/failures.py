"""Errors of an endpoint, by the party that is to blame.

::

    EndpointRefused   (UsageError)           url, key or model: no request will ever succeed
    RequestRefused    (ScalerError)          this request: too long, filtered, malformed
    EndpointFailed    (InfrastructureError)  no usable answer after all repetitions
    BudgetSpent       (ScalerError)          the next request might cost more than is left
    EndpointStopped   (ScalerError)          the client was stopped before this request

None of them is an answer of the model, and none is ever cached.
"""

from __future__ import annotations

from scaler_core.errors import InfrastructureError, ScalerError, UsageError

SHOWN_CHARACTERS = 300  # of what a server says
SHORTEST_SECRET = 8


class EndpointRefused(UsageError):
    """The endpoint accepts no request of ours: a wrong url, key or model."""


class RequestRefused(ScalerError):
    """The endpoint does not accept this request; it may accept others."""


class EndpointFailed(InfrastructureError):
    """The endpoint gave no usable answer after all repetitions."""


class BudgetSpent(ScalerError):
    """The rest of the budget does not cover another request. Earlier answers are kept."""


class EndpointStopped(ScalerError):
    """The client was stopped before this request was sent."""


class Key:
    """A key that no representation shows, and that is cut out of the texts of others.

    A key of fewer than 8 characters, such as ``EMPTY``, is the placeholder of a server without
    keys: no secret, and too short to be cut out of texts.
    """

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Key()"

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> str:
        """The key itself, for the header that carries it."""
        return self._value

    def cleaned(self, text: str) -> str:
        """*text* without the key."""
        if len(self._value) < SHORTEST_SECRET:
            return text
        return text.replace(self._value, "[key]")

    def shown(self, text: str) -> str:
        """The beginning of a server's text, on one line, without the key or control codes."""
        text = self.cleaned(text)[: 2 * SHOWN_CHARACTERS]
        text = "".join(char if char.isprintable() else " " for char in text)
        return " ".join(text.split())[:SHOWN_CHARACTERS]
