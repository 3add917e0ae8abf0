"""The cache: nothing is asked twice, whatever is torn, killed or shared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.endpoint import Completion, ResponseCache, Sampling, request_key
from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.testing.endpoint import RecordedEndpoint, cut_off, reset, slow
from tests.endpoint.calling import ask, question

ROOT = Path(__file__).resolve().parents[2]


def completion(text="42", **changes):
    fields = {"finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 1}
    return Completion(text=text, **fields | changes)


def key_of(number):
    return request_key("m", question(str(number)), Sampling())


def put(cache, number, text=None):
    cache.put(key_of(number), completion(text or str(number)), model="m", sample=0)


def text_of(cache, number):
    found = cache.get(key_of(number))
    return found and found.text


@pytest.fixture
def cache(tmp_path):
    with ResponseCache(tmp_path) as cache:
        yield cache


def test_what_was_kept_is_there_and_marked(cache):
    put(cache, 1)
    assert cache.get(key_of(1)) == completion("1", cached=True)
    assert cache.get(key_of(2)) is None
    assert len(cache) == 1


@settings(max_examples=30)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_any_text_survives(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("cache")
    with ResponseCache(folder) as cache:
        for number, text in enumerate(texts):
            cache.put(key_of(number), completion(text), model="m\n", sample=number)
    with ResponseCache(folder) as again:
        assert [text_of(again, number) for number in range(len(texts))] == texts


OTHER = [
    {"model": "other"},
    {"messages": question("Something else?")},
    {"messages": [{"role": "system", "content": "What is 6 times 7?"}]},
    {"sampling": Sampling(temperature=0.1)},
    {"sampling": Sampling(max_tokens=7)},
    {"sampling": Sampling(seed=1)},
    {"sampling": Sampling(stop=("x",))},
    {"sample": 1},
    {"extra": {"thinking": False}},
]


@pytest.mark.parametrize("change", OTHER, ids=lambda change: next(iter(change)))
def test_whatever_decides_an_answer_is_part_of_its_key(change):
    plain = {"model": "m", "messages": question(), "sampling": Sampling(), "sample": 0}
    assert request_key(**plain) == request_key(**plain)
    assert request_key(**plain) != request_key(**plain | change)


def test_the_same_question_is_answered_from_disk_in_the_next_run(tmp_path):
    with RecordedEndpoint(lambda request: f"answer to {request.text}") as server:
        with ResponseCache(tmp_path) as cache:
            first = ask(server, "a", "b", cache=cache)
        with ResponseCache(tmp_path) as cache:
            second = ask(server, "a", "b", "c", cache=cache)
    assert len(server.requests) == 3
    assert [item.cached for item in second.results] == [True, True, False]
    assert [item.text for item in second.results[:2]] == [item.text for item in first.results]
    assert (second.totals.requests, second.totals.cached, second.totals.answered) == (1, 2, 1)


def test_another_server_with_the_same_model_is_not_asked_again(tmp_path):
    with ResponseCache(tmp_path) as cache:
        with RecordedEndpoint(lambda request: "first") as server:
            ask(server, cache=cache)
        with RecordedEndpoint(lambda request: "second") as server:
            assert ask(server, cache=cache).result.text == "first"
    assert server.requests == []


def test_equal_questions_at_the_same_time_make_one_request(cache):
    with RecordedEndpoint(lambda request: slow("ok", 0.05)) as server:
        asked = ask(server, *["the same"] * 8, "another", cache=cache)
    assert len(server.requests) == 2
    assert sum(item.cached for item in asked.results) == 7


def test_samples_of_one_question_are_answers_of_their_own(cache):
    numbers = iter(range(10))
    with RecordedEndpoint(lambda request: str(next(numbers))) as server:
        first = ask(server, cache=cache, samples=(0, 1, 2))
        again = ask(server, cache=cache, samples=(0, 1, 2))
    assert len({item.text for item in first.results}) == 3
    assert [item.text for item in again.results] == [item.text for item in first.results]


def test_an_answer_that_was_cut_off_was_paid_for_and_is_kept(cache):
    with RecordedEndpoint(lambda request: cut_off("half")) as server:
        ask(server, cache=cache)
        again = ask(server, cache=cache).result
    assert again.cut_off
    assert again.cached


def test_a_failure_is_never_kept(cache):
    with RecordedEndpoint(lambda request: "ok", [reset()] * 2) as server:
        assert "asked 2 times" in str(ask(server, cache=cache, retries=1).result)
        assert ask(server, cache=cache).result.text == "ok"


def test_without_a_cache_nothing_is_kept_and_every_call_asks():
    with RecordedEndpoint(lambda request: "ok") as server:
        ask(server, "same", "same")
    assert len(server.requests) == 2


# ------------------------------------------------------------------ damage


@settings(max_examples=30)
@given(data=st.data())
def test_a_file_that_was_torn_anywhere_loses_its_last_entry_at_most(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cache")
    with ResponseCache(folder) as cache:
        for number in range(3):
            put(cache, number, "väl\n" * number)
        path = cache.path
    content = path.read_bytes()
    last = content[:-1].rindex(b"\n") + 1
    path.write_bytes(content[: data.draw(st.integers(last, len(content) - 1))])
    with ResponseCache(folder) as cache:
        assert [text_of(cache, number) for number in range(3)] == ["0", "väl\n", None]
        put(cache, 2, "again")
        put(cache, 3)
    with ResponseCache(folder) as cache:
        found = [text_of(cache, number) for number in range(4)]
    assert found == ["0", "väl\n", "again", "3"]


@pytest.mark.parametrize(
    "damage",
    [
        b"\n\n\n",
        b"junk\n",
        b'{"key":"' + key_of(1).encode() + b'"}\n',
        b'{"key":"' + key_of(1).encode() + b'","schema_version":99}\n',
        b'{"key":"' + b"\xff" * 64 + b'"}\n',
        b"\x00" * 5000 + b"\n",
        b"x" * (3 << 20),
    ],
)
def test_damage_in_the_middle_spoils_nothing_around_it(tmp_path, damage):
    with ResponseCache(tmp_path) as cache:
        put(cache, 0)
        path = cache.path
    with path.open("ab") as stream:
        stream.write(damage)
    with ResponseCache(tmp_path) as cache:
        assert text_of(cache, 0) == "0"
        assert text_of(cache, 1) is None
        put(cache, 1)
        assert text_of(cache, 1) == "1"
    with ResponseCache(tmp_path) as cache:
        assert [text_of(cache, number) for number in range(2)] == ["0", "1"]


def test_a_disk_that_is_full_is_one_clear_line_and_leaves_nothing_half_written(cache, monkeypatch):
    put(cache, 0)
    before = cache.path.read_bytes()
    write = os.write

    def full(handle, data):
        if len(data) > 10:
            return write(handle, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(InfrastructureError, match="No space left on device"):
        put(cache, 1)
    monkeypatch.setattr(os, "write", write)
    assert cache.path.read_bytes() == before
    put(cache, 1)
    assert text_of(cache, 1) == "1"


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="cannot write"):
        ResponseCache(tmp_path / "file")


def test_a_closed_cache_says_so(tmp_path):
    cache = ResponseCache(tmp_path)
    cache.close()
    cache.close()
    with pytest.raises(UsageError, match="is closed"):
        cache.get(key_of(1))
    with pytest.raises(UsageError, match="is closed"):
        put(cache, 1)


# ------------------------------------------------------------------ at the same time

WRITER = """
import sys
from pathlib import Path
from tests.endpoint.test_cache import ResponseCache, put
with ResponseCache(Path(sys.argv[1])) as cache:
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        put(cache, number, str(number) + "x" * (number * 37 % 9000))
"""


def writer(folder, first, last):
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(last)]
    return subprocess.Popen(command, cwd=ROOT)


def test_processes_that_write_together_spoil_nothing(tmp_path):
    children = [writer(tmp_path, start, start + 60) for start in (0, 40)]
    assert [child.wait() for child in children] == [0, 0]
    with ResponseCache(tmp_path) as cache:
        assert len(cache) == 100
        assert all(text_of(cache, number).startswith(str(number)) for number in range(100))
        lines = cache.path.read_text().splitlines()
    assert len(lines) == 120
    assert all(json.loads(line)["key"] for line in lines)


def test_what_another_process_wrote_meanwhile_is_found(tmp_path):
    with ResponseCache(tmp_path) as mine, ResponseCache(tmp_path) as other:
        put(other, 1)
        assert text_of(mine, 1) == "1"
        put(mine, 2)
        assert text_of(other, 2) == "2"


def test_threads_share_one_cache(cache):
    def work(start):
        for number in range(start, start + 20):
            put(cache, number)
            assert text_of(cache, number) == str(number)

    threads = [threading.Thread(target=work, args=[start]) for start in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 40
