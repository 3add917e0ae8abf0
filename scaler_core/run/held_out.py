"""The grid of held-out instances: answered before and after training, or on a schedule.

Its seeds derive from the words "held-out grid" and not from the run's seed: they are the same in
every run of a pool, and none is ever drawn for training. Where a run holds environments out, the
grid has their instances too: *in-pool* are the instances of trained environments, *out-of-pool*
those of held-out ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple

from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.factory import (
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    InstanceResult,
)
from scaler_core.interfaces import AnyEnvironment, EnvironmentSource
from scaler_core.jsonio import compact_json, read_lines, write_atomic
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice, Instance, Ticket, Verdict
from scaler_core.pool.source import SelectedSource
from scaler_core.seeds import SEED_BITS, derive_seed

# a seed whose instance is invalid is replaced by further attempts, this many in all
ATTEMPTS = 5
IN_POOL, OUT_OF_POOL = "in-pool", "out-of-pool"


@dataclass(frozen=True)
class Score:
    """Answers to a part of the grid."""

    correct: int = 0
    decided: int = 0

    @property
    def accuracy(self) -> float:
        """Share of decided answers that are correct; not a number when none is decided."""
        return self.correct / self.decided if self.decided else math.nan

    @property
    def variance(self) -> float:
        """Sampling variance of :attr:`accuracy`."""
        return self.accuracy * (1 - self.accuracy) / self.decided if self.decided else math.nan


def make_grid(
    source: EnvironmentSource,
    factory: InstanceFactory,
    judge: Judge,
    verifier: ComponentChoice,
    *,
    levels: Sequence[int],
    seeds: int,
) -> tuple[list[Ticket], dict[str, int]]:
    """The tickets of the grid: every environment, every level that it has, *seeds* of each.

    Returns:
        The tickets, and how many places stayed empty by cause.

    Raises:
        InfrastructureError: The machine could not make instances.
        UsageError: An environment names a verifier that is not installed.
    """
    places = [
        _Place(environment, level, derive_seed("held-out grid", environment.id, level, index))
        for environment in map(source.get, source.ids())
        for level in sorted(set(levels))
        if level <= environment.top_level
        for index in range(seeds)
    ]
    made = _make_places(places, factory)
    tickets: list[Ticket] = []
    dropped: Counter[str] = Counter()
    for result in made:
        if isinstance(result, InstanceFailure):
            dropped[result.cause] += 1
        else:
            tickets.append(_grid_ticket(result, judge.choose(result, verifier)))
    return tickets, dict(dropped)


class _Place(NamedTuple):
    """A place of the grid, before an instance fills it."""

    environment: AnyEnvironment
    level: int
    seed: int

    def nth_seed(self, attempt: int) -> int:
        """The seed of an attempt; the first one is 0."""
        return derive_seed(self.seed, "attempt", attempt) if attempt else self.seed


def _make_places(places: Sequence[_Place], factory: InstanceFactory) -> list[InstanceResult]:
    """The instance of each place, all places in one call; the last failure where none is valid.

    Whatever is invalid is made once more, with the next seed, until ``ATTEMPTS`` were made.
    """
    found: dict[int, InstanceResult] = {}
    empty = list(range(len(places)))
    for attempt in range(ATTEMPTS):
        requests = [
            InstanceRequest(
                places[indices[0]].environment,
                places[indices[0]].level,
                tuple(places[index].nth_seed(attempt) for index in indices),
            )
            for indices in _neighbours(empty, places)
        ]
        made = chain.from_iterable(factory.make_many(requests) if requests else ())
        found.update(zip(empty, made, strict=True))
        empty = [index for index in empty if isinstance(found[index], InstanceFailure)]
        for index in empty:
            _refuse_machine_failure(places[index], found[index])
    return [found[index] for index in range(len(places))]


def _neighbours(indices: Sequence[int], places: Sequence[_Place]) -> list[list[int]]:
    """*indices* in groups of one environment and level."""
    by_level = groupby(indices, lambda index: (id(places[index].environment), places[index].level))
    return [list(group) for _, group in by_level]


def _refuse_machine_failure(place: _Place, result: InstanceResult) -> None:
    if isinstance(result, InstanceFailure) and result.cause == "infrastructure":
        raise InfrastructureError(
            f"no held-out instance of {place.environment.id!r} could be made: {result.detail}",
            hint="the environment is not to blame; see scaler doctor",
        )


def _grid_ticket(instance: Instance, verifier: ComponentChoice) -> Ticket:
    place = f"{instance.environment_id}.{instance.level}.{instance.seed}"
    return Ticket.of(instance, id=f"grid.{place}", step=0, verifier=verifier)


def write_grid(path: Path, tickets: Iterable[Ticket]) -> None:
    """Write the grid to disk, so that a resumed run answers the same instances."""
    lines = [compact_json(ticket.model_dump(mode="json")) for ticket in tickets]
    write_atomic(path, "\n".join(lines) + "\n")


def read_grid(path: Path) -> list[Ticket]:
    """The grid that :func:`write_grid` wrote."""
    try:
        return [Ticket.model_validate(record) for _, record in read_lines(path)]
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from error


def score_grid(
    tickets: Sequence[Ticket],
    verdicts: Sequence[Verdict],
    held_out: Callable[[str], bool] = lambda environment_id: False,
) -> dict[str, Any]:
    """Verdicts on the grid as JSON: in all, by environment and level, by pool and level.

    Args:
        tickets: The grid.
        verdicts: One for each ticket.
        held_out: Whether an environment is held out.
    """
    cells: dict[str, dict[str, list[int]]] = {}
    pools: dict[str, dict[str, list[int]]] = {}
    for ticket, verdict in zip(tickets, verdicts, strict=True):
        pool = OUT_OF_POOL if held_out(ticket.environment_id) else IN_POOL
        for table, row in ((cells, ticket.environment_id), (pools, pool)):
            cell = table.setdefault(row, {}).setdefault(str(ticket.level), [0, 0])
            cell[0] += verdict.result == "correct"
            cell[1] += verdict.result != "undecided"
    decided = sum(verdict.result != "undecided" for verdict in verdicts)
    correct = sum(verdict.result == "correct" for verdict in verdicts)
    return {
        "correct": correct,
        "decided": decided,
        "undecided": len(verdicts) - decided,
        "accuracy": correct / decided if decided else None,
        "pools": pools,
        "cells": cells,
    }


def grid_figures(scores: Mapping[str, Any]) -> dict[str, float]:
    """The result of :func:`score_grid` as figures: ``grid/in-pool``, ``grid/in-pool/level-3``."""
    figures: dict[str, float] = {}
    for pool, levels in scores.get("pools", {}).items():
        parts = {level: Score(*cell) for level, cell in levels.items()}
        correct = sum(part.correct for part in parts.values())
        whole = Score(correct, sum(part.decided for part in parts.values()))
        named = {f"grid/{pool}": whole}
        named |= {f"grid/{pool}/level-{level}": part for level, part in parts.items()}
        figures |= {name: part.accuracy for name, part in named.items() if part.decided}
    return figures


def standard_errors(before: Score, after: Score) -> float:
    """By how many standard errors of the difference *after* is above *before*."""
    spread = math.sqrt(before.variance + after.variance)
    return (after.accuracy - before.accuracy) / spread if spread else math.nan


def is_held_out(environment_id: str, share: float, seed: int) -> bool:
    """Whether the run of *seed* holds the environment out; true for about *share* of all ids."""
    threshold: float = share * 2**SEED_BITS
    return derive_seed("held-out environment", seed, environment_id) < threshold


def split_held_out(
    source: EnvironmentSource, share: float, seed: int
) -> tuple[EnvironmentSource, EnvironmentSource | None]:
    """The environments to train on, and those held out; ``None`` for a *share* of 0.

    Raises:
        UsageError: All of them would be held out, or none.
    """
    if not share:
        return source, None
    held_out = [name for name in source.ids() if is_held_out(name, share, seed)]
    trained = [name for name in source.ids() if name not in set(held_out)]
    if not held_out or not trained:
        raise UsageError(
            f"evaluation.held_out = {share} holds out {'all' if held_out else 'none'} of the "
            f"{len(source)} environments",
            hint="take another share or another run.seed, or a larger pool",
        )
    return SelectedSource(source, trained), SelectedSource(source, held_out)
