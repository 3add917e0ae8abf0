"""The recorded endpoint: ``POST /v1/chat/completions`` and ``GET /v1/models`` on this machine."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from scaler_core.testing.endpoint.recordings import NoRecording
from scaler_core.testing.endpoint.replies import Reply, refused
from scaler_core.testing.endpoint.requests import ChatRequest

MODEL = "recorded"


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them
    request_queue_size = 256

    def shutdown_request(self, request: Any) -> None:
        """Close the connection without shutting it down first, so that a reset is one."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class RecordedEndpoint:
    """A server on this machine, from ``with`` to its end. Its lists may be read at any time.

    Args:
        answer: Reacts to a request: :class:`RecordedReplies`, or any function. A plain text is a
            well-formed answer. It is called from several threads.
        plan: Reactions to the first requests instead, in the order in which they come; for
            ``None`` *answer* is called.
        model: The model that it serves.
        key: The key that it requires; without one it accepts any.

    Attributes:
        url: Its address, for an endpoint's option ``url``.
        requests: The requests for completions that came, in this order.
        answered: Those of them that got a whole and well-formed answer.
        most_at_once: The largest number of requests under way at the same time.
    """

    def __init__(
        self,
        answer: Callable[[ChatRequest], Reply | str],
        plan: Iterable[Reply | None] = (),
        *,
        model: str = MODEL,
        key: str = "",
    ) -> None:
        self.model = model
        self.requests: list[ChatRequest] = []
        self.answered: list[ChatRequest] = []
        self.most_at_once = 0
        self._answer = answer
        self._plan = iter(plan)
        self._key = key
        self._lock = threading.Lock()
        self._under_way: set[int] = set()  # ids of the requests
        self._connections: set[socket.socket] = set()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> RecordedEndpoint:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def asked_twice(self) -> list[ChatRequest]:
        """Requests that were answered more than once, though a cache should have kept them."""
        with self._lock:
            counts = Counter(request.key for request in self.answered)
            firsts = {request.key: request for request in self.answered}
        return [request for key, request in firsts.items() if counts[key] > 1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                with server._lock:
                    server._connections.add(self.request)
                super().setup()

            def finish(self) -> None:
                with suppress(OSError):
                    super().finish()
                with server._lock:
                    server._connections.discard(self.request)

            def do_GET(self) -> None:
                with suppress(OSError):
                    server._serve_models(self)

            def do_POST(self) -> None:
                with suppress(OSError):
                    server._serve_completion(self)

            def log_message(self, *_: Any) -> None:
                return

        return Handler

    def _serve_models(self, handler: BaseHTTPRequestHandler) -> None:
        reply = self._refusal(handler, "/v1/models")
        if reply is None:
            entry = {"id": self.model, "object": "model", "created": 0, "owned_by": "tests"}
            reply = Reply(body=json.dumps({"object": "list", "data": [entry]}).encode())
        self._send(handler, reply, reply.content(self.model, ""))

    def _serve_completion(self, handler: BaseHTTPRequestHandler) -> None:
        content = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        reply = self._refusal(handler, "/v1/chat/completions")
        try:
            body = json.loads(content)
        except ValueError:
            reply = refused(400, "the body is no JSON")
        if reply is not None:
            self._send(handler, reply, reply.content(self.model, ""))
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = ChatRequest(body, headers, time.monotonic())
        with self._lock:
            self.requests.append(request)
            self._under_way.add(id(request))
            self.most_at_once = max(self.most_at_once, len(self._under_way))
            planned = next(self._plan, None)
        whole = False
        try:
            reply = planned or self._reply_to(request)
            content = reply.content(self.model, request.text)
            if reply.well_formed:
                # before it is sent: the client may look as soon as it has the answer
                with self._lock:
                    self.answered.append(request)
            whole = self._send(handler, reply, content, lambda: self._leave(request))
        finally:
            self._leave(request)
            with self._lock:
                if not whole and request in self.answered:
                    self.answered.remove(request)

    def _refusal(self, handler: BaseHTTPRequestHandler, path: str) -> Reply | None:
        if handler.path != path:
            return refused(404, f"nothing at {handler.path}")
        if self._key and handler.headers.get("Authorization") != f"Bearer {self._key}":
            return refused(401, "this key may not ask")
        return None

    def _reply_to(self, request: ChatRequest) -> Reply:
        if request.model != self.model:
            return refused(404, f"the model {request.model!r} does not exist")
        try:
            reply = self._answer(request)
        except NoRecording as error:
            return refused(400, str(error))
        return reply if isinstance(reply, Reply) else Reply(reply)

    def _leave(self, request: ChatRequest) -> None:
        with self._lock:
            self._under_way.discard(id(request))

    def _send(
        self,
        handler: BaseHTTPRequestHandler,
        reply: Reply,
        content: bytes,
        at_the_end: Callable[[], None] = lambda: None,
    ) -> bool:
        """Send *reply*, and return whether all of it was sent.

        *at_the_end* is called before the last byte: after it the client may send its next request
        sooner than this thread goes on.
        """
        if reply.delay_s and self._closing.wait(reply.delay_s):
            return False
        if reply.reset:
            linger = struct.pack("ii", 1, 0)  # closing then resets
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.close_connection = True
            return False
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        headers |= reply.headers
        lines = [f"HTTP/1.1 {reply.status} Answer", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode()
        if not reply.pause_s:
            at_the_end()
            handler.wfile.write(head + content)
            return True
        handler.wfile.write(head)
        for number, byte in enumerate(content, 1):
            if self._closing.wait(reply.pause_s):
                return False
            if number == len(content):
                at_the_end()
            handler.wfile.write(bytes([byte]))
        return True
