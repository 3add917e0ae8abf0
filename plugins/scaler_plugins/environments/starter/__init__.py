"""The starter pack: original environments on shelves, each a pool file in the published format.

Each shelf is a pack of its own, so that ``[pool] use`` and ``[[pool.sources]]`` name it like any
other; ids are distinct over all shelves. The packs read their files alone. In the repository,
``tools/starter_pack`` holds the problems as authors edit them, and builds the files from them with
the pipeline of ``scaler synth``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import ClassVar

from scaler_core.interfaces import EnvironmentPack, EnvironmentSource

_HERE = Path(__file__).parent


class StarterPack(EnvironmentPack):
    """The first shelf: forty environments of twenty families, from lists to games."""

    name = "starter"
    file: ClassVar[Path] = _HERE / "starter.json"

    def open(self) -> EnvironmentSource:
        """The environments of the pack; read once a process."""
        return _open(self.name, self.file)


class NumbersShelf(StarterPack):
    """Calculating: number theory, bits, recurrences, permutations, chances, calendars, units."""

    name = "starter-numbers"
    file = _HERE / "starter-numbers.json"


class WordsShelf(StarterPack):
    """Reading: automata, strings, ciphers, expressions, logic, tables."""

    name = "starter-words"
    file = _HERE / "starter-words.json"


class PlansShelf(StarterPack):
    """Choosing: graphs, trees, flows, schedules, intervals, games, grids, simulations."""

    name = "starter-plans"
    file = _HERE / "starter-plans.json"


SHELVES: tuple[type[StarterPack], ...] = (StarterPack, NumbersShelf, WordsShelf, PlansShelf)
"""The packs, the first shelf first."""
POOL_FILE = StarterPack.file
"""The pool file of the first shelf."""


@cache
def _open(name: str, file: Path) -> EnvironmentSource:
    from scaler_core.pool.published import read_published
    from scaler_core.pool.source import MemorySource

    return MemorySource(read_published(file), label=name)
