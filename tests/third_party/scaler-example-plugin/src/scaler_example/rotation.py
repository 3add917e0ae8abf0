"""A curator that gives every environment its turn."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pydantic import Field

from scaler_core.interfaces import Admission, Curator, CuratorView, Options, Retirement


class Rotation(Curator):
    """Trains on a few environments at once, each for the same number of steps."""

    name = "rotation"

    class Config(Options):
        """Options of ``rotation``."""

        size: int = Field(default=1, ge=1)
        """Environments trained on at once."""
        turn: int = Field(default=4, ge=1)
        """Steps that an environment stays."""

    config: Config

    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """Those whose turn is over."""
        return [
            Retirement(
                environment_id=history.environment_id,
                rule="turn-over",
                why=f"its turn of {self.config.turn} steps is over",
                evidence={"steps": len(history.difficulties), "turn": self.config.turn},
            )
            for history in view.active
            if len(history.difficulties) >= self.config.turn
        ]

    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Others, drawn at random, for the free places."""
        free = max(0, self.config.size - len(view.active))
        chosen = rng.sample(list(view.candidates), min(free, len(view.candidates)))
        return [Admission(environment_id=name, rule="next") for name in chosen]
