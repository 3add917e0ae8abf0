"""A controller that goes one level up after a good step and one down after a bad one."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from scaler_core.interfaces import Controller, Options, State
from scaler_core.models import Outcome, accuracy


class Staircase(Controller):
    """The up-down rule of psychophysics: it hovers where half of the steps are good."""

    name = "staircase"

    class Config(Options):
        """Options of ``staircase``."""

        good: float = Field(default=0.6, gt=0, le=1)
        """Accuracy from which a step counts as good."""

    config: Config

    def start(self, top_level: int) -> State:
        """At the bottom of the stairs."""
        return {"level": 0}

    def propose(self, state: State, prompts: int, top_level: int) -> list[int]:
        """The one level, for every prompt."""
        return [min(state["level"], top_level)] * prompts

    def update(self, state: State, outcomes: Sequence[Outcome], top_level: int) -> State:
        """One level up or down."""
        mean = accuracy(outcomes)
        if mean is None:
            return dict(state)
        move = 1 if mean >= self.config.good else -1
        return {"level": max(0, min(top_level, state["level"] + move))}

    def difficulty(self, state: State) -> float:
        """The level."""
        return float(state["level"])
