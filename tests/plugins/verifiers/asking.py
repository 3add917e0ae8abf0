"""Short ways to put a response to a verifier."""

from __future__ import annotations

from scaler_core.interfaces import Verifier
from scaler_core.models import ComponentChoice, Response, Ticket, Verdict
from scaler_plugins.verifiers.typed import Typed


def ticket(truth: str) -> Ticket:
    return Ticket(
        id="1-0",
        step=1,
        environment_id="sum",
        level=0,
        seed=1,
        messages=({"role": "user", "content": "?"},),
        truth=truth,
        verifier=ComponentChoice(use="typed"),
    )


def ask(verifier: Verifier, truth: str, text: str, *, truncated: bool = False) -> Verdict:
    """The verdict on a whole response."""
    return verifier.verify(Response(text=text, truncated=truncated), ticket(truth))


def outcome(verifier: Verifier, truth: str, answer: str) -> str:
    """``correct``, or the reason, for a response that boxes *answer*."""
    verdict = ask(verifier, truth, f"Therefore \\boxed{{{answer}}}.")
    return verdict.reason or verdict.result


def typed(answer_type: str | None = None, **options: object) -> Typed:
    return Typed(Typed.Config.model_validate({"answer_type": answer_type, **options}))
