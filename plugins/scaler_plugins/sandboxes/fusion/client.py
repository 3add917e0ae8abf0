"""Sends requests: concurrently up to a limit, and again where the server is to blame.

::

    caller's thread --- requests ---> event loop, in a thread of its own
                    <-- answers or         wait for a place, send, read within bounds, check,
                        failures ---       wait longer each time and repeat

On an event loop a deadline, or :meth:`Client.close`, ends a call at any point of it.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError

import httpx
from pydantic import ValidationError

from scaler_core.errors import one_line
from scaler_core.interfaces import RunResult
from scaler_plugins.sandboxes.fusion.answer import Answer
from scaler_plugins.sandboxes.fusion.request import Request

PATH = "/run_code"
CONNECT_S = 10.0
LONGEST_PAUSE_S = 30.0
SHOWN_CHARACTERS = 300  # of the server's text about an error
WORTH_REPEATING = (408, 429)  # and all from 500 on


class _Unusable(Exception):
    """No usable answer came; the next attempt may bring one."""


class _Refused(Exception):
    """The server does not take such a request, however often it is sent."""


class _TooLarge(Exception):
    """The answer is larger than one about a program that keeps to its limits."""


class Client:
    """Sends requests to one server. Thread-safe.

    Args:
        url: The server, without the path.
        concurrency: Requests under way at the same time.
        slack_s: Seconds that a request may take beyond its program's limit.
        retries: How often a request is repeated when the server fails.
        backoff_s: Pause before the first repetition; it doubles each time.
        token: Sent as bearer token, unless empty.
    """

    def __init__(
        self,
        url: str,
        *,
        concurrency: int,
        slack_s: float,
        retries: int,
        backoff_s: float,
        token: str = "",
    ) -> None:
        self._url = url.rstrip("/")
        self._slack_s = slack_s
        self._retries = retries
        self._backoff_s = backoff_s
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.AsyncClient(
            headers=headers,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=min(CONNECT_S, slack_s)),
            limits=httpx.Limits(max_connections=concurrency),
        )
        self._places = asyncio.Semaphore(concurrency)
        self._stop = asyncio.Event()
        self._random = random.Random()
        self._counts = {"requests": 0, "requests/repeated": 0, "requests/failed": 0}
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def ask(self, requests: Sequence[Request]) -> list[Answer | RunResult]:
        """For each request, in order, an answer, or a result that says why there is none.

        Never raises because of the server. ``sandbox_failure`` says that it did not answer
        usefully, ``output_limit`` that its answer is larger than the request allows.
        """
        with self._lock:
            if self._closed:
                return [_failure("the sandbox is closed")] * len(requests)
            loop = self._loop or self._start()
            future = asyncio.run_coroutine_threadsafe(self._ask_all(requests), loop)
        try:
            return future.result()
        except CancelledError:
            return [_failure("the sandbox is closed")] * len(requests)
        except BaseException:
            future.cancel()
            raise

    def counts(self) -> Mapping[str, float]:
        """Requests sent, those of them that were repetitions, and those given up."""
        return dict(self._counts)

    def close(self) -> None:
        """End every call; those under way return failures, and so do later ones."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    # -------------------------------------------------------------- the event loop

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._serve, args=[loop], name="sandboxfusion", daemon=True
        )
        self._thread.start()
        self._loop = loop
        return loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._serve_until_closed())

    async def _serve_until_closed(self) -> None:
        await self._stop.wait()
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self._http.aclose()

    async def _ask_all(self, requests: Sequence[Request]) -> list[Answer | RunResult]:
        return await asyncio.gather(*(self._ask(request) for request in requests))

    async def _ask(self, request: Request) -> Answer | RunResult:
        try:
            return await self._ask_repeatedly(request)
        except _TooLarge:
            message = f"the server's answer is larger than {request.largest_answer} bytes"
            return RunResult(status="output_limit", error=message)
        except (_Refused, _Unusable) as error:
            self._counts["requests/failed"] += 1
            return _failure(f"SandboxFusion server {self._url}: {error}")

    async def _ask_repeatedly(self, request: Request) -> Answer:
        for attempt in range(self._retries + 1):
            try:
                async with self._places:
                    self._counts["requests"] += 1
                    self._counts["requests/repeated"] += attempt > 0
                    return await self._ask_once(request)
            except _Unusable as error:
                problem = str(error)
            if attempt < self._retries:
                await asyncio.sleep(self._pause_s(attempt))
        raise _Unusable(f"{problem} (asked {self._retries + 1} times)")

    def _pause_s(self, attempt: int) -> float:
        # spread out, so that callers who failed together do not come back together
        longest = min(LONGEST_PAUSE_S, self._backoff_s * 2.0**attempt)
        return longest * self._random.uniform(0.5, 1.0)

    async def _ask_once(self, request: Request) -> Answer:
        deadline_s = request.program_s + self._slack_s
        try:
            async with asyncio.timeout(deadline_s):
                content = await self._post(request)
            answer = Answer.model_validate_json(content)
        except (_Unusable, _Refused, _TooLarge):
            raise
        except TimeoutError:
            raise _Unusable(f"no whole answer within {deadline_s:g} seconds") from None
        except ValidationError as error:
            raise _Unusable(f"answered what is no result: {_first_problem(error)}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _Unusable(f"cannot be reached; does it run there? {one_line(error)}") from None
        except Exception as error:
            # whatever a broken server or network makes the library raise is their fault
            raise _Unusable(one_line(error)) from error
        if answer.status == "SandboxError":
            raise _Unusable(f"SandboxError: {_shown(answer.message)}")
        return answer

    async def _post(self, request: Request) -> bytes:
        async with self._http.stream("POST", self._url + PATH, content=request.body) as response:
            status = response.status_code
            if status != 200:
                begin = _shown((await _read(response, SHOWN_CHARACTERS)).decode(errors="replace"))
                problem = f"HTTP status {status}: {begin}".rstrip(": ")
                if status in WORTH_REPEATING or status >= 500:
                    raise _Unusable(problem)
                raise _Refused(problem)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise _Unusable("answered in an encoding that was not asked for")
            content = await _read(response, request.largest_answer)
            if len(content) > request.largest_answer:
                raise _TooLarge
            return content


async def _read(response: httpx.Response, count: int) -> bytes:
    """The body, or its beginning where it is longer than *count* bytes."""
    content = bytearray()
    async for part in response.aiter_raw():
        content += part
        if len(content) > count:
            break
    return bytes(content)


def _failure(message: str) -> RunResult:
    return RunResult(status="sandbox_failure", error=message)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return _shown(f"{place}: {first['msg']}" if place else first["msg"])


def _shown(text: str) -> str:
    """The beginning of a foreign text, on one line, without control characters."""
    text = "".join(char if char.isprintable() else " " for char in text[: 2 * SHOWN_CHARACTERS])
    return " ".join(text.split())[:SHOWN_CHARACTERS]
