"""A controller that never moves: the baseline of the paper's ablation without a controller."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pydantic import Field

from scaler_core.interfaces import Controller, EnvironmentContext, Move, Options, State
from scaler_core.models import Outcome


class Fixed(Controller):
    """Keeps every environment at one level."""

    name = "fixed"

    class Config(Options):
        """Options of ``fixed``."""

        level: int = Field(default=0, ge=0)
        """The level; an environment with fewer levels stays at its highest."""

    config: Config

    def start(self, context: EnvironmentContext) -> State:
        """Nothing needs to be remembered."""
        return {}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """The one level, for every prompt."""
        return [self._level(context)] * prompts

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """Outcomes move nothing."""
        return Move(state)

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The level."""
        return float(self._level(context))

    def _level(self, context: EnvironmentContext) -> int:
        return min(self.config.level, context.top_level)
