"""Tables: the mean of the five, and published figures only where they can be compared."""

from __future__ import annotations

from typing import Any

import pytest

from scaler_core.evaluation import BenchmarkScore, EvaluationSettings, EvaluationSummary
from scaler_core.evaluation.scoring import mean
from scaler_core.evaluation.tables import (
    COLUMNS,
    PAPER_BENCHMARKS,
    PUBLISHED,
    SETTINGS,
    compare,
    table_rows,
)


def score(benchmark: str, value: float | None = 0.5, **changes: Any) -> BenchmarkScore:
    questions, samples = SETTINGS.get(benchmark, (10, 1))
    facts: dict[str, Any] = {
        "benchmark": benchmark,
        "source": "",
        "score": value,
        "low": value,
        "high": value,
        "questions": questions,
        "whole": True,
        "samples": questions * samples,
        "tokens": 1234567,
        "truncated": 1,
        "unboxed": 2,
        "undecided": 3,
        "seconds": 4.5,
    }
    return BenchmarkScore(**{**facts, **changes})


def summary(*scores: BenchmarkScore) -> EvaluationSummary:
    settings = EvaluationSettings(model="mine", identity="", engine="", benchmarks=())
    return EvaluationSummary(settings=settings, scores=scores)


def five(**changes: Any) -> list[BenchmarkScore]:
    return [score(name, number / 10, **changes) for number, name in enumerate(PAPER_BENCHMARKS)]


def test_avg_is_the_unweighted_mean_of_the_five_and_of_nothing_else() -> None:
    assert summary(*five()).paper_average == pytest.approx(0.2)
    with_more = summary(*five(), score("gpqa-diamond", 1.0))
    assert with_more.paper_average == pytest.approx(0.2)
    assert with_more.average == pytest.approx(2 / 6)
    assert summary(*five()[:4]).paper_average is None


def test_a_benchmark_without_a_score_leaves_no_mean() -> None:
    found = summary(score("math-500"), score("amc23", None))
    assert (found.average, found.paper_average) == (None, None)
    assert found.figures() == {"eval/math-500": 0.5}


def test_the_table_has_a_cell_for_each_column() -> None:
    rows = table_rows(summary(*five()))
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert rows[0][:6] == ("math-500", "0.00", "0.00 to 0.00", "500", "500", "1,234,567")
    assert rows[-1][:2] == ("AVG of the five", "20.00")


def test_the_table_tells_the_option_that_decides_what_counts() -> None:
    strict = score("math-500", grading="evaluated = true")
    rows = table_rows(summary(strict, score("bbeh")))
    assert [row[COLUMNS.index("grading")] for row in rows] == ["evaluated = true", "-"]
    usual = [score(name, grading="evaluated = false") for name in ("math-500", "amc23")]
    notes = compare([("a", summary(strict)), ("b", summary(*usual))]).notes
    assert notes[-2:] == [
        "graded with evaluated = true: math-500",
        "graded with evaluated = false: math-500, amc23",
    ]


def test_all_five_as_the_paper_measured_them_stand_beside_its_rows() -> None:
    table = compare([("mine", summary(*five()))])
    assert table.columns == ["model", *PAPER_BENCHMARKS, "AVG"]
    assert table.rows[0] == ["mine", "0.00", "10.00", "20.00", "30.00", "40.00", "20.00"]
    published = {row[0]: row[1:] for row in table.rows[1:]}
    assert published["Qwen3-4B-Base + SCALER (published, not measured)"] == [
        "84.40", "75.00", "27.29", "70.00", "14.56", "54.25",
    ]  # fmt: skip
    assert len(published) == 4


@pytest.mark.parametrize(
    "other",
    [
        score("mmlu-pro", questions=12_032, samples=12_032),
        score("mmlu-pro", questions=10, whole=False, samples=160),
        score("mmlu-pro", samples=70),
    ],
)
def test_another_setting_has_no_published_figure_beside_it(other: BenchmarkScore) -> None:
    table = compare([("mine", summary(*five()[:3], other, five()[4]))])
    assert {row[4] for row in table.rows[1:]} == {"-"}
    assert {row[-1] for row in table.rows[1:]} == {"-"}
    assert any("no published figure for mmlu-pro" in note for note in table.notes)
    alone = compare([("mine", summary(other))])
    assert len(alone.rows) == 1


def test_a_part_of_a_benchmark_is_marked() -> None:
    table = compare([("a", summary(score("bbeh", whole=False, questions=3, samples=3)))])
    assert table.rows == [["a", "50.00*", "-"]]


def test_evaluations_of_different_benchmarks_share_a_table() -> None:
    table = compare([("a", summary(score("bbeh"))), ("b", summary(score("other")))])
    assert table.columns == ["model", "bbeh", "other", "AVG"]
    assert [row[1:3] for row in table.rows[:2]] == [["50.00", "-"], ["-", "50.00"]]


def test_the_published_means_are_those_of_the_published_scores() -> None:
    for row in PUBLISHED:
        assert row.average == pytest.approx(mean(list(row.scores.values())), abs=0.011), row.label


def test_a_part_of_other_questions_has_no_published_figure_beside_it() -> None:
    found = compare([("mine", summary(score("mmlu-pro", whole=False)))])
    assert [row[0] for row in found.rows] == ["mine"]


def test_a_mean_of_parts_is_marked_as_one() -> None:
    found = compare([("all", summary(*five())), ("some", summary(*five(whole=False)))])
    assert [row[-1] for row in found.rows[:2]] == ["20.00", "20.00*"]
