"""The way of one problem through the stages, apart from how a stage is done.

::

    filter -> extract -> generate -> check -> calibrate -> accepted
                 ^          ^----------+---------+
                 |          a new generator, a bounded number of times
              again only when it is asked for

The same way is walked by a run, which does what the journal lacks, and by the yields, which only
look.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from itertools import count, islice
from typing import NamedTuple, get_args

from scaler_core.synthesis.records import Stage

STAGES: tuple[Stage, ...] = get_args(Stage)


class Step(NamedTuple):
    """A stage, and how often it was tried before."""

    stage: Stage
    attempt: int


Journey = Generator[Step, bool, bool]
"""Yields steps, is sent whether each was passed, and returns whether the problem is accepted."""


def journey(generators: int, reopened: Mapping[Stage, int]) -> Journey:
    """The steps of one problem.

    Args:
        generators: Generators that are written until one passes (paper section 2, "attempts").
        reopened: How often a rejected problem was let in again at ``extract`` or ``generate``; each
            time allows as many attempts as the first.
    """
    if not (yield Step("filter", 0)):
        return False
    for attempt in range(1 + reopened.get("extract", 0)):
        if (yield Step("extract", attempt)):
            break
    else:
        return False
    attempts = count()  # no gaps, so that allowing more generators later finds those that are there
    for _ in range(1 + reopened.get("generate", 0)):
        for attempt in islice(attempts, generators):
            if not (yield Step("generate", attempt)):
                break  # who wrote none in several conversations will not in the next
            if (yield Step("check", attempt)) and (yield Step("calibrate", attempt)):
                return True
    return False


def reopening_stage(rejected_at: Stage) -> Stage:
    """Where a problem that was rejected at a stage is let in again: what a check refuses once it
    refuses for ever, so another generator is needed.
    """
    return rejected_at if rejected_at in ("filter", "extract") else "generate"
