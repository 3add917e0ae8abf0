"""The paper's controller (paper section 4): d moves in proportion to the error of accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal

from pydantic import Field

from scaler_core.interfaces import Controller, EnvironmentContext, Move, Options, State
from scaler_core.models import Outcome, accuracy
from scaler_plugins.controllers.levels import clip, levels_around


class Proportional(Controller):
    """``d <- clip(d + clip(gain * (accuracy - target), -step_cap, step_cap), 0, top_level)``.

    d is a real number; of n prompts, ``round(n * frac(d))`` get the level above it and the rest the
    level below (Python's ``round``: half to even). d starts at 0.

    Outcomes that were drawn before d moved count where their level is still within one level of d,
    as the levels of a draw are: an accuracy of elsewhere says nothing of what is proposed now.
    """

    name = "proportional"

    class Config(Options):
        """Options of ``proportional``; the defaults are the paper's."""

        target: float = Field(default=0.5, gt=0, lt=1)
        """Accuracy at which difficulty stands still."""
        gain: float = Field(default=2.0, gt=0)
        """Levels moved per unit of accuracy above or below the target."""
        step_cap: float = Field(default=1.0, gt=0)
        """Largest move of one step, in levels."""
        late: Literal["near", "all"] = "near"
        """Which outcomes of earlier steps move d: those within one level of it, or all."""

    config: Config

    def start(self, context: EnvironmentContext) -> State:
        """Every environment starts at its easiest level."""
        return {"difficulty": 0.0}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """The two levels around d, the lower first, shared out by d's fraction."""
        return levels_around(self.difficulty(state, context), prompts)

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """The state after the step, from the sample-weighted mean accuracy of all its levels."""
        d = self.difficulty(state, context)
        mean = accuracy([item for item in outcomes if self._counts(item, d)])
        if mean is None:
            return Move(state)
        config = self.config
        move = config.gain * (mean - config.target)
        move = max(-config.step_cap, min(config.step_cap, move))
        # from the d that is remembered, which a lowered top level may have left behind
        return Move({**state, "difficulty": clip(state["difficulty"] + move, context.top_level)})

    def _counts(self, outcome: Outcome, d: float) -> bool:
        return outcome.age == 0 or self.config.late == "all" or abs(outcome.level - d) < 1

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The state's d."""
        return clip(state["difficulty"], context.top_level)
