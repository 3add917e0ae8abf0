"""The store of JSON lines: nothing acknowledged is lost, nothing half-written stays."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.jsonio import compact_json, lock_file
from scaler_core.jsonlines import JsonLines, LineSpan

ROOT = Path(__file__).resolve().parents[1]

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)

# line ends of other conventions, quotes, NUL, a byte-order mark, characters beyond 16 bits
DIFFICULT = [
    "two\nlines\r\nand\rmore",
    "\u2028 and \u2029 and \u0085 and \x0b\x0c\x1c",
    '"quotes" \\ and \\n',
    "\x00",
    "\ufeff",
    "väl \U0001f600",
    "",
]


def write(path: Path, *values: Any, shared: bool = False) -> list[LineSpan]:
    with closing(JsonLines(path, shared=shared)) as lines:
        return [lines.append(compact_json(value), sync=False) for value in values]


def read(path: Path, *, shared: bool = False) -> list[Any]:
    with closing(JsonLines(path, shared=shared)) as lines:
        return [value for _, value in lines.records()]


@contextmanager
def broken_disk(operation: str, after: int = 0) -> Iterator[None]:
    """The disk is full: a write writes *after* bytes first, a sync nothing."""
    whole = os.write

    def fail(handle: int, data: bytes = b"") -> int:
        if operation == "write":
            whole(handle, bytes(data)[:after])
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, operation, fail)
        yield


# ------------------------------------------------------------------ what was written is there


@settings(max_examples=50)
@given(values=st.lists(json_values, max_size=8), shared=st.booleans())
def test_every_value_comes_back_in_its_order_and_by_its_span(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], shared: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "file"
    spans = write(path, *values, shared=shared)
    with closing(JsonLines(path, shared=shared)) as lines:
        assert list(lines.records()) == list(zip(spans, values, strict=True))
        assert [lines.read(span) for span in reversed(spans)] == values[::-1]


@pytest.mark.parametrize("text", DIFFICULT, ids=ascii)
def test_no_character_within_a_string_ends_a_line(tmp_path: Path, text: str) -> None:
    spans = write(tmp_path / "file", {"text": text}, {text: 1})
    assert read(tmp_path / "file") == [{"text": text}, {text: 1}]
    content = (tmp_path / "file").read_bytes()
    assert [content[span.offset :][: span.length].count(b"\n") for span in spans] == [1, 1]


def test_half_of_a_surrogate_pair_survives_in_a_file_that_is_utf8(tmp_path: Path) -> None:
    write(tmp_path / "file", {"text": "a\ud800b"}, "next")
    assert read(tmp_path / "file") == [{"text": "a\ud800b"}, "next"]
    assert (tmp_path / "file").read_bytes().decode("utf-8").startswith('{"text":"a\\ud800b"}\n')


def test_lines_longer_than_a_block_come_back(tmp_path: Path) -> None:
    values = ["x" * length for length in (3_000_000, 1, (1 << 20) - 3, (1 << 20) - 2, 5_000_000)]
    write(tmp_path / "file", *values)
    assert read(tmp_path / "file") == values


def test_unparsed_lines_are_read_from_a_span_on(tmp_path: Path) -> None:
    spans = write(tmp_path / "file", 1, 22, 333)
    with closing(JsonLines(tmp_path / "file")) as lines:
        assert list(lines.lines(spans[1].offset)) == [(spans[1], b"22"), (spans[2], b"333")]
        assert list(lines.lines(spans[2].offset + spans[2].length)) == []


def test_a_walk_over_the_lines_ends_where_they_ended_when_it_began(tmp_path: Path) -> None:
    write(tmp_path / "file", 0, 1)
    with closing(JsonLines(tmp_path / "file")) as lines:
        for _, value in lines.records():
            lines.append(compact_json(value + 2))
        assert [value for _, value in lines.records()] == [0, 1, 2, 3]


def test_a_line_is_on_the_disk_when_append_returns(tmp_path: Path, monkeypatch) -> None:
    synced = []
    with closing(JsonLines(tmp_path / "file")) as lines:
        monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
        lines.append("1")
        assert synced == [2]
        lines.append("2", sync=False)
        lines.append("3", sync=False)
        assert synced == [2]
        assert lines.sync() == 6
        assert synced == [2, 6]


# ------------------------------------------------------------------ torn lines


@settings(max_examples=50)
@given(
    values=st.lists(json_values, max_size=5),
    cut=st.integers(min_value=0),
    shared=st.booleans(),
)
def test_a_file_cut_at_any_byte_opens_with_the_whole_records_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], cut: int, shared: bool
) -> None:
    path = tmp_path_factory.mktemp("cut") / "file"
    spans = write(path, *values)
    cut %= path.stat().st_size + 1
    os.truncate(path, cut)
    whole = [span for span in spans if span.offset + span.length <= cut]
    end = sum(span.length for span in whole)
    with closing(JsonLines(path, shared=shared)) as lines:
        assert lines.cut == cut - end
        assert [value for _, value in lines.records()] == values[: len(whole)]
        assert lines.append('"next"') == LineSpan(end, len('"next"') + 1)
    assert read(path) == [*values[: len(whole)], "next"]


@pytest.mark.parametrize("torn", [1, 2, 1 << 20, (3 << 20) + 1])
def test_a_torn_line_of_any_length_is_cut_off(tmp_path: Path, torn: int) -> None:
    write(tmp_path / "file", 1)
    with (tmp_path / "file").open("ab") as stream:
        stream.write(b"\x00" * torn)
    with closing(JsonLines(tmp_path / "file")) as lines:
        assert lines.cut == torn
    assert (tmp_path / "file").read_bytes() == b"1\n"


def test_a_torn_line_in_a_shared_file_is_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with closing(JsonLines(path, shared=True)) as lines:
        lines.append("1")
        with path.open("ab") as killed:
            killed.write(b'{"torn')
        assert [value for _, value in lines.records()] == [1]
        lines.append("2")
        assert [value for _, value in lines.records()] == [1, 2]


def test_a_walk_never_mixes_a_torn_line_with_the_one_that_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with closing(JsonLines(path, shared=True)) as lines:
        lines.append("1")
        with path.open("ab") as killed:
            killed.write(b"x" * (2 << 20))
        walk = lines.lines()
        assert next(walk)[1] == b"1"
        lines.append(compact_json("y" * (3 << 19)))
        assert list(walk) == []


# ------------------------------------------------------------------ writes that fail


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("operation", "after"), [("write", 0), ("write", 40), ("fsync", 0)])
def test_a_failed_write_leaves_the_file_as_it_was_and_the_next_one_works(
    tmp_path: Path, shared: bool, operation: str, after: int
) -> None:
    path = tmp_path / "file"
    with closing(JsonLines(path, shared=shared)) as lines:
        first = lines.append("1")
        before = path.read_bytes()
        with (
            broken_disk(operation, after),
            pytest.raises(InfrastructureError, match=r"cannot write .*file: No space left"),
        ):
            lines.append(compact_json("x" * 100))
        assert path.read_bytes() == before
        second = lines.append("2")
        assert (lines.read(first), lines.read(second)) == (1, 2)
    assert read(path) == [1, 2]


def test_a_failed_write_that_cannot_be_undone_spoils_no_line(tmp_path: Path, monkeypatch) -> None:
    def fail(handle: int, length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with closing(JsonLines(tmp_path / "file")) as lines:
        lines.append("1")
        with monkeypatch.context() as patch, broken_disk("write", 40):
            patch.setattr(os, "ftruncate", fail)
            with pytest.raises(InfrastructureError, match="No space left"):
                lines.append(compact_json("x" * 100))
        assert (tmp_path / "file").stat().st_size == 42
        assert [value for _, value in lines.records()] == [1]
        lines.append("2")
    assert read(tmp_path / "file") == [1, 2]


@pytest.mark.parametrize(("call", "kept"), [("write", [2]), ("fsync", ["x" * 100, 2])])
def test_an_interrupt_costs_a_line_only_before_it_is_whole(
    tmp_path: Path, monkeypatch, call: str, kept: list[object]
) -> None:
    whole = os.write

    def interrupted(handle: int, data: bytes = b"") -> None:
        whole(handle, bytes(data)[:7])
        raise KeyboardInterrupt

    with closing(JsonLines(tmp_path / "file")) as lines:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, interrupted)
            with pytest.raises(KeyboardInterrupt):
                lines.append(compact_json("x" * 100))
        lines.append("2")
    assert read(tmp_path / "file") == kept


def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_the_whole_line(
    tmp_path: Path, monkeypatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, bytes(data)[:7]))
    write(tmp_path / "file", "x" * 100, 2)
    assert read(tmp_path / "file") == ["x" * 100, 2]


@pytest.mark.parametrize("path", ["missing/file", "file/below", "nul\x00byte", "."])
def test_a_file_that_cannot_be_opened_is_one_clear_line(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot write"):
        JsonLines(tmp_path / path)


def test_a_disk_that_cannot_be_read_is_one_clear_line(tmp_path: Path, monkeypatch) -> None:
    def fail(handle: int, length: int, offset: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with closing(JsonLines(tmp_path / "file")) as lines:
        span = lines.append("1")
        monkeypatch.setattr(os, "pread", fail)
        with pytest.raises(InfrastructureError, match=r"cannot read .*file: Input/output error"):
            lines.read(span)


# ------------------------------------------------------------------ damage


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff", b"\x00" * 9, b"x" * (2 << 20), b"[" * 10**6]
)
def test_a_damaged_line_is_named_by_its_number_with_the_remedy(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "file"
    write(path, 1, "two", "three")
    content = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*content[:2], damage, *content[2:]]))
    with closing(JsonLines(path, remedy="remove the line")) as lines:
        good = iter(lines.records())
        assert [value for _, value in (next(good), next(good))] == [1, "two"]
        with pytest.raises(DataError, match=r"file line 3 is not valid JSON") as failure:
            next(good)
        assert failure.value.hint == "remove the line"
        spans = [span for span, _ in lines.lines()]
        with pytest.raises(DataError, match=r"file line 3 is not valid JSON"):
            lines.read(spans[2])
        assert lines.read(spans[3]) == "three"


def test_a_user_of_the_file_names_a_line_that_holds_something_else(tmp_path: Path) -> None:
    with closing(JsonLines(tmp_path / "file", remedy="remove it")) as lines:
        spans = [lines.append("1"), lines.append("{}")]
        error = lines.damaged(spans[1], "holds no response")
    assert str(error).startswith(f"{tmp_path / 'file'} line 2 holds no response")
    assert error.hint == "remove it"


# ------------------------------------------------------------------ at the same time


def test_a_second_writer_is_refused_in_one_line_until_the_first_closes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with closing(JsonLines(path)) as first:
        first.append("1")
        with pytest.raises(UsageError, match=r"another process is writing .*file") as failure:
            JsonLines(path)
        assert "\n" not in str(failure.value)
        first.append("2")
    assert read(path) == [1, 2]


def test_refused_writers_leave_no_open_file_behind(tmp_path: Path) -> None:
    with closing(JsonLines(tmp_path / "file")):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            with pytest.raises(UsageError):
                JsonLines(tmp_path / "file")
        assert len(os.listdir("/proc/self/fd")) == before


def test_writers_of_a_shared_file_find_the_lines_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with (
        closing(JsonLines(path, shared=True)) as first,
        closing(JsonLines(path, shared=True)) as second,
    ):
        spans = [first.append("1"), second.append("2"), first.append("3")]
        for lines in (first, second):
            assert list(lines.records()) == list(zip(spans, [1, 2, 3], strict=True))


def test_threads_that_write_and_read_together_spoil_nothing(tmp_path: Path) -> None:
    failures: list[object] = []

    def work(lines: JsonLines, thread: int) -> None:
        for number in range(30):
            value = [thread, number, "x" * (number * 997)]
            span = lines.append(compact_json(value))
            if lines.read(span) != value or not all(lines.records()):
                failures.append(value)

    with closing(JsonLines(tmp_path / "file")) as lines:
        threads = [threading.Thread(target=work, args=(lines, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    written = sorted(value[:2] for value in read(tmp_path / "file"))
    assert written == [[thread, number] for thread in range(4) for number in range(30)]


def test_a_closed_file_says_so(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "file")
    span = lines.append("1")
    lines.close()
    lines.close()
    for use in (
        lambda: lines.append("2"),
        lambda: lines.read(span),
        lambda: list(lines.records()),
        lines.sync,
    ):
        with pytest.raises(UsageError, match=r"file is closed"):
            use()


WRITER = """
import sys
from pathlib import Path
from scaler_core.jsonlines import JsonLines
lines = JsonLines(Path(sys.argv[1]), shared=sys.argv[2] == "shared")
for number in range(1_000_000):
    text = f'[{sys.argv[3]},{number},"{"x" * (number * 7919 % 90_000)}"]'
    span = lines.append(text)
    print(number, *span, flush=True)
