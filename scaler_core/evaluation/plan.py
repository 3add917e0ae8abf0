"""The plan of an evaluation: which rows of a benchmark, how many samples, and which seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scaler_core.interfaces import Benchmark, BenchmarkRow
from scaler_core.models import ComponentChoice, Question, Versioned
from scaler_core.seeds import derive_seed


class EvaluationSettings(Versioned):
    """The settings of an evaluation, as ``evaluation.json`` holds them.

    Attributes:
        model: The user's name of the model.
        identity: Stands for all that decides its responses beside the questions: weights, template,
            engine's address. Two models of one name have two identities.
        engine: The engine that answers.
        benchmarks: The benchmarks with their options.
        seed: Root of all sampling.
        limit: Questions of each benchmark; all of them where it is ``None``.
        samples: Responses to each question; the number of each row where it is ``None``.
        max_tokens: Most tokens of a response; the backend's limit where it is ``None``.
        step: The step of training that was evaluated; ``None`` outside training.
        sources: Where the questions of each benchmark came from, once they were read.
        sizes: Number of questions of each benchmark, asked or not.
    """

    model: str
    identity: str
    engine: str
    benchmarks: tuple[ComponentChoice, ...]
    seed: int = 0
    limit: int | None = None
    samples: int | None = None
    max_tokens: int | None = None
    step: int | None = None
    sources: dict[str, str] = {}
    sizes: dict[str, int] = {}


@dataclass(frozen=True)
class Plan:
    """An evaluation that is to be done.

    Attributes:
        settings: Its settings; their benchmarks are those of *benchmarks*.
        benchmarks: The benchmarks, built with their options.
    """

    settings: EvaluationSettings
    benchmarks: Sequence[Benchmark]

    @classmethod
    def of(cls, benchmarks: Sequence[Benchmark], **settings: Any) -> Plan:
        """The plan for *benchmarks*; *settings* are further fields of the settings."""
        choices = tuple(
            ComponentChoice(use=item.name, options=item.config.model_dump(mode="json"))
            for item in benchmarks
        )
        return cls(EvaluationSettings(benchmarks=choices, **settings), benchmarks)


class PlannedSample(NamedTuple):
    """One response to ask for: its row, its number among the row's samples, its question."""

    row: BenchmarkRow
    number: int
    question: Question


def choose_rows(name: str, rows: Iterable[BenchmarkRow], limit: int | None) -> list[BenchmarkRow]:
    """*limit* of *rows*, in their order.

    Many benchmarks are sorted by subject, so the first rows would be of one kind. A hash of the ids
    chooses instead: every evaluation takes the same rows, and a larger limit only adds some.
    """
    everything = list(rows)
    if limit is None or limit >= len(everything):
        return everything
    rank = {row.id: derive_seed("evaluation", "limit", name, row.id) for row in everything}
    chosen = set(sorted(rank, key=rank.__getitem__)[:limit])
    return [row for row in everything if row.id in chosen]


def samples_of(
    benchmark: Benchmark, rows: Sequence[BenchmarkRow], seed: int, samples: int | None
) -> list[PlannedSample]:
    """The responses to ask for: *samples* to each of *rows*, or each row's own number."""
    return [
        PlannedSample(
            row,
            number,
            Question(
                messages=row.messages,
                temperature=benchmark.temperature,
                top_p=benchmark.top_p,
                seed=derive_seed("evaluation", seed, benchmark.name, row.id, number),
            ),
        )
        for row in rows
        for number in range(samples or row.samples)
    ]
