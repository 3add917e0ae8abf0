"""What people see may go away at any time, and costs a command nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.cli.display import MOST_WAITING, Display
from tests.cli.running import Start
from tests.cli.test_run_command import SIMULATED, command

PIPE = 1 << 16
"""Bytes that a pipe of Linux holds."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, Display]]:
    """The reading end of a pipe, and a display on the other one."""
    reader, writer = os.pipe()
    # closed from right to left; the stream may still hold what no reader takes
    with (
        suppress(BrokenPipeError),
        open(writer, "w", encoding="utf-8") as stream,
        Display(stream) as display,
    ):
        yield reader, display


@given(st.lists(st.text(max_size=50), max_size=20))
def test_a_reader_gets_all_of_it_in_order(texts: list[str]) -> None:
    reader, writer = os.pipe()
    with (
        open(writer, "w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
        Display(stream) as display,
    ):
        for text in texts:
            display.write(text)
    with open(reader, "rb") as read:
        assert read.read() == "".join(texts).encode("utf-8", "backslashreplace")


def test_threads_write_whole_texts(pipe: tuple[int, Display]) -> None:
    reader, display = pipe

    def write(name: str) -> None:
        for _ in range(200):
            display.write(f"{name * 20}\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    lines = b""
    while lines.count(b"\n") < 600:
        lines += os.read(reader, 65536)
    for thread in threads:
        thread.join()
    os.close(reader)
    assert sorted(lines.split()) == sorted(name.encode() * 20 for name in "abc" for _ in range(200))


def test_a_reader_that_left_is_not_missed(pipe: tuple[int, Display]) -> None:
    reader, display = pipe
    os.close(reader)
    for _ in range(100):
        assert display.write("lost\n") == 5
        display.flush()


def test_a_reader_that_stands_still_delays_one_flush_and_holds_a_bounded_text(
    pipe: tuple[int, Display],
) -> None:
    reader, display = pipe
    for _ in range(2 * MOST_WAITING // 1000):
        display.write("x" * 1000)
        display.flush()
    read = len(os.read(reader, 1 << 16))
    os.set_blocking(reader, False)
    while display._waiting:
        try:
            read += len(os.read(reader, 1 << 16))
        except BlockingIOError:
            continue
    display.write("again\n")
    display.flush()
    assert os.read(reader, 1 << 21).endswith(b"again\n")
    assert read <= MOST_WAITING + 1000 + PIPE
    os.close(reader)


@pytest.mark.parametrize("viewer", ["leaves", "stands still"])
def test_a_run_trains_on_without_its_viewer(tmp_path: Path, start: Start, viewer: str) -> None:
    (tmp_path / "sim.toml").write_text(SIMULATED)
    reader, writer = os.pipe()
    process = start(
        command("run", "sim.toml", "--run-dir", "out", "--json"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=writer,
    )
    os.close(writer)
    assert os.read(reader, 1)
    if viewer == "leaves":
        os.close(reader)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert json.loads(out)["finished"]


def test_closed_streams_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "sim.toml").write_text(SIMULATED)
    line = " ".join([*command("run", "sim.toml", "--run-dir", "out", "--json"), "<&- >&- 2>&-"])
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, check=False)
    assert done.returncode == 0
    lines = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_a_disk_that_is_full_of_output_is_no_bug_of_ours() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "scaler_core.cli", "plugins", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("scaler: the machine refused: No space left on device (make room")
    assert done.stderr.count("\n") == 1
