"""The server: one feed, for any number of clients.

::

    client --- HTTP ---> token, size, version ---> a thread ---> OpenFeed ---> journal
                         refused: one clear line                 one call at a time; verdicts beside

Routes are below ``/v1``; ``/docs`` describes them, ``/`` is a live page, ``/metrics`` is for
Prometheus. Every answered call is in the feed's journal, so a killed server loses none of them, and
a client may repeat a call that it got no answer to, under the same request id.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from importlib.resources import files
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.responses import Response as HttpResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

import scaler_core.serve.protocol as protocol
from scaler_core import __version__
from scaler_core.errors import BackendProtocolError, ScalerError, UsageError, one_line
from scaler_core.jsonio import strict_json
from scaler_core.models import Record, Ticket
from scaler_core.run.open_feed import FeedState, OpenFeed
from scaler_core.serve.figures import Figures
from scaler_core.serve.gate import JSON, Gate, refused
from scaler_core.serve.protocol import ErrorAnswer

BODY_LIMIT = 64 << 20
"""Bytes of the largest body."""
CONNECTIONS = 512
ENDING_S = 10
"""Seconds that calls under way have when a signal ends the server."""
VERDICT_THREADS = 4

_LOG = logging.getLogger("scaler.serve")


class FeedServer:
    """A feed as an ASGI application.

    Args:
        feed: The feed; it is not closed.
        token: What requests must carry as ``Authorization: Bearer TOKEN``; empty for none.
        ticket_timeout_s: Seconds after which a ticket that was not recorded is abandoned: its
            client is dead. ``None`` leaves that to the feed, which counts steps.
        body_limit: Bytes of the largest body.

    Attributes:
        app: The application.
    """

    def __init__(
        self,
        feed: OpenFeed,
        *,
        token: str = "",
        ticket_timeout_s: float | None = None,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self.feed = feed
        self._timeout_s = ticket_timeout_s
        self._tickets: dict[str, Ticket] = {}
        self._drawn_at: dict[str, float] = dict.fromkeys(feed.open_tickets, time.monotonic())
        self._verdicts = ThreadPoolExecutor(VERDICT_THREADS, thread_name_prefix="verdict")
        self._looked_at = feed.step
        self._ended = threading.Event()
        self._figures = Figures(feed)
        self.app = FastAPI(
            title="SCALER feed",
            version=protocol.API_VERSION,
            description="Tickets out, verdicts in: the curriculum of SCALER for any trainer.",
            lifespan=self._lifespan,
        )
        self.app.router.route_class = _StrictRoute
        self._add_routes()
        self.app.add_exception_handler(ScalerError, _answer_error)
        self.app.add_exception_handler(RequestValidationError, _answer_invalid)
        self.app.add_exception_handler(HTTPException, _answer_http)
        self.app.add_exception_handler(Exception, _answer_bug)
        self.app.add_middleware(Gate, token=token, body_limit=body_limit, figures=self._figures)

    # -------------------------------------------------------------- routes

    def _add_routes(self) -> None:
        post, get = self.app.post, self.app.get
        errors = sorted(set(protocol.STATUS.values()))
        shape: dict[str, Any] = {"responses": {status: {"model": ErrorAnswer} for status in errors}}
        post("/v1/draw", response_model=protocol.DrawAnswer, **shape)(self._draw)
        post("/v1/verify", response_model=protocol.VerifyAnswer, **shape)(self._verify)
        post("/v1/record", response_model=protocol.StepAnswer, **shape)(self._record)
        post("/v1/abandon", response_model=protocol.StepAnswer, **shape)(self._abandon)
        post("/v1/checkpoint", response_model=protocol.StepAnswer, **shape)(self._checkpoint)
        get("/v1/outstanding", response_model=protocol.DrawAnswer, **shape)(self._outstanding)
        get("/v1/state", response_model=FeedState)(self._state)
        get("/health")(self._health)
        get("/metrics", response_class=PlainTextResponse)(self._metrics)
        get("/", response_class=HTMLResponse, include_in_schema=False)(_page)

    def _draw(self, asked: protocol.DrawRequest) -> HttpResponse:
        """Draw tickets."""
        tickets = self.feed.draw_many(asked.count, request=asked.request)
        now = time.monotonic()
        for ticket in tickets:
            self._tickets[ticket.id] = ticket
            self._drawn_at.setdefault(ticket.id, now)
        return _json(protocol.DrawAnswer(tickets=tuple(tickets)))

    def _outstanding(self) -> HttpResponse:
        """The tickets that are out, of all clients."""
        return _json(protocol.DrawAnswer(tickets=tuple(self.feed.outstanding())))

    def _verify(self, asked: protocol.VerifyRequest) -> HttpResponse:
        """Judge responses to tickets that are out; nothing is recorded."""
        tickets = [self._ticket(item.ticket) for item in asked.items]
        for item in asked.items:
            text = item.response if isinstance(item.response, str) else item.response.text
            if len(text) > protocol.LONGEST_TEXT:
                raise UsageError(
                    f"a response has {len(text)} characters; {protocol.LONGEST_TEXT} are allowed"
                )
        responses = [item.response for item in asked.items]
        verdicts = tuple(self._verdicts.map(self.feed.verify, tickets, responses))
        return _json(protocol.VerifyAnswer(verdicts=verdicts))

    def _record(self, asked: protocol.RecordRequest) -> HttpResponse:
        """Resolve a ticket by verdicts."""
        self.feed.record(
            asked.ticket, asked.verdicts, asked.responses, seed=asked.seed, request=asked.request
        )
        return self._resolved(asked.ticket)

    def _abandon(self, asked: protocol.AbandonRequest) -> HttpResponse:
        """Resolve a ticket without verdicts."""
        self.feed.abandon(asked.ticket, asked.reason, seed=asked.seed, request=asked.request)
        return self._resolved(asked.ticket)

    def _resolved(self, ticket_id: str) -> HttpResponse:
        self._forget(ticket_id)
        step = self.feed.step
        if step != self._looked_at:
            self._looked_at, known = step, self.feed.open_tickets
            for name in [name for name in self._drawn_at.copy() if name not in known]:
                self._forget(name)  # the feed has given it up
        return _json(protocol.StepAnswer(step=step))

    def _forget(self, ticket_id: str) -> None:
        self._tickets.pop(ticket_id, None)
        self._drawn_at.pop(ticket_id, None)

    def _checkpoint(self, asked: protocol.CheckpointRequest) -> HttpResponse:
        """Keep the present state under a name."""
        self.feed.checkpoint(asked.name, request=asked.request)
        return _json(protocol.StepAnswer(step=self.feed.step))

    def _state(self) -> HttpResponse:
        """The feed now."""
        return _json(self.feed.state())

    # on the event loop: these must answer while every thread waits for the feed

    async def _health(self) -> dict[str, str]:
        """Whether the server answers, and its versions."""
        return {"status": "ok", "scaler": __version__, "api": protocol.API_VERSION}

    async def _metrics(self) -> HttpResponse:
        """Figures for Prometheus."""
        return PlainTextResponse(self._figures.text(len(self._drawn_at)))

    def _ticket(self, ticket_id: str) -> Ticket:
        ticket = self._tickets.get(ticket_id)
        if ticket is None:  # drawn before this server started
            for ticket in self.feed.outstanding([ticket_id]):
                self._tickets[ticket_id] = ticket
        if ticket is None:
            raise BackendProtocolError(
                f"ticket {ticket_id!r} cannot be judged: it is unknown, or came back already"
            )
        return ticket

    # -------------------------------------------------------------- dead clients

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        watch = None
        if self._timeout_s is not None:
            watch = threading.Thread(target=self._watch, name="ticket-timeout", daemon=True)
            watch.start()
        try:
            yield
        finally:
            self._ended.set()
            if watch is not None:
                watch.join()
            self._verdicts.shutdown()

    def _watch(self) -> None:
        assert self._timeout_s is not None
        while not self._ended.wait(min(5.0, self._timeout_s / 4)):
            try:
                self.expire(self._timeout_s)
            except Exception:  # tried again at the next look, whatever it was
                _LOG.exception("tickets of dead clients could not be abandoned")

    def expire(self, timeout_s: float) -> None:
        """Abandon the tickets that have been out for *timeout_s* seconds."""
        latest = time.monotonic() - timeout_s
        for name, drawn in self._drawn_at.copy().items():
            if drawn <= latest:
                with suppress(BackendProtocolError):  # it came back in this very moment
                    self.feed.abandon(name, f"not recorded within {timeout_s:g} s")
                self._resolved(name)


def serve(
    feed: OpenFeed,
    *,
    host: str,
    port: int,
    token: str,
    ticket_timeout_s: float | None,
    started: Callable[[str], None],
) -> None:
    """See :func:`scaler_core.serve_feed`."""
    server = FeedServer(feed, token=token, ticket_timeout_s=ticket_timeout_s)
    with closing(_listen(host, port)) as listening:
        address = f"[{host}]" if ":" in host else host
        started(f"http://{address}:{listening.getsockname()[1]}")
        config = uvicorn.Config(
            server.app,
            log_level="warning",
            access_log=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=ENDING_S,
        )
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    hint = "another `port`, or 0 for a free one"
    if not 0 <= port < 1 << 16:
        raise UsageError(f"cannot listen on {host}:{port}: there is no such port", hint=hint)
    try:
        listening = socket.create_server((host, port), family=family)
        # asyncio does it for sockets of its own making only; without it each answer waits for the
        # client's delayed acknowledgement, 40 ms
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"cannot listen on {host}:{port}: {why}", hint=hint) from None


def _json(answer: Record) -> HttpResponse:
    # ASCII: texts out of pools may hold what no UTF-8 can
    text = json.dumps(answer.model_dump(mode="json"), separators=(",", ":"), allow_nan=False)
    return HttpResponse(text, media_type=JSON)


class _StrictRequest(Request):
    """A request whose body is read as strictly as files are."""

    async def json(self) -> Any:
        """The body's value."""
        try:
            return strict_json(await self.body())
        except json.JSONDecodeError:
            raise  # which FastAPI describes
        except RecursionError:
            raise HTTPException(400, "the body is nested too deeply") from None
        except ValueError as error:
            raise HTTPException(400, f"the body: {one_line(error)}") from None


