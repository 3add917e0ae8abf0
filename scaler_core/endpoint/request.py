"""One request over the network, and what became of it: an answer, a refusal or a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scaler_core.endpoint.answers import error_text
from scaler_core.endpoint.failures import Redactor
from scaler_core.endpoint.options import EndpointOptions
from scaler_core.endpoint.pacing import asked_pause_s
from scaler_core.endpoint.records import Sampling
from scaler_core.errors import one_line
from scaler_core.models import Message

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_S = 10.0
LARGEST_ANSWER = 32 << 20
WORTH_REPEATING = (408, 409, 425, 429)  # and all from 500 on


@dataclass(frozen=True)
class Reply:
    """A response with status 200: its body, not yet looked at."""

    body: bytes


@dataclass(frozen=True)
class Refusal:
    """The server does not want the request, however often it is sent."""

    status: int
    said: str


@dataclass(frozen=True)
class Failure:
    """No answer; the next attempt may bring one.

    Attributes:
        reason: What happened, in a few words.
        asked_pause_s: How long the server asks to be left alone.
        unreachable: Whether nobody could be spoken to at all.
    """

    reason: str
    asked_pause_s: float | None = None
    unreachable: bool = False


def make_client(options: EndpointOptions, key: str) -> AsyncOpenAI:
    """The library's client: one attempt per call, no redirects, no account but that of *key*."""
    import openai

    timeout = openai.Timeout(options.timeout_s, connect=min(CONNECT_S, options.timeout_s))
    # headers that the library would fill from variables of its own
    headers: dict[str, Any] = {
        "OpenAI-Organization": openai.Omit(),
        "OpenAI-Project": openai.Omit(),
    }
    if not key:
        headers["Authorization"] = openai.Omit()
    return openai.AsyncOpenAI(
        api_key=key or "none",
        base_url=options.url,
        timeout=timeout,
        max_retries=0,
        default_headers=headers,
        http_client=openai.DefaultAsyncHttpxClient(timeout=timeout, follow_redirects=False),
    )


def request_body(
    options: EndpointOptions, messages: Sequence[Message], sampling: Sampling, sample: int
) -> dict[str, Any]:
    """Arguments of the library's call; what is left to the server is left out."""
    chosen = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        options.max_tokens_field: sampling.max_tokens,
        "seed": sampling.seed_of(sample),
        "stop": list(sampling.stop) or None,
        "extra_body": options.extra or None,
    }
    body = {"model": options.model, "messages": list(messages)}
    return body | {name: value for name, value in chosen.items() if value is not None}


async def send(
    client: AsyncOpenAI, body: Mapping[str, Any], timeout_s: float, redactor: Redactor
) -> Reply | Refusal | Failure:
    """Send one request and read what comes, within *timeout_s* and bounded memory.

    Never raises because of the server. Errors of the library never leave this function: they hold
    the request with its key.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(client, body)
    except TimeoutError:
        return Failure(f"no whole answer within {timeout_s:g} seconds")
    except Exception as error:
        return _outcome(error, timeout_s, redactor)


async def _exchange(client: AsyncOpenAI, body: Mapping[str, Any]) -> Reply | Failure:
    create = client.chat.completions.with_streaming_response.create
    async with create(**body) as response:
        content = bytearray()
        async for part in response.iter_bytes():
            content += part
            if len(content) > LARGEST_ANSWER:
                return Failure(f"answered more than {LARGEST_ANSWER >> 20} MiB")
        return Reply(bytes(content))


def _outcome(error: Exception, timeout_s: float, redactor: Redactor) -> Refusal | Failure:
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status(error.response, redactor)
    if isinstance(error, openai.APITimeoutError):
        return Failure(f"no whole answer within {timeout_s:g} seconds")
    cause = error.__cause__ or error
    # the library's own HTTP library differs from version to version, its names do not
    unreachable = type(cause).__name__ in ("ConnectError", "ConnectTimeout")
    return Failure(redactor.shown(one_line(cause)), unreachable=unreachable)


def _status(response: Any, redactor: Redactor) -> Refusal | Failure:
    status = int(response.status_code)
    said = error_text(response.content, redactor)
    if 300 <= status < 400:
        said = f"it points to {redactor.shown(response.headers.get('location', 'nowhere'))}"
    if status in WORTH_REPEATING or status >= 500:
        reason = f"answered {status}: {said}".rstrip(": ")
        return Failure(reason, asked_pause_s(response.headers))
    return Refusal(status, said)
