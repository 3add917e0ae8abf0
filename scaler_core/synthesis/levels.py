"""Level tables of new environments, and how parameters move together (paper section 2.7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scaler_core.models import ScaleParameter
from scaler_core.pool.conversion import MOST_LEVELS, published_levels, repaired_levels
from scaler_core.synthesis.checks.drawing import Ranges

EVENLY_BELOW = 100
"""Ranges below it are cut evenly, as published."""

STILL = 2.0**-60
"""The ratio of a parameter with one value only: it must be positive, and moves nothing."""


def level_table(scale_range: int, *, as_published: bool = False) -> tuple[int, ...]:
    """Offsets of the levels of a range ``0..scale_range``, at most 30.

    Below 100 they are even, below 1,000 they grow as 1.3^i, above that as 1.6^i. They are distinct
    and increasing, and the last is the range.

    Args:
        scale_range: The largest offset.
        as_published: The published table, in which offsets may repeat and the last may be less.

    Raises:
        ValueError: The range is negative.
    """
    published = published_levels(scale_range)
    if as_published:
        return published
    if MOST_LEVELS <= scale_range < EVENLY_BELOW:
        last = MOST_LEVELS - 1
        return tuple(level * scale_range // last for level in range(MOST_LEVELS))
    return repaired_levels(published, scale_range)


@dataclass(frozen=True)
class Ladder:
    """Parameters that move together: offset 0 is the lowest scale, ``reach`` the highest.

    Attributes:
        parameters: Minimum, maximum and ratio of each.
        reach: The largest offset: the smallest span of a parameter that moves.
    """

    parameters: Mapping[str, ScaleParameter]
    reach: int

    @classmethod
    def of(cls, ranges: Ranges, largest_span: int | None = None) -> Ladder:
        """The ladder of *ranges*, whose spans are cut to *largest_span* if it is given.

        Each ratio is span / smallest span, so that all parameters reach their maximum together.
        """
        spans = {name: high - low for name, (low, high) in ranges.items()}
        if largest_span is not None:
            spans = {name: min(span, largest_span) for name, span in spans.items()}
        reach = min((span for span in spans.values() if span), default=0)
        parameters = {
            name: ScaleParameter(
                minimum=ranges[name][0],
                maximum=ranges[name][0] + span,
                ratio=exact_ratio(span, reach),
            )
            for name, span in spans.items()
        }
        return cls(parameters, reach)

    def scale(self, offset: int) -> dict[str, int]:
        """Parameter values at *offset*, as :meth:`Environment.scale` computes them."""
        return {
            name: item.minimum + int(item.ratio * offset) for name, item in self.parameters.items()
        }

    def between(self, lowest: int, highest: int) -> Ladder:
        """The part from the scale at offset *lowest* to the one at *highest*."""
        low, high = self.scale(lowest), self.scale(highest)
        return Ladder.of({name: (low[name], high[name]) for name in low})


def exact_ratio(span: int, reach: int) -> float:
    """The ratio by which a parameter moves its whole *span* when the offset moves *reach*.

    Rounding down a floating-point product may lose the last unit, so the ratio is the next larger
    one where it does.
    """
    if not span or not reach:
        return STILL
    ratio = span / reach
    while int(ratio * reach) < span:
        ratio = math.nextafter(ratio, math.inf)
    return ratio
