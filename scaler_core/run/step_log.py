"""The log of each step: a line of metrics, and a few samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from scaler_core.interfaces import Sample
from scaler_core.models import Response, Ticket, Verdict
from scaler_core.run.directory import RunDirectory
from scaler_core.seeds import derive_random

SAMPLES_PER_STEP = 4
"""Tickets of a step of which a sample is kept."""
SAMPLE_CHARACTERS = 2000


class StepLog:
    """Writes ``metrics.jsonl`` and ``samples.jsonl``, and keeps the clock of the step under way.

    Args:
        files: The run's directory.
        seed: The run's seed, by which samples are chosen.
        counters: Totals of the factory; a step's line has their deltas.
    """

    def __init__(
        self, files: RunDirectory, seed: int, counters: Callable[[], Mapping[str, float]]
    ) -> None:
        self._files = files
        self._seed = seed
        self._read_counters = counters
        self._counters: Mapping[str, float] = {}
        self._step_began = time.monotonic()

    def restart_clock(self) -> None:
        """Begin the next step's time and counter deltas now."""
        self._step_began, self._counters = time.monotonic(), self._read_counters()

    def write(
        self,
        step: int,
        curriculum: Mapping[str, float],
        metrics: Mapping[str, float],
        samples: Sequence[Sample],
    ) -> dict[str, float]:
        """Write the lines of *step*; the clock of the next one starts.

        Args:
            step: The step.
            curriculum: Figures of the curriculum.
            metrics: Figures of the backend.
            samples: Responses of the step; the first one to each of a few tickets is kept.

        Returns:
            The figures of the line. NaN and infinity, which the file has as null, are among them.
        """
        began, before = self._step_began, self._counters
        self.restart_clock()
        deltas = counter_deltas(before, self._counters)
        line: dict[str, float] = {
            "step": step,
            **curriculum,
            **{f"factory/{name}": delta for name, delta in deltas.items()},
            **metrics,
            "seconds": round(self._step_began - began, 4),
        }
        for sample in self._choose(step, samples):
            self._files.append("samples.jsonl", sample_line(step, *sample))
        # JSON has no NaN: a figure that is none, such as the loss of a diverged model, is null
        figures = {name: value if isfinite(value) else None for name, value in line.items()}
        self._files.append("metrics.jsonl", {"schema_version": 1, **figures})
        return line

    def _choose(self, step: int, samples: Sequence[Sample]) -> list[Sample]:
        """The first response to each of a few tickets, other tickets in each step."""
        first: dict[str, Sample] = {}
        for sample in samples:
            first.setdefault(sample[0].id, sample)
        rng = derive_random(self._seed, "samples", step)
        chosen = rng.sample(range(len(first)), min(SAMPLES_PER_STEP, len(first)))
        kept = list(first.values())
        return [kept[index] for index in sorted(chosen)]


def counter_deltas(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Deltas of the counters; those that did not change are left out."""
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
