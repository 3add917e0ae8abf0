"""The contamination check: what counts as an overlap, whatever a text looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.audit.contamination import (
    Contamination,
    EnvironmentOverlap,
    OverlapSettings,
    find_overlaps,
)
from scaler_core.audit.contamination.texts import question_words, words_of
from scaler_core.errors import DataError
from scaler_core.interfaces import AnyEnvironment, Benchmark, BenchmarkRow, NativeEnvironment
from scaler_core.models import Environment, Instance
from scaler_core.plugins import load_plugins
from scaler_core.pool import MemorySource, import_pool, open_pool
from scaler_core.testing.environments import program_environment, sum_problem

DOCS = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
QUESTION = (
    "A farmer plants 12 rows of apple trees, and every second tree bears fruit in the first year. "
    "How many trees bear fruit when each row holds 30 of them?"
)
PUBLISHED = {
    "math-500": "think_MATH-500_MATH-500-processed.parquet",
    "amc23": "think_amc23_amc23_test.parquet",
    "aime24": "think_aime24_aime24_test.parquet",
    "mmlu-pro": "MMLU-Pro-Valid.parquet",
    "bbeh": "bbeh_data.parquet",
}


def row(text: str, number: int = 0, options: tuple[str, ...] = ()) -> BenchmarkRow:
    messages = (
        {"role": "system", "content": "Please reason step by step, and box what you find."},
        {"role": "user", "content": text},
    )
    return BenchmarkRow(id=f"row-{number}", messages=messages, truth="1", options=options)


def environment(statement: str = "Add.", name: str = "env", **fields: str) -> Environment:
    generator = fields.pop("generator", None)
    overrides = {} if generator is None else {"generator": generator}
    problem = sum_problem(statement=statement, **fields)
    return program_environment(id=name, problem=problem, **overrides)


def compare(
    rows: Sequence[BenchmarkRow], *environments: AnyEnvironment, **settings: float
) -> Contamination:
    return find_overlaps(
        MemorySource(environments), {"ours": rows}, settings=OverlapSettings(**settings)
    )


def verdict(rows: Sequence[BenchmarkRow], one: AnyEnvironment) -> EnvironmentOverlap:
    return compare(rows, one).environments[0]


@pytest.mark.parametrize("part", ["statement", "logic", "instruction", "name_"])
def test_a_question_is_found_in_every_text_of_a_problem(part: str) -> None:
    problem = sum_problem(**{part.rstrip("_"): f"Before it. {QUESTION} And after it."})
    found = verdict([row(QUESTION)], program_environment(problem=problem))
    assert found.verdict == "overlap"
    (overlap,) = found.overlaps
    assert (overlap.benchmark, overlap.row) == ("ours", "row-0")
    assert (overlap.contained, overlap.share, overlap.run) == (True, 1.0, 30)
    assert overlap.words.startswith("a farmer plants 12 rows of apple trees and every second")


def test_a_question_is_found_in_the_strings_of_a_generator() -> None:
    first, second = QUESTION[:60], QUESTION[60:]
    source = f'TEXT = "{first}\\n" \\\n    "\\t{second}"\n'
    assert verdict([row(QUESTION)], environment(generator=source)).verdict == "overlap"
    formula = r"Simplify $\frac{3}{4}$ of $\sqrt{18}$ as far as one can."
    for quoted in (formula.replace("\\", "\\\\"), formula):
        assert verdict([row(formula)], environment(generator=quoted)).overlaps[0].contained


def test_no_run_goes_from_one_text_into_the_next() -> None:
    words = QUESTION.split()
    problem = {"logic": " ".join(words[:7]), "instruction": " ".join(words[7:14])}
    found = compare([row(QUESTION)], environment(**problem))
    assert (found.benchmarks[0].longest_run, found.environments[0].verdict) == (0, "clean")


word = st.text("bcdeghkmé", min_size=1, max_size=6) | st.integers(0, 10**6).map(str)
question = st.lists(word, min_size=5, max_size=40)
gap = st.sampled_from(
    (" ", "  ", "\n", ", ", "; ", " - ", "\t(", ") ", ". ", "$", "\u200b ", "\\ ")
)
layout = st.tuples(st.sampled_from((str, str.upper, str.title)), gap)


@given(
    asked=question,
    others=st.lists(question, max_size=6),
    layouts=st.lists(layout, min_size=40, max_size=40),
    around=st.tuples(st.text(max_size=30), st.text(max_size=30)),
)
def test_a_pasted_question_is_always_found_whatever_its_case_spacing_and_punctuation(
    asked: list[str],
    others: list[list[str]],
    layouts: list[tuple[type[str], str]],
    around: tuple[str, str],
) -> None:
    rows = [row(" ".join(words), number) for number, words in enumerate([asked, *others])]
    laid_out = "".join(
        change(item) + between for item, (change, between) in zip(asked, layouts, strict=False)
    )
    # a drawing or a command of TeX that swallows the question is not what is pasted here
    before, after = (re.sub(r"[\\\[\]]", "", text) for text in around)
    found = verdict(rows, environment(f"{before} . {laid_out} . {after}"))
    assert found.verdict == "overlap"
    assert any(item.contained for item in found.overlaps)


@given(
    rows=st.lists(question, min_size=1, max_size=6),
    text=st.lists(st.text("pqrstuvw", min_size=1, max_size=6), max_size=60),
)
def test_texts_without_common_words_never_overlap(rows: list[list[str]], text: list[str]) -> None:
    asked = [row(" ".join(words), number) for number, words in enumerate(rows)]
    found = compare(asked, environment(" ".join(text), logic="", instruction="", generator="p"))
    assert found.environments[0].verdict == "clean"
    assert (found.benchmarks[0].highest_share, found.benchmarks[0].longest_run) == (0, 0)


few = st.lists(st.sampled_from("abcde"), min_size=5, max_size=30)


@given(rows=st.lists(few, min_size=1, max_size=8), texts=st.lists(few, max_size=5), data=st.data())
def test_the_order_of_rows_and_environments_does_not_matter(
    rows: list[list[str]], texts: list[list[str]], data: st.DataObject
) -> None:
    asked = [row(" ".join(words), number) for number, words in enumerate(rows)]
    made = [environment(" ".join(words), f"env-{number}") for number, words in enumerate(texts)]
    one = compare(asked, *made)
    other = compare(data.draw(st.permutations(asked)), *data.draw(st.permutations(made)))
    assert other.benchmarks == one.benchmarks
    assert {item.environment_id: item for item in other.environments} == {
        item.environment_id: item for item in one.environments
    }


@given(rows=st.lists(few, min_size=1, max_size=3), text=few)
def test_figures_are_those_of_a_plain_comparison(rows: list[list[str]], text: list[str]) -> None:
    asked = [row(" ".join(words), number) for number, words in enumerate(rows)]
    one = environment(" ".join(text), logic="", instruction="", generator="p")
    summary = compare(asked, one, gram=3).benchmarks[0]
    joined = f" {' '.join(text)} "
    runs = [
        words[start:end]
        for words in rows
        for start in range(len(words))
        for end in range(start + 3, len(words) + 1)
        if f" {' '.join(words[start:end])} " in joined
    ]
    assert summary.longest_run == max(map(len, runs), default=0)
    shares = [
        sum(f" {' '.join(words[k : k + 3])} " in joined for k in range(len(words) - 2))
        / (len(words) - 2)
        for words in rows
    ]
    assert summary.highest_share == pytest.approx(max(shares), abs=1e-4)


def test_half_of_the_n_grams_or_a_run_of_thirteen_words_is_an_overlap() -> None:
    words = QUESTION.split()
    assert len(words_of(QUESTION)) == 30

    def found(count: int) -> tuple[str, int]:
        comparison = compare([row(QUESTION)], environment(" ".join(words[:count])))
        return comparison.environments[0].verdict, comparison.benchmarks[0].longest_run

    assert found(7) == ("clean", 0)
    assert found(12) == ("clean", 12)
    assert found(13) == ("overlap", 13)
    halves = environment(f"{' '.join(words[:12])} Stop. {' '.join(words[12:24])}")
    assert verdict([row(QUESTION)], halves).verdict == "clean"
    thirds = environment(
        f"{' '.join(words[:12])} x {' '.join(words[5:17])} x {' '.join(words[10:22])}"
    )
    (overlap,) = verdict([row(QUESTION)], thirds).overlaps
    assert (overlap.contained, overlap.run) == (False, 12)
    assert overlap.share == pytest.approx(15 / 23, abs=1e-4)


def test_a_question_too_short_to_be_evidence_is_left_out_and_counted() -> None:
    found = compare([row("Compute $2^5 - 1$."), row("Add.", 1)], environment("Compute 2 5 1. Add."))
    (summary,) = found.benchmarks
    assert (summary.rows, summary.too_short, summary.pairs) == (2, 2, 0)
    assert found.environments[0].verdict == "clean"
    five = row("Compute $2^5 - 1 \\cdot 3$.")
    assert verdict([five], environment("compute 2^5 - 1 \\cdot 3")).overlaps[0].contained


def test_markup_is_no_difference() -> None:
    asked = row(
        "Let $\\left(x\\right)$ be $\\dfrac{1}{2}$ of $\\mathbb{R}$, "
        "\\begin{align*} x &= 5\\text{ cm} \\end{align*}[asy]draw((0,0));[/asy] Find x."
    )
    pasted = "LET (x) be \\frac 1 2 of R\n\nx = 5 cm. Find x."
    assert verdict([asked], environment(pasted)).overlaps[0].contained
    assert words_of("Caf\u00e9 cafe\u0301 ca\u00adfe\u200b \u2460\uff12") == ["cafe"] * 3 + ["12"]


def test_what_many_rows_share_is_no_evidence() -> None:
    closing = (
        "The final answer can be written in the form m over n where m and n are relatively prime "
        "positive integers and nothing else is asked of anybody here"
    )
    bodies = [
        f"Of {2 * number} {animal} every second {animal} has a bell. How many have none at all?"
        for number, animal in enumerate(("cows", "goats", "sheep", "mules", "geese"), start=5)
    ]
    asked = [
        row(f"Please solve this question.\n{body} {closing}.", number)
        for number, body in enumerate(bodies)
    ]
    assert verdict(asked, environment(f"Count. {closing}.")).verdict == "clean"
    found = verdict(asked, environment(bodies[3]))
    assert [(item.row, item.contained) for item in found.overlaps] == [("row-3", True)]
    # with fewer rows nothing can be told to be common
    assert verdict(asked[:3], environment(f"Count. {closing}.")).verdict == "overlap"


def test_a_question_is_found_without_its_options() -> None:
    options = ("2", "all of the trees that were planted in the first year", "20", "none")
    listed = "\n".join(f"({letter}). {text}" for letter, text in zip("ABCD", options, strict=True))
    asked = row(f"{QUESTION}\n\n{listed}\n", options=options)
    assert question_words([asked], OverlapSettings()) == [words_of(QUESTION)]
    assert verdict([asked], environment(QUESTION)).overlaps[0].contained
    short = row(f"Which?\n\n{listed}", options=options)
    assert len(question_words([short], OverlapSettings())[0]) > 5


class Riddles(NativeEnvironment):
    """Asks the question of a benchmark at its top level."""

    id = "riddles"
    top_level = 2

    def make(self, level: int, seed: int) -> Instance:
        text = QUESTION if level == 2 else "Say it."
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": text},),
            truth="1",
        )


class Silent(Riddles):
    """Makes nothing."""

    id = "silent"

    def make(self, level: int, seed: int) -> Instance:
        raise ValueError("no riddle today")


def test_native_environments_are_judged_by_their_instances() -> None:
    riddles, silent = compare([row(QUESTION)], Riddles(), Silent()).environments
    assert (riddles.verdict, riddles.overlaps[0].contained) == ("overlap", True)
    assert silent.verdict == "unknown"
    assert "no riddle today" in silent.reason


class Damaged(MemorySource):
    """Cannot read one environment."""

    def get(self, environment_id: str) -> AnyEnvironment:
        if environment_id == "env":
            raise DataError("line 3 is damaged")
        return super().get(environment_id)


def test_an_environment_that_cannot_be_read_is_unknown_and_ends_nothing() -> None:
    source = Damaged([environment(), environment(QUESTION, "other")])
    found = find_overlaps(source, {"ours": [row(QUESTION)]})
    assert [item.verdict for item in found.environments] == ["unknown", "overlap"]
    assert found.environments[0].reason == "line 3 is damaged"
    assert found.benchmarks[0].pairs == 1
    chosen = find_overlaps(source, {"ours": [row(QUESTION)]}, environments=["other"])
    assert [item.environment_id for item in chosen.environments] == ["other"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a " * 300_000,
        "[asy]" * 100_000,
        "\\begin{" * 100_000,
        "\\begin" + " " * 300_000,
        "\\" * 300_000,
        "a\u0301" * 100_000,
        "\u202e\x1b[2J\x00" * 50_000,
        "|" * 100_000,
        "1" * 300_000,
    ],
)
def test_hostile_texts_are_compared_as_any_other(text: str) -> None:
    rows = [row(QUESTION), row(" ".join("a" * 400), 1), row(text, 2)]
    found = verdict(rows, environment(f"{text} [/asy] {QUESTION}", generator=text))
    assert found.verdict == "overlap"
    for overlap in found.overlaps:
        assert re.fullmatch(r"[^\W_ ]+( [^\W_ ]+)*( \.\.\.)?", overlap.words)


def test_many_overlaps_are_counted_and_the_strongest_kept() -> None:
    rows = [row(f"{QUESTION} Variation {number} of it.", number) for number in range(3)] * 5
    rows = [item.model_copy(update={"id": f"{k:02}"}) for k, item in enumerate(rows)]
    found = compare(
        rows, environment(f"{QUESTION} Variation 1 of it."), common_share=1
    ).environments[0]
    assert (found.questions, len(found.overlaps)) == (15, 10)
    assert [item.row for item in found.overlaps if item.contained] == ["01", "04", "07", "10", "13"]


def test_the_documentation_names_every_setting_and_its_value() -> None:
    text = DOCS.read_text(encoding="utf-8").split("## Contamination")[1]
    table = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", text, re.MULTILINE))
    assert {name: float(value) for name, value in table.items()} == OverlapSettings().model_dump()


@pytest.mark.thorough
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.thorough
def test_the_starter_pack_and_the_published_environments_hold_no_question(
    shared_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    host = load_plugins()
    rows: dict[str, list[BenchmarkRow]] = {}
    for name, file in PUBLISHED.items():
        kind = host.classes(Benchmark)[name]
        benchmark = kind(kind.Config(path=shared_dir / "data" / "benchmarks" / file))
        rows[name] = list(benchmark.rows())
        benchmark.close()
    import_pool(shared_dir / "data" / "SCALER-8.json", tmp_path / "pool")
    for source in (open_pool("starter"), open_pool(tmp_path / "pool")):
        found = find_overlaps(source, rows)
        assert {item.verdict for item in found.environments} == {"clean"}
        assert [item.pairs for item in found.benchmarks] == [
            len(source) * count for count in (497, 40, 30, 70, 460)
        ]
        assert {(item.highest_share, item.longest_run) for item in found.benchmarks} == {(0, 0)}
    # and the same comparison finds each question that is put into an environment
    for name, asked in rows.items():
        made = [
            environment(f"Once more. {item.messages[-1]['content'].upper()}", f"env-{number}")
            for number, item in enumerate(asked)
        ]
        found = find_overlaps(MemorySource(made), {name: asked})
        missed = [item for item in found.environments if item.verdict != "overlap"]
        assert len(missed) == found.benchmarks[0].too_short
