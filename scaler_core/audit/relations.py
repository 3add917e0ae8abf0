"""Relations between two columns of words, one of each testcase: a constant step, other names.

Both are found from the columns alone. A relation that few different values could show by chance
does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from scaler_core.audit.features import NUMBER

Column = Sequence[str | None]
"""A word of each testcase; ``None`` where it has none."""

FEWEST = 5
"""Testcases that a relation must hold for."""
FEWEST_RARE = 3
"""Those of them that must not have one of the two commonest values, or have the second one."""
LONGEST_NUMBER = 400


def linear(column: Column, answers: Column) -> list[bool]:
    """Where ``answer = a * word + b``, for the a and b (a not 0) that most testcases share."""
    points = [_point(word, answer) for word, answer in zip(column, answers, strict=True)]
    slopes = Counter[tuple[Fraction, Fraction]]()
    for left, right in pairwise([point for point in points if point is not None]):
        if left[0] != right[0] and left[1] != right[1]:
            slope = (right[1] - left[1]) / (right[0] - left[0])
            slopes[slope, left[1] - slope * left[0]] += 1
    if not slopes:
        return [False] * len(points)
    (slope, start), _ = slopes.most_common(1)[0]
    hits = [point is not None and point[1] == slope * point[0] + start for point in points]
    return _unless_by_chance(hits, answers)


def renamed(column: Column, answers: Column) -> list[bool]:
    """Where each word has its own answer, for few different answers that all occur often."""
    names: dict[str, str] = {}
    pairs = Counter(
        (word, answer)
        for word, answer in zip(column, answers, strict=True)
        if word is not None and answer is not None
    )
    for (word, answer), _ in pairs.most_common():
        if word not in names and answer not in names.values():
            names[word] = answer
    hits = [
        word is not None and answer is not None and names.get(word) == answer
        for word, answer in zip(column, answers, strict=True)
    ]
    if 2 * len(set(answers)) > len(hits):
        return [False] * len(hits)
    return _unless_by_chance(hits, answers)


def share(hits: Sequence[bool], answers: Sequence[str]) -> float:
    """The share of hits, and no more than that among answers other than the commonest.

    So a constant field is nothing where one answer is common.
    """
    common, _ = Counter(answers).most_common(1)[0]
    others = [hit for hit, answer in zip(hits, answers, strict=True) if answer != common]
    return min(sum(hits) / len(hits), sum(others) / len(others) if others else 0.0)


def _point(word: str | None, answer: str | None) -> tuple[Fraction, Fraction] | None:
    if word is None or answer is None or len(word) + len(answer) > LONGEST_NUMBER:
        return None
    if not (NUMBER.fullmatch(word) and NUMBER.fullmatch(answer)):
        return None
    return Fraction(word), Fraction(answer)


def _unless_by_chance(hits: list[bool], answers: Column) -> list[bool]:
    counts = Counter(answer for hit, answer in zip(hits, answers, strict=True) if hit)
    sizes = [count for _, count in counts.most_common()]
    rare = sum(sizes[2:]) or (sizes[1] if len(sizes) > 1 else 0)
    if sum(sizes) < FEWEST or rare < min(FEWEST_RARE, sum(sizes) - 2):
        return [False] * len(hits)
    return hits
