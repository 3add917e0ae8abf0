"""The paper's controller (paper section 4): d moves in proportion to the error of accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from scaler_core.interfaces import Controller, Options, State
from scaler_core.models import Outcome, accuracy


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

    def start(self, top_level: int) -> State:
        """Every environment starts at its easiest level."""
        return {"difficulty": 0.0}

    def propose(self, state: State, prompts: int, top_level: int) -> list[int]:
        """The two levels around d, the lower first, shared out by d's fraction."""
        d = self._clip(state["difficulty"], top_level)
        lower = math.floor(d)
        above = round(prompts * (d - lower))
        return [lower] * (prompts - above) + [lower + 1] * above

    def update(self, state: State, outcomes: Sequence[Outcome], top_level: int) -> State:
        """The state after the step, from the sample-weighted mean accuracy of all its levels."""
        mean = accuracy([item for item in outcomes if self._counts(item, state, top_level)])
        if mean is None:
            return dict(state)
        config = self.config
        move = config.gain * (mean - config.target)
        move = max(-config.step_cap, min(config.step_cap, move))
        return {**state, "difficulty": self._clip(state["difficulty"] + move, top_level)}

    def _counts(self, outcome: Outcome, state: State, top_level: int) -> bool:
        if outcome.age == 0 or self.config.late == "all":
            return True
        return abs(outcome.level - self._clip(state["difficulty"], top_level)) < 1

    def difficulty(self, state: State) -> float:
        """The state's d."""
        return float(state["difficulty"])

    @staticmethod
    def _clip(d: float, top_level: int) -> float:
        return max(0.0, min(float(top_level), d))
