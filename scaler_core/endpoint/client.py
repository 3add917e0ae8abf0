"""The client: many completions at once, each requested until it succeeds, and paid for once.

The steps of one completion, each of which may have to wait::

    same key under way? --> cache --> place --> budget --> pace --> send --> cache --> caller
                                        ^                             |
                                        +--- pause, without a place <-+ failure
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

from scaler_core.endpoint.answers import (
    BYTES_PER_TOKEN,
    Completion,
    Sampling,
    UnusableAnswer,
    completion_of,
)
from scaler_core.endpoint.budget import Budget
from scaler_core.endpoint.cache import ResponseCache, request_key
from scaler_core.endpoint.config import EndpointOptions
from scaler_core.endpoint.failures import (
    EndpointFailed,
    EndpointRefused,
    EndpointStopped,
    Key,
    RequestRefused,
)
from scaler_core.endpoint.pacing import Pacer, pause_s
from scaler_core.endpoint.request import Connection, Failure, Refusal, request_body
from scaler_core.jsonio import canonical_json
from scaler_core.models import Message

# a question has at most a token for two bytes; only exotic texts come near it
SHORTEST_TOKEN_BYTES = 2
MESSAGE_TOKENS = 16  # around each message, from the chat template


class Endpoint:
    """A model behind an OpenAI-compatible endpoint. Belongs to the event loop it is first used on.

    Args:
        options: Where the model is and how requests are made.
        key: The key, out of the environment; see :func:`~scaler_core.endpoint.config.key_from`. It
            is sent to the endpoint and stored nowhere else.
        cache: Answers of earlier calls; without a cache nothing is kept.
        budget: Limits of spending; without a budget everything is only counted.
    """

    def __init__(
        self,
        options: EndpointOptions,
        *,
        key: str = "",
        cache: ResponseCache | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.options = options
        self.cache = cache
        self.budget = budget or Budget()
        self._key = Key(key)
        self._connection: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._places = asyncio.Semaphore(options.concurrency)
        self._pacer = Pacer(options.requests_per_minute)
        # weak: a lock lives as long as some call holds it or waits for it
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # not seeded: clients that failed together must not repeat together
        self._random = random.Random()
        self._was_reached = False
        self._stopped = False
        self._wake = asyncio.Event()

    def __repr__(self) -> str:
        return f"Endpoint({self.options.model!r} at {self.options.url})"

    async def __aenter__(self) -> Endpoint:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. The cache stays open: it may serve others."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def stop(self) -> None:
        """Send nothing more, repetitions included; requests under way are waited for.

        Answers out of the cache are still returned. Safe in a signal handler.
        """
        self._stopped = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, sample: int = 0
    ) -> Completion:
        """Returns the model's answer to *messages*, out of the cache where it holds one.

        With a cache the answer is on disk when this returns, and calls at the same time with the
        same arguments send one request. Cancelling leaves nothing half-written.

        Args:
            messages: The conversation, roles and contents.
            sampling: How the answer is sampled.
            sample: Which of several answers to the same question is wanted, counted from 0.

        Raises:
            EndpointRefused: The url, the key or the model is wrong.
            RequestRefused: The server does not take this request.
            EndpointFailed: No usable answer came, or the server cannot be reached.
            BudgetSpent: What is left of the budget does not cover the request.
            EndpointStopped: Nothing more is sent.
            InfrastructureError: The answer cannot be written to the cache.
        """
        self._check_loop()
        if self.cache is None:
            return await self._ask(messages, sampling, sample, "")
        cache_key = request_key(self.options.model, messages, sampling, sample, self.options.extra)
        lock = self._locks.setdefault(cache_key, asyncio.Lock())
        # calls with the same key wait here, and then find the answer in the cache
        async with lock:
            known = await asyncio.to_thread(self.cache.get, cache_key)
            if known is not None:
                self.budget.count("cached")
                return known
            return await self._ask(messages, sampling, sample, cache_key)

    async def _keep(self, cache_key: str, completion: Completion, sample: int) -> None:
        """Write a paid answer to the cache, also when the caller is cancelled meanwhile."""
        if self.cache is None:
            return
        model = self.options.model
        writing = asyncio.create_task(
            asyncio.to_thread(self.cache.put, cache_key, completion, model=model, sample=sample)
        )
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing
            raise

    # -------------------------------------------------------------- asking

    async def _ask(
        self, messages: Sequence[Message], sampling: Sampling, sample: int, cache_key: str
    ) -> Completion:
        size = _size(messages)
        body = request_body(self.options, messages, sampling, sample)
        attempts = self.options.retries + 1
        for attempt in range(attempts):
            async with self._places:
                outcome = await self._attempt(body, size, sampling.max_tokens, attempt)
                if isinstance(outcome, Completion):
                    # still in its place while it is written: a kill then loses at most as many paid
                    # answers as there are places
                    await self._keep(cache_key, outcome, sample)
                    return outcome
            if isinstance(outcome, Refusal):
                self.budget.count("failed")
                raise self._refused(outcome)
            self._check_worth_repeating(outcome)
            if attempt + 1 < attempts:
                # without a place, which another request may have meanwhile; stop() ends the pause
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pause_s(attempt, outcome))
            reason = outcome.reason
        self.budget.count("failed")
        raise EndpointFailed(
            f"endpoint {self.options.url}: {reason} (asked {attempts} times)",
            hint="run again when the server is well; what was answered is kept",
        )

    async def _attempt(
        self, body: dict[str, Any], size: int, max_tokens: int, attempt: int
    ) -> Completion | Refusal | Failure:
        """Send one request, and pay for the tokens that the server counted."""
        most = size // SHORTEST_TOKEN_BYTES + MESSAGE_TOKENS * len(body["messages"])
        with await self.budget.reserve(most, max_tokens):
            if self._connection is None:
                self._connection = Connection(self.options, self._key)  # loads the library
            await self._pacer.turn()
            if self._stopped:
                raise EndpointStopped(f"nothing more is asked of {self.options.url}")
            self.budget.count("requests")
            if attempt:
                self.budget.count("retries")
            answer = await self._connection.send(body)
            if not (isinstance(answer, Failure) and answer.unreachable):
                self._was_reached = True
            if isinstance(answer, Failure | Refusal):
                return answer
            try:
                completion = completion_of(answer.body, size // BYTES_PER_TOKEN, self._key)
            except UnusableAnswer as error:
                self.budget.pay(*error.tokens)
                return Failure(str(error))
            self.budget.pay(completion.prompt_tokens, completion.completion_tokens)
            self.budget.count("answered")
            if completion.estimated:
                self.budget.count("estimated")
            return completion

    def _check_worth_repeating(self, failure: Failure) -> None:
        """Raise where repeating will hardly help, so that the user learns of it at once."""
        if failure.unreachable and not self._was_reached:
            self.budget.count("failed")
            raise EndpointFailed(
                f"endpoint {self.options.url} cannot be reached: {failure.reason}",
                hint="is the server running, and is this its address?",
            )
        asked = failure.asked_pause_s or 0.0
        if asked > self.options.longest_wait_s:
            self.budget.count("failed")
            raise EndpointFailed(
                f"endpoint {self.options.url}: {failure.reason}; it asks to wait {asked:.0f} s",
                hint="run again then; what was answered is kept",
            )

    def _pause_s(self, attempt: int, failure: Failure) -> float:
        if failure.asked_pause_s is not None:
            self._pacer.hold(failure.asked_pause_s)  # too busy for one is too busy for all requests
        options = self.options
        return pause_s(
            attempt, options.backoff_s, options.longest_wait_s, failure.asked_pause_s, self._random
        )

    def _refused(self, refusal: Refusal) -> EndpointRefused | RequestRefused:
        options, status = self.options, refusal.status
        line = f"endpoint {options.url} answered {status}: {refusal.message}".rstrip(": ")
        if status in (401, 403):
            return EndpointRefused(
                line, hint=f"set the environment variable {options.key_name} to a key that may ask"
            )
        if status == 402:
            return EndpointRefused(line, hint="the account is empty; fill it, then run again")
        if status == 404:
            return EndpointRefused(
                line,
                hint=f"is {options.model!r} a model of this server, and does its address end in "
                "/v1 or the like?",
            )
        if status == 405 or 300 <= status < 400:
            return EndpointRefused(line, hint="is this the address of the API?")
        return RequestRefused(
            line, hint="the question may be too long, or the server may not know an option"
        )

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("an Endpoint belongs to one event loop; make another for this one")


def _size(messages: Sequence[Message]) -> int:
    """Bytes of the contents as they are sent, in UTF-8.

    Raises:
        RequestRefused: They hold lone surrogates, which cannot be sent.
    """
    try:
        return sum(len(message["content"].encode()) for message in messages)
    except UnicodeEncodeError:
        raise RequestRefused(
            f"the question is no text: {canonical_json(messages[-1]['content'])[:60]}...",
            hint="it holds halves of characters (lone surrogates)",
        ) from None
