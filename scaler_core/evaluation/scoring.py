"""Grading kept responses, in parallel, and the line of results that each becomes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from scaler_core.evaluation.directory import TimedResponse
from scaler_core.evaluation.plan import PlannedSample
from scaler_core.interfaces import Benchmark
from scaler_core.models import Record, Result, Verdict, Versioned
from scaler_core.plugins.calling import verdict_of
from scaler_core.seeds import derive_random


class Graded(Versioned):
    """One response and its verdict: a line of ``results/BENCHMARK.jsonl``.

    Attributes:
        row: Id of the question.
        sample: Number of the response among those to the question, from 0.
        category: Subject or task of the question.
        truth: The right answer.
        result: The verdict.
        reason: Why, in a few words.
        answer: The answer that was read from the response.
        truncated: Whether the response was cut off.
        boxed: Whether it has a box at all.
        tokens: Its length, where the engine knows it.
        seconds: Seconds since the response before it.
        response: Its key in ``responses.jsonl``.
    """

    row: str
    sample: int
    category: str
    truth: str
    result: Result
    reason: str
    answer: str | None
    truncated: bool
    boxed: bool
    tokens: int | None
    seconds: float
    response: str


def grade_samples(
    benchmark: Benchmark,
    samples: Sequence[PlannedSample],
    keys: Sequence[str],
    read: Callable[[str], TimedResponse],
    graded: Callable[[], None],
) -> list[Graded]:
    """The verdicts on the responses to *samples*, in their order.

    Args:
        benchmark: Grades; where it leaves a verdict undecided, it grades once more.
        samples: Samples that were asked.
        keys: The cache key of the response to each.
        read: Returns the response of a key.
        graded: Called after each, from several threads.
    """

    def grade(sample: PlannedSample, key: str) -> Graded:
        response, seconds = read(key)
        who = f"benchmark {benchmark.name!r}"
        if response.withheld:
            verdict = Verdict.undecided(response.withheld)
        else:
            verdict = verdict_of(who, lambda: benchmark.grade(response, sample.row))
        graded()
        return Graded(
            row=sample.row.id,
            sample=sample.number,
            category=sample.row.category,
            truth=sample.row.truth,
            result=verdict.result,
            reason=verdict.reason,
            answer=verdict.answer,
            truncated=response.truncated,
            boxed="\\boxed" in response.text,
            tokens=response.tokens,
            seconds=seconds,
            response=key,
        )

    with ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="grade") as threads:
        return list(threads.map(grade, samples, keys))


RESAMPLES = 1000
CONFIDENCE = 0.95


class BenchmarkScore(Record):
    """A model's score on one benchmark.

    Attributes:
        benchmark: Its name.
        source: Where the questions come from.
        grading: The options that decide what counts as right; empty where there are none.
        score: Mean share of correct responses, 0 to 1; ``None`` where nothing was decided.
        low: Lower end of the 95 % interval of *score*.
        high: Its upper end.
        questions: Questions asked.
        whole: Whether these are all of the benchmark's.
        samples: Responses in all.
        tokens: Tokens of all responses, where the engine knows them.
        truncated: Responses that were cut off.
        unboxed: Responses without a box.
        undecided: Responses that could not be graded; they count neither way.
        seconds: Time of answering, summed over all processes that worked on it.
    """

    benchmark: str
    source: str
    grading: str = ""
    score: float | None
    low: float | None
    high: float | None
    questions: int
    whole: bool
    samples: int
    tokens: int | None
    truncated: int
    unboxed: int
    undecided: int
    seconds: float


def score_of(
    benchmark: str, graded: Sequence[Graded], *, source: str, size: int, grading: str = ""
) -> BenchmarkScore:
    """The score over *graded*, for a benchmark of *size* questions."""
    questions = len({item.row for item in graded})
    means = question_means(graded)
    interval = bootstrap(means, benchmark) if means else (None, None)
    tokens = [item.tokens for item in graded if item.tokens is not None]
    return BenchmarkScore(
        benchmark=benchmark,
        source=source,
        grading=grading,
        score=mean(means) if means else None,
        low=interval[0],
        high=interval[1],
        questions=questions,
        whole=questions == size,
        samples=len(graded),
        tokens=sum(tokens) if tokens else None,
        truncated=sum(item.truncated for item in graded),
        unboxed=sum(not item.boxed for item in graded),
        undecided=sum(item.result == "undecided" for item in graded),
        seconds=round(sum(item.seconds for item in graded), 3),
    )


def question_means(graded: Iterable[Graded]) -> list[float]:
    """Share of correct ones among the decided responses to each question that has any."""
    decided: dict[str, list[bool]] = {}
    for item in graded:
        if item.result != "undecided":
            decided.setdefault(item.row, []).append(item.result == "correct")
    return [mean(results) for results in decided.values()]


def mean(values: Sequence[float]) -> float:
    """Their mean; there is at least one."""
    return sum(values) / len(values)


def bootstrap(means: Sequence[float], label: str) -> tuple[float, float]:
    """The 95 % percentile interval of the mean, with questions drawn again with replacement.

    It estimates how far the score would move with other questions of the same kind, the noise of
    sampling responses included. Where all questions score the same it is a single point.

    Args:
        means: The score of each question.
        label: Makes the drawing repeatable.
    """
    rng = derive_random("bootstrap", label, len(means))
    drawn = sorted(mean(rng.choices(means, k=len(means))) for _ in range(RESAMPLES))
    outside = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return drawn[outside], drawn[-1 - outside]
