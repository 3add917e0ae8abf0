r"""Making instances again in other ways: the same place must give the same instance.

::

    fingerprints of the first time --> the places again, in another order, process or hash seed
            \__________________________ compared __________________________/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scaler_core.audit.generator import Place
from scaler_core.audit.records import RepeatAudit
from scaler_core.audit.rules import Measure

Make = Callable[[Sequence[Place]], Sequence[str | None]]
"""Fingerprints of places, made in one batch; ``None`` where nothing can be said."""


@dataclass(frozen=True)
class Way:
    """A way to make instances again.

    Attributes:
        name: What is different, in a few words.
        rule: The rule that a difference breaks.
        make: Makes them.
        batched: Whether places come in batches of growing size and in another order, rather than
            in one batch.
        impossible: Why it cannot be done here; empty when it can.
    """

    name: str
    rule: str
    make: Make
    batched: bool = False
    impossible: str = ""


def repeat(first: Mapping[Place, str], ways: Sequence[Way]) -> list[RepeatAudit]:
    """What each of *ways* makes of the places of *first*, in the order of *ways*."""
    return [_repeat(first, way) for way in ways]


def measure_repeats(ways: Sequence[Way], audits: Sequence[RepeatAudit]) -> list[Measure]:
    """The share of instances that came out differently, for each way that could be gone."""
    return [
        Measure(
            way.rule,
            audit.differing / audit.compared,
            f"{audit.differing} of {audit.compared} instances differ when they are {audit.way}: "
            f"{audit.example}",
        )
        for way, audit in zip(ways, audits, strict=True)
        if audit.compared
    ]


def _repeat(first: Mapping[Place, str], way: Way) -> RepeatAudit:
    if way.impossible:
        return RepeatAudit(way=way.name, compared=0, example=way.impossible)
    places = list(first)
    batches = mixed_batches(places) if way.batched else [places] if places else []
    compared, differing = 0, []
    for batch in batches:
        for place, made in zip(batch, way.make(batch), strict=True):
            compared += made is not None
            if made is not None and made != first[place]:
                differing.append(place)
    example = "level {}, seed {}".format(*differing[0]) if differing else ""
    return RepeatAudit(way=way.name, compared=compared, differing=len(differing), example=example)


def mixed_batches(places: Sequence[Place]) -> list[list[Place]]:
    """The places from the last to the first, levels mixed, in batches of 1, 2, 4, 8, ..."""
    by_seed = sorted(range(len(places)), key=lambda index: (index * 7 % 11, -index))
    mixed = [places[index] for index in by_seed]
    batches, size = [], 1
    while mixed:
        batches.append(mixed[:size])
        mixed = mixed[size:]
        size *= 2
    return batches
