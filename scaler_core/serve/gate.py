"""Who is answered at all: token, version, kind and size of a request, before anything reads it."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from fastapi.responses import Response as HttpResponse

import scaler_core.serve.protocol as protocol
from scaler_core.jsonio import compact_json
from scaler_core.serve.figures import Figures
from scaler_core.serve.protocol import ErrorAnswer

BODY_S = 60
"""Seconds in which a body must come."""
OPEN_TO_ALL = ("/", "/health")
"""Paths that need no token and show nothing of the feed."""
JSON = "application/json"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Scope = MutableMapping[str, Any]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Gate:
    """Refuses requests without the token, of another version, or with too large a body."""

    def __init__(self, app: Any, *, token: str, body_limit: int, figures: Figures) -> None:
        self._app = app
        self._token = token.encode()
        self._limit = body_limit
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request here, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, statuses = time.monotonic(), []

        async def counted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        if answer := self._refusal(scope):
            await answer(scope, receive, counted)
        else:
            await self._bounded(scope, receive, counted)
        seconds = time.monotonic() - began
        self._figures.answered(scope["path"], statuses[0] if statuses else 500, seconds)

    def _refusal(self, scope: Scope) -> HttpResponse | None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        stated = headers.get(
            protocol.VERSION_HEADER.lower().encode(), protocol.API_VERSION.encode()
        )
        if stated != protocol.API_VERSION.encode():
            return refused(
                400,
                f"{protocol.VERSION_HEADER} is {stated.decode('latin-1')!r}; this server speaks "
                f"{protocol.API_VERSION!r}",
            )
        if self._token and scope["path"] not in OPEN_TO_ALL:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given, self._token):
                hint = "send the header Authorization: Bearer TOKEN"
                return refused(401, "the token is missing or wrong", hint)
        if not self._token and not _is_of_this_machine(headers):
            return refused(
                403,
                "without a token only programs of this machine are answered, and no page of a site",
                "name the server as localhost or 127.0.0.1, or give it a token",
            )
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if scope["method"] == "POST" and kind != JSON.encode():
            return refused(415, "the body is not said to be JSON", f"Content-Type: {JSON}")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._limit:
            return self._too_large()
        return None

    def _too_large(self) -> HttpResponse:
        return refused(413, f"the body is larger than {self._limit} bytes", "send fewer at once")

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to the limit, in time; one without a length may be of any size."""
        body, more = bytearray(), True
        end = time.monotonic() + BODY_S
        while more:
            try:
                message = await asyncio.wait_for(receive(), end - time.monotonic())
            except TimeoutError:
                late = refused(408, f"the body did not come within {BODY_S} s")
                await late(scope, receive, send)
                return
            if message["type"] != "http.request":  # the client has gone
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limit:
                await self._too_large()(scope, receive, send)
                return
        pending = iter([{"type": "http.request", "body": bytes(body), "more_body": False}])

        async def replay() -> MutableMapping[str, Any]:
            return next(pending, None) or await receive()

        await self._app(scope, replay, send)


def _is_of_this_machine(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request names this machine, and comes from no page of another site.

    A browser sends what any page tells it to, and a foreign name may lead here as well.
    """
    host = headers.get(b"host", b"localhost").decode("latin-1")
    origin = headers.get(b"origin")
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    return is_loopback(name) and origin in (None, f"http://{host}".encode("latin-1"))


def refused(status: int, error: str, hint: str = "", kind: str = "UsageError") -> HttpResponse:
    """The answer to a request that is refused, for *error* in one line."""
    text = compact_json(ErrorAnswer(kind=kind, error=error, hint=hint).model_dump(mode="json"))
    return HttpResponse(text, status_code=status, media_type=JSON)
