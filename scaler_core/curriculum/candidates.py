"""Candidates for the active set: an indexable set of ids, and draws from it by weight.

Neither costs more with a larger pool than one draw of as many random bytes::

    ids of the pool    a b c d e f g h      sorted, never copied
    taken                1     4 5          positions of those that are no candidates
    candidates         a   c d     g h      the third is found by bisection in the gaps
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import overload

from scaler_core.interfaces import EnvironmentSource

_RANGE = 1 << 16  # values of the leading bytes by which numbers are sorted out


class PoolIds(Sequence[str]):
    """The sorted ids of a source, and where each of them stands."""

    def __init__(self, source: EnvironmentSource) -> None:
        self._source = source
        self._ids = sorted(source.ids())
        self._positions = {name: position for position, name in enumerate(self._ids)}

    @cached_property
    def largest_weight(self) -> float:
        """The largest weight of any environment; 0 where there is none."""
        return max(map(self._source.weight, self._ids), default=0.0)

    def position(self, environment_id: object) -> int | None:
        """Where an id stands; ``None`` for one that is not of the source."""
        return self._positions.get(environment_id)  # type: ignore[call-overload, no-any-return]

    def without(self, names: Iterable[str]) -> Candidates:
        """All ids but *names*; they may repeat, and be of no environment."""
        found = {self._positions[name] for name in names if name in self._positions}
        return Candidates(self, sorted(found))

    def __contains__(self, name: object) -> bool:
        return name in self._positions

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._ids[index]


class Candidates(Sequence[str]):
    """Some ids of a pool in their order; made by :meth:`PoolIds.without`."""

    def __init__(self, pool: PoolIds, taken: Sequence[int]) -> None:
        self._pool = pool
        self._taken = taken
        # how many candidates stand before each position that is taken
        self._gaps = [position - number for number, position in enumerate(taken)]

    @property
    def largest_weight(self) -> float:
        """A weight that none of them exceeds."""
        return self._pool.largest_weight

    def __len__(self) -> int:
        return len(self._pool) - len(self._taken)

    def __contains__(self, name: object) -> bool:
        position = self._pool.position(name)
        if position is None:
            return False
        number = bisect_left(self._taken, position)
        return number == len(self._taken) or self._taken[number] != position

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        numbers = range(len(self))[index]  # raises for one that is out of range
        if isinstance(numbers, range):
            return [self[number] for number in numbers]
        return self._pool[numbers + bisect_right(self._gaps, numbers)]

    def __iter__(self) -> Iterator[str]:
        for before, after in pairwise((-1, *self._taken, len(self._pool))):
            yield from self._pool[before + 1 : after]


def draw_by_weight(
    candidates: Sequence[str], weight: Callable[[str], float], count: int, rng: random.Random
) -> list[str]:
    """Draw *count* different candidates, each in proportion to its weight among those left.

    Every candidate gets the key ``u ** (1 / weight)``, with u the next number of *rng*, and the
    largest keys win (Efraimidis and Spirakis): for equal weights this is a uniform sample without
    replacement. One of weight 0 is never drawn, so there may be fewer than *count*.

    The numbers are drawn as bytes, and only candidates whose number may win are looked at.
    """
    if isinstance(candidates, Candidates):
        largest = candidates.largest_weight
    else:
        largest = max(map(weight, candidates), default=0.0)
    if largest <= 0 or not candidates or count < 1:
        return []
    numbers = rng.randbytes(8 * len(candidates))
    # of all values from *least* on there are 2 * count at least, as a rule
    least = max(0, int(_RANGE * (1 - (2 * count + 16) / len(candidates))))
    while True:
        keyed = []
        for number in _find_large(numbers, least):
            name = candidates[number]
            if (its_weight := weight(name)) > 0:
                u = _uniform(numbers[8 * number : 8 * number + 8])
                keyed.append((u ** (1 / its_weight), name))
        best = heapq.nlargest(count, keyed)
        # no other key exceeds this one; the margin is for the rounding of powers
        bound = (least / _RANGE) ** (1 / largest) * (1 + 1e-9)
        if least == 0 or (len(best) == count and best[-1][0] > bound):
            return [name for _, name in best]
        least = max(0, 2 * least - _RANGE)


def _find_large(numbers: bytes, least: int) -> Iterator[int]:
    """Which of the *numbers*, of eight bytes each, begin with *least* of ``_RANGE`` or more."""
    high = least >> 8
    marks = numbers[3::8].translate(bytes(high) + b"\1" * (256 - high))
    found = marks.find(1)
    while found >= 0:
        if numbers[8 * found + 3] << 8 | numbers[8 * found + 2] >= least:
            yield found
        found = marks.find(1, found + 1)


def _uniform(value: bytes) -> float:
    """The number in [0, 1) that ``random.random()`` makes of the same eight random bytes."""
    first, second = int.from_bytes(value[:4], "little"), int.from_bytes(value[4:], "little")
    return ((first >> 5) * (1 << 26) + (second >> 6)) / (1 << 53)
