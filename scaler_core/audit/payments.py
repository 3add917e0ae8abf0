"""What an environment's own scoring pays without looking: the same answer for every instance.

A task may have many right answers, so one that is accepted though it is not the truth proves
nothing. One that is accepted on most instances does: their truths differ, and it knows none of
them. The same holds for the truths of other instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from scaler_core.audit.records import shortened
from scaler_core.audit.rules import Measure
from scaler_core.audit.verifier import PAID, ask, box, chosen, ticket_of
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice, Instance, Response

CONSTANTS = (
    *("0", "1", "-1", "True", "None", "[]", "{}", "1 2 3", "a b c"),
    # what parsers of numbers, lists and fractions stumble over
    *("[[", '[1, "x"]', "\u00b2", "0/0"),
)
OTHERS = 3
FEWEST = 2
"""Instances with different truths that it takes to call an answer paid without looking."""


def measure_payments(
    judge: Judge, instances: Sequence[Instance], default: ComponentChoice
) -> list[Measure]:
    """Ask for constant answers and other instances' truths on a few instances of each level.

    Args:
        judge: Asks the environment's scoring.
        instances: Instances of all levels.
        default: Who verifies where the environment names nobody.
    """
    few = chosen(instances)
    untold = [item for item in few if not item.truth.strip()]
    share = len(untold) / max(1, len(few))
    measures = [
        Measure("own_scoring_untested", share, f"{len(untold)} of {len(few)} instances: no truth")
    ]
    raised: list[str] = []
    for answer in CONSTANTS:
        paid, asked = _ask_everywhere(judge, few, [answer] * len(few), default, raised)
        measures.append(_measure(f"the answer {answer!r}", paid, asked))
    for shift in range(1, 1 + OTHERS):
        others = [_other(few, index, shift) for index in range(len(few))]
        paid, asked = _ask_everywhere(judge, few, others, default, raised)
        measures.append(_measure("another instance's truth", paid, asked))
    detail = f"own scoring fails on {len(raised)} answers: {raised[0] if raised else ''}"
    return [*measures, Measure("verifier_undecided", len(raised), detail)]


def _other(instances: Sequence[Instance], index: int, shift: int) -> str:
    """The truth of another instance of the same level, *shift* places on."""
    level = [item for item in instances if item.level == instances[index].level]
    place = level.index(instances[index])
    return level[(place + shift) % len(level)].truth


def _ask_everywhere(
    judge: Judge,
    instances: Sequence[Instance],
    answers: Sequence[str],
    default: ComponentChoice,
    raised: list[str],
) -> tuple[list[Instance], list[Instance]]:
    """The instances that paid for their answer, and all that were asked: those it is wrong for."""
    paid, asked = [], []
    for instance, answer in zip(instances, answers, strict=True):
        if not answer.strip() or _same(answer, instance.truth):
            continue
        asked.append(instance)
        told = ask(judge, ticket_of(judge, instance, default), Response(text=box(answer)))
        if told is None or told[0].reason == "verifier limit":
            break
        if told[0].result == "undecided":
            raised.append(f"{answer!r} at level {instance.level}: {told[0].reason}")
        elif (told[0].credit or 0.0) >= PAID:
            paid.append(instance)
    return paid, asked


def _measure(what: str, paid: Sequence[Instance], asked: Sequence[Instance]) -> Measure:
    truths = {item.truth for item in paid}
    share = len(paid) / len(asked) if len(truths) >= FEWEST else 0.0
    example = f"; level {paid[0].level}, truth {shortened(paid[0].truth, 60)}" if paid else ""
    detail = f"{what} is paid on {len(paid)} of {len(asked)} instances{example}"
    return Measure("own_scoring_pays", share, detail)


def _same(one: str, other: str) -> bool:
    if one.strip().casefold() == other.strip().casefold():
        return True
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False
