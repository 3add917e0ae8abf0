"""Evaluations side by side, with the paper's rows where they were measured alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scaler_core.evaluation.published import MARK, PAPER_BENCHMARKS, PUBLISHED, is_comparable
from scaler_core.evaluation.scores import BenchmarkScore
from scaler_core.evaluation.tables import EvaluationSummary, percent


class Comparison(NamedTuple):
    """A table of evaluations: its columns, and a row of cells for each.

    Attributes:
        columns: ``model``, the benchmarks, ``AVG``.
        rows: Measured rows first, then published ones, which say so.
        notes: What a reader must know of the cells.
    """

    columns: list[str]
    rows: list[list[str]]
    notes: list[str]


def compare(evaluations: Sequence[tuple[str, EvaluationSummary]]) -> Comparison:
    """The table of *evaluations*, each with its label.

    A published figure is shown where at least one evaluation measured the benchmark in its
    setting, and a published AVG where one measured all five so.
    """
    measured = {
        label: {item.benchmark: item for item in found.scores} for label, found in evaluations
    }
    names = list(dict.fromkeys(name for scores in measured.values() for name in scores))
    rows = [
        [
            label,
            *(_cell(measured[label].get(name)) for name in names),
            _average(found),
        ]
        for label, found in evaluations
    ]
    comparable = {
        name
        for name in names
        if any(name in scores and is_comparable(scores[name]) for scores in measured.values())
    }
    all_five = any(
        all(name in scores and is_comparable(scores[name]) for name in PAPER_BENCHMARKS)
        for scores in measured.values()
    )
    if comparable:
        rows += [
            [
                f"{row.label} ({MARK})",
                *(f"{row.scores[name]:.2f}" if name in comparable else "-" for name in names),
                f"{row.average:.2f}" if all_five else "-",
            ]
            for row in PUBLISHED
        ]
    return Comparison(["model", *names, "AVG"], rows, _notes(names, comparable))


def _cell(score: BenchmarkScore | None) -> str:
    if score is None:
        return "-"
    return percent(score.score) + ("" if score.whole else "*")


def _average(found: EvaluationSummary) -> str:
    parts = any(not item.whole for item in found.scores if item.benchmark in PAPER_BENCHMARKS)
    average = found.paper_average
    return percent(average) + ("*" if parts and average is not None else "")


def _notes(names: Sequence[str], comparable: set[str]) -> list[str]:
    notes = ["scores in percent; AVG is the unweighted mean of the paper's five"]
    others = [name for name in names if name not in comparable]
    if others:
        notes.append(
            f"no published figure for {', '.join(others)}: not in the paper's table, or measured "
            "with other questions or samples"
        )
    notes.append("* a part of the benchmark's questions")
    return notes
