"""What an evaluation asks: which rows of a benchmark, how often, and with which seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scaler_core.interfaces import Benchmark, BenchmarkRow
from scaler_core.models import ComponentChoice, Question, Versioned
from scaler_core.seeds import derive_seed


class Settings(Versioned):
    """What an evaluation was asked for, as ``evaluation.json`` keeps it.

    Attributes:
        model: How the user calls the model.
        identity: What decides its responses beside the questions: weights, template, engine's
            address. Two models of one name have two identities.
        engine: What asked it.
        benchmarks: The benchmarks with their options.
        seed: Root of all sampling.
        limit: Questions of each benchmark; all of them where it is ``None``.
        samples: Responses to each question; what each row says where it is ``None``.
        max_tokens: Where a response is cut off; the backend's limit where it is ``None``.
        step: The step of training that was evaluated; ``None`` outside training.
        sources: Where the questions of each benchmark came from, once they were read.
        sizes: How many questions each benchmark has, asked or not.
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
        settings: What is asked for; its benchmarks are those of *benchmarks*.
        benchmarks: The benchmarks, built with their options.
    """

    settings: Settings
    benchmarks: Sequence[Benchmark]

    @classmethod
    def of(cls, benchmarks: Sequence[Benchmark], **settings: Any) -> Plan:
        """The plan for *benchmarks*; *settings* are the other fields of :class:`Settings`."""
        choices = tuple(
            ComponentChoice(use=item.name, options=item.config.model_dump(mode="json"))
            for item in benchmarks
        )
        return cls(Settings(benchmarks=choices, **settings), benchmarks)


class Sample(NamedTuple):
    """One response that is wanted: its row, its number among the row's samples, its question."""

    row: BenchmarkRow
    number: int
    question: Question


def choose_rows(name: str, rows: Iterable[BenchmarkRow], limit: int | None) -> list[BenchmarkRow]:
    """*limit* of *rows*, in their order.

    Rows stand by subject in many benchmarks, so the first would be of one kind. A hash of the ids
    chooses: every evaluation takes the same rows, and a larger limit only adds some.
    """
    everything = list(rows)
    if limit is None or limit >= len(everything):
        return everything
    rank = {row.id: derive_seed("evaluation", "limit", name, row.id) for row in everything}
    chosen = set(sorted(rank, key=rank.__getitem__)[:limit])
    return [row for row in everything if row.id in chosen]


def samples_of(
    benchmark: Benchmark, rows: Sequence[BenchmarkRow], seed: int, samples: int | None
) -> list[Sample]:
    """The responses wanted to *rows*: *samples* to each, or as many as the row says."""
    return [
        Sample(
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
