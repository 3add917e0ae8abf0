"""A controller without a curriculum: the baseline that draws every level alike."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from scaler_core.interfaces import Controller, EnvironmentContext, Move, State
from scaler_core.models import Outcome


class Uniform(Controller):
    """Each prompt gets a level drawn uniformly from all of the environment's; d is their mean."""

    name = "uniform"

    def start(self, context: EnvironmentContext) -> State:
        """Nothing needs to be remembered."""
        return {}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """Independent draws."""
        return [rng.randint(0, context.top_level) for _ in range(prompts)]

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """Outcomes move nothing."""
        return Move(state)

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The mean level."""
        return context.top_level / 2
