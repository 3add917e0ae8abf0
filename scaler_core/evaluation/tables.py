"""What an evaluation came to: its record, its mean, and its tables."""

from __future__ import annotations

from collections.abc import Sequence

from scaler_core.evaluation.plan import Settings
from scaler_core.evaluation.published import PAPER_BENCHMARKS
from scaler_core.evaluation.scores import BenchmarkScore, mean
from scaler_core.models import Versioned

COLUMNS = (
    "benchmark",
    "score",
    "95 % interval",
    "questions",
    "samples",
    "tokens",
    "truncated",
    "unboxed",
    "undecided",
    "seconds",
)


class EvaluationSummary(Versioned):
    """A finished evaluation: ``summary.json``.

    Attributes:
        settings: What was asked for.
        scores: One entry for each benchmark, in the order of the settings.
    """

    settings: Settings
    scores: tuple[BenchmarkScore, ...]

    @property
    def average(self) -> float | None:
        """The unweighted mean of the scores; ``None`` where a benchmark has none."""
        values = [item.score for item in self.scores if item.score is not None]
        return mean(values) if len(values) == len(self.scores) and values else None

    @property
    def paper_average(self) -> float | None:
        """AVG, the unweighted mean of the paper's five; ``None`` where one was not scored."""
        values = {item.benchmark: item.score for item in self.scores}
        five = [values.get(name) for name in PAPER_BENCHMARKS]
        known = [value for value in five if value is not None]
        return mean(known) if len(known) == len(five) else None

    def figures(self) -> dict[str, float]:
        """The scores as figures of a run: ``eval/math-500`` and ``eval/average``, 0 to 1."""
        found = {
            f"eval/{item.benchmark}": item.score for item in self.scores if item.score is not None
        }
        if self.average is not None:
            found["eval/average"] = self.average
        return found


def table_rows(summary: EvaluationSummary) -> list[tuple[str, ...]]:
    """The cells of the table under :data:`COLUMNS`: a row for each benchmark, and AVG."""
    rows = [_row(score) for score in summary.scores]
    if summary.paper_average is not None:
        average = ("AVG of the five", percent(summary.paper_average))
        rows.append(average + ("",) * (len(COLUMNS) - len(average)))
    return rows


def markdown(summary: EvaluationSummary) -> str:
    """The table with what it was measured with, as Markdown."""
    settings = summary.settings
    facts = [
        f"model {settings.model}",
        f"engine {settings.engine}",
        f"seed {settings.seed}",
        *([f"after step {settings.step}"] if settings.step is not None else []),
        *([f"at most {settings.max_tokens} tokens"] if settings.max_tokens else []),
        *([f"{settings.limit} questions of each at most"] if settings.limit else []),
    ]
    return f"{', '.join(facts)}\n\n{markdown_table(COLUMNS, table_rows(summary))}"


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are aligned right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def percent(value: float | None) -> str:
    """A score as the paper writes it: 75.80."""
    return "-" if value is None else f"{100 * value:.2f}"


def _row(score: BenchmarkScore) -> tuple[str, ...]:
    interval = f"{percent(score.low)} to {percent(score.high)}" if score.low is not None else "-"
    return (
        score.benchmark,
        percent(score.score),
        interval,
        f"{score.questions:,}" + ("" if score.whole else " (part)"),
        f"{score.samples:,}",
        "-" if score.tokens is None else f"{score.tokens:,}",
        f"{score.truncated:,}",
        f"{score.unboxed:,}",
        f"{score.undecided:,}",
        f"{score.seconds:.1f}",
    )
