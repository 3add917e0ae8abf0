"""The recorded endpoint: what it answers, how it misbehaves, and what it remembers."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from scaler_core.errors import UsageError
from scaler_core.testing.endpoint import (
    HOSTILE_SOURCES,
    ChatRequest,
    NoRecording,
    RecordedEndpoint,
    RecordedReplies,
    Reply,
    conversation_hash,
    dripping,
    hanging,
    hostile_code,
    no_choices,
    rate_limited,
    record_reply,
    record_turn,
    reset,
    slow,
    web_page,
)


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def post(server, *messages, model="recorded", key=""):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.post(
            f"{server.url}/chat/completions",
            json={"model": model, "messages": list(messages)},
            headers=headers,
        )


def said(response):
    return response.json()["choices"][0]["message"]["content"]


def test_it_answers_in_the_usual_form():
    with RecordedEndpoint(lambda request: request.text.upper()) as server:
        answer = post(server, user("hello")).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "HELLO"}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


def test_it_lists_its_model_and_knows_no_other():
    with RecordedEndpoint(lambda request: "x", model="mine") as server:
        with httpx.Client(trust_env=False) as client:
            listed = client.get(f"{server.url}/models").json()
            nowhere = client.get(f"{server.url}/elsewhere")
        wrong = post(server, user("hi"), model="yours")
    assert [entry["id"] for entry in listed["data"]] == ["mine"]
    assert nowhere.status_code == wrong.status_code == 404
    assert "'yours' does not exist" in wrong.json()["error"]["message"]


def test_it_may_insist_on_a_key():
    with RecordedEndpoint(lambda request: "x", key="right-key") as server:
        assert post(server, user("hi")).status_code == 401
        assert post(server, user("hi"), key="wrong-key").status_code == 401
        assert said(post(server, user("hi"), key="right-key")) == "x"
    assert len(server.requests) == 1


def test_what_is_no_json_is_refused():
    with RecordedEndpoint(lambda request: "x") as server, httpx.Client(trust_env=False) as client:
        assert client.post(f"{server.url}/chat/completions", content=b"{").status_code == 400


def test_the_plan_comes_first_and_none_in_it_is_an_answer():
    with RecordedEndpoint(lambda request: "x", [rate_limited("7"), None, no_choices()]) as server:
        first, second, third, fourth = (post(server, user("hi")) for _ in range(4))
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert said(second) == said(fourth) == "x"
    assert third.json()["choices"] == []
    assert (len(server.requests), len(server.answered)) == (4, 2)


def test_a_plan_may_be_a_function_of_the_request():
    def answer(request):
        return web_page() if request.turn == 1 else "done"

    with RecordedEndpoint(answer) as server:
        assert post(server, user("hi")).headers["content-type"] == "text/html"
        assert said(post(server, user("hi"), assistant("?"), user("again"))) == "done"


def test_it_resets_hangs_and_drips():
    plan = [reset(), hanging(), dripping("x", 0.001)]
    with RecordedEndpoint(lambda request: "x", plan) as server:
        with pytest.raises(httpx.ReadError):
            post(server, user("hi"))
        with httpx.Client(trust_env=False, timeout=0.1) as client, pytest.raises(httpx.ReadTimeout):
            client.post(f"{server.url}/chat/completions", json={"model": "recorded"})
        assert said(post(server, user("hi"))) == "x"
    assert len(server.answered) == 1


def test_it_remembers_what_was_answered_twice_and_how_many_came_at_once():
    two_in = threading.Barrier(2, timeout=60)

    def answer(request):
        two_in.wait()
        return slow("x", 0.05)

    with RecordedEndpoint(answer) as server, ThreadPoolExecutor(4) as pool:
        for call in [pool.submit(post, server, user(text)) for text in "aabc"]:
            call.result()
    (twice,) = server.asked_twice()
    assert twice.text == "a"
    assert 1 < server.most_at_once <= 4


def test_hostile_programs_look_like_good_replies():
    for attack in HOSTILE_SOURCES:
        text = hostile_code(attack).text
        assert text.count("```") == 2
        assert "def generate_testcase(scale):" in text


# ------------------------------------------------------------------ recordings


def test_recordings_by_marks_are_files_that_people_can_read_and_edit(tmp_path):
    record_reply(tmp_path, "sum-extractor", ["first", "second"], ["Title: Sum", "What scales?"])
    folder = tmp_path / "sum-extractor"
    assert sorted(path.name for path in folder.iterdir()) == ["1.md", "2.md", "match.txt"]
    assert (folder / "match.txt").read_text() == "Title: Sum\nWhat scales?\n"
    question = user("Title: Sum\n\nn numbers.\n\n  What scales?")
    with RecordedEndpoint(RecordedReplies(tmp_path)) as server:
        assert said(post(server, question)) == "first"
        longer = [question, assistant("first"), user("no")]
        assert said(post(server, *longer)) == "second"
        assert said(post(server, *longer, assistant("second"), user("no"))) == "second"
        assert said(post(server, question)) == "first"
        (folder / "1.md").write_text("edited", encoding="utf-8")
        assert said(post(server, question)) == "edited"


def test_a_problem_is_not_taken_for_one_with_a_longer_name(tmp_path):
    for name in ("Sum", "Sum of squares"):
        record_reply(tmp_path, name, [name], [f"Title: {name}"])
    answer = RecordedReplies(tmp_path)
    for name in ("Sum", "Sum of squares"):
        assert answer(ChatRequest({"messages": [user(f"Title: {name}\n...")]})).text == name


def test_recordings_by_hash_play_a_conversation_again(tmp_path):
    opening = [user("How much?")]
    longer = [*opening, assistant("12"), user("Are you sure?")]
    path = record_turn(tmp_path, opening, "12")
    record_turn(tmp_path, longer, "13")
    assert path == tmp_path / conversation_hash(opening) / "1.md"
    with RecordedEndpoint(RecordedReplies(tmp_path)) as server:
        assert said(post(server, *opening)) == "12"
        assert said(post(server, *longer)) == "13"


def test_a_reply_is_played_to_the_letter(tmp_path):
    text = "\n ```python\r\nprint('ä')\n```\n\n"
    record_turn(tmp_path, [user("x")], text)
    assert RecordedReplies(tmp_path)(ChatRequest({"messages": [user("x")]})) == Reply(text)


def test_a_request_without_a_recording_is_refused_with_its_hash(tmp_path):
    with RecordedEndpoint(RecordedReplies(tmp_path)) as server:
        response = post(server, user("Who?"))
    assert response.status_code == 400
    message = response.json()["error"]["message"]
    assert conversation_hash([user("Who?")]) in message
    assert "'Who?'" in message


def test_two_recordings_that_fit_are_told_apart_by_nobody(tmp_path):
    record_reply(tmp_path, "one", ["1"], ["sum"])
    record_reply(tmp_path, "two", ["2"], ["sum"])
    with pytest.raises(NoRecording, match="recordings one and two both fit"):
        RecordedReplies(tmp_path)(ChatRequest({"messages": [user("sum")]}))


def test_an_empty_recording_says_what_is_missing(tmp_path):
    record_reply(tmp_path, "one", ["1"], ["sum"])
    (tmp_path / "one" / "1.md").unlink()
    with pytest.raises(NoRecording, match=r"1\.md is missing"):
        RecordedReplies(tmp_path)(ChatRequest({"messages": [user("sum")]}))


@pytest.mark.parametrize(
    ("name", "replies", "marks"),
    [
        ("", ["x"], ["m"]),
        ("../up", ["x"], ["m"]),
        (".hidden", ["x"], ["m"]),
        ("name", [], ["m"]),
        ("name", ["x"], []),
        ("name", ["x"], [" "]),
        ("name", ["x"], ["two\nlines"]),
    ],
)
def test_a_recording_that_could_not_be_found_again_is_refused(tmp_path, name, replies, marks):
    with pytest.raises(UsageError):
        record_reply(tmp_path, name, replies, marks)
    assert list(tmp_path.iterdir()) == []


def test_the_body_may_be_anything_at_all():
    reply = Reply(body=json.dumps({"x": 1}).encode(), status=218, headers={"X-Kind": "odd"})
    with RecordedEndpoint(lambda request: reply) as server:
        response = post(server, user("hi"))
    assert (response.status_code, response.headers["x-kind"], response.json()) == (
        218,
        "odd",
        {"x": 1},
    )
