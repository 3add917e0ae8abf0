"""One request over the network, and its outcome: an answer, a refusal or a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaler_core.endpoint.answers import Sampling, error_text
from scaler_core.endpoint.config import EndpointOptions
from scaler_core.endpoint.failures import Key
from scaler_core.endpoint.pacing import asked_pause_s
from scaler_core.errors import one_line
from scaler_core.models import Message

CONNECT_S = 10.0
LARGEST_ANSWER = 32 << 20
LARGEST_ERROR = 1 << 20  # bytes; the rest of an error is not read
WORTH_REPEATING = (408, 409, 425, 429)  # and all from 500 on
# the libraries below the client differ with its version
NETWORK_LIBRARIES = ("openai", "httpx", "httpx2", "httpcore", "httpcore2")


@dataclass(frozen=True)
class Reply:
    """A response with status 200: its body, not yet parsed."""

    body: bytes


@dataclass(frozen=True)
class Refusal:
    """The server rejects the request, and would whenever it is sent."""

    status: int
    message: str


@dataclass(frozen=True)
class Failure:
    """No usable answer; the next attempt may bring one.

    Attributes:
        reason: What happened, in a few words.
        asked_pause_s: Seconds that the server asks to wait.
        unreachable: Whether no connection could be made.
    """

    reason: str
    asked_pause_s: float | None = None
    unreachable: bool = False


class _ErrorAnswer(Exception):
    """A response with a status of failure, read before the library reads it without a bound."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


async def _read_error(response: Any) -> None:
    """Read the body of an error response, up to a bound, and raise it."""
    if response.is_success:
        return
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LARGEST_ERROR:
            break
    raise _ErrorAnswer(response.status_code, response.headers, bytes(body))


class Connection:
    """Sends requests to one server through the library's client, each exactly once.

    The key is in the headers that the library sends and nowhere else; redirections, which might
    carry it to another server, are not followed. The environment variables of the library that
    name an account are ignored.

    Args:
        options: Where the server is.
        key: The key; none is sent where it is empty.
    """

    def __init__(self, options: EndpointOptions, key: Key) -> None:
        import openai

        self._timeout_s = options.timeout_s
        self._key = key
        unsent = ["OpenAI-Organization", "OpenAI-Project", *([] if key else ["Authorization"])]
        self._headers = {name: openai.Omit() for name in unsent}
        timeout = openai.Timeout(options.timeout_s, connect=min(CONNECT_S, options.timeout_s))
        self._client = openai.AsyncOpenAI(
            api_key=key.reveal() or "none",
            base_url=options.url,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=timeout,
                follow_redirects=False,
                event_hooks={"response": [_read_error]},
            ),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(self, body: Mapping[str, Any]) -> Reply | Refusal | Failure:
        """Send one request and read the response, within the timeout and bounded memory.

        Never raises because of the server. Errors of the library never leave this method: they
        hold the request with its key.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(body)
        except TimeoutError:
            return self._timed_out()
        except Exception as error:
            outcome = self._outcome(error)
            if outcome is None:
                raise
            return outcome

    async def _exchange(self, body: Mapping[str, Any]) -> Reply | Failure:
        create = self._client.chat.completions.with_streaming_response.create
        async with create(**body, extra_headers=self._headers) as response:
            content = bytearray()
            async for part in response.iter_bytes():
                content += part
                if len(content) > LARGEST_ANSWER:
                    return Failure(f"answered more than {LARGEST_ANSWER >> 20} MiB")
            return Reply(bytes(content))

    def _outcome(self, error: Exception) -> Refusal | Failure | None:
        """The outcome that a network error stands for; ``None`` for a defect of our own code."""
        import openai

        for answer in (error, error.__cause__):  # some versions of the library wrap it
            if isinstance(answer, _ErrorAnswer):
                return self._status(answer)
        library = type(error).__module__.partition(".")[0]
        if library not in NETWORK_LIBRARIES and not isinstance(error, OSError):
            return None
        cause = error.__cause__ or error
        unreachable = type(cause).__name__ in ("ConnectError", "ConnectTimeout")
        if isinstance(error, openai.APITimeoutError) and not unreachable:
            return self._timed_out()
        return Failure(self._key.shown(one_line(cause)), unreachable=unreachable)

    def _status(self, answer: _ErrorAnswer) -> Refusal | Failure:
        status, headers = answer.status, answer.headers
        message = error_text(answer.body, self._key)
        if 300 <= status < 400:
            message = f"it points to {self._key.shown(headers.get('location', ''))}"
        if status in WORTH_REPEATING or status >= 500:
            reason = f"answered {status}: {message}".rstrip(": ")
            return Failure(reason, asked_pause_s(headers))
        return Refusal(status, message)

    def _timed_out(self) -> Failure:
        return Failure(f"no whole answer within {self._timeout_s:g} seconds")


def request_body(
    options: EndpointOptions, messages: Sequence[Message], sampling: Sampling, sample: int
) -> dict[str, Any]:
    """Arguments of the library's call, without those that are left to the server."""
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
