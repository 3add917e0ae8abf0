"""A feed over HTTP: as the feed itself, safe to repeat; bad requests change nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from scaler_core.cli import main
from scaler_core.errors import BackendProtocolError, FeedFull, InfrastructureError, UsageError
from scaler_core.models import Response, Ticket, Verdict
from scaler_core.run.open_feed import OpenFeed, open_feed
from scaler_core.run.setup import FeedParts
from scaler_core.serve import serve_feed
from scaler_core.serve.client import AsyncFeedClient, FeedClient
from scaler_core.serve.gate import is_loopback
from scaler_core.serve.server import FeedServer, _listen
from tests.run.test_run import HOST, make_pool, recipe
from tests.run.worlds import ScriptedFactory

RIGHT, WRONG = Verdict.correct("1"), Verdict.incorrect("wrong")


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenFeed]:
    """A feed of 6 prompts a step; its instances need no programs."""
    factory = ScriptedFactory()
    monkeypatch.setattr(FeedParts, "make_factory", lambda self: factory)
    with make_feed(tmp_path) as opened:
        yield opened


def make_feed(tmp_path: Path) -> OpenFeed:
    settings = recipe(make_pool(tmp_path / "pool"), factory={"ready": 0})
    return open_feed(settings, directory=tmp_path / "feed", host=HOST)


class Running:
    """A real server on a port of this machine, in a thread."""

    def __init__(self, feed: OpenFeed, **options: Any) -> None:
        self.server = FeedServer(feed, **options)
        config = uvicorn.Config(self.server.app, port=0, log_level="warning")
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run)

    def __enter__(self) -> Running:
        self._thread.start()
        while not self._uvicorn.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        port = self._uvicorn.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()


@pytest.fixture
def url(feed: OpenFeed) -> Iterator[str]:
    with Running(feed) as running:
        yield running.url


def journal(feed: OpenFeed) -> list[dict[str, Any]]:
    lines = (feed.files.path / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def loop(feed: OpenFeed | FeedClient, steps: int) -> list[Ticket]:
    """A loop two plans ahead, on whatever has the methods of a feed."""
    drawn, out = [], []
    for number in range(6 * steps):
        while len(out) < 12:
            out.append(feed.draw())
            drawn.append(out[-1])
        ticket = out.pop(number % len(out))
        verdicts = [feed.verify(ticket, "\\boxed{1}"), WRONG, feed.verify(ticket, "none")]
        feed.record(ticket, verdicts, [Response(text="\ud800", tokens=3)] * 3)
    return drawn


def test_a_loop_runs_on_a_client_as_on_the_feed_itself(
    feed: OpenFeed, url: str, tmp_path: Path
) -> None:
    with FeedClient(url) as client:
        served = loop(client, 4)
        state = client.state()
    assert (state.step, state.open, state.prompts) == (4, 11, 6)
    assert state == feed.state()
    (tmp_path / "own").mkdir()
    with make_feed(tmp_path / "own") as own:
        assert loop(own, 4) == served
        assert own.environments() == feed.environments()


def test_an_asynchronous_client_has_the_same_methods(feed: OpenFeed, url: str) -> None:
    async def run() -> int:
        async with AsyncFeedClient(url) as client:
            tickets = await client.draw_many(5)
            one = await client.draw()
            right = await client.verify(one, "\\boxed{1}")
            assert right.result == "correct"
            await asyncio.gather(*(client.record(item, [right, WRONG]) for item in tickets))
            await client.abandon(one.id, "too slow")
            await client.checkpoint("first")
            return (await client.state()).step

    assert asyncio.run(run()) == 1
    assert feed.checkpoints() == ["first"]
    public = {name for name in vars(FeedClient) if not name.startswith("_")}
    assert public == {name for name in vars(AsyncFeedClient) if not name.startswith("_")}


def test_many_responses_are_judged_in_one_call(feed: OpenFeed, url: str) -> None:
    with FeedClient(url) as client:
        first, second = client.draw_many(2)
        pairs = [(first, "\\boxed{1}"), (second.id, Response(text="\\boxed{2}"))]
        assert [item.result for item in client.verify_many(pairs)] == ["correct", "incorrect"]


# ------------------------------------------------------------------ repetition


def post(url: str, call: str, body: Any, **options: Any) -> httpx.Response:
    return httpx.post(f"{url}/v1/{call}", json=body, **options)


def test_a_repeated_call_is_made_once(feed: OpenFeed, url: str) -> None:
    drawn = [post(url, "draw", {"count": 3, "request": "a"}).json() for _ in range(3)]
    assert drawn[0] == drawn[1] == drawn[2]
    (first, second, _) = drawn[0]["tickets"]
    for _ in range(2):
        body = {"ticket": first["id"], "verdicts": [True, False], "request": "b"}
        assert post(url, "record", body).status_code == 200
        body = {"ticket": second["id"], "reason": "slow", "request": "c"}
        assert post(url, "abandon", body).status_code == 200
        assert post(url, "checkpoint", {"name": "x", "request": "d"}).status_code == 200
    calls = [next(key for key in call if key != "request") for call in journal(feed)]
    assert calls == ["plan", "draw", "draw", "draw", "record", "abandon", "checkpoint"]
    again = post(url, "draw", {"count": 3, "request": "a"})
    assert again.status_code == 409
    assert "was answered before" in again.json()["error"]


def test_an_id_of_another_call_is_refused(feed: OpenFeed, url: str) -> None:
    (first, second) = post(url, "draw", {"count": 2, "request": "a"}).json()["tickets"]
    assert post(
        url, "record", {"ticket": first["id"], "verdicts": [True], "request": "b"}
    ).is_success
    for call, body in (
        ("record", {"ticket": second["id"], "verdicts": [True], "request": "b"}),
        ("abandon", {"ticket": second["id"], "request": "b"}),
        ("checkpoint", {"name": "x", "request": "b"}),
        ("draw", {"count": 1, "request": "a"}),
    ):
        answer = post(url, call, body)
        assert answer.status_code == 409
        assert "was another call before" in answer.json()["error"]
    assert set(feed.open_tickets) == {second["id"]}
    assert feed.checkpoints() == []


def test_a_call_may_be_repeated_at_the_server_that_took_over(
    feed: OpenFeed, tmp_path: Path
) -> None:
    with Running(feed) as running:
        tickets = post(running.url, "draw", {"count": 2, "request": "a"}).json()
    feed.abort()  # as after a kill: the state is in the journal alone
    with make_feed(tmp_path) as again, Running(again) as running:
        assert post(running.url, "draw", {"count": 2, "request": "a"}).json() == tickets
        name = tickets["tickets"][0]["id"]
        items = [{"ticket": name, "response": "\\boxed{1}"}]
        assert post(running.url, "verify", {"items": items}).json()["verdicts"][0]["result"] == (
            "correct"
        )


def test_a_client_repeats_what_got_no_answer(
    feed: OpenFeed, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has made the call, and its answer is lost on the way."""
    monkeypatch.setattr("scaler_core.serve.client.PAUSES_S", (0.0,) * 5)
    request, lost = httpx.Client.request, iter([True, False] * 50)

    def losing(self: httpx.Client, *args: Any, **options: Any) -> httpx.Response:
        answer = request(self, *args, **options)
        if next(lost):
            raise httpx.ReadError("connection lost")
        return answer

    monkeypatch.setattr(httpx.Client, "request", losing)
    with FeedClient(url) as client:
        tickets = [client.draw() for _ in range(6)]
        for ticket in tickets:
            client.record(ticket, [True, False])
    monkeypatch.undo()
    assert feed.step == 1
    assert not feed.open_tickets
    assert len([call for call in journal(feed) if "record" in call]) == 6


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler_core.serve.client.PAUSES_S", (0.0,))
    with (
        FeedClient("http://127.0.0.1:9") as client,
        pytest.raises(InfrastructureError, match=r"http://127.0.0.1:9.* does not answer"),
    ):
        client.draw()


