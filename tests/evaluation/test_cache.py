"""The response cache: nothing lost, nothing half-written, nothing mixed up."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.errors import DataError, InfrastructureError
from scaler_core.evaluation.directory import ResponseCache, response_key
from scaler_core.models import Question, Response


def question(text: str = "1+1", **sampling: Any) -> Question:
    return Question(messages=({"role": "user", "content": text},), **sampling)


def fill(path: Path, count: int = 3) -> None:
    with ResponseCache(path) as cache:
        for number in range(count):
            cache.add(f"k{number}", Response(text=f"answer {number}\n", tokens=number), 0.5, {})


def test_what_was_added_is_there_after_opening_again(tmp_path: Path) -> None:
    fill(tmp_path / "new" / "responses.jsonl")
    with ResponseCache(tmp_path / "new" / "responses.jsonl") as cache:
        assert "k1" in cache
        assert "k3" not in cache
        assert cache["k2"] == (Response(text="answer 2\n", tokens=2), 0.5)


@pytest.mark.parametrize(
    "other",
    [
        ("another model", 10, question()),
        ("model", 11, question()),
        ("model", 10, question("1+2")),
        ("model", 10, question(seed=1)),
        ("model", 10, question(temperature=0.5)),
        ("model", 10, question(top_p=0.5)),
    ],
)
def test_whatever_decides_a_response_is_in_its_key(other: tuple[str, int, Question]) -> None:
    assert response_key(*other) != response_key("model", 10, question())
    assert response_key("model", 10, question()) == response_key("model", 10, question())


@given(cut=st.integers(0, 400))
def test_a_file_that_a_kill_cut_anywhere_keeps_its_whole_lines(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "responses.jsonl"
    fill(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    lines = whole[:cut].count(b"\n")
    with ResponseCache(path) as cache:
        assert [f"k{number}" in cache for number in range(3)] == [
            number < lines for number in range(3)
        ]
        cache.add("new", Response(text="x"), 0.1, {})
    with ResponseCache(path) as cache:
        assert cache["new"].response.text == "x"
        if lines:
            assert cache["k0"].response.text == "answer 0\n"


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    fill(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + "{}\n" + lines[2])
    with pytest.raises(DataError, match=r"responses\.jsonl line 2 holds no response"):
        ResponseCache(path)


@given(st.text())
def test_every_text_survives(text: str) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"texts-{os.getpid()}.jsonl"
    try:
        with ResponseCache(path) as cache:
            cache.add("k", Response(text=text), 0.1, {})
            assert cache["k"].response.text == text
    finally:
        path.unlink()


def test_half_of_a_character_is_replaced_and_not_fatal(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "responses.jsonl") as cache:
        cache.add("k", Response(text="a\ud800b"), 0.1, {})
        assert cache["k"].response.text == "a?b"


def test_a_disk_that_is_full_is_one_clear_line_and_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    fill(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ResponseCache(path) as cache:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, limits[1]))
        try:
            with pytest.raises(InfrastructureError, match="cannot write"):
                cache.add("new", Response(text="x" * 100), 0.1, {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with ResponseCache(path) as cache:
        assert "new" not in cache
        assert cache["k2"].response.text == "answer 2\n"


def test_a_process_that_is_killed_loses_no_response_that_it_had_told_of(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    code = """
import sys
from pathlib import Path
from scaler_core.evaluation.directory import ResponseCache
from scaler_core.models import Response
cache = ResponseCache(Path(sys.argv[1]))
for number in range(100_000):
    cache.add(f"k{number}", Response(text="x" * 1000), 0.1, {})
    print(number, flush=True)
"""
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(20)]
        child.send_signal(signal.SIGKILL)
        told += [int(line) for line in child.stdout.read().splitlines()]
    with ResponseCache(path) as cache:
        assert all(f"k{number}" in cache for number in told)
