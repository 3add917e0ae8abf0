"""Where questions come from: files of every kind and column, copies, counts, prompts."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from scaler_core.errors import DataError, UsageError
from scaler_core.models import Response
from scaler_plugins.benchmarks.mathematics import Aime24, Amc23, Math500
from scaler_plugins.benchmarks.multiple_choice import GpqaDiamond, MmluPro
from scaler_plugins.benchmarks.published import options_in
from scaler_plugins.benchmarks.questions import SYSTEM
from scaler_plugins.benchmarks.reasoning import BbehMini
from tests.plugins.benchmarks.making import (
    ALL,
    OPTIONS,
    build,
    choice_prompt,
    fetching,
    published,
    records,
    write_lines,
)


def whole(count: int) -> list[dict[str, object]]:
    return [published(f"Question {number}?", str(number), number) for number in range(count)]


# ---------------------------------------------------------------------------------- kinds of file


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".json", ".JSONL"])
def test_the_kind_of_file_changes_no_question(tmp_path: Path, ending: str) -> None:
    content = records(Math500)
    expected = build(Math500, write_lines(tmp_path / "lines.jsonl", content)).rows()
    path = tmp_path / f"questions{ending}"
    if ending == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(content), path)
    elif ending == ".json":
        path.write_text(json.dumps({"canary": "none", "examples": content}))
    else:
        write_lines(path, content)
    rows = build(Math500, path).rows()
    assert rows == expected
    assert len(rows) == len(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_file_is_read_by_its_header(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "gpqa_diamond.csv"
    content = records(GpqaDiamond)
    with path.open("w", newline="", encoding=encoding) as stream:
        writer = csv.DictWriter(stream, fieldnames=list(content[0]))
        writer.writeheader()
        writer.writerows(content)
    lines = write_lines(tmp_path / "lines.jsonl", content)
    assert build(GpqaDiamond, path).rows() == build(GpqaDiamond, lines).rows()


def test_a_missing_file_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*none\.jsonl \(set path to"):
        build(Math500, tmp_path / "none.jsonl").rows()


def test_an_unknown_ending_is_named_with_those_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("")
    with pytest.raises(UsageError, match=r"must end in \.parquet, \.jsonl, \.json, \.csv"):
        build(Math500, path).rows()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"PAR1 no"),
        ("a.parquet", b""),
        ("a.jsonl", b'{"prompt"\n'),
        ("a.jsonl", b"\xff\xfe"),
        ("a.jsonl", b"[1]\n"),
        ("a.json", b"7"),
        ("a.json", b'{"canary": 1}'),
        ("a.json", b"[1, 2]"),
        ("a.csv", b"\xff\xfe,\n1,2\n"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(
    tmp_path: Path, name: str, content: bytes
) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=name):
        build(Math500, path).rows()


def test_without_pyarrow_a_parquet_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"needs pyarrow.*pip install 'scaler-rl\[data\]'"):
        build(Math500, path).rows()


# ---------------------------------------------------------------------------------- columns


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"prompt": "text"}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["text"]}, "prompt"),
        ({"prompt": [{"role": "user"}]}, "content"),
        ({"reward_model": None}, "reward_model"),
        ({"reward_model": {"ground_truth": None}}, "ground_truth"),
    ],
)
def test_a_missing_column_is_named_with_those_that_are_there(
    tmp_path: Path, change: dict[str, object], column: str
) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*whole(1), {**published("q", "1"), **change}])
    with pytest.raises(DataError, match=rf"record 2: column {column} is missing.*reward_model"):
        build(Math500, path).rows()


def test_text_that_is_no_unicode_is_an_error_that_names_the_record(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*whole(1), published("\ud800", "1")])
    with pytest.raises(DataError, match=r"record 2: column content is missing or holds"):
        build(Math500, path).rows()


@pytest.mark.parametrize("options", [None, "A B", [], ["one"], ["one", 2], ["o"] * 27])
def test_options_are_a_list_of_texts_as_long_as_there_are_letters(
    tmp_path: Path, options: object
) -> None:
    record = {"question": "q", "options": options, "answer": "A"}
    with pytest.raises(DataError, match="column options is missing or holds something else"):
        build(MmluPro, write_lines(tmp_path / "a.jsonl", [record])).rows()


def test_a_question_whose_id_is_null_gets_one_of_its_own(tmp_path: Path) -> None:
    content = [{"question": f"q{n}", "answer": n, "id": None} for n in range(2)]
    rows = build(Amc23, write_lines(tmp_path / "a.jsonl", content)).rows()
    assert len({row.id for row in rows}) == 2


@pytest.mark.parametrize("kind", ALL)
def test_a_file_of_something_else_is_refused_by_its_columns(
    tmp_path: Path, kind: type[Math500]
) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"text": "once upon a time"}])
    with pytest.raises(DataError, match=r"column \S+.* is missing .*there are text"):
        build(kind, path).rows()


def test_the_columns_of_the_data_sets_themselves_are_read(tmp_path: Path) -> None:
    files = {
        Math500: {"problem": "q", "answer": "\\pi", "unique_id": "test/1", "subject": "Geometry"},
        Amc23: {"question": "q", "answer": 27.0, "id": 3, "url": "-"},
        Aime24: {"problem": "q", "answer": "023", "id": 60},
        BbehMini: {"input": "q", "target": "(B)", "task": "movie", "mini": 1},
        MmluPro: {
            "question": "q",
            "options": ["one", "two"],
            "answer": "B",
            "question_id": 70,
            "category": "law",
        },
    }
    found = {}
    for kind, record in files.items():
        (row,) = build(kind, write_lines(tmp_path / f"{kind.name}.jsonl", [record])).rows()
        assert row.messages[0] == {"role": "system", "content": SYSTEM}
        assert "q" in row.messages[1]["content"]
        found[kind.name] = (row.id, row.truth, row.category)
    found["bbeh"] = found["bbeh"][1:]  # the data set has no ids
    assert found == {
        "math-500": ("test/1", "\\pi", "Geometry"),
        "amc23": ("3", "27", ""),
        "aime24": ("60", "23", ""),
        "bbeh": ("(B)", "movie"),
        "mmlu-pro": ("70", "B", "law"),
    }


def test_only_the_mini_set_of_bbeh_is_asked(tmp_path: Path) -> None:
    content = [{"input": f"q{n}", "target": "1", "mini": n % 2} for n in range(10)]
    assert len(build(BbehMini, write_lines(tmp_path / "a.jsonl", content)).rows()) == 5


@pytest.mark.parametrize(
    ("given", "truth"),
    [("27.0", "27"), ("023", "23"), ("-1.0", "-1"), ("000", "0"), ("1625", "1625"), ("1.5", "1.5")],
)
def test_answers_of_contests_are_written_as_integers(
    tmp_path: Path, given: str, truth: str
) -> None:
    for kind in (Amc23, Aime24):
        path = write_lines(tmp_path / "a.jsonl", [published("q", given)])
        assert [row.truth for row in build(kind, path).rows()] == [truth]
    path = write_lines(tmp_path / "a.jsonl", [published("q", "0110")])
    assert [row.truth for row in build(Math500, path).rows()] == ["0110"]


def test_a_published_truth_of_several_boxes_states_all_of_them(tmp_path: Path) -> None:
    record = published("q", "\\boxed{1} \\text{ and } \\boxed{-2}", box=False)
    (row,) = build(Math500, write_lines(tmp_path / "a.jsonl", [record])).rows()
    assert row.truth == "1 \\text{ and } -2"


@pytest.mark.parametrize("kind", [Math500, Amc23, Aime24])
def test_a_table_of_scores_can_tell_whether_answers_had_to_be_evaluated(
    kind: type[Math500], tmp_path: Path
) -> None:
    for evaluated, told in ((True, "evaluated = true"), (False, "evaluated = false")):
        assert build(kind, tmp_path / "a.jsonl", evaluated=evaluated).grading() == told


# ---------------------------------------------------------------------------------- prompts


def test_the_braces_that_were_never_formatted_are_mended(tmp_path: Path) -> None:
    content = [published(choice_prompt("q"), "A", 0)]
    (row,) = build(MmluPro, write_lines(tmp_path / "a.jsonl", content)).rows()
    assert row.messages[0]["content"].endswith("within \\boxed{}.")
    assert "'\\boxed{X}'" in row.messages[1]["content"]
    assert row.options == OPTIONS


def test_prompts_can_be_kept_as_published(tmp_path: Path) -> None:
    content = [published(choice_prompt("q"), "A", 0)]
    path = write_lines(tmp_path / "a.jsonl", content)
    (row,) = build(MmluPro, path, as_published=True).rows()
    assert list(row.messages) == content[0]["prompt"]
    assert row.options == OPTIONS


def test_only_a_published_file_has_prompts_to_keep(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"problem": "q", "answer": "1"}])
    with pytest.raises(UsageError, match="as_published needs a published file"):
        build(Math500, path, as_published=True).rows()


def test_options_are_found_at_the_end_of_a_prompt() -> None:
    prompt = choice_prompt("Is (A). a mark?\n(A). not yet\n", ["one\nor two", "(C)", ""])
    assert options_in(prompt) == ("one\nor two", "(C)", "")
    assert options_in(choice_prompt("q", [str(number) for number in range(10)]))[-1] == "9"
    assert options_in("no options at all") == ()


def test_the_order_of_gpqa_options_is_mixed_and_always_the_same(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", records(GpqaDiamond))
    rows = build(GpqaDiamond, path).rows()
    assert {row.truth for row in rows} == set("ABCD")
    for number, row in enumerate(rows):
        right = row.options["ABCD".index(row.truth)]
        assert right == str(number + 1)
        assert f"({row.truth}). {right}\n" in row.messages[1]["content"]
    # A change of the shuffle would change every prompt, and no score could be compared any more.
    assert "".join(row.truth for row in rows) == "BCAACBABDAAC"


# ---------------------------------------------------------------------------------- counting


def test_copies_for_every_sample_are_one_question(tmp_path: Path) -> None:
    once = whole(30)
    anonymous = [{k: v for k, v in record.items() if k != "extra_info"} for record in once]
    counted = [{**record, "extra_info": {"index": n}} for n, record in enumerate(once * 16)]
    for content in (
        once * 16,
        [copy for record in once for copy in [record] * 16],
        anonymous * 16,
        counted,
    ):
        path = write_lines(tmp_path / "a.jsonl", content)
        rows = build(Aime24, path, partial=False).rows()
        assert [row.truth for row in rows] == [str(number) for number in range(30)]
        assert len({row.id for row in rows}) == 30
        assert {row.samples for row in rows} == {16}


def test_copies_that_differ_are_an_error(tmp_path: Path) -> None:
    content = [published("q", "1", 5), published("q", "2", 5)]
    with pytest.raises(DataError, match=r"two rows have the id '5' and differ"):
        build(Aime24, write_lines(tmp_path / "a.jsonl", content)).rows()


def test_one_prompt_with_two_answers_is_two_questions(tmp_path: Path) -> None:
    content = [published("q", "1", 5), published("q", "2", 6)]
    rows = build(BbehMini, write_lines(tmp_path / "a.jsonl", content)).rows()
    assert [row.truth for row in rows] == ["1", "2"]


def test_repeated_questions_count_where_their_ids_make_the_published_number(
    tmp_path: Path,
) -> None:
    content = [*whole(29), published("Question 0?", "0", 29)]
    path = write_lines(tmp_path / "a.jsonl", content)
    assert len(build(Aime24, path, partial=False).rows()) == 30


@pytest.mark.parametrize("count", [29, 31])
def test_another_number_of_questions_is_an_error_unless_it_is_meant(
    tmp_path: Path, count: int
) -> None:
    path = write_lines(tmp_path / "a.jsonl", whole(count))
    with pytest.raises(DataError, match=rf"{count} questions, where aime24 has 30 \(.*partial"):
        build(Aime24, path, partial=False).rows()
    assert len(build(Aime24, path).rows()) == count


@pytest.mark.parametrize(
    ("kind", "size", "samples"),
    [
        (Math500, 500, 1),
        (Amc23, 40, 16),
        (Aime24, 30, 16),
        (MmluPro, 70, 16),
        (BbehMini, 460, 1),
        (GpqaDiamond, 198, 1),
    ],
)
def test_questions_and_samples_are_those_of_the_paper(
    kind: type[Math500], size: int, samples: int
) -> None:
    benchmark = kind()
    assert (benchmark.size(), benchmark.samples()) == (size, samples)
    assert (benchmark.temperature, benchmark.top_p) == (0.6, 0.95)


def test_the_test_split_of_mmlu_pro_is_asked_once() -> None:
    benchmark = MmluPro(MmluPro.Config(split="test"))
    assert (benchmark.size(), benchmark.samples()) == (12_032, 1)
    assert benchmark.home().files == ("data/test-*.parquet",)


# ---------------------------------------------------------------------------------- sources


def test_without_a_path_the_pinned_commit_is_fetched(tmp_path: Path) -> None:
    asked = []

    def fetch(dataset: str, patterns: tuple[str, ...], revision: str) -> Path:
        asked.append((dataset, revision))
        return write_lines(tmp_path / "a.jsonl", records(kind))

    for kind in ALL:
        benchmark = kind(kind.Config(partial=True), fetch=fetch)
        assert benchmark.rows()
        assert len(benchmark.config.revision) == 40
        assert asked[-1] == (benchmark.home().dataset, benchmark.config.revision)
    kind = Math500
    Math500(Math500.Config(partial=True, revision="main"), fetch=fetch).rows()
    assert asked[-1] == ("HuggingFaceH4/MATH-500", "main")


def test_the_source_tells_one_version_of_a_file_from_another(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", records(Math500))
    local = build(Math500, path).source()
    assert local.startswith(f"{path}, sha256 ")
    hub = Math500(Math500.Config(revision="main"), fetch=fetching(path)).source()
    assert hub == local.replace(str(path), "HuggingFaceH4/MATH-500 at main")
    write_lines(path, records(Amc23))
    assert build(Math500, path).source() != local
    with pytest.raises(UsageError, match="cannot read"):
        build(Math500, tmp_path / "none.jsonl").source()


# ---------------------------------------------------------------------------------- options


@pytest.mark.parametrize("kind", ALL)
def test_only_text_after_the_thought_is_graded_where_models_think(
    tmp_path: Path, kind: type[Math500]
) -> None:
    path = write_lines(tmp_path / "a.jsonl", records(kind))
    benchmark = build(kind, path, thinking=True)
    row = benchmark.rows()[0]
    answer = Response(text=f"\\boxed{{{row.truth}}}")
    assert benchmark.grade(answer, row).reason == "thinking not closed"
    thought = Response(text=f"so it is </think> \\boxed{{{row.truth}}}")
    assert benchmark.grade(thought, row).result == "correct"


@pytest.mark.parametrize("kind", [MmluPro, BbehMini, GpqaDiamond])
def test_a_statement_counts_only_where_it_is_asked_for(tmp_path: Path, kind: type[MmluPro]) -> None:
    path = write_lines(tmp_path / "a.jsonl", records(kind))
    for unboxed, result in ((False, "incorrect"), (True, "correct")):
        benchmark = build(kind, path, unboxed=unboxed)
        row = benchmark.rows()[0]
        stated = Response(text=f"Therefore the answer is {row.truth}.")
        assert benchmark.grade(stated, row).result == result
