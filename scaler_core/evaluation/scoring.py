"""Grading kept responses, in parallel, and the line of results that each becomes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from scaler_core.evaluation.cache import Kept
from scaler_core.evaluation.plan import Sample
from scaler_core.interfaces import Benchmark
from scaler_core.judge import verdict_of
from scaler_core.models import Result, Verdict, Versioned


class Graded(Versioned):
    """One response and its verdict: a line of ``results/BENCHMARK.jsonl``.

    Attributes:
        row: Id of the question.
        sample: Number of the response among those to the question, from 0.
        category: Subject or task of the question.
        truth: The right answer.
        result: The verdict.
        reason: Why, in a few words.
        answer: What was read from the response.
        truncated: Whether the response was cut off.
        boxed: Whether it has a box at all.
        tokens: Its length, where the engine knows it.
        seconds: Since the response before it.
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
    samples: Sequence[Sample],
    keys: Sequence[str],
    read: Callable[[str], Kept],
    graded: Callable[[], None],
) -> list[Graded]:
    """The verdicts on the responses to *samples*, in their order.

    Args:
        benchmark: Who grades; what it leaves undecided it is asked once more.
        samples: What was asked.
        keys: The response to each.
        read: Gives the response of a key.
        graded: Called after each.
    """

    def grade(sample: Sample, key: str) -> Graded:
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
