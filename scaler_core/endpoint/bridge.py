"""An endpoint for callers without an event loop: plain calls from any number of threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from scaler_core.closable import Closable
from scaler_core.endpoint.client import Endpoint
from scaler_core.endpoint.records import Completion, Sampling
from scaler_core.errors import UsageError
from scaler_core.models import Message


class EndpointThread(Closable):
    """Runs an endpoint on an event loop in a thread of its own. Thread-safe.

    For threads, for notebooks, whose own loop is busy, and for code that is not asynchronous.

    Args:
        endpoint: One that was not used yet; it is closed together with this.
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
