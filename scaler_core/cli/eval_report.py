"""What ``scaler eval`` prints: the table of scores, comparisons, and how far it is."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from scaler_core.cli.output import note, print_table, printable
from scaler_core.cli.progress import Progress
from scaler_core.errors import UsageError
from scaler_core.evaluation import BenchmarkScore, EvaluationSummary, Watcher
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.evaluation.tables import (
    COLUMNS,
    Comparison,
    compare,
    markdown,
    markdown_table,
    percent,
    table_rows,
)


class EvaluationView(Watcher):
    """A bar for the answers of each benchmark and one for their grading, and a line at its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._progress: Progress | None = None

    def answering(self, benchmark: str, samples: int, kept: int) -> None:
        """Begin to count answers."""
        if kept:
            note(f"{benchmark}: {kept} of {samples} responses are there already")
        self._begin(samples - kept, f"responses to {benchmark}")

    def answered(self) -> None:
        """Count one."""
        self._advance()

    def grading(self, benchmark: str, samples: int) -> None:
        """Begin to count verdicts."""
        self._begin(samples, f"responses to {benchmark} graded")

    def graded(self) -> None:
        """Count one."""
        self._advance()

    def scored(self, score: BenchmarkScore) -> None:
        """Say what came out."""
        self.close()
        note(f"{score.benchmark}: {percent(score.score)}")

    def close(self) -> None:
        """Take the bar away."""
        self._stack.close()
        self._progress = None

    def _begin(self, total: int, what: str) -> None:
        self.close()
        if total:
            self._progress = self._stack.enter_context(Progress(total, what))

    def _advance(self) -> None:
        with self._lock:
            if self._progress:
                self._progress.advance()


class Finished(NamedTuple):
    """A finished evaluation and where it lies."""

    path: Path
    summary: EvaluationSummary

    @property
    def label(self) -> str:
        """How a table calls it."""
        settings = self.summary.settings
        return settings.model + ("" if settings.step is None else f", step {settings.step}")


def read_evaluations(path: Path) -> list[Finished]:
    """The finished evaluations in *path*.

    Args:
        path: An evaluation's directory, or a run's, which has one for each evaluated step.

    Raises:
        UsageError: There is none.
        DataError: One is damaged.
    """
    found = [
        Finished(directory.path, directory.read("summary.json", EvaluationSummary))
        for directory in evaluations_in(path)
        if directory.summary.is_file()
    ]
    if not found:
        raise UsageError(f"{path} holds no finished evaluation", hint="scaler eval makes one")
    return found


def evaluations_in(path: Path) -> list[EvaluationDirectory]:
    """The evaluations in *path*, finished or not, by step."""
    own = EvaluationDirectory(path)
    if own.exists:
        return [own]
    folders = (path / "evaluation").glob("step-*")
    steps = [item for item in map(EvaluationDirectory, folders) if item.exists]
    return sorted(steps, key=lambda item: item.settings().step or 0)


def print_summary(summary: EvaluationSummary, *, as_markdown: bool) -> None:
    """Print the table of one evaluation on stdout."""
    if as_markdown:
        print(printable(markdown(summary)), end="")
    else:
        print_table(COLUMNS, table_rows(summary), title=summary.settings.model)


def compared(evaluations: Iterable[Finished]) -> Comparison:
    """Their table, each directory once; equal labels are told apart by their folders."""
    by_path: dict[Path, Finished] = {}
    for item in evaluations:
        by_path.setdefault(item.path.resolve(), item)
    once = list(by_path.values())
    labels = [item.label for item in once]
    return compare(
        [
            (
                item.label if labels.count(item.label) == 1 else f"{item.label} ({item.path})",
                item.summary,
            )
            for item in once
        ]
    )


def print_comparison(comparison: Comparison, *, as_markdown: bool) -> None:
    """Print evaluations side by side on stdout, the notes on stderr."""
    if as_markdown:
        print(printable(markdown_table(comparison.columns, comparison.rows)), end="")
    else:
        print_table(comparison.columns, comparison.rows)
    for line in comparison.notes:
        note(printable(line))


def summary_json(path: Path, summary: EvaluationSummary) -> dict[str, Any]:
    """The one line of JSON of an evaluation."""
    return {
        "directory": str(path),
        "model": summary.settings.model,
        "step": summary.settings.step,
        "average": summary.average,
        "paper_average": summary.paper_average,
        "scores": [item.model_dump(mode="json") for item in summary.scores],
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The table as JSON."""
    return {"columns": comparison.columns, "rows": comparison.rows, "notes": comparison.notes}