"""


@contextmanager
def writer(path: Path, *, shared: bool, name: int) -> Iterator[subprocess.Popen[str]]:
    """A child that appends lines and prints the number and span of each."""
    mode = "shared" if shared else "alone"
    command = [sys.executable, "-c", WRITER, str(path), mode, str(name)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def acknowledged(child: subprocess.Popen[str]) -> list[tuple[int, LineSpan]]:
    """Numbers and spans that a killed child printed whole."""
    assert child.stdout is not None
    printed = [line.split() for line in child.stdout if line.endswith("\n")]
    return [(int(number), LineSpan(int(at), int(length))) for number, at, length in printed]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_writer_that_is_killed_at_any_moment_loses_nothing_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    path = tmp_path_factory.mktemp("killed") / "file"
    with writer(path, shared=False, name=0) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.1))
        child.send_signal(signal.SIGKILL)
        spans = acknowledged(child)
    with closing(JsonLines(path)) as lines:  # the lock went with its holder
        for number, span in spans:
            assert lines.read(span)[:2] == [0, number]
        written = [value[1] for _, value in lines.records()]
    assert written == list(range(len(written)))
    assert len(written) - len(spans) in (1, 2)  # the first was read here; one may be unprinted


def test_killed_writers_of_a_shared_file_spoil_nothing_for_those_that_live(tmp_path: Path) -> None:
    path, rng = tmp_path / "file", random.Random(1)
    with writer(path, shared=True, name=0) as survivor:
        assert survivor.stdout is not None
        survivor.stdout.readline()
        spans = {}
        for name in range(1, 4):
            with writer(path, shared=True, name=name) as child:
                assert child.stdout is not None
                child.stdout.readline()
                time.sleep(rng.uniform(0, 0.1))
                child.send_signal(signal.SIGKILL)
                spans[name] = acknowledged(child)
        survivor.send_signal(signal.SIGKILL)
        spans[0] = acknowledged(survivor)
    with closing(JsonLines(path, shared=True)) as lines:
        for name, printed in spans.items():
            for number, span in printed:
                assert lines.read(span)[:2] == [name, number]
        assert all(json.loads(line) for _, line in lines.lines())


def test_a_closed_store_is_free_whoever_else_holds_its_descriptor(tmp_path: Path) -> None:
    """As a process does for a moment that another thread is starting."""
    store = JsonLines(tmp_path / "lines.jsonl")
    copies = [os.dup(store._file)]
    store.close()
    lock = lock_file(tmp_path / "lock", "taken")
    copies.append(os.dup(lock.fileno()))
    lock.close()
    JsonLines(tmp_path / "lines.jsonl").close()
    lock_file(tmp_path / "lock", "taken").close()
    for copy in copies:
        os.close(copy)