# ------------------------------------------------------------------ refusals


def test_errors_of_the_feed_reach_the_client(feed: OpenFeed, url: str) -> None:
    with FeedClient(url) as client:
        with pytest.raises(BackendProtocolError, match=r"'9\.9\.e' cannot be recorded"):
            client.record("9.9.e", [RIGHT])
        with pytest.raises(UsageError, match=r"cannot be called '\.\./x'"):
            client.checkpoint("../x")
        with pytest.raises(FeedFull, match="24 may be"):
            client.draw_many(25)
        assert not feed.open_tickets


BAD: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", "/v1/draw", {"json": {"count": 0}}, 422, "count: "),
    ("POST", "/v1/draw", {"json": {"count": 10**9}}, 422, "count: "),
    ("POST", "/v1/draw", {"json": {"cuont": 1}}, 422, "cuont: "),
    ("POST", "/v1/draw", {"content": b"{"}, 422, "the body: "),
    (
        "POST",
        "/v1/draw",
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
        415,
        "JSON",
    ),
    ("POST", "/v1/draw", {"content": b"[" * 100_000}, 400, "nested too deeply"),
    ("POST", "/v1/draw", {"json": [1]}, 422, "the body: "),
    ("POST", "/v1/draw", {"json": {"request": "x" * 201}}, 422, "request: "),
    ("POST", "/v1/record", {"json": {"verdicts": [True]}}, 422, "ticket: "),
    ("POST", "/v1/record", {"json": {"ticket": "1.0.x", "verdicts": [True]}}, 409, "'1.0.x'"),
    ("POST", "/v1/record", {"json": {"ticket": "OUT", "verdicts": []}}, 409, "no verdict"),
    ("POST", "/v1/record", {"json": {"ticket": "OUT", "verdicts": [2.0]}}, 400, "2.0"),
    ("POST", "/v1/record", {"json": {"ticket": "OUT", "verdicts": ["yes"]}}, 422, "verdicts.0"),
    ("POST", "/v1/record", {"content": b'{"ticket": "OUT", "verdicts": [NaN]}'}, 400, "NaN is"),
    ("POST", "/v1/record", {"content": b'{"ticket": "OUT", "verdicts": [1e999]}'}, 422, "verdicts"),
    (
        "POST",
        "/v1/record",
        {"json": {"ticket": "BACK", "verdicts": [True]}},
        409,
        "recorded before",
    ),
    ("POST", "/v1/record", {"json": {"ticket": "\ud800", "verdicts": [True]}}, 400, "UTF-8"),
    (
        "POST",
        "/v1/record",
        {"json": {"ticket": "OUT", "verdicts": [True], "request": "first"}},
        409,
        "was another call before",
    ),
    ("POST", "/v1/draw", {"json": {"count": -1}}, 422, "count: "),
    ("POST", "/v1/draw", {"json": {"count": 25}}, 429, "24 may be"),
    ("POST", "/v1/draw", {"content": b'{"count": 1, "count": 2}'}, 400, "'count' occurs twice"),
    ("POST", "/v1/draw", {"content": b"\xff{}"}, 400, "the body"),
    ("POST", "/v1/draw", {"json": {"request": "\ud800"}}, 422, "request: "),
    ("POST", "/v1/draw", {"json": {}, "headers": {"Authorization": "Bearer other"}}, 401, "token"),
    ("POST", "/v1/checkpoint", {"json": {"name": "../../evil"}}, 400, "cannot be called"),
    ("POST", "/v1/checkpoint", {"json": {"name": "a\u202eb"}}, 400, "cannot be called"),
    ("PUT", "/v1/draw", {"json": {}}, 405, "Not Allowed"),
    ("OPTIONS", "/v1/draw", {}, 405, "Not Allowed"),
    ("HEAD", "/v1/draw", {}, 405, ""),
    ("POST", "/v1/abandon", {"json": {"ticket": "1.0.x"}}, 409, "cannot be abandoned"),
    ("POST", "/v1/checkpoint", {"json": {"name": "a/b"}}, 400, "cannot be called"),
    ("POST", "/v1/checkpoint", {"json": {"name": ""}}, 400, "cannot be called"),
    ("POST", "/v1/verify", {"json": {"items": [{"ticket": "x", "response": ""}]}}, 409, "'x'"),
    ("POST", "/v1/verify", {"json": {"items": [{"ticket": "OUT"}]}}, 422, "items.0.response"),
    ("POST", "/v1/verify", {"json": {"items": [{}] * 5000}}, 422, "items"),
    (
        "POST",
        "/v1/verify",
        {"json": {"items": [{"ticket": "OUT", "response": "x" * 1_000_001}]}},
        400,
        "1000001 characters",
    ),
    ("POST", "/v1/draw", {"content": b" " * (1 << 22)}, 413, "larger than"),
    ("POST", "/v1/draw", {"content": iter([b" " * (1 << 20)] * 4)}, 413, "larger than"),
    ("GET", "/v1/state", {"headers": {"X-Scaler-Api": "2"}}, 400, "speaks '1'"),
    (
        "POST",
        "/v1/record",
        {"json": {"ticket": "OUT", "verdicts": [True], "responses": [{"text": "", "tokens": -5}]}},
        422,
        "tokens",
    ),
    (
        "POST",
        "/v1/record",
        {"json": {"ticket": "OUT", "verdicts": [True], "responses": [{"text": ""}] * 2}},
        400,
        "1 verdicts, but 2 responses",
    ),
    (
        "POST",
        "/v1/record",
        {"json": {"ticket": "OUT", "verdicts": [{"result": "incorrect", "score": 1.0}]}},
        422,
        "verdicts",
    ),
    ("POST", "/v1/record", {"json": {"ticket": "OUT", "seed": 5, "verdicts": [True]}}, 409, "back"),
    ("GET", "/v1/draw", {}, 405, "Not Allowed"),
    ("GET", "/v2/state", {}, 404, "Not Found"),
]


