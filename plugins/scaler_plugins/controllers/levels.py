"""Arithmetic on levels that controllers share."""

from __future__ import annotations

import math


def levels_around(d: float, prompts: int) -> list[int]:
    """The two levels around *d*, the lower first: ``round(prompts * frac(d))`` are the higher."""
    lower = math.floor(d)
    above = round(prompts * (d - lower))
    return [lower] * (prompts - above) + [lower + 1] * above


def clip(d: float, top_level: int) -> float:
    """*d* within the levels that there are."""
    return max(0.0, min(float(top_level), d))
