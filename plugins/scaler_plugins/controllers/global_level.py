"""AdaRFT's controller: one difficulty for the whole pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from pydantic import Field

from scaler_core.interfaces import (
    Controller,
    EnvironmentContext,
    Move,
    Moved,
    Options,
    State,
)
from scaler_core.models import Outcome, accuracy
from scaler_plugins.controllers.levels import clip, levels_around


class Global(Controller):
    """``T <- clip(T + step * tanh(sensitivity * (accuracy - target)), 0, 1)``, once a step.

    T is the controller's shared state: the difficulty of all environments as a share of their top
    levels, moved by the mean accuracy of the whole step. An environment is trained at
    ``T * top_level``.

    Source: AdaRFT (arXiv 2504.05520), whose scale of difficulty runs from 0 to 100, with a step of
    50, a sensitivity of 2 and a target of 0.5; ``step`` is a share of the scale.
    """

    name = "global"

    class Config(Options):
        """Options of ``global``; the defaults are the authors'."""

        step: float = Field(default=0.5, gt=0, le=1)
        """Largest move of one step, as a share of the scale."""
        sensitivity: float = Field(default=2.0, gt=0)
        """How soon an error of accuracy makes the largest move."""
        target: float = Field(default=0.5, gt=0, lt=1)
        """Accuracy at which the difficulty stands still."""

    config: Config

    def start_shared(self) -> State:
        """The easiest level of all environments."""
        return {"target": 0.0}

    def start(self, context: EnvironmentContext) -> State:
        """An environment has no state of its own."""
        return {}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """The two levels around d, the lower first, shared out by d's fraction."""
        return levels_around(self.difficulty(state, context), prompts)

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """It moves with all others, in :meth:`update_shared`."""
        return Move(state)

    def update_shared(self, shared: State, moved: Sequence[Moved], step: int) -> State:
        """T after a step, from the mean accuracy of all its responses."""
        mean = accuracy([outcome for item in moved for outcome in item.outcomes])
        if mean is None:
            return shared
        config = self.config
        move = config.step * math.tanh(config.sensitivity * (mean - config.target))
        return {"target": max(0.0, min(1.0, shared["target"] + move))}

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """T on the environment's scale."""
        return clip(context.shared["target"] * context.top_level, context.top_level)
