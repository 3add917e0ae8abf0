"""Clients of a served feed, with the methods of :class:`~scaler_core.run.open_feed.OpenFeed`.

A loop runs on either. A call that gets no answer is made again under the same request id, so that
the server makes it once; errors are those that the feed raised.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Self

import httpx

import scaler_core.serve.protocol as protocol
from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.judge import Judged
from scaler_core.models import Record, Response, Ticket, Verdict
from scaler_core.run.open_feed import FeedState

PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further try of a call that got no answer."""
UNANSWERED: Final = (502, 504)
"""Statuses of a proxy before the server: whether the call was made is unknown."""

Pairs = Sequence[tuple[Ticket | str, Response | str]]


class FeedClient:
    """A feed that another process serves. Threads may share it; a pickled one connects anew.

    Args:
        url: The server, such as ``http://127.0.0.1:8808``.
        token: Its token, where it has one.
        timeout_s: Seconds to wait for an answer; making instances may take a while.
    """

    def __init__(self, url: str, *, token: str = "", timeout_s: float = 600.0) -> None:
        self._made = partial(FeedClient, url, token=token, timeout_s=timeout_s)
        self._http = httpx.Client(base_url=url, headers=_headers(token), timeout=timeout_s)

    def __reduce__(self) -> tuple[Callable[[], FeedClient], tuple[()]]:
        return self._made, ()

    def draw(self) -> Ticket:
        """See :meth:`OpenFeed.draw`."""
        (ticket,) = self.draw_many(1)
        return ticket

    def draw_many(self, count: int) -> list[Ticket]:
        """See :meth:`OpenFeed.draw_many`."""
        return _tickets(self._post("draw", _once({"count": count})))

    def verify(self, ticket: Ticket | str, response: Response | str) -> Verdict:
        """See :meth:`OpenFeed.verify`; the id of a ticket that is out will do."""
        (verdict,) = self.verify_many([(ticket, response)])
        return verdict

    def verify_many(self, pairs: Pairs) -> list[Verdict]:
        """Verdicts on many responses in one call, in order."""
        return _verdicts(self._post("verify", _verify_body(pairs)))

    def record(
        self,
        ticket: Ticket | str,
        verdicts: Sequence[Judged],
        responses: Sequence[Response | str] = (),
    ) -> None:
        """See :meth:`OpenFeed.record`."""
        self._post("record", _record_body(ticket, verdicts, responses))

    def abandon(self, ticket: Ticket | str, reason: str) -> None:
        """See :meth:`OpenFeed.abandon`."""
        self._post("abandon", _once({**_ticket(ticket), "reason": reason}))

    def checkpoint(self, name: str) -> None:
        """See :meth:`OpenFeed.checkpoint`."""
        self._post("checkpoint", _once({"name": name}))

    def outstanding(self) -> list[Ticket]:
        """See :meth:`OpenFeed.outstanding`: of all clients."""
        return _tickets(self._send("GET", "/v1/outstanding", None))

    def state(self) -> FeedState:
        """See :meth:`OpenFeed.state`."""
        return FeedState.model_validate(self._send("GET", "/v1/state", None))

    def close(self) -> None:
        """Close the connections; the feed stays as it is."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, call: str, body: Mapping[str, Any]) -> Any:
        return self._send("POST", f"/v1/{call}", body)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        tries = _Tries(self._http.base_url)
        while True:
            try:
                answer = self._http.request(method, path, content=_content(body))
            except httpx.TransportError as error:
                pause = tries.pause_after(error)
            else:
                if answer.status_code not in UNANSWERED:
                    return _read(answer)
                pause = tries.pause_after(f"status {answer.status_code}")
            time.sleep(pause)


class AsyncFeedClient:
    """:class:`FeedClient` for asynchronous loops: the same methods, to be awaited.

    Args:
        url: The server.
        token: Its token, where it has one.
        timeout_s: Seconds to wait for an answer.
    """

    def __init__(self, url: str, *, token: str = "", timeout_s: float = 600.0) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(token), timeout=timeout_s)

    async def draw(self) -> Ticket:
        """See :meth:`FeedClient.draw`."""
        (ticket,) = await self.draw_many(1)
        return ticket

    async def draw_many(self, count: int) -> list[Ticket]:
        """See :meth:`FeedClient.draw_many`."""
        return _tickets(await self._post("draw", _once({"count": count})))

    async def verify(self, ticket: Ticket | str, response: Response | str) -> Verdict:
        """See :meth:`FeedClient.verify`."""
        (verdict,) = await self.verify_many([(ticket, response)])
        return verdict

    async def verify_many(self, pairs: Pairs) -> list[Verdict]:
        """See :meth:`FeedClient.verify_many`."""
        return _verdicts(await self._post("verify", _verify_body(pairs)))

    async def record(
        self,
        ticket: Ticket | str,
        verdicts: Sequence[Judged],
        responses: Sequence[Response | str] = (),
    ) -> None:
        """See :meth:`FeedClient.record`."""
        await self._post("record", _record_body(ticket, verdicts, responses))

    async def abandon(self, ticket: Ticket | str, reason: str) -> None:
        """See :meth:`FeedClient.abandon`."""
        await self._post("abandon", _once({**_ticket(ticket), "reason": reason}))

    async def checkpoint(self, name: str) -> None:
        """See :meth:`FeedClient.checkpoint`."""
        await self._post("checkpoint", _once({"name": name}))

    async def outstanding(self) -> list[Ticket]:
        """See :meth:`FeedClient.outstanding`."""
        return _tickets(await self._send("GET", "/v1/outstanding", None))

    async def state(self) -> FeedState:
        """See :meth:`FeedClient.state`."""
        return FeedState.model_validate(await self._send("GET", "/v1/state", None))

    async def close(self) -> None:
        """See :meth:`FeedClient.close`."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _post(self, call: str, body: Mapping[str, Any]) -> Any:
        return await self._send("POST", f"/v1/{call}", body)

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        tries = _Tries(self._http.base_url)
        while True:
            try:
                answer = await self._http.request(method, path, content=_content(body))
            except httpx.TransportError as error:
                pause = tries.pause_after(error)
            else:
                if answer.status_code not in UNANSWERED:
                    return _read(answer)
                pause = tries.pause_after(f"status {answer.status_code}")
            await asyncio.sleep(pause)


