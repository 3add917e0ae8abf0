"""Small components that plugins in these tests register."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pydantic import Field

from scaler_core.interfaces import (
    Admission,
    Controller,
    Curator,
    CuratorView,
    EnvironmentContext,
    Move,
    Options,
    Retirement,
    State,
)
from scaler_core.models import Outcome


class Careful(Controller):
    """A sound controller with options."""

    name = "careful"

    class Config(Options):
        """Options of ``careful``."""

        gain: float = Field(default=1.0, gt=0)
        """Levels a step."""
        patience: int = 3
        """Steps to wait."""

    config: Config

    def start(self, context: EnvironmentContext) -> State:
        return {"difficulty": 0.0}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: random.Random
    ) -> Sequence[int]:
        return [min(int(state["difficulty"]), context.top_level)] * prompts

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        top = float(context.top_level)
        return Move({"difficulty": min(state["difficulty"] + self.config.gain, top)})

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        return float(state["difficulty"])


class Bold(Careful):
    """Another one."""

    name = "bold"


class Plain(Curator):
    """A sound curator without options."""

    name = "plain"

    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        return []

    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        return [Admission(environment_id=name, rule="plain") for name in view.candidates]


def variant(base: type = Careful, /, **attributes: object) -> type:
    """A subclass of *base* with these attributes replaced."""
    return type("Variant", (base,), {"__module__": "some_plugin", **attributes})
