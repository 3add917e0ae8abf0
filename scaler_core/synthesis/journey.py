"""The order of the stages for one problem, as a state machine that does no work itself.

::

    filter -> extract -> generate -> check -> calibrate -> accepted
                 ^          ^----------+---------+
                 |          a new generator, a bounded number of times
              again only when it is reopened

A run follows it and does the steps that the journal lacks; the yields follow it and only count.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from itertools import count, islice
from typing import NamedTuple, get_args

from scaler_core.synthesis.records import Stage

STAGES: tuple[Stage, ...] = get_args(Stage)


class Step(NamedTuple):
    """A stage, and the number of attempts at it before."""

    stage: Stage
    attempt: int


Journey = Generator[Step, bool, bool]
"""Yields steps, receives whether each was passed, returns whether the problem is accepted."""


def journey(generators: int, reopened: Mapping[Stage, int]) -> Journey:
    """The steps of one problem.

    Args:
        generators: Generators that are written until one passes (paper section 2, "attempts").
        reopened: How often a rejected problem was reopened at ``extract`` or ``generate``; each
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
                break  # the model wrote none in several conversations, so the next would fail too
            if (yield Step("check", attempt)) and (yield Step("calibrate", attempt)):
                return True
    return False


def reopening_stage(rejected_at: Stage) -> Stage:
    """The stage at which a problem rejected at *rejected_at* is reopened.

    A check gives the same result each time, so another generator is needed there.
    """
    return rejected_at if rejected_at in ("filter", "extract") else "generate"
