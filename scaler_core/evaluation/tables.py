"""The results of an evaluation: its record, its mean, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from scaler_core.evaluation.plan import EvaluationSettings
from scaler_core.evaluation.scoring import BenchmarkScore, mean
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
    "grading",
)


class EvaluationSummary(Versioned):
    """A finished evaluation: ``summary.json``.

    Attributes:
        settings: Its settings.
        scores: One entry for each benchmark, in the order of the settings.
    """

    settings: EvaluationSettings
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
    """The table as Markdown, after a line with model, engine, seed and limits."""
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
        score.grading or "-",
    )


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
    notes = _notes(names, comparable) + _gradings([found for _, found in evaluations])
    return Comparison(["model", *names, "AVG"], rows, notes)


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


def _gradings(evaluations: Sequence[EvaluationSummary]) -> list[str]:
    """How each benchmark was graded, where an option decides it; perhaps in more than one way."""
    names: dict[str, list[str]] = {}
    for score in (score for found in evaluations for score in found.scores if score.grading):
        if score.benchmark not in names.setdefault(score.grading, []):
            names[score.grading].append(score.benchmark)
    return [f"graded with {grading}: {', '.join(names[grading])}" for grading in names]


PAPER_BENCHMARKS: Final = ("math-500", "amc23", "aime24", "mmlu-pro", "bbeh")
"""The five whose unweighted mean is AVG."""

MARK: Final = "published, not measured"


class Published(NamedTuple):
    """A row of the paper's table, in percent."""

    label: str
    scores: dict[str, float]
    average: float


class Setting(NamedTuple):
    """How the paper measured a benchmark: how many questions, and samples of each."""

    questions: int
    samples: int


# MMLU-Pro is its validation set: docs/evaluation.md says how that can be seen
SETTINGS: Final = dict(
    zip(
        PAPER_BENCHMARKS,
        (Setting(500, 1), Setting(40, 16), Setting(30, 16), Setting(70, 16), Setting(460, 1)),
        strict=True,
    )
)


def _published(label: str, scores: Sequence[float], average: float) -> Published:
    return Published(label, dict(zip(PAPER_BENCHMARKS, scores, strict=True)), average)


PUBLISHED: Final = (
    _published("Qwen3-1.7B-Base", (59.6, 29.21, 3.33, 33.30, 3.26), 25.74),
    _published("Qwen3-1.7B-Base + SCALER", (75.8, 49.53, 12.91, 50.89, 11.74), 40.18),
    _published("Qwen3-4B-Base", (66.4, 44.70, 8.75, 51.60, 8.10), 35.91),
    _published("Qwen3-4B-Base + SCALER", (84.4, 75.00, 27.29, 70.00, 14.56), 54.25),
)


def is_comparable(score: BenchmarkScore) -> bool:
    """Whether *score* was measured in the setting of the published figures."""
    setting = SETTINGS.get(score.benchmark)
    return (
        setting is not None
        and score.whole
        and score.questions == setting.questions
        and score.samples == setting.questions * setting.samples
    )
