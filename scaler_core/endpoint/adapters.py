"""An endpoint for extractors and generators, and for code without an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from scaler_core.endpoint.answers import Completion, Sampling
from scaler_core.endpoint.client import Endpoint
from scaler_core.errors import UsageError
from scaler_core.interfaces import Closable, ReplyCutOff
from scaler_core.models import Message


class EndpointChat:
    """A :class:`~scaler_core.interfaces.ChatClient` for one problem, which records its replies.

    Args:
        endpoint: The endpoint that answers.
        sampling: How replies are sampled, where the component does not say otherwise.
        first_attempt: Added to every attempt, so that a component that runs again, because its
            work failed a later check, gets fresh replies.

    Attributes:
        completions: The replies in the order in which they came: for provenance and yields.
    """

    def __init__(self, endpoint: Endpoint, sampling: Sampling, first_attempt: int = 0) -> None:
        self._endpoint = endpoint
        self._sampling = sampling
        self._first_attempt = first_attempt
        self.completions: list[Completion] = []

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        attempt: int = 0,
        temperature: float | None = None,
    ) -> str:
        """See :meth:`scaler_core.interfaces.synthesis.ChatClient.chat`."""
        sampling = self._sampling
        if temperature is not None:
            sampling = sampling.model_copy(update={"temperature": temperature})
        completion = await self._endpoint.complete(
            messages, sampling, self._first_attempt + attempt
        )
        self.completions.append(completion)
        if completion.cut_off:
            raise ReplyCutOff(completion.completion_tokens)
        return completion.text


class EndpointThread(Closable):
    """Runs an endpoint on an event loop in a thread of its own. Thread-safe.

    For threads, for notebooks, whose own loop is busy, and for code that is not asynchronous.

    Args:
        endpoint: An endpoint that was not used yet; it is closed together with this object.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="endpoint", daemon=True)
        self._thread.start()

    def submit(
        self, messages: Sequence[Message], sampling: Sampling, sample: int = 0
    ) -> Future[Completion]:
        """The future of :meth:`Endpoint.complete`; cancelling it cancels the request."""
        # under the lock, so that no call reaches the loop after close() has cancelled all calls
        with self._lock:
            if self._closed:
                raise UsageError("this endpoint is closed")
            call = self.endpoint.complete(messages, sampling, sample)
            return asyncio.run_coroutine_threadsafe(call, self._loop)

    def complete(
        self, messages: Sequence[Message], sampling: Sampling, sample: int = 0
    ) -> Completion:
        """As :meth:`Endpoint.complete`; an interrupt (Ctrl-C) cancels the request."""
        future = self.submit(messages, sampling, sample)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what is under way and end the thread; answers being written are written."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve_until_closed())

    async def _serve_until_closed(self) -> None:
        await self._stop.wait()
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self.endpoint.close()
