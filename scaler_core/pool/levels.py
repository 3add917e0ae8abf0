"""Level tables: the published one of a scale range, and the repair of its defects."""

from __future__ import annotations

from collections.abc import Sequence

MOST_LEVELS = 30


def published_levels(scale_range: int) -> tuple[int, ...]:
    """The offsets that the published system gives to a range ``0..scale_range`` (paper 2.7).

    Below 100 they are evenly spaced, below 1,000 they grow as 1.3^i, above that as 1.6^i; there are
    at most 30. Kept as published, with its defects: offsets may repeat, and below 100 the last one
    may stay under the range. :func:`repaired_levels` mends both.

    Raises:
        ValueError: The range is negative.
    """
    if scale_range < 0:
        raise ValueError(f"a scale range must be at least 0, not {scale_range}")
    if scale_range < 100:
        count = min(MOST_LEVELS, scale_range + 1)
        return tuple(index * (scale_range + 1) // count for index in range(count))
    growth = 1.3 if scale_range < 1000 else 1.6
    offsets = [0]
    for index in range(1, MOST_LEVELS - 1):
        offset = round(growth**index)
        if offset >= scale_range:
            break
        offsets.append(offset)
    return (*offsets, scale_range)


def repaired_levels(levels: Sequence[int], scale_range: int) -> tuple[int, ...]:
    """*levels* made distinct and increasing, with *scale_range* as the last (paper 8.2).

    The first offset is kept, repeats and offsets beyond the range are dropped, and the range is
    added where it is missing. A table without these defects comes back as it is.

    Raises:
        ValueError: There is no level, or the first lies beyond the range.
    """
    if not levels or levels[0] > scale_range:
        raise ValueError(f"no level lies within the scale range {scale_range}")
    repaired = [levels[0]]
    for offset in [*levels[1:], scale_range]:
        if repaired[-1] < offset <= scale_range:
            repaired.append(offset)
    return tuple(repaired)
