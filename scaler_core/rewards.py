"""Rewards: the number that training gives a verdict (paper section 3)."""

from __future__ import annotations

from typing import Final, Literal

from scaler_core.errors import unknown_name
from scaler_core.models import Verdict

RewardScheme = Literal["signed", "binary"]

REWARDS: Final[dict[str, tuple[float, float]]] = {"signed": (1.0, -1.0), "binary": (1.0, 0.0)}
"""Scheme -> the rewards of a correct and of an incorrect response. ``signed`` is the paper's."""


def reward(verdict: Verdict, scheme: str = "signed") -> float | None:
    """The reward of *verdict*; ``None`` for ``undecided``, which takes no part in training.

    Raises:
        UsageError: There is no such scheme.
    """
    if scheme not in REWARDS:
        raise unknown_name("reward scheme", scheme, REWARDS)
    correct, incorrect = REWARDS[scheme]
    return {"correct": correct, "incorrect": incorrect, "undecided": None}[verdict.result]