class _StrictRoute(APIRoute):
    """A route that takes :class:`_StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, HttpResponse]]:
        """The handler, as FastAPI asks for it."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> HttpResponse:
            return await handler(_StrictRequest(request.scope, request.receive))

        return handle


async def _answer_error(request: Request, error: Exception) -> HttpResponse:
    assert isinstance(error, ScalerError)
    status = protocol.status_of(error)
    return refused(status, error.message, error.hint, type(error).__name__)


async def _answer_invalid(request: Request, error: Exception) -> HttpResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    parts = (
        [] if first["type"] == "json_invalid" else [part for part in first["loc"] if part != "body"]
    )
    place = ".".join(str(part) for part in parts)
    more = len(error.errors()) - 1
    text = f"{place or 'the body'}: {first['msg']}" + (f" (and {more} more)" if more else "")
    return refused(422, text, "see /docs for the form of a request")


async def _answer_http(request: Request, error: Exception) -> HttpResponse:
    assert isinstance(error, HTTPException)
    return refused(error.status_code, str(error.detail), "see /docs for the calls")


async def _answer_bug(request: Request, error: Exception) -> HttpResponse:
    hint = "this is a bug in SCALER; the server's log has more"
    return refused(500, one_line(error), hint, type(error).__name__)


async def _page() -> HTMLResponse:
    """The live page."""
    return HTMLResponse(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
