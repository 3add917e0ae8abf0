"""A benchmark of sums and a model that answers them, for evaluations without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from scaler_core.evaluation import EvaluationSummary, Plan, evaluate
from scaler_core.interfaces import Benchmark, BenchmarkRow
from scaler_core.models import Question, Response, Verdict

Answer = Callable[[Question], str]


def row(number: int, samples: int = 2, truth: str = "") -> BenchmarkRow:
    return BenchmarkRow(
        id=f"sum-{number}",
        messages=({"role": "user", "content": f"{number}+{number}"},),
        truth=truth or str(2 * number),
        samples=samples,
        category="even" if number % 2 == 0 else "odd",
    )


class Sums(Benchmark):
    """Twice a number; right is the truth in a box, and nothing else."""

    name = "sums"

    def __init__(self, rows: Iterable[BenchmarkRow] = (), source: str = "memory") -> None:
        super().__init__()
        self.questions = list(rows) or [row(number) for number in range(6)]
        self.grades = 0
        self.closed = 0
        self.named = source

    def rows(self) -> list[BenchmarkRow]:
        return self.questions

    def source(self) -> str:
        return self.named

    def grade(self, response: Response, row: BenchmarkRow) -> Verdict:
        self.grades += 1
        if response.text == f"\\boxed{{{row.truth}}}":
            return Verdict.correct(row.truth)
        return Verdict.incorrect("wrong value", response.text[:9])

    def close(self) -> None:
        self.closed += 1


class Other(Sums):
    """The same under another name."""

    name = "other"


def right(question: Question) -> str:
    """What a perfect model says."""
    return f"\\boxed{{{2 * int(question.messages[0]['content'].partition('+')[0])}}}"


class ScriptedModel:
    """Answers by a function, backwards, and keeps what it was asked; fails after *dies_after*."""

    def __init__(self, answer: Answer = right, dies_after: int | None = None) -> None:
        self.answer = answer
        self.dies_after = dies_after
        self.asked: list[Question] = []

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        for index in reversed(range(len(questions))):
            if self.dies_after is not None and len(self.asked) >= self.dies_after:
                raise ConnectionError("the model died")
            self.asked.append(questions[index])
            text = self.answer(questions[index])
            yield index, Response(text=text, tokens=len(text))


def plan(*benchmarks: Benchmark, **settings: Any) -> Plan:
    facts = {"model": "scripted", "identity": "1", "engine": "script"}
    return Plan.of(benchmarks or (Sums(),), **{**facts, **settings})


def run(
    folder: Path, model: ScriptedModel, /, *benchmarks: Benchmark, **settings: Any
) -> EvaluationSummary:
    return evaluate(plan(*benchmarks, **settings), model.ask, folder)
