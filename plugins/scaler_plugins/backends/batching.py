"""Splitting a step into slices of equal size."""

from __future__ import annotations


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of *number* that is at most *limit*."""
    return max(size for size in range(1, min(number, limit) + 1) if number % size == 0)
