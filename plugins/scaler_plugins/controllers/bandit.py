"""SEC as a controller: a bandit over levels, paid by the size of the advantages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from pydantic import Field

from scaler_core.interfaces import Controller, EnvironmentContext, Move, Options, State
from scaler_core.models import Outcome


class Bandit(Controller):
    """Keeps a value ``Q_l`` of every level and draws levels by Boltzmann's distribution of it.

    ::

        pay       r = 2 * sqrt(p * (1 - p))     the mean absolute advantage of a group of accuracy p
        update    Q_l <- rate * r_l + (1 - rate) * Q_l     r_l the mean over the level's groups
        propose   P(l) in proportion to exp(Q_l / temperature)

    Source: Self-Evolving Curriculum (arXiv 2505.14970), whose arms are categories of a data set;
    here they are an environment's levels. Values start at 0. d is the mean level of the draw.
    """

    name = "bandit"

    class Config(Options):
        """Options of ``bandit``."""

        rate: float = Field(default=0.5, gt=0, le=1)
        """Weight of the newest groups."""
        temperature: float = Field(default=0.2, gt=0)
        """How little values decide: draws are uniform where it is large."""

    config: Config

    def start(self, context: EnvironmentContext) -> State:
        """All levels are worth the same."""
        return {"values": {}}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """Independent draws."""
        weights = self._weights(state, context)
        return rng.choices(range(len(weights)), weights, k=prompts)

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """The values of the levels that were answered."""
        paid: dict[int, list[float]] = {}
        for item in outcomes:
            if item.decided:
                p = item.credit / item.decided
                paid.setdefault(item.level, []).append(2 * math.sqrt(max(0.0, p * (1 - p))))
        values, rate = dict(state["values"]), self.config.rate
        for level, sums in paid.items():
            before = values.get(str(level), 0.0)
            values[str(level)] = rate * sum(sums) / len(sums) + (1 - rate) * before
        return Move({"values": values})

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The mean level of a draw."""
        weights = self._weights(state, context)
        return sum(level * weight for level, weight in enumerate(weights)) / sum(weights)

    def _weights(self, state: State, context: EnvironmentContext) -> list[float]:
        values = [state["values"].get(str(level), 0.0) for level in range(context.top_level + 1)]
        best = max(values)
        return [math.exp((value - best) / self.config.temperature) for value in values]
