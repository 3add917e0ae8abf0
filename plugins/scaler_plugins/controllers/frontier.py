"""A posterior of every environment's skill, and levels where half is expected to be right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
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
from scaler_core.models import Outcome
from scaler_plugins.controllers.levels import clip, levels_around

GRID = 2  # points of the grid in a level
MARGIN = 6  # levels below 0 and above the top that a skill may reach
NEGLIGIBLE = -40.0  # log-likelihood below that of the best skill that no prior makes up for


class Frontier(Controller):
    """Believes that skill s, in levels, is ``N(mean, variance)``, and trains at its mean.

    ::

        accuracy  p(s, l) = floor + (1 - floor - slip) / (1 + exp((l - s) / width))
        predict   (1 - jump) * N(mean, variance + drift) + jump * Uniform
        observe   times p^right * (1 - p)^wrong of every group, whatever its level and age
        keep      mean and variance of that, on a grid of half levels; a variance of 0.1 at least
        propose   the two levels around the mean, shared out by its fraction

    At the mean half of the responses are expected to be right, and there the expected share of
    informative groups is largest, for groups of any size. What was answered far away, or for an
    earlier model, counts for what it says of the skill; that a skill has grown since is left to the
    drift.

    A new environment starts from those that are known: the mean and spread of skills after
    ``settle`` steps, the controller's shared state.
    """

    name = "frontier"

    class Config(Options):
        """Options of ``frontier``."""

        width: float = Field(default=1.2, gt=0)
        """Levels in which accuracy falls from 1/2 to about a quarter."""
        drift: float = Field(default=0.1, gt=0)
        """Variance that a step adds to a skill, in squared levels: how fast skills may move."""
        jump: float = Field(default=0.002, ge=0, lt=1)
        """Chance a step that a skill has moved anywhere."""
        jump_new: float = Field(default=0.05, ge=0, lt=1)
        """The same before an environment has settled: how little the others are trusted."""
        settle: int = Field(default=5, ge=1)
        """Steps after which an environment tells about others."""
        floor: float = Field(default=0.03, gt=0, lt=0.5)
        """Chance of a right answer far above the skill."""
        slip: float = Field(default=0.03, gt=0, lt=0.5)
        """Chance of a wrong answer far below the skill."""

    config: Config

    def start_shared(self) -> State:
        """No environment has settled."""
        return {"mean": 0.0, "variance": 0.0, "count": 0}

    def start(self, context: EnvironmentContext) -> State:
        """Nothing of its own is known: it is what the others say."""
        return {"mean": 0.0, "variance": 0.0, "seen": 0}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """The two levels around the mean, the lower first."""
        return levels_around(self.difficulty(state, context), prompts)

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """The posterior after a step, from outcomes of every level and age."""
        config = self.config
        mean, variance = self._belief(state, context)
        points = (context.top_level + 2 * MARGIN) * GRID + 1
        tables = [
            _log_likelihood(right, wrong, level, points, config.width, config.floor, config.slip)
            for level, (right, wrong) in _by_level(outcomes).items()
        ]
        likelihood = (
            tables[0] if len(tables) == 1 else [sum(column) for column in zip(*tables, strict=True)]
        )
        jump = config.jump_new if state["seen"] < config.settle else config.jump
        mean, variance = _moments(mean, variance + config.drift, jump, likelihood)
        new = {"mean": mean, "variance": max(0.1, variance), "seen": state["seen"] + 1}
        return Move(new, figures={"skill": round(mean, 3), "spread": round(variance**0.5, 3)})

    def update_shared(self, shared: State, moved: Sequence[Moved], step: int) -> State:
        """Learn from environments that have just settled: running mean and spread of skills."""
        mean, variance, count = shared["mean"], shared["variance"], shared["count"]
        for item in moved:
            if item.after["seen"] != self.config.settle:
                continue
            count += 1
            weight = max(1 / count, 0.02)  # of the last fifty, as the pool's frontier moves too
            miss = item.after["mean"] - mean
            mean += weight * miss
            variance = (1 - weight) * (variance + weight * miss * miss)
        return {"mean": mean, "variance": variance, "count": count}

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The mean skill, within the levels that there are."""
        return clip(self._belief(state, context)[0], context.top_level)

    def _belief(self, state: State, context: EnvironmentContext) -> tuple[float, float]:
        """Mean and variance of the skill before the next outcome."""
        if state["seen"]:
            return state["mean"], state["variance"]
        top, shared = context.top_level, context.shared
        if not shared["count"]:
            return 0.3 * top, max(1.0, (0.35 * top) ** 2)
        # a spread from a few environments is no news yet
        spread = shared["variance"] if shared["count"] > 8 else (0.35 * top) ** 2
        return shared["mean"], max(1.0, spread)


def _by_level(outcomes: Sequence[Outcome]) -> dict[int, tuple[float, float]]:
    """Right and wrong responses at each level."""
    found: dict[int, tuple[float, float]] = {}
    for item in outcomes:
        right, wrong = found.get(item.level, (0.0, 0.0))
        found[item.level] = (right + item.credit, wrong + item.decided - item.credit)
    return found


@lru_cache(maxsize=4096)
def _log_likelihood(
    right: float, wrong: float, level: int, points: int, width: float, floor: float, slip: float
) -> tuple[float, ...]:
    """Log-likelihood of the counts at *level* for every skill of the grid."""
    found = []
    for point in range(points):
        p = floor + (1 - floor - slip) / (1 + math.exp((level - _skill(point)) / width))
        found.append(right * math.log(p) + wrong * math.log1p(-p))
    return tuple(found)


def _skill(point: int) -> float:
    return point / GRID - MARGIN


def _moments(
    mean: float, variance: float, jump: float, likelihood: Sequence[float]
) -> tuple[float, float]:
    """Mean and variance of prior times likelihood on the grid."""
    best = max(likelihood)
    scale = (1 - jump) / (GRID * math.sqrt(2 * math.pi * variance))
    uniform, spread, exp = jump / len(likelihood), -0.5 / variance, math.exp
    total = first = second = 0.0
    for point, value in enumerate(likelihood):
        value -= best
        if value > NEGLIGIBLE:
            away = point / GRID - MARGIN - mean
            square = away * away
            weight = (scale * exp(spread * square) + uniform) * exp(value)
            total += weight
            first += weight * away
            second += weight * square
    if not total:  # no jump, and counts that the prior rules out: believe the counts
        return _skill(likelihood.index(best)), variance
    first /= total
    return mean + first, max(0.0, second / total - first * first)