class _Tries:
    """The tries of one call, which nobody has answered yet."""

    def __init__(self, url: httpx.URL) -> None:
        self._url = url
        self._pauses = iter(PAUSES_S)

    def pause_after(self, why: object) -> float:
        """Seconds before the next try.

        Args:
            why: Why the last one got no answer.

        Raises:
            InfrastructureError: It was the last.
        """
        if (pause := next(self._pauses, None)) is not None:
            return pause
        raise InfrastructureError(
            f"the feed at {self._url} does not answer: {why}", hint="is scaler serve running there?"
        )


def _headers(token: str) -> dict[str, str]:
    if not token.isascii():
        raise UsageError("a token is of ASCII characters")
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    version = {protocol.VERSION_HEADER: protocol.API_VERSION}
    return {"Content-Type": "application/json", **version, **bearer}


def _content(body: Mapping[str, Any] | None) -> bytes | None:
    return None if body is None else json.dumps(body, allow_nan=False).encode()


def _once(body: Mapping[str, Any]) -> dict[str, Any]:
    """*body* under an id, by which the server knows it when it is sent again."""
    return {**body, "request": uuid.uuid4().hex}


def _ticket(ticket: Ticket | str) -> dict[str, Any]:
    """A ticket by its id; of a whole one also by its seed, which tells it from one of that id."""
    if isinstance(ticket, str):
        return {"ticket": ticket}
    return {"ticket": ticket.id, "seed": ticket.seed}


def _id(ticket: Ticket | str) -> str:
    return ticket if isinstance(ticket, str) else ticket.id


def _verify_body(pairs: Pairs) -> dict[str, Any]:
    return {"items": [{"ticket": _id(item), "response": _plain(text)} for item, text in pairs]}


def _record_body(
    ticket: Ticket | str, verdicts: Sequence[Judged], responses: Sequence[Response | str]
) -> dict[str, Any]:
    return _once(
        {
            **_ticket(ticket),
            "verdicts": [_plain(item) for item in verdicts],
            "responses": [
                _plain(Response(text=item) if isinstance(item, str) else item) for item in responses
            ],
        }
    )


def _plain(value: Any) -> Any:
    """*value* as JSON; of half a surrogate pair, which a decoder may write, a mark is left."""
    if isinstance(value, Response):
        value = value.model_copy(update={"text": _plain(value.text)})
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Record):
        return value.model_dump(mode="json")
    return value.item() if hasattr(value, "item") else value  # a number of numpy or torch


def _tickets(answer: Any) -> list[Ticket]:
    return list(protocol.DrawAnswer.model_validate(answer).tickets)


def _verdicts(answer: Any) -> list[Verdict]:
    return list(protocol.VerifyAnswer.model_validate(answer).verdicts)


def _read(answer: httpx.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status_code != httpx.codes.OK:
        raise protocol.error_of(body, answer.status_code)
    return body
