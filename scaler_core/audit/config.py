"""The settings of an audit: levels, seeds, budget."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from scaler_core.config import FactorySection
from scaler_core.errors import unknown_name
from scaler_core.models import Record
from scaler_core.pool.browsing import LEVEL_WORDS, parse_level

ALL_LEVELS = "all"


class AuditSettings(Record):
    """How an audit is done.

    Attributes:
        levels: ``min``, ``mid``, ``max``, ``all`` or numbers; a number above an environment's top
            level means its top level.
        instances: Seeds tried at each level.
        seed: Equal seeds, equal instances.
        workers: Environments that are audited side by side.
        references: As in the recipe's ``[factory]``.
        agree: As in the recipe's ``[factory]``.
        budget_s: CPU seconds after which a slow program is run on no further input of a level.
    """

    levels: tuple[str, ...] = LEVEL_WORDS
    instances: int = Field(default=30, ge=1)
    seed: int = 0
    workers: int = Field(default=FactorySection().workers, ge=1)
    references: int = FactorySection().references
    agree: int = FactorySection().agree
    budget_s: float = Field(default=20.0, gt=0)


def check_levels(levels: Sequence[str]) -> None:
    """Refuse a text that can name no level.

    Raises:
        UsageError: It is neither one of the words nor a number from 0 on.
    """
    for text in levels:
        if text not in (*LEVEL_WORDS, ALL_LEVELS) and not text.isdecimal():
            known = (*LEVEL_WORDS, ALL_LEVELS)
            raise unknown_name("level", text, known, hint="or a number from 0 on")


def chosen_levels(levels: Sequence[str], top_level: int) -> tuple[int, ...]:
    """The levels that *levels* means for an environment, in increasing order, each once."""
    if ALL_LEVELS in levels:
        return tuple(range(top_level + 1))
    numbers = {
        min(int(text), top_level) if text.isdecimal() else parse_level(text, top_level)
        for text in levels
    }
    return tuple(sorted(numbers))
