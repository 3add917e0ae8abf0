"""Those who call: threads without a loop, and components that chat."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from scaler_core.endpoint import (
    Endpoint,
    EndpointChat,
    EndpointRefused,
    EndpointThread,
    ResponseCache,
    Sampling,
)
from scaler_core.errors import UsageError
from scaler_core.interfaces import ReplyCutOff
from scaler_core.testing.endpoint import RecordedEndpoint, cut_off, hanging, refused, slow
from tests.endpoint.calling import options_for, question


def test_threads_ask_together_within_one_limit(tmp_path):
    server = RecordedEndpoint(lambda request: slow(request.text, 0.01))
    with server, ResponseCache(tmp_path) as cache:
        endpoint = Endpoint(options_for(server, concurrency=3), cache=cache)
        with EndpointThread(endpoint) as bridge, ThreadPoolExecutor(8) as pool:
            texts = [str(number % 10) for number in range(30)]
            calls = [pool.submit(bridge.complete, question(t), Sampling()) for t in texts]
            assert [call.result().text for call in calls] == texts
    assert len(server.requests) == 10
    assert server.most_at_once <= 3
    assert endpoint.budget.totals.cached == 20


def test_it_works_below_a_loop_that_is_running():
    async def notebook(bridge):
        return bridge.complete(question(), Sampling())

    server = RecordedEndpoint(lambda request: "42")
    with server, EndpointThread(Endpoint(options_for(server))) as bridge:
        assert asyncio.run(notebook(bridge)).text == "42"


def test_errors_come_out_as_they_are():
    server = RecordedEndpoint(lambda request: refused(401))
    with (
        server,
        EndpointThread(Endpoint(options_for(server))) as bridge,
        pytest.raises(EndpointRefused),
    ):
        bridge.complete(question(), Sampling())


def test_closing_ends_what_is_under_way_and_later_calls_are_refused():
    with RecordedEndpoint(lambda request: hanging()) as server:
        bridge = EndpointThread(Endpoint(options_for(server)))
        future = bridge.submit(question(), Sampling())
        while not server.requests:
            threading.Event().wait(0.005)
        bridge.close()
        bridge.close()
        with pytest.raises(CancelledError):
            future.result()
        with pytest.raises(UsageError, match="this endpoint is closed"):
            bridge.complete(question(), Sampling())


def chatting(server, folder, use, **options):
    async def call():
        with ResponseCache(folder) as cache:
            async with Endpoint(options_for(server), cache=cache) as endpoint:
                chat = EndpointChat(endpoint, Sampling(temperature=0.5), **options)
                return await use(chat), chat

    return asyncio.run(call())


def test_a_chat_says_the_text_and_remembers_the_completion(tmp_path):
    with RecordedEndpoint(lambda request: "42") as server:
        text, chat = chatting(server, tmp_path, lambda chat: chat.chat(question()))
    assert text == "42"
    assert [item.text for item in chat.completions] == ["42"]
    assert len(chat.completions[0].text_hash) == 64


def test_each_attempt_is_a_reply_of_its_own_and_comes_back_in_the_next_run(tmp_path):
    numbers = iter(range(100))

    async def three(chat):
        return [await chat.chat(question(), attempt=attempt) for attempt in (0, 1, 0)]

    with RecordedEndpoint(lambda request: str(next(numbers))) as server:
        first, _ = chatting(server, tmp_path, three)
        again, _ = chatting(server, tmp_path, three)
        later, _ = chatting(server, tmp_path, three, first_attempt=2)
    assert first == again == ["0", "1", "0"]
    assert later == ["2", "3", "2"]


def test_the_component_may_choose_the_temperature(tmp_path):
    async def two(chat):
        await chat.chat(question(), temperature=0.0)
        await chat.chat(question())

    with RecordedEndpoint(lambda request: "x") as server:
        chatting(server, tmp_path, two)
    assert [request.body["temperature"] for request in server.requests] == [0.0, 0.5]


def test_a_reply_that_was_cut_off_is_an_error_for_the_component_and_paid_for(tmp_path):
    async def use(chat):
        with pytest.raises(ReplyCutOff, match="cut off at the length limit, after 1 tokens"):
            await chat.chat(question())

    with RecordedEndpoint(lambda request: cut_off("half")) as server:
        _, chat = chatting(server, tmp_path, use)
    assert chat.completions[0].cut_off
