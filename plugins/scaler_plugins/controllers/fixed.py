"""A controller that never moves: the baseline of the paper's ablation without a controller."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from scaler_core.interfaces import Controller, Options, State
from scaler_core.models import Outcome


class Fixed(Controller):
    """Keeps every environment at one level."""

    name = "fixed"

    class Config(Options):
        """Options of ``fixed``."""

        level: int = Field(default=0, ge=0)
        """The level; an environment with fewer levels stays at its highest."""

    config: Config

    def start(self, top_level: int) -> State:
        """The one level as d."""
        return {"difficulty": float(min(self.config.level, top_level))}

    def propose(self, state: State, prompts: int, top_level: int) -> list[int]:
        """The one level, for every prompt."""
        return [min(self.config.level, top_level)] * prompts

    def update(self, state: State, outcomes: Sequence[Outcome], top_level: int) -> State:
        """Outcomes move nothing; only a changed top level may."""
        return self.start(top_level)

    def difficulty(self, state: State) -> float:
        """The level."""
        return float(state["difficulty"])
