"""The few figures that curriculum decisions rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence


def least_squares_slope(values: Sequence[float]) -> float:
    """Slope of the least-squares line through *values* at x = 0, 1, 2, ...

    A constant series has slope exactly 0, whatever its value. Needs at least two values.
    """
    centre = (len(values) - 1) / 2
    first = values[0]
    rise = math.fsum((x - centre) * (y - first) for x, y in enumerate(values))
    return rise / math.fsum((x - centre) ** 2 for x in range(len(values)))
