"""Each reader gives the problems of its dataset, and counts what is none."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.models import Problem
from scaler_core.pool.published import published_text, write_published
from scaler_core.synthesis.records import SourceProblem
from scaler_core.synthesis.sources import Unusable, open_problems
from scaler_core.synthesis.sources.hub import HubReader
from scaler_core.synthesis.sources.reading import Ids, join_tests
from scaler_core.testing.environments import program_environment
from tests.synthesis.problems import EXAMPLES, contest_row, problem, source_problem


def write_parquet(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, **options)
    return path


def read_all(path: Path | str) -> list[SourceProblem | Unusable]:
    return list(open_problems(path))


def usable(items: list[SourceProblem | Unusable]) -> list[SourceProblem]:
    return [item for item in items if isinstance(item, SourceProblem)]


def refused(items: list[SourceProblem | Unusable]) -> dict[str, str]:
    return {item.id: item.rejection.check for item in items if isinstance(item, Unusable)}


# ------------------------------------------------------------------ CodeContests


def test_a_row_of_code_contests_becomes_a_problem(tmp_path: Path):
    file = write_parquet(tmp_path / "train-00000.parquet", [contest_row()])
    (item,) = usable(read_all(file))
    assert item.id == "1-a-sum-of-the-values"
    assert item.source == "train-00000 1_A. Sum of the values"
    assert [solution.language for solution in item.problem.solutions] == [
        "python",
        "cpp",
        "python",
        "python",
    ]
    assert item.problem.logic == "Add the numbers."
    assert item.problem.instruction == "Print their sum."
    assert (item.problem.time_limit_s, item.problem.memory_limit_mb) == (1.5, 256)
    kinds = [(test.stdin, test.kind) for test in item.tests]
    assert kinds == [
        ("3\n1 2 3\n", "example"),
        ("1\n-5\n", "example"),
        ("2\n4 4\n", "private"),
        ("2\n5 5\n", "generated"),  # its second one is the first example
    ]


def test_columns_that_only_some_versions_have_may_be_missing(tmp_path: Path):
    needed = {"name", "description", "solutions"}
    row = {key: value for key, value in contest_row().items() if key in needed}
    (item,) = usable(read_all(write_parquet(tmp_path / "a.parquet", [row])))
    assert item.problem.time_limit_s is None
    assert item.tests == EXAMPLES


def test_limits_that_the_dataset_does_not_know_stay_unknown(tmp_path: Path):
    known = contest_row()
    unknown = contest_row(
        name="other", time_limit=None, memory_limit_bytes=0, public_tests=None, private_tests=None
    )
    item = usable(read_all(write_parquet(tmp_path / "a.parquet", [known, unknown])))[1]
    assert (item.problem.time_limit_s, item.problem.memory_limit_mb) == (None, None)


def test_a_problem_that_reads_files_is_refused(tmp_path: Path):
    rows = [contest_row(input_file="input.txt"), contest_row(name="b", output_file="out.txt")]
    items = read_all(write_parquet(tmp_path / "a.parquet", rows))
    assert set(refused(items).values()) == {"reads_files"}


def test_a_damaged_row_is_counted_and_the_others_are_read(tmp_path: Path):
    rows = [contest_row(description=None), contest_row(name=None), contest_row(name="good")]
    items = read_all(write_parquet(tmp_path / "a.parquet", rows))
    assert refused(items) == {"1-a-sum-of-the-values": "unreadable", "row-2": "unreadable"}
    assert [item.id for item in usable(items)] == ["good"]


def test_lists_that_do_not_pair_up_give_no_problem(tmp_path: Path):
    """Which language a solution is in, or which output belongs to an input, is never guessed."""
    row = contest_row()
    cut = {**row["solutions"], "language": row["solutions"]["language"][1:]}
    tests = {"input": ["1", "2"], "output": ["1"]}
    rows = [contest_row(name="a", solutions=cut), contest_row(name="b", public_tests=tests)]
    items = read_all(write_parquet(tmp_path / "a.parquet", rows))
    assert refused(items) == {"a": "unreadable", "b": "unreadable"}


def test_text_that_is_no_utf_8_costs_its_own_row_only(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [contest_row(name="a"), contest_row(name="b"), contest_row(name="c")]
    table = pyarrow.Table.from_pylist(rows)
    texts = pyarrow.array([row["description"].encode() for row in rows[:1]] + [b"\xff"] * 2)
    texts = pyarrow.concat_arrays([texts[:2], texts[:1]]).view(pyarrow.string())
    at = table.schema.get_field_index("description")
    parquet.write_table(table.set_column(at, "description", texts), tmp_path / "a.parquet")
    items = read_all(tmp_path / "a.parquet")
    assert refused(items) == {"b": "unreadable"}
    assert [item.id for item in usable(items)] == ["a", "c"]


def test_equal_names_get_ids_of_their_own_and_the_same_ones_each_time(tmp_path: Path):
    rows = [contest_row(), contest_row(description="Other.\n\nInput\n\nn\n\nOutput\n\nm")] * 2
    file = write_parquet(tmp_path / "a.parquet", rows)
    ids = [item.id for item in read_all(file)]
    assert len(set(ids)) == 4
    assert ids == [item.id for item in read_all(file)]
    assert all(item.startswith("1-a-sum-of-the-values") for item in ids)


def test_a_folder_is_read_file_by_file_in_the_order_of_names(tmp_path: Path):
    (tmp_path / "data").mkdir()
    write_parquet(tmp_path / "data" / "train-00001.parquet", [contest_row(name="second")])
    write_parquet(tmp_path / "data" / "train-00000.parquet", [contest_row(name="first")])
    reader = open_problems(tmp_path)
    assert [item.source for item in reader] == ["data/train-00000 first", "data/train-00001 second"]
    assert reader.count() == 2


def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path):
    megabyte = "# " + "x" * (1 << 20)
    heavy = {"language": [3] * 3, "solution": [megabyte, megabyte + "1", megabyte + "2"]}
    rows = [contest_row(name=f"p{number}", solutions=heavy) for number in range(24)]
    file = write_parquet(tmp_path / "a.parquet", rows, row_group_size=4, use_dictionary=False)
    tracemalloc.start()
    count = sum(1 for _ in open_problems(file))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 24
    assert most < 40 << 20  # of 72 MiB


def test_other_parquet_is_refused_with_the_missing_column(tmp_path: Path):
    file = write_parquet(tmp_path / "a.parquet", [{"question": "?", "answer": "!"}])
    with pytest.raises(DataError, match=r"lacks the column 'name'.*it has question, answer"):
        read_all(file)


def test_a_broken_parquet_file_is_one_clear_line(tmp_path: Path):
    file = tmp_path / "a.parquet"
    file.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match=r"cannot read .* as Parquet"):
        read_all(file)


# ------------------------------------------------------------------ the hub


def test_a_dataset_of_the_hub_is_streamed_by_the_same_code(tmp_path: Path):
    pytest.importorskip("datasets")
    folder = tmp_path / "code_contests"
    folder.mkdir()
    write_parquet(folder / "train-00000-of-00001.parquet", [contest_row(), contest_row(name="b")])
    # the library takes a folder for a dataset
    items = list(HubReader(str(folder)))
    assert [item.id for item in usable(items)] == ["1-a-sum-of-the-values", "b"]
    assert items[1].source == "code_contests/train b"
    with pytest.raises(UsageError, match="--split"):
        list(HubReader(str(folder), split="nonsense"))


def test_without_a_network_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch):
    datasets = pytest.importorskip("datasets")

    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("Couldn't reach 'deepmind/code_contests' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(InfrastructureError, match="download its Parquet files") as error:
        list(open_problems("deepmind/code_contests", revision="main"))
    assert "\n" not in str(error.value)


# ------------------------------------------------------------------ our own lines


def write_lines(path: Path, *values: object) -> Path:
    lines = [item if isinstance(item, str) else json.dumps(item) for item in values]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_lines_are_problems_or_source_problems(tmp_path: Path):
    bare = problem(name="Bare").model_dump(mode="json")
    for key in ("logic", "instruction"):
        del bare[key]
    whole = source_problem("whole").model_dump(mode="json")
    file = write_lines(tmp_path / "a.jsonl", bare, "", whole)
    first, second = usable(read_all(file))
    assert (first.id, first.source, first.tests) == ("bare", "a.jsonl line 1", EXAMPLES)
    assert first.problem.logic == "Add the numbers."
    assert second == source_problem("whole")
    assert open_problems(file).count() == 2


def test_two_lines_of_one_id_become_two_problems(tmp_path: Path):
    one = source_problem("one").model_dump(mode="json")
    other = {**one, "source": "elsewhere"}
    ids = [item.id for item in read_all(write_lines(tmp_path / "a.jsonl", one, other))]
    assert ids[0] == "one"
    assert ids[1].startswith("one-")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"statement": 7}',
        '{"statement": "x", "name": "\\ud800", "solutions": []}',
        '{"id": "../x", "source": "", "problem": {}}',
        "[" * 100_000,
        problem().model_copy(update={"time_limit_s": float("nan")}),
        problem().model_copy(update={"time_limit_s": float("inf")}),
        problem().model_copy(update={"time_limit_s": 0.0}),
        problem().model_copy(update={"memory_limit_mb": -1}),
    ],
)
def test_a_damaged_line_is_counted_and_the_others_are_read(tmp_path: Path, line: str | Problem):
    if isinstance(line, Problem):
        line = json.dumps(line.model_dump(mode="json"))  # with NaN, as Python writes it
    good = source_problem("good").model_dump(mode="json")
    items = read_all(write_lines(tmp_path / "a.jsonl", line, good))
    assert refused(items) == {"a-jsonl-line-1": "unreadable"}
    assert [item.id for item in usable(items)] == ["good"]


def test_a_byte_order_mark_and_windows_line_ends_cost_no_problem(tmp_path: Path):
    lines = [source_problem(name).model_dump_json() + "\r\n" for name in ("one", "two")]
    file = tmp_path / "a.jsonl"
    file.write_bytes("".join(lines).encode("utf-8-sig"))
    assert [item.id for item in usable(read_all(file))] == ["one", "two"]


# ------------------------------------------------------------------ published pools


def test_a_published_pool_is_a_source_of_problems(tmp_path: Path):
    environment = program_environment(problem=problem())
    entries = write_published([environment])
    entries["broken"] = {"name": "broken"}
    file = tmp_path / "pool.json"
    file.write_text(published_text(entries))
    items = read_all(file)
    assert refused(items) == {"broken": "unreadable"}
    (item,) = usable(items)
    assert item.problem == environment.problem
    assert item.id == environment.id
    assert item.tests == EXAMPLES


@pytest.mark.shared
def test_the_published_problems_come_with_their_examples(shared_dir: Path):
    items = usable(read_all(shared_dir / "data" / "SCALER-8.json"))
    assert len(items) == 8
    assert all(item.tests for item in items)


# ------------------------------------------------------------------ opening


def test_what_cannot_be_opened_is_told_with_what_is_allowed(tmp_path: Path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for given, message in [
        (tmp_path / "a.txt", "problems cannot be read from it"),
        (tmp_path / "missing.parquet", "there are no problems at"),
        ("data/missing.jsonl", "there are no problems at"),  # and is no dataset of the hub
        ("nowhere", r"allowed: a CodeContests \*.parquet"),
        (tmp_path / "empty", r"holds no \*.parquet file"),
    ]:
        with pytest.raises(UsageError, match=message):
            open_problems(given)


def test_split_and_revision_belong_to_the_hub(tmp_path: Path):
    file = write_lines(tmp_path / "a.jsonl")
    with pytest.raises(UsageError, match="--revision belongs to a dataset of the hub"):
        open_problems(file, revision="main")


def test_what_exists_as_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("deepmind")
    (tmp_path / "deepmind" / "code_contests.jsonl").write_text("")
    assert read_all("deepmind/code_contests.jsonl") == []


# ------------------------------------------------------------------ ids and tests


def test_ids_are_slugs_and_never_given_twice():
    ids = Ids()
    given = [ids.give(name, str(place)) for place, name in enumerate(["A b", "a-b", "***", "A b"])]
    assert given[0] == "a-b"
    assert given[2] == "problem"
    assert len(set(given)) == 4
    long = ids.give_exact("x" * 120, "1"), ids.give_exact("x" * 120, "2")
    assert all(len(item) <= 120 for item in long)


def test_an_example_that_the_public_tests_do_not_know_is_left_out():
    public = [EXAMPLES[0].model_copy(update={"kind": "public"})]
    assert join_tests(EXAMPLES, public) == (EXAMPLES[0],)
    contradicting = [public[0].model_copy(update={"stdout": "7\n"})]
    assert [test.kind for test in join_tests(EXAMPLES, contradicting)] == ["public"]
