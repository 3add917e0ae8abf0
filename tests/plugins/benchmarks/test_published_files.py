"""The published evaluation files are read whole, and their own answers are correct."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scaler_core.interfaces import Benchmark
from scaler_core.models import Response
from scaler_plugins.benchmarks.mathematics import Aime24, Amc23, Math500
from scaler_plugins.benchmarks.multiple_choice import MmluPro
from scaler_plugins.benchmarks.reasoning import BbehMini
from tests.plugins.benchmarks.making import build

pytestmark = pytest.mark.shared

FILES: dict[type[Benchmark], tuple[str, int, int]] = {
    Math500: ("think_MATH-500_MATH-500-processed.parquet", 500, 500),
    Amc23: ("think_amc23_amc23_test.parquet", 40, 640),
    Aime24: ("think_aime24_aime24_test.parquet", 30, 480),
    MmluPro: ("MMLU-Pro-Valid.parquet", 70, 1120),
    BbehMini: ("bbeh_data.parquet", 460, 460),
}
# Answers that are the truth in other words need no process for formulas and cost next to nothing.
FORMS = (
    "\\boxed{%s}",
    "Hence\n\\[\\boxed{{%s}}\\]\nas was to be shown.",
    "$\\boxed{ \\text{%s} }$",
    "\\boxed{$%s$}",
    "\\boxed{%s.}",
)
WRONG_PAIRS = 40  # of MATH-500 and the contests; benchmarks/grader_rates.py takes thousands

each_file = pytest.mark.parametrize("kind", FILES)


@pytest.fixture(autouse=True)
def _needs_parquet() -> None:
    pytest.importorskip("pyarrow")


def opened(kind: type[Benchmark], shared_dir: Path, **options: object) -> Benchmark:
    path = shared_dir / "data" / "benchmarks" / FILES[kind][0]
    return build(kind, path, partial=False, **options)


@each_file
def test_copies_are_counted_as_samples_and_never_as_questions(
    kind: type[Benchmark], shared_dir: Path
) -> None:
    rows = list(opened(kind, shared_dir).rows())
    _, questions, records = FILES[kind]
    assert len(rows) == questions
    assert sum(row.samples for row in rows) == records
    assert [row.id for row in rows] == [str(number) for number in range(questions)]


@each_file
def test_prompts_ask_for_a_box_without_the_braces_that_were_left_over(
    kind: type[Benchmark], shared_dir: Path
) -> None:
    rows, kept = (
        list(opened(kind, shared_dir, as_published=as_published).rows())
        for as_published in (False, True)
    )
    for row, published in zip(rows, kept, strict=True):
        assert [message["role"] for message in row.messages] == ["system", "user"]
        texts = [message["content"] for message in row.messages]
        assert texts[0].endswith("\\boxed{}.")
        assert published.messages[0]["content"].endswith("\\boxed{{}}.")
        assert "\\boxed{{" not in texts[0] + texts[1]
        assert len(row.options) == (10 if kind is MmluPro else 0)
        assert "\\boxed" not in "".join(row.options)


@each_file
def test_every_truth_is_correct_in_the_usual_forms(kind: type[Benchmark], shared_dir: Path) -> None:
    benchmark = opened(kind, shared_dir)
    try:
        for row in benchmark.rows():
            for form in FORMS:
                verdict = benchmark.grade(Response(text=form % row.truth), row)
                assert verdict.result == "correct", (row.truth, form, verdict)
    finally:
        benchmark.close()


def test_no_other_option_of_mmlu_pro_is_correct(shared_dir: Path) -> None:
    benchmark = opened(MmluPro, shared_dir)
    for row in benchmark.rows():
        for letter, text in zip("ABCDEFGHIJ", row.options, strict=True):
            for answer in (letter, f"({letter}) {text}", f"\\text{{{letter}. {text}}}"):
                verdict = benchmark.grade(Response(text=f"\\boxed{{{answer}}}"), row)
                assert (verdict.result == "correct") == (letter == row.truth), (answer, row.truth)


@pytest.mark.thorough
def test_no_other_truth_of_bbeh_is_correct_unless_it_is_the_same_value(shared_dir: Path) -> None:
    benchmark = opened(BbehMini, shared_dir)
    rows = {row.truth: row for row in benchmark.rows()}
    accepted = {
        frozenset((truth.strip("()").removesuffix(".0"), other.strip("()").removesuffix(".0")))
        for truth, row in rows.items()
        for other in rows
        if benchmark.grade(Response(text=f"\\boxed{{{other}}}"), row).result == "correct"
    }
    assert all(len(pair) == 1 for pair in accepted)


@pytest.mark.parametrize("kind", [Math500, Amc23, Aime24])
def test_neighbouring_truths_of_formulas_are_not_correct(
    kind: type[Benchmark], shared_dir: Path
) -> None:
    benchmark = opened(kind, shared_dir)
    rows = list(benchmark.rows())
    step = -(-len(rows) // WRONG_PAIRS)
    try:
        results = Counter(
            benchmark.grade(Response(text=f"\\boxed{{{other.truth}}}"), row).result
            for row, other in zip(rows[::step], rows[1::step], strict=False)
            if other.truth != row.truth
        )
    finally:
        benchmark.close()
    assert set(results) == {"incorrect"}
    assert results.total() > 10