def test_bad_requests_get_one_clear_line_and_change_nothing(feed: OpenFeed) -> None:
    with Running(feed, body_limit=1 << 21, token="secret") as running:
        known = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
        drawn = post(running.url, "draw", {"count": 2, "request": "first"}, headers=known).json()
        out, back = (item["id"] for item in drawn["tickets"])
        body = {"ticket": back, "verdicts": [True, False]}
        assert post(running.url, "record", body, headers=known).status_code == 200
        before = state_digest(feed)
        for method, path, options, status, text in BAD:
            given = {**options, "headers": {**known, **options.get("headers", {})}}
            if "json" in given:
                given["content"] = json.dumps(given.pop("json")).encode()
            if isinstance(given.get("content"), bytes):
                given["content"] = (
                    given["content"].replace(b"OUT", out.encode()).replace(b"BACK", back.encode())
                )
            answer = httpx.request(method, running.url + path, **given)
            assert answer.status_code == status, (path, options, answer.text)
            if text:
                assert text in answer.json()["error"], answer.text
                assert "\n" not in answer.json()["error"]
            assert state_digest(feed) == before, (path, options)


def state_digest(feed: OpenFeed) -> str:
    """All that a call may change: the feed's state, and every file of its directory."""
    files = {
        path.name: path.read_bytes().hex()
        for path in sorted(feed.files.path.rglob("*"))
        if path.is_file()
    }
    state = [feed._feed.state_dict(), feed._requests, files]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def test_a_page_of_a_site_is_not_answered(feed: OpenFeed, url: str) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        answer = post(url, "draw", {}, headers=headers)
        assert answer.status_code == 403
        assert "only programs of this machine are answered" in answer.json()["error"]
    assert not feed.open_tickets


