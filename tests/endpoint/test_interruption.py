"""Kills, interrupts and cancellation: what was answered is never asked for again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scaler_core.endpoint import Endpoint, EndpointStopped, ResponseCache, Sampling
from scaler_core.testing.endpoint import RecordedEndpoint, hanging, server_error, slow
from tests.endpoint.calling import ask, options_for, question

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = [str(number) for number in range(40)]
CLIENT = """
import asyncio, sys
from pathlib import Path
from scaler_core.endpoint import Endpoint, EndpointOptions, ResponseCache, Sampling

async def main():
    options = EndpointOptions(url=sys.argv[1], model="recorded", concurrency=4)
    with ResponseCache(Path(sys.argv[2])) as cache:
        async with Endpoint(options, cache=cache) as endpoint:
            async def one(number):
                message = {"role": "user", "content": str(number)}
                await endpoint.complete([message], Sampling())
                print(number, flush=True)
            await asyncio.gather(*(one(number) for number in range(40)))
try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
"""


def client(server, folder):
    command = [sys.executable, "-c", CLIENT, server.url, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("how", "after"),
    [(signal.SIGKILL, 1), (signal.SIGKILL, 7), (signal.SIGKILL, 22), (signal.SIGINT, 7)],
)
def test_a_client_that_is_stopped_in_the_middle_repeats_no_answered_question(tmp_path, how, after):
    with RecordedEndpoint(lambda request: slow(f"answer {request.text}", 0.01)) as server:
        with client(server, tmp_path) as child:
            seen = [child.stdout.readline().strip() for _ in range(after)]
            child.send_signal(how)
            seen += child.stdout.read().split()
        assert child.returncode in (-signal.SIGKILL, 130)
        first = len(server.requests)
        with ResponseCache(tmp_path) as cache:
            kept = len(cache)
            asked = ask(server, *QUESTIONS, cache=cache)
    assert len(seen) <= kept < len(QUESTIONS)
    again = {request.text for request in server.requests[first:]}
    assert not again & set(seen)
    assert len(again) == len(server.requests) - first == len(QUESTIONS) - kept
    assert [item.text for item in asked.results] == [f"answer {text}" for text in QUESTIONS]
    # what was in flight when it was stopped is all that can have been lost
    assert len(server.asked_twice()) <= 4


def serving_after_a_hang():
    return RecordedEndpoint(lambda request: "42", [hanging()])


def test_a_cancelled_question_leaves_nothing_behind_and_can_be_asked_again(tmp_path):
    async def asking(server, cache):
        async with Endpoint(options_for(server), cache=cache) as endpoint:
            task = asyncio.create_task(endpoint.complete(question(), Sampling()))
            while not server.requests:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(cache) == 0
            return await endpoint.complete(question(), Sampling())

    with serving_after_a_hang() as server, ResponseCache(tmp_path) as cache:
        assert asyncio.run(asking(server, cache)).text == "42"
        assert len(cache) == 1


def test_of_two_who_wait_for_one_answer_the_second_gets_it_when_the_first_is_cancelled(tmp_path):
    async def asking(server, cache):
        async with Endpoint(options_for(server), cache=cache) as endpoint:
            first = asyncio.create_task(endpoint.complete(question(), Sampling()))
            second = asyncio.create_task(endpoint.complete(question(), Sampling()))
            while not server.requests:
                await asyncio.sleep(0.005)
            first.cancel()
            return await second

    with serving_after_a_hang() as server, ResponseCache(tmp_path) as cache:
        assert asyncio.run(asking(server, cache)).text == "42"
    assert len(server.requests) == 2


class SlowCache(ResponseCache):
    """A cache whose disk is slow; it says when it begins to write."""

    def __init__(self, folder, loop, begun):
        super().__init__(folder)
        self.begin = lambda: loop.call_soon_threadsafe(begun.set)

    def put(self, key, completion, **where):
        self.begin()
        super().put(key, completion, **where)


def test_an_answer_that_is_being_written_is_written_when_its_caller_is_cancelled(tmp_path):
    async def asking(server):
        begun = asyncio.Event()
        with SlowCache(tmp_path, asyncio.get_running_loop(), begun) as cache:
            async with Endpoint(options_for(server), cache=cache) as endpoint:
                task = asyncio.create_task(endpoint.complete(question(), Sampling()))
                await begun.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            return len(cache)

    with RecordedEndpoint(lambda request: "42") as server:
        assert asyncio.run(asking(server)) == 1


def test_a_client_that_is_told_to_stop_repeats_nothing_and_wakes_from_its_pause(tmp_path):
    async def asking(server, cache):
        options = options_for(server, backoff_s=1000, longest_wait_s=1000)
        async with Endpoint(options, cache=cache) as endpoint:
            await endpoint.complete(question("known"), Sampling())
            failing = asyncio.create_task(endpoint.complete(question("new"), Sampling()))
            while len(server.requests) < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # in its pause by now
            endpoint.stop()
            with pytest.raises(EndpointStopped):
                await failing
            with pytest.raises(EndpointStopped):
                await endpoint.complete(question("newer"), Sampling())
            return await endpoint.complete(question("known"), Sampling())

    def answer(request):
        return "42" if request.text == "known" else server_error()

    with RecordedEndpoint(answer) as server, ResponseCache(tmp_path) as cache:
        assert asyncio.run(asking(server, cache)).cached
        assert len(server.requests) == 2
