"""A controller that goes one level up after a good step and one down after a bad one."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pydantic import Field

from scaler_core.interfaces import Controller, EnvironmentContext, Move, Options, State
from scaler_core.models import Outcome, accuracy


class Staircase(Controller):
    """The up-down rule of psychophysics: it hovers where half of the steps are good."""

    name = "staircase"

    class Config(Options):
        """Options of ``staircase``."""

        good: float = Field(default=0.6, gt=0, le=1)
        """Accuracy from which a step counts as good."""

    config: Config

    def start(self, context: EnvironmentContext) -> State:
        """At the bottom of the stairs."""
        return {"level": 0}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: random.Random
    ) -> Sequence[int]:
        """The one level, for every prompt."""
        return [min(state["level"], context.top_level)] * prompts

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """One level up or down."""
        mean = accuracy(outcomes)
        if mean is None:
            return Move(state)
        step = 1 if mean >= self.config.good else -1
        level = max(0, min(context.top_level, state["level"] + step))
        return Move({"level": level}, why=f"{mean:.0%} right, {self.config.good:.0%} are good")

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The level."""
        return float(min(state["level"], context.top_level))
