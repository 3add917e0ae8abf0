"""Summing up a step: outcomes for the engine, figures for the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from scaler_core.models import Group, Outcome, Ticket


def outcomes_of(
    tickets: Mapping[str, Ticket], groups: Mapping[str, Group]
) -> dict[str, list[Outcome]]:
    """Verdicts summed by environment and level, both in the order of the tickets."""
    sums: dict[str, dict[int, Counter[str]]] = {}
    for name, ticket in tickets.items():
        if name in groups:
            levels = sums.setdefault(ticket.environment_id, {})
            counts = levels.setdefault(ticket.level, Counter())
            counts.update(verdict.result for verdict in groups[name].verdicts)
    return {
        environment_id: [
            Outcome(
                level=level,
                correct=counts["correct"],
                decided=counts["correct"] + counts["incorrect"],
                undecided=counts["undecided"],
            )
            for level, counts in sorted(levels.items())
        ]
        for environment_id, levels in sums.items()
    }


def group_metrics(groups: Iterable[Group], drawn: int) -> dict[str, float]:
    """Figures over a step's groups.

    ``accuracy`` is over decided responses, and absent when there is none. ``informative_share`` is
    the share of the *drawn* tickets whose decided responses are neither all right nor all wrong:
    only those carry a gradient under group-normalised advantages.
    """
    totals: Counter[str] = Counter()
    informative = 0
    for group in groups:
        counts = Counter(verdict.result for verdict in group.verdicts)
        totals.update(counts)
        informative += bool(counts["correct"] and counts["incorrect"])
    decided = totals["correct"] + totals["incorrect"]
    return {
        **({"accuracy": totals["correct"] / decided} if decided else {}),
        "informative_share": informative / drawn,
        "decided": decided,
        "undecided": totals["undecided"],
    }