def test_headers_without_end_and_bodies_without_hurry_hold_nobody_up(
    feed: OpenFeed, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaler_core.serve.gate.BODY_S", 0.3)
    port = int(url.rsplit(":", 1)[1])
    begin = b"POST /v1/draw HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    for sent, status in (
        (begin + b"X: " + b"x" * (1 << 20), b"400"),
        (begin + b"Content-Length: 2\r\n\r\n{", b"408"),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
            slow.sendall(sent)
            assert httpx.get(f"{url}/health").status_code == 200
            assert status in slow.recv(4096).splitlines()[0]
    assert not feed.open_tickets


LOWER = {"Authorization": "bearer secret", "Host": "any.example"}


def test_a_token_is_asked_for_where_there_is_one(feed: OpenFeed) -> None:
    with Running(feed, token="secret") as running:
        assert httpx.get(f"{running.url}/v1/state", headers=LOWER).status_code == 200
        for headers in ({}, {"Authorization": "Bearer secre"}, {"Authorization": "secret"}):
            for path in ("/v1/state", "/metrics", "/docs", "/openapi.json"):
                answer = httpx.get(running.url + path, headers=headers)
                assert answer.status_code == 401
                assert "token" in answer.json()["error"]
        assert httpx.get(running.url + "/health").status_code == 200
        with FeedClient(running.url, token="secret") as client:
            assert client.state().step == 0
        with (
            FeedClient(running.url, token="other") as client,
            pytest.raises(UsageError, match="token is missing or wrong"),
        ):
            client.draw()


def test_other_machines_need_a_token(feed: OpenFeed) -> None:
    assert [is_loopback(name) for name in ("127.0.0.1", "localhost", "::1")] == [True] * 3
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org")))
    with pytest.raises(UsageError, match="can be reached from other machines"):
        serve_feed(feed, host="0.0.0.0")


def test_what_cannot_be_served_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SCALER_TOKEN", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["serve", "quickstart", "-o", str(tmp_path / "feed"), "--host", "0.0.0.0"])
    assert ended.value.code == 2
    assert "--host 0.0.0.0 can be reached from other machines" in capsys.readouterr().err
    assert not (tmp_path / "feed").exists()


def test_a_server_that_ends_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FeedParts, "make_factory", lambda self: ScriptedFactory())
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    with pytest.raises(SystemExit):
        main(["serve", "quickstart", "-o", str(tmp_path / "my feed"), "--port", "0"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"go on with: scaler serve -o '{tmp_path / 'my feed'}'"


def test_answers_are_sent_at_once() -> None:
    """Or each would wait 40 ms for the client's acknowledgement of its first half."""
    with _listen("127.0.0.1", 0) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_named(feed: OpenFeed, url: str) -> None:
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
        serve_feed(feed, port=port)
    with pytest.raises(UsageError, match="cannot listen"):
        serve_feed(feed, port=70_000)


# ------------------------------------------------------------------ dead clients, and onlookers


def test_tickets_of_a_dead_client_expire(feed: OpenFeed) -> None:
    with Running(feed, ticket_timeout_s=0.2) as running, FeedClient(running.url) as client:
        client.draw_many(6)
        deadline = time.monotonic() + 30
        while feed.open_tickets and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not feed.open_tickets
    assert feed.step == 1
    events = (feed.files.path / "events.jsonl").read_text()
    assert "not recorded within 0.2 s" in events


def test_a_ticket_that_the_feed_gave_up_is_forgotten_by_the_server(feed: OpenFeed) -> None:
    with Running(feed) as running, FeedClient(running.url) as client:
        lost = client.draw()
        while lost.id in feed.open_tickets:
            client.record(client.draw(), [True, False])
        assert lost.id not in running.server._tickets
        with pytest.raises(BackendProtocolError, match="cannot be judged"):
            client.verify(lost, "1")


def test_an_expiry_that_failed_is_tried_again(
    feed: OpenFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = FeedServer(feed)
    ticket = feed.draw()
    server._drawn_at[ticket.id] = 0.0

    def full(*_: Any, **__: Any) -> None:
        raise InfrastructureError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(feed, "abandon", full)
        with pytest.raises(InfrastructureError):
            server.expire(0.1)
    server.expire(0.1)
    assert not feed.open_tickets


def test_health_is_answered_while_the_feed_is_busy(feed: OpenFeed) -> None:
    with Running(feed) as running:
        with feed._lock:
            draws = [
                threading.Thread(target=post, args=(running.url, "draw", {})) for _ in range(15)
            ]
            for thread in draws:
                thread.start()
            time.sleep(0.3)
            assert httpx.get(f"{running.url}/health", timeout=20).status_code == 200
            assert httpx.get(f"{running.url}/metrics", timeout=20).status_code == 200
        for thread in draws:
            thread.join()


def test_outstanding_tickets_come_over_http(feed: OpenFeed, url: str) -> None:
    with FeedClient(url) as client:
        tickets = client.draw_many(3)
        client.record(tickets[0], [True, False])
        assert client.outstanding() == tickets[1:]


def test_figures_for_prometheus(feed: OpenFeed, url: str) -> None:
    with FeedClient(url) as client:
        for ticket in client.draw_many(6):
            client.record(ticket, [True, False])
        httpx.get(f"{url}/{'x' * 50}")
    text = httpx.get(f"{url}/metrics").text
    assert "scaler_steps 1.0" in text
    assert 'scaler_step_figure{figure="accuracy"} 0.5' in text
    assert 'scaler_requests_total{path="/v1/record",status="200"} 6.0' in text
    assert "xxx" not in text


def test_the_description_names_every_call(url: str) -> None:
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    calls = ("draw", "verify", "record", "abandon", "checkpoint", "state")
    assert {f"/v1/{call}" for call in calls} <= set(paths)
    assert httpx.get(f"{url}/docs").status_code == 200


def test_the_live_page_needs_nothing_from_elsewhere(url: str) -> None:
    page = httpx.get(url).text
    assert "<script>" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "innerHTML" not in page


def many(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_clients_lose_and_double_nothing(feed: OpenFeed, url: str) -> None:
    seen: list[str] = []

    def work(number: int) -> None:
        with FeedClient(url) as client:
            for _ in range(15):
                ticket = client.draw()
                seen.append(ticket.id)
                client.record(ticket, [client.verify(ticket, "\\boxed{1}"), WRONG])

    many(8, work)
    assert len(seen) == len(set(seen)) == 120
    assert feed.step == 20
    assert not feed.open_tickets
