"""The run directory: one writer, logs that can be cut back without losing a line."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing, suppress
from pathlib import Path

import pytest

from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.run.directory import RunDirectory


def make_run(tmp_path: Path) -> RunDirectory:
    """A directory with one event in its log."""
    directory = RunDirectory(tmp_path / "run").create()
    directory.append("events.jsonl", {"step": 1})
    return directory


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        RunDirectory(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_there_is_only_one_writer(tmp_path: Path) -> None:
    with (
        closing(RunDirectory(tmp_path / "run").create()),
        pytest.raises(UsageError, match="another process is training"),
    ):
        RunDirectory(tmp_path / "run").lock()
    with closing(RunDirectory(tmp_path / "run")) as second:
        second.lock()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match=r"cannot write .*file/run: Not a directory"):
        RunDirectory(tmp_path / "file" / "run").create()


def test_a_folder_without_a_recipe_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a run"):
        RunDirectory.open(tmp_path)


def test_lines_beyond_a_checkpoint_are_set_aside_not_lost(tmp_path: Path) -> None:
    directory = make_run(tmp_path)
    positions = directory.positions()
    directory.append("events.jsonl", {"step": 2})
    directory.close()
    with (tmp_path / "run" / "events.jsonl").open("a") as stream:
        stream.write('{"step": 3, "cut of')
    assert directory.rewind(positions) == 2
    assert list(directory.read_log("events.jsonl")) == [{"step": 1}]
    aside = (tmp_path / "run" / "superseded.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in aside] == ['{"step":2}', '{"step": 3, "cut of']
    directory.append("events.jsonl", {"step": 4})
    directory.close()
    assert list(directory.read_log("events.jsonl")) == [{"step": 1}, {"step": 4}]


def test_characters_that_look_like_line_ends_do_not_cut_a_line(tmp_path: Path) -> None:
    directory = make_run(tmp_path)
    positions = directory.positions()
    directory.append("events.jsonl", {"text": "a\u2028b\u0085c"})
    directory.close()
    assert directory.rewind(positions) == 1


def test_a_log_shorter_than_its_checkpoint_is_an_error(tmp_path: Path) -> None:
    directory = make_run(tmp_path)
    positions = directory.positions()
    directory.close()
    (tmp_path / "run" / "events.jsonl").write_text("")
    with pytest.raises(DataError, match=r"events.jsonl has 0 bytes, its checkpoint knows 11"):
        directory.rewind(positions)


def test_a_log_is_told_from_another_by_each_of_its_bytes(tmp_path: Path) -> None:
    directory = make_run(tmp_path)
    for step in range(2, 5):
        state = directory.state_dict()
        directory.append("events.jsonl", {"step": step})
    directory.close()
    path = tmp_path / "run" / "events.jsonl"
    whole = path.read_bytes()

    def changed() -> list[str]:
        return RunDirectory(tmp_path / "run").changed_logs(state)

    assert changed() == []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        if place < state["logs"]["events.jsonl"]:
            with suppress(DataError):
                assert changed() == ["events.jsonl"]
        else:
            assert changed() == [], "what lies behind the checkpoint is set aside anyway"
    path.write_bytes(b"")
    assert changed() == [], "rewind() says that it was cut"


def test_hashes_are_those_of_the_files(tmp_path: Path) -> None:
    directory = make_run(tmp_path)
    for number in range(3):
        directory.append("metrics.jsonl", {"text": "x" * 700_000, "number": number})
        hashes = directory.state_dict()["log_hashes"]
        for log in ("events.jsonl", "metrics.jsonl"):
            content = (tmp_path / "run" / log).read_bytes()
            assert hashes[log] == hashlib.sha256(content).hexdigest()
    directory.close()
