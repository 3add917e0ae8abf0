"""The journal keeps every record that was written, whatever happens to the process."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.errors import DataError, InfrastructureError
from scaler_core.synthesis.journal import Journal, ReplyUse, StageRecord
from scaler_core.synthesis.records import Rejection


def record(problem: str = "sum", **overrides: object) -> StageRecord:
    fields = {
        "problem": problem,
        "content": "c",
        "settings": "s",
        "stage": "extract",
        "outcome": "passed",
        "value": {"text": 'two\nlines and "quotes" \u2028 \u00e9'},
        "replies": (ReplyUse(hash="h", prompt_tokens=3, reply_tokens=4, cost=0.5),),
    }
    return StageRecord(**fields | overrides)


def written(path: Path, *records: StageRecord) -> list[StageRecord]:
    """What a fresh look finds after *records* were appended."""
    journal = Journal(path)
    places = [journal.append(item) for item in records]
    assert [journal.read(place) for place in places] == list(records)
    journal.close()
    return read(path)


def read(path: Path) -> list[StageRecord]:
    with closing(Journal(path)) as journal:
        return [item for _, item in journal.records()]


def test_records_come_back_in_their_order(tmp_path: Path):
    refused = record(outcome="rejected", rejection=Rejection(stage="extract", check="x", detail=""))
    records = [record(), refused, record("other")]
    assert written(tmp_path / "j", *records) == records
    assert written(tmp_path / "j", record("last"))[-1] == record("last")


def test_a_record_is_on_the_disk_before_anybody_relies_on_it(tmp_path: Path, monkeypatch):
    synced = []
    journal = Journal(tmp_path / "j")
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    place = journal.append(record())
    assert synced == [place.length]
    journal.close()


@given(torn=st.integers(min_value=0))
def test_a_journal_torn_at_any_byte_keeps_its_whole_lines(tmp_path_factory, torn):
    path = tmp_path_factory.mktemp("journal") / "j"
    records = [record("a"), record("b"), record("c")]
    written(path, *records)
    content = path.read_bytes()
    path.write_bytes(content[: torn % (len(content) + 1)])
    whole = path.read_bytes().count(b"\n")
    assert read(path) == records[:whole]
    assert written(path, record("d")) == [*records[:whole], record("d")]


def test_a_torn_line_longer_than_a_block_is_cut_off_too(tmp_path: Path):
    written(tmp_path / "j", record())
    with (tmp_path / "j").open("ab") as stream:
        stream.write(b"x" * 200_000)
    journal = Journal(tmp_path / "j")
    assert journal.cut == 200_000
    journal.close()
    assert read(tmp_path / "j") == [record()]


def test_a_damaged_line_is_told_with_its_place(tmp_path: Path):
    written(tmp_path / "j", record(), record())
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(lines[0] + b"{}\n" + lines[1])
    with pytest.raises(DataError, match=r"j line 2 is damaged.*the replies that are kept"):
        read(tmp_path / "j")


@pytest.mark.parametrize("broken", ["write", "fsync"])
def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch, broken):
    written(tmp_path / "j", record())
    journal = Journal(tmp_path / "j")
    whole = os.write

    def half(handle: int, data: bytes) -> int:
        whole(handle, bytes(data)[: len(data) // 2])
        raise OSError(28, "No space left on device")

    def none(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, half if broken == "write" else none)
        with pytest.raises(InfrastructureError, match="No space left"):
            journal.append(record("lost"))
    journal.append(record("next"))
    journal.close()
    assert read(tmp_path / "j") == [record(), record("next")]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path):
    with pytest.raises(InfrastructureError, match="cannot write"):
        Journal(tmp_path / "missing" / "j")
