"""Forward and backward passes in which no response is decided.

OpenRLHF divides the figures of a pass by its tokens in the loss. Where ``experience.py`` has taken
all of them out it would stop with a division by zero, or report what is no number. The loss itself
is divided by the tokens of the whole step, of which ``trainer.py`` makes sure that there are some.
"""

from __future__ import annotations

from functools import partial
from typing import Any

NEXT_TO_NO_TOKENS = 1e-6
"""The weight of an empty pass among the others' figures."""


def allow_empty_passes(actor: Any) -> None:
    """Run in each actor of the policy before its first step."""
    actor.trainer.training_step = partial(_step, actor.trainer.training_step)


def _step(theirs: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    """OpenRLHF's ``training_step``; what it reports of an empty pass counts for nothing."""
    status: dict[str, Any] = theirs(*arguments, **named)
    if status["num_action_tokens"]:
        return status
    weights = status["weights"]
    metrics = {
        name: 0.0 if weights[name] == "token" else value
        for name, value in status["metrics"].items()
    }
    return {**status, "metrics": metrics, "num_action_tokens": NEXT_TO_NO_TOKENS}
