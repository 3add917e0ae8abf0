"""How fast a skill grows, with its uncertainty, from counts by level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from scaler_core.interfaces import Observation

NEWTON_STEPS = 3
PRIOR = 0.5  # standard deviation of a growth before it is seen, in levels a step
SCATTER_PRIOR = 8  # steps' worth of belief that counts scatter as binomials do


class Growth(NamedTuple):
    """Growth of a skill.

    Attributes:
        slope: Levels a step.
        error: Its standard error.
        informative: Steps whose responses were neither all right nor all wrong.
    """

    slope: float
    error: float
    informative: int

    def chance_above(self, bar: float) -> float:
        """The chance that the true growth is above *bar*."""
        return 0.5 * math.erfc((bar - self.slope) / self.error / math.sqrt(2))


def fit_growth(observations: Sequence[Observation], width: float) -> Growth | None:
    """Growth since accuracy was first on both sides of 1/2; ``None`` with too little evidence.

    ``logit p = (s + b t - level) / width`` is fitted to the counts of every step t and level by
    Newton's method, with ``b ~ N(0, 0.5^2)`` beforehand. The error of b is widened by Pearson's
    chi-square where counts scatter more than binomials do, as instances of one level differ.

    The climb to the frontier is left out: there the level moves, not the skill.
    """
    rows = _since_both_sides(observations)
    informative = sum(0 < item.accuracy < 1 for item in rows)
    if informative < max(2, len(observations) // 2):
        return None
    first, last = rows[0].step, rows[-1].step
    points = [
        (item.step - (first + last) / 2, count.level, count.credit, count.decided)
        for item in rows
        for count in item.levels
    ]
    decided = sum(n for _, _, _, n in points)
    right = sum(c for _, _, c, _ in points)
    skill = sum(level * n for _, level, _, n in points) / decided
    skill += width * math.log((right + 0.5) / (decided - right + 0.5))
    slope, exp = 0.0, math.exp
    for _ in range(NEWTON_STEPS):
        # gradient and (negative) second derivatives of the log-posterior in (skill, slope)
        g1, g2 = 0.0, -slope / PRIOR**2
        h11, h12, h22 = 1e-3, 0.0, 1 / PRIOR**2
        chi = 0.0
        for time, level, credit, n in points:
            z = (level - skill - slope * time) / width
            p = 1 / (1 + exp(max(-12.0, min(12.0, z))))
            p = min(0.98, max(0.02, p))
            spread = n * p * (1 - p)
            miss = credit - n * p
            weight, pull = spread / width**2, miss / width
            g1 += pull
            g2 += pull * time
            h11 += weight
            h12 += weight * time
            h22 += weight * time * time
            chi += miss * miss / spread
        determinant = h11 * h22 - h12 * h12
        skill += max(-4.0, min(4.0, (h22 * g1 - h12 * g2) / determinant))
        slope += max(-1.0, min(1.0, (h11 * g2 - h12 * g1) / determinant))
    freedom = max(0, len(points) - 2)
    scatter = (chi + SCATTER_PRIOR) / (freedom + SCATTER_PRIOR)
    return Growth(slope, math.sqrt(scatter * h11 / determinant), informative)


def _since_both_sides(observations: Sequence[Observation]) -> Sequence[Observation]:
    """Those from the first step by which accuracy has been on both sides of one half."""
    high = low = False
    for number, item in enumerate(observations):
        accuracy = item.accuracy
        high, low = high or accuracy >= 0.5, low or accuracy <= 0.5
        if high and low:
            return observations[number:]
    return []
