"""What ``scaler eval`` prints: the table of scores, comparisons, and how far it is."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scaler_core.cli.output import note, print_table, printable
from scaler_core.cli.progress import Progress
from scaler_core.evaluation import BenchmarkScore, EvaluationSummary, FinishedEvaluation, Watcher
from scaler_core.evaluation.tables import (
    COLUMNS,
    Comparison,
    markdown,
    markdown_table,
    percent,
    table_rows,
)


class EvaluationView(Watcher):
    """A bar for the answers of each benchmark and one for their grading, and a line at its end."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._progress: Progress | None = None

    def started(self, folder: Path) -> None:
        """Remember where everything is kept."""
        self.folder = folder

    def loading(self, model: str, engine: str) -> None:
        """Say so: it takes a while."""
        note(f"loading {model} with {engine}")

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


def print_summary(summary: EvaluationSummary, *, as_markdown: bool) -> None:
    """Print the table of one evaluation on stdout."""
    if as_markdown:
        print(printable(markdown(summary)), end="")
    else:
        print_table(COLUMNS, table_rows(summary), title=summary.settings.model)


def print_comparison(comparison: Comparison, *, as_markdown: bool) -> None:
    """Print evaluations side by side on stdout, the notes on stderr."""
    if as_markdown:
        print(printable(markdown_table(comparison.columns, comparison.rows)), end="")
    else:
        print_table(comparison.columns, comparison.rows)
    for line in comparison.notes:
        note(printable(line))


def summary_json(done: FinishedEvaluation) -> dict[str, Any]:
    """The one line of JSON of an evaluation."""
    summary = done.summary
    return {
        "directory": str(done.folder),
        "model": summary.settings.model,
        "step": summary.settings.step,
        "average": summary.average,
        "paper_average": summary.paper_average,
        "scores": [item.model_dump(mode="json") for item in summary.scores],
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The table as JSON."""
    return {"columns": comparison.columns, "rows": comparison.rows, "notes": comparison.notes}
