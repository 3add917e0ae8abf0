"""Parts of the lines that a run writes for each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scaler_core.models import Response, Ticket, Verdict

SAMPLE_CHARACTERS = 2000


def grown(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """By how much each counter has grown; those that stand still are left out."""
    return {
        name: round(total - before.get(name, 0), 4)
        for name, total in sorted(now.items())
        if total != before.get(name, 0)
    }


def sample_line(step: int, ticket: Ticket, response: Response, verdict: Verdict) -> dict[str, Any]:
    """A line of ``samples.jsonl``; long texts are cut."""
    return {
        "schema_version": 1,
        "step": step,
        "ticket": ticket.id,
        "environment_id": ticket.environment_id,
        "level": ticket.level,
        "prompt": ticket.messages[-1]["content"][:SAMPLE_CHARACTERS] if ticket.messages else "",
        "truth": ticket.truth[:SAMPLE_CHARACTERS],
        "response": response.text[:SAMPLE_CHARACTERS],
        "truncated": response.truncated,
        "result": verdict.result,
        "reason": verdict.reason,
    }
