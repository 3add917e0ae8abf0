"""A learner with a known skill, to try controllers and curators without a model.

For an environment at level l the chance of a correct response is
``floor + (1 - floor) / (1 + exp((l - skill) / width))``: one half of the way up at ``l = skill``.
A group teaches in proportion to ``4 a (1 - a)``, where a is its accuracy: a group that is all right
or all wrong carries no gradient under group-normalised advantages, and so teaches nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scaler_core.seeds import derive_seed


class Learner:
    """Skill in levels, one number an environment plus one that all share.

    Args:
        initial_skill: Skill before training.
        learning_rate: Levels that a perfectly informative group teaches.
        transfer: Share of that which every other environment gains too, spread over all of them.
        width: Levels over which a skill fades.
        floor: Chance of a correct guess.
        spread: How much environments differ in how fast they are learnt: each by its own factor
            from ``1 - spread`` to ``1 + spread``, which follows from its id.
    """

    def __init__(
        self,
        *,
        initial_skill: float,
        learning_rate: float,
        transfer: float,
        width: float,
        floor: float,
        spread: float,
    ) -> None:
        self.initial_skill = initial_skill
        self.learning_rate = learning_rate
        self.transfer = transfer
        self.width = width
        self.floor = floor
        self.spread = spread
        self.shared = 0.0
        self.own: dict[str, float] = {}

    def skill(self, environment_id: str) -> float:
        """The level at which half of the way to certainty is reached."""
        return self.initial_skill + self.shared + self.own.get(environment_id, 0.0)

    def chance(self, environment_id: str, level: int) -> float:
        """Probability that one response is correct."""
        exponent = min(700.0, (level - self.skill(environment_id)) / self.width)
        return self.floor + (1 - self.floor) / (1 + math.exp(exponent))

    def learn(self, accuracies: Mapping[str, list[float]]) -> None:
        """Learn from the groups of a step: accuracy of each, by environment."""
        for environment_id, groups in accuracies.items():
            teaching = sum(4 * a * (1 - a) for a in groups)
            gain = self.learning_rate * teaching * self._talent(environment_id)
            self.own[environment_id] = self.own.get(environment_id, 0.0) + gain
            self.shared += self.transfer * gain

    def _talent(self, environment_id: str) -> float:
        uniform = derive_seed("talent", environment_id) / 2**63
        return 1 - self.spread + 2 * self.spread * uniform

    def state_dict(self) -> dict[str, Any]:
        """The learnt skills, as JSON."""
        return {"shared": self.shared, "own": self.own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the skills that :meth:`state_dict` returned."""
        self.shared, self.own = float(state["shared"]), dict(state["own"])
