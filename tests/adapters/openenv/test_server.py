"""OpenEnv's own client at a server of ours, over HTTP and WebSocket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

openenv = pytest.importorskip(
    "openenv", reason="openenv is not installed: nox -s 'adapters(library=\"openenv\")'"
)

import uvicorn  # noqa: E402

from scaler_core import FeedClient  # noqa: E402
from scaler_core.adapters.openenv import openenv_app  # noqa: E402
from scaler_core.adapters.pool_tickets import PoolTickets  # noqa: E402
from scaler_core.errors import BackendProtocolError, UsageError  # noqa: E402
from scaler_core.judge import Judge  # noqa: E402
from scaler_core.models import Response, Ticket, Verdict  # noqa: E402
from scaler_core.run.open_feed import OpenFeed  # noqa: E402
from scaler_core.run.setup import FeedParts  # noqa: E402
from tests.run.worlds import ScriptedFactory  # noqa: E402
from tests.serve.test_server import Running, journal, make_feed  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
ENV = "longest-run"


@contextmanager
def served(source: Any, **options: Any) -> Iterator[str]:
    """A real server on a port of this machine, in a thread."""
    server = uvicorn.Server(
        uvicorn.Config(openenv_app(source, **options), port=0, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def client_of(url: str) -> Iterator[Any]:
    with openenv.GenericEnvClient(base_url=url).sync() as client:
        yield client


def test_an_episode_is_an_instance_of_the_pool_and_its_step_is_judged() -> None:
    with PoolTickets("starter") as tickets:
        top = tickets.source.top_level(ENV)
        ticket = tickets.ticket(ENV, top, 5)
        ids = tickets.source.ids()
    with served("starter") as url, client_of(url) as client, client_of(url) as other:
        begun = client.reset(seed=5, episode_id="mine", env=ENV, level="max")
        assert (begun.done, begun.reward) == (False, None)
        assert begun.observation["messages"] == list(ticket.messages)
        assert (begun.observation["env"], begun.observation["level"]) == (ENV, top)
        state = client.state()
        assert (state["episode_id"], state["step_count"], state["env"]) == ("mine", 0, ENV)
        assert [other.reset().observation["env"] for _ in range(2)] == list(ids[1:3])
        wrong = client.step({"text": "I do not know"})
        assert (wrong.done, wrong.reward) == (True, 0.0)
        assert wrong.observation["result"] == "incorrect"
        assert ticket.truth not in str(wrong)
        client.reset(seed=5, env=ENV, level=top)
        assert client.step({"text": f"\\boxed{{{ticket.truth}}}"}).reward == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"env": "longest-rum"}, "did you mean 'longest-run'"),
        ({"environment": ENV}, "unknown argument 'environment'"),
        ({"env": ["no"]}, "unknown environment"),
        ({"env": ENV, "level": 99}, "level 99 is out of range"),
        ({"env": ENV, "level": "top"}, "unknown level 'top'"),
        ({"env": ENV, "seed": 1 << 63}, "`seed` must be"),
        ({"env": ENV, "seed": "1"}, "`seed` must be"),
    ],
)
def test_what_cannot_be_begun_is_told_in_a_line_and_the_session_goes_on(
    starter: str, arguments: dict[str, Any], message: str
) -> None:
    with client_of(starter) as client:
        with pytest.raises(RuntimeError, match=message):
            client.reset(**arguments)
        with pytest.raises(RuntimeError, match="no episode is under way"):
            client.step({"text": "1"})
        client.reset(env=ENV)
        for action in ({}, {"text": 1}, {"text": "1", "tokens": -1}, {"text": "1", "more": 1}):
            with pytest.raises(RuntimeError, match="Invalid message"):
                client.step(action)
        assert client.step({"text": "\ud800"}).reward == 0.0


@pytest.fixture(scope="module")
def starter() -> Iterator[str]:
    with served("starter") as url:
        yield url


def test_a_verdict_that_cannot_be_given_is_no_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Judge, ticket: Ticket, response: Response) -> Verdict:
        return Verdict.undecided("the verifier is lost")

    monkeypatch.setattr(Judge, "verify", fail)
    with served("starter", scheme="signed") as url, client_of(url) as client:
        client.reset(env=ENV)
        done = client.step({"text": "1"})
    assert (done.done, done.reward) == (True, None)
    assert (done.observation["result"], done.observation["reason"]) == (
        "undecided",
        "the verifier is lost",
    )


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenFeed]:
    """A feed of 6 prompts a step; its instances need no programs, and their answer is 1."""
    factory = ScriptedFactory()
    monkeypatch.setattr(FeedParts, "make_factory", lambda self: factory)
    with make_feed(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("remote", [False, True], ids=["in this process", "served"])
def test_a_ticket_of_a_feed_is_played_by_its_group_and_then_recorded(
    feed: OpenFeed, remote: bool
) -> None:
    with ExitStack() as stack:
        source: Any = feed
        if remote:
            source = stack.enter_context(FeedClient(stack.enter_context(Running(feed)).url))
        url = stack.enter_context(served(source, group=2))
        first, second, third = (stack.enter_context(client_of(url)) for _ in range(3))
        with pytest.raises(RuntimeError, match="the feed chooses environment and level"):
            first.reset(env="e01")
        assert not feed.open_tickets
        begun = [client.reset().observation for client in (first, second, third)]
        assert begun[0] == begun[1] != begun[2]
        here, there = feed.open_tickets
        assert first.step({"text": "\\boxed{1}", "tokens": 3}).reward == 1.0
        # an episode that ends without a response leaves its place to another one
        second.close()
        assert third.reset().observation == begun[2], "its own place is free again"
        fourth = stack.enter_context(client_of(url))
        wait_for(lambda: fourth.reset().observation == begun[0])
        assert set(feed.open_tickets) == {here, there}
        assert fourth.step({"text": "no"}).reward == 0.0
        assert list(feed.open_tickets) == [there]
        assert recorded(feed) == [(here, 1, 2)]
        # what the feed gave up meanwhile costs clients nothing
        feed.abandon(there, "too old")
        assert third.step({"text": "no"}).reward == 0.0
        assert fourth.reset().observation["ticket"] == there
        assert fourth.step({"text": "\\boxed{1}"}).reward == 1.0
        assert fourth.reset().observation["ticket"] in feed.open_tickets


def test_a_ticket_that_a_feed_no_longer_knows_is_played_no_further(feed: OpenFeed) -> None:
    class Forgetful:
        """A feed that went back to a checkpoint."""

        draw = staticmethod(feed.draw)

        def verify(self, ticket: Ticket, response: Response) -> Verdict:
            raise BackendProtocolError("unknown")

    with served(Forgetful(), group=2) as url, client_of(url) as client:
        first = client.reset().observation["ticket"]
        with pytest.raises(RuntimeError, match="unknown"):
            client.step({"text": "1"})
        assert client.reset().observation["ticket"] != first


def recorded(feed: OpenFeed) -> list[Any]:
    """Tickets that were recorded, with their right responses and all that were judged."""
    lines = [line for line in journal(feed) if "record" in line]
    return [
        (line["record"], line["outcome"]["correct"], line["outcome"]["decided"]) for line in lines
    ]


def wait_for(condition: Callable[[], bool]) -> None:
    """A server learns of a closed connection a moment later."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "best"}, "unknown reward scheme 'best'"),
        ({"group": 0}, "`group` 0 is not allowed"),
    ],
)
def test_a_wrong_option_is_told_before_anything_starts(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        openenv_app("starter", **options)
