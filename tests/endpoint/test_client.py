"""Asking over real HTTP: answers, every way to misbehave, and how many requests that takes."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress

import pytest

from scaler_core.endpoint import (
    Endpoint,
    EndpointFailed,
    EndpointOptions,
    EndpointRefused,
    RequestRefused,
)
from scaler_core.testing.endpoint import (
    RecordedEndpoint,
    Reply,
    cut_off,
    dripping,
    hanging,
    junk,
    no_choices,
    rate_limited,
    refused,
    reset,
    server_error,
    slow,
    web_page,
    wrong_json,
)
from tests.endpoint.calling import Sampling, ask, options_for, question


def serving(*plan, answer="42", **options):
    return RecordedEndpoint(lambda request: answer, plan, **options)


def test_an_answer_with_what_the_server_counted():
    reply = Reply("42", prompt_tokens=12, completion_tokens=3)
    with serving(reply) as server:
        asked = ask(server, sampling=Sampling(temperature=0.6, top_p=0.95, stop=("END",)))
    completion = asked.result
    assert (completion.text, completion.finish_reason) == ("42", "stop")
    assert (completion.prompt_tokens, completion.completion_tokens) == (12, 3)
    assert (completion.served_model, completion.estimated) == ("recorded", False)
    assert not completion.cached
    assert not completion.cut_off
    (request,) = server.requests
    assert request.body == {
        "model": "recorded",
        "messages": question(),
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 8192,
        "stop": ["END"],
    }


def test_what_is_not_set_is_left_to_the_server():
    with serving() as server:
        ask(server, sampling=Sampling(max_tokens=5), max_tokens_field="max_completion_tokens")
    body = {"model": "recorded", "messages": question(), "max_completion_tokens": 5}
    assert server.requests[0].body == body


def test_each_sample_gets_a_seed_of_its_own_and_the_same_one_each_time():
    with serving() as server:
        for _ in range(2):
            ask(server, sampling=Sampling(seed=7), samples=(0, 1, 2), concurrency=1)
    seeds = [request.body["seed"] for request in server.requests]
    assert seeds[:3] == seeds[3:]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_further_options_go_into_the_body():
    with serving() as server:
        ask(server, extra={"chat_template_kwargs": {"enable_thinking": False}})
    assert server.requests[0].body["chat_template_kwargs"] == {"enable_thinking": False}


def test_an_answer_that_the_length_limit_ended_is_told_apart():
    with serving(cut_off("The first")) as server:
        completion = ask(server).result
    assert completion.cut_off
    assert completion.text == "The first"


def test_tokens_are_guessed_and_marked_where_the_server_counts_none():
    with serving(Reply("12345678", counted=False)) as server:
        asked = ask(server, "four" * 10)
    assert asked.result.estimated
    assert (asked.result.prompt_tokens, asked.result.completion_tokens) == (10, 2)
    assert asked.totals.estimated == 1


def choice(message, finish_reason="stop", **fields):
    return wrong_json({"choices": [{"message": message, "finish_reason": finish_reason}]} | fields)


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(""), ""),
        (choice({"content": None}, "length"), ""),
        (choice({"content": None}, "content_filter"), ""),
        (choice({"content": None, "refusal": "I will not."}), "I will not."),
        (choice({"content": "a\ud800b"}), "a?b"),
        (choice({"content": "x"}, None, usage=None, model=None), "x"),
        (choice({"content": "x"}, usage={"prompt_tokens": -5, "completion_tokens": 1}), "x"),
        (choice({"content": "x"}, usage={"prompt_tokens": 10**400, "completion_tokens": 1}), "x"),
        (Reply("x", headers={"Content-Type": "text/html"}), "x"),
        (Reply("x", headers={"Content-Type": "nonsense"}), "x"),
    ],
)
def test_odd_answers_that_are_answers_all_the_same(reply, text):
    with serving(reply) as server:
        asked = ask(server)
    assert asked.result.text == text
    assert len(server.requests) == 1


MISBEHAVIOUR = {
    "429": (rate_limited(), "answered 429: slow down"),
    "500": (server_error(), "answered 500: something went wrong here"),
    "502": (server_error(502), "answered 502"),
    "503": (server_error(503), "answered 503"),
    "408": (server_error(408), "answered 408"),
    "409": (server_error(409), "answered 409"),
    "529": (server_error(529), "answered 529"),
    "reset": (reset(), "Error"),
    "junk": (junk(), "answered no JSON: "),
    "nothing": (junk(b""), "answered nothing"),
    "half an answer": (junk(b'{"choices": [{"mess'), "answered no JSON"),
    "other JSON": (wrong_json(), "no completion: choices"),
    "a list": (wrong_json([1]), "answered what is no completion"),
    "an error with status 200": (wrong_json({"error": {"message": "no GPU"}}), "error: no GPU"),
    "no choices": (no_choices(), "answered without any choice"),
    "no text": (choice({"content": None}), "answered a choice without a text"),
    "a web page": (web_page(), "answered no JSON: <!doctype html>"),
    "a lie about its length": (
        Reply("42", headers={"Content-Length": "100000"}, delay_s=0),
        "no whole answer within",
    ),
    "hanging": (hanging(), "no whole answer within"),
    "a slow drip": (dripping("42", 0.05), "no whole answer within"),
}


LATE_S = 1.0  # in which the good answer that follows must come, on a busy machine too


@pytest.mark.parametrize(("reply", "reason"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_a_server_that_misbehaves_is_asked_again(reply, reason):
    with serving(reply, reply) as server:
        late = "no whole answer" in reason
        asked = ask(server, timeout_s=LATE_S if late else 20)
    assert asked.result.text == "42"
    assert len(server.requests) == 3
    totals = asked.totals
    assert (totals.requests, totals.retries, totals.answered, totals.failed) == (3, 2, 1, 0)


@pytest.mark.parametrize(("reply", "reason"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_and_given_up_in_one_line_when_it_goes_on(reply, reason):
    with serving(*[reply] * 2) as server:
        late = "no whole answer" in reason
        asked = ask(server, retries=1, timeout_s=LATE_S if late else 20)
    error = asked.result
    assert type(error) is EndpointFailed
    assert reason in error.message
    assert error.message.startswith(f"endpoint {server.url}: ")
    assert "asked 2 times" in error.message
    assert "\n" not in str(error)
    assert len(server.requests) == 2
    assert (asked.totals.failed, asked.totals.answered) == (1, 0)


def test_what_an_unusable_answer_took_is_counted_all_the_same():
    usage = {"prompt_tokens": 7, "completion_tokens": 5}
    with serving(wrong_json({"choices": [], "usage": usage})) as server:
        totals = ask(server).totals
    (question_tokens, answer_tokens) = (5, 1)  # of the answer that followed
    assert totals.prompt_tokens == 7 + question_tokens
    assert totals.completion_tokens == 5 + answer_tokens


@pytest.mark.parametrize(
    ("reply", "kind", "help_text"),
    [
        (refused(401), EndpointRefused, "SCALER_ENDPOINT_KEY"),
        (refused(402, "Insufficient Balance"), EndpointRefused, "the account is empty"),
        (refused(403), EndpointRefused, "SCALER_ENDPOINT_KEY"),
        (refused(404), EndpointRefused, "is 'recorded' a model of this server"),
        (refused(405), EndpointRefused, "the address of the API"),
        (refused(400, "too long"), RequestRefused, "may be too long"),
        (refused(413), RequestRefused, "may be too long"),
        (refused(422), RequestRefused, "may not know an option"),
        (
            Reply(body=b"", status=301, headers={"Location": "http://elsewhere/v1"}),
            EndpointRefused,
            "the address of the API",
        ),
    ],
)
def test_a_refusal_ends_at_once_with_one_clear_line(reply, kind, help_text):
    with serving(reply) as server:
        asked = ask(server)
    assert type(asked.result) is kind
    assert asked.result.message.startswith(f"endpoint {server.url} answered {reply.status}")
    assert help_text in asked.result.hint
    assert "\n" not in str(asked.result)
    assert len(server.requests) == 1


def test_an_error_without_end_is_read_no_further_than_is_worth_having():
    sent = []

    def pour(listener):
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # we are hung up on
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 500 no\r\n\r\n")
            while len(sent) < 256:
                connection.sendall(b"x" * (1 << 20))
                sent.append(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        pouring = threading.Thread(target=pour, args=[listener])
        pouring.start()
        place = EndpointOptions(url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", model="m")
        error = ask(place, retries=0).result
        pouring.join()
    assert error.message.startswith(f"endpoint {place.url}: answered 500: xxx")
    assert len(error.message) < 500
    assert len(sent) < 64


def test_a_redirection_is_named_and_not_followed():
    with serving(answer="secret") as elsewhere:
        moved = Reply(body=b"", status=307, headers={"Location": f"{elsewhere.url}/x"})
        with serving(moved) as server:
            error = ask(server, key="a-key-for-one-server").result
    assert f"it points to {elsewhere.url}/x" in error.message
    assert elsewhere.requests == []


def test_a_server_that_is_not_there_is_named_at_once():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"

        async def asking():
            async with Endpoint(EndpointOptions(url=url, model="m", backoff_s=60)) as endpoint:
                await endpoint.complete(question(), Sampling())

        with pytest.raises(EndpointFailed, match="cannot be reached") as caught:
            asyncio.run(asking())
    assert url in caught.value.message
    assert caught.value.hint == "is the server running, and is this its address?"


def test_a_server_that_was_there_before_is_waited_for():
    async def asking():
        with serving() as server:
            endpoint = Endpoint(options_for(server, retries=2))
            await endpoint.complete(question(), Sampling())
        async with endpoint:
            await endpoint.complete(question("And now?"), Sampling())

    with pytest.raises(EndpointFailed, match="asked 3 times"):
        asyncio.run(asking())


def test_what_a_server_says_is_shown_short_and_on_one_line():
    said = "no\n\x1b[2J" + "x" * 5000
    with serving(refused(400, said)) as server:
        error = ask(server).result
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 600


def test_a_pause_that_the_server_asks_for_is_kept_by_all():
    with serving(rate_limited("0.3")) as server:
        ask(server, *"abcdef", concurrency=1)
    first, second, *_ = server.requests
    assert second.at - first.at >= 0.3
    assert len(server.requests) == 7


def test_a_server_that_asks_for_too_long_a_pause_is_not_waited_for():
    with serving(rate_limited("3600")) as server:
        asked = ask(server)
    assert type(asked.result) is EndpointFailed
    assert "it asks to wait 3600 s" in asked.result.message
    assert len(server.requests) == 1


@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_requests_at_once_than_allowed(limit):
    all_in = threading.Barrier(limit, timeout=60)

    def answer(request):
        all_in.wait()  # nobody is answered before as many ask as may
        return slow("ok", 0.02)

    with RecordedEndpoint(answer) as server:
        ask(server, *map(str, range(12)), concurrency=limit)
    assert server.most_at_once == limit
    assert len(server.requests) == 12


def test_requests_per_minute_are_spread_evenly():
    with serving() as server:
        began = time.monotonic()
        ask(server, *map(str, range(4)), requests_per_minute=60 / 0.1)
    last = max(request.at for request in server.requests)
    assert last - began >= 0.3  # 4 requests have 3 intervals of 0.1 s between them


def test_half_of_all_replies_may_be_faults_and_every_question_is_answered():
    faults = [reset(), server_error(), rate_limited(), junk(), no_choices(), web_page()]
    plan = [reply for fault in faults for reply in (fault, None)] * 2
    with serving(*plan) as server:
        asked = ask(server, *map(str, range(24)), retries=20)
    assert [result.text for result in asked.results] == ["42"] * 24
    assert server.asked_twice() == []
    assert asked.totals.retries == 12


def test_the_environment_of_the_library_is_not_sent_anywhere(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "of-another-account")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with serving() as server:
        ask(server)
        ask(server, "again", key="ours")
    without, with_key = server.requests
    assert "of-another-account" not in str([without.headers, with_key.headers])
    assert "authorization" not in without.headers
    assert with_key.headers["authorization"] == "Bearer ours"


def test_a_question_that_is_no_text_is_refused_before_it_is_sent():
    with serving() as server:
        asked = ask(server, "half a character: \ud800")
    assert type(asked.result) is RequestRefused
    assert server.requests == []


def test_an_endpoint_belongs_to_one_event_loop():
    async def asking(endpoint):
        async with endpoint:
            await endpoint.complete(question(), Sampling())

    with serving() as server:
        endpoint = Endpoint(options_for(server))
        asyncio.run(asking(endpoint))
        with pytest.raises(RuntimeError, match="belongs to one event loop"):
            asyncio.run(asking(endpoint))
