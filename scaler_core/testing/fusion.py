r"""A SandboxFusion server for tests: real HTTP, with scripted answers and faults.

::

    with FakeFusion() as server:                       # runs programs on this machine
        sandbox = SandboxFusion(SandboxFusion.Config(url=server.url))

    with FakeFusion([Reply(status=503), succeeded("3\n")]) as server:   # fails, then answers
        ...
        assert len(server.requests) == 2
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

SHOWN_BYTES = 1 << 20  # of a stream; the real server drops the rest
PYTHON_OPTIONS = ("-I", "-S")

FusionRequest = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """The server's reaction to one request.

    Attributes:
        body: The body that it sends.
        status: The HTTP status.
        headers: Further headers.
        delay_s: Seconds before it answers.
        pause_s: Seconds between single bytes of head and body; a slow drip.
        cut_at: Bytes of the body after which it closes the connection.
        endless: It sends the body again and again.
        reset: It resets the connection instead of answering.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    pause_s: float = 0.0
    cut_at: int | None = None
    endless: bool = False
    reset: bool = False


def answered(**fields: Any) -> Reply:
    """A well-formed answer with these fields of ``RunCodeResponse``."""
    whole = {"status": "Success", "message": "", "compile_result": None, "run_result": None}
    return Reply(json.dumps(whole | {"executor_pod_name": None, "files": {}} | fields).encode())


def command(**fields: Any) -> dict[str, Any]:
    """A ``CommandRunResult``: a program that ended with exit code 0, unless *fields* differ."""
    whole = {"status": "Finished", "execution_time": 0.01, "return_code": 0}
    return whole | {"stdout": "", "stderr": ""} | fields


def succeeded(stdout: str, **files: bytes) -> Reply:
    """The answer about a program that printed *stdout* and left *files*."""
    encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
    return answered(run_result=command(stdout=stdout), files=encoded)


def failed(**fields: Any) -> Reply:
    """The answer about a program that ended otherwise; *fields* as in :func:`command`."""
    return answered(status="Failed", run_result=command(**fields))


def run_here(request: FusionRequest) -> Reply:
    """Run the program of a request as the real server does, but on this machine.

    Nothing is contained: only for programs that stand in the tests themselves.
    """
    with tempfile.TemporaryDirectory(prefix="fusion-") as folder:
        compiled = None
        if request["language"] == "cpp":
            Path(folder, "program.cpp").write_text(request["code"], encoding="utf-8")
            words = ["g++", "-std=c++17", "program.cpp", "-o", "test"]
            compiled = _run(words, folder, "", request["compile_timeout"])
            words = ["./test"]
        else:
            Path(folder, "program.py").write_text(request["code"], encoding="utf-8")
            words = [sys.executable, *PYTHON_OPTIONS, str(Path(folder, "program.py"))]
        if compiled is not None and compiled["return_code"] != 0:
            return answered(status="Failed", compile_result=compiled)
        run = _run(words, folder, request["stdin"], request["run_timeout"])
        paths = [Path(folder, name) for name in request.get("fetch_files", ())]
        files = {
            path.name: base64.b64encode(path.read_bytes()).decode()
            for path in paths
            if path.is_file()
        }
    status = "Success" if run["return_code"] == 0 else "Failed"
    return answered(status=status, compile_result=compiled, run_result=run, files=files)


def _run(words: list[str], folder: str, stdin: str, timeout_s: float) -> dict[str, Any]:
    started = time.monotonic()
    process = subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    status = "Finished"
    try:
        output, error = process.communicate(stdin.encode(), timeout_s)
    except subprocess.TimeoutExpired:
        status = "TimeLimitExceeded"
        os.killpg(process.pid, signal.SIGKILL)
        output, error = process.communicate()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # processes that the program left
    return command(
        status=status,
        execution_time=time.monotonic() - started,
        return_code=process.returncode if status == "Finished" else None,
        stdout=_text(output),
        stderr=_text(error),
    )


def _text(content: bytes) -> str:
    try:
        return content[:SHOWN_BYTES].decode()
    except UnicodeDecodeError as error:
        return f"[DecodeError] {error}"


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class FakeFusion:
    """A server on this machine, from ``with`` to its end.

    Args:
        script: Reactions to the first requests, in the order in which they come.
        answer: Reacts to the others.

    Attributes:
        url: Its address.
        requests: The requests that came, decoded, in that order.
        headers: Their headers.
        most_at_once: The largest number of requests under way at the same time.
    """

    def __init__(
        self,
        script: Iterable[Reply] = (),
        answer: Callable[[FusionRequest], Reply] = run_here,
    ) -> None:
        self._script = iter(script)
        self._answer = answer
        self._lock = threading.Lock()
        self._under_way = 0
        self._connections: set[socket.socket] = set()
        self.closing = threading.Event()
        self.requests: list[FusionRequest] = []
        self.headers: list[Mapping[str, str]] = []
        self.most_at_once = 0
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeFusion:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

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

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with suppress(OSError):
                    if self.path == "/run_code":
                        server._serve(self, json.loads(body))
                    else:
                        self.send_error(404)

            def log_message(self, *_: Any) -> None:
                return

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler, request: FusionRequest) -> None:
        with self._lock:
            self.requests.append(request)
            self.headers.append(dict(handler.headers))
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            reply = next(self._script, None)
        try:
            self._send(handler, reply or self._answer(request))
        finally:
            with self._lock:
                self._under_way -= 1

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        self.closing.wait(reply.delay_s)
        if reply.reset:
            linger = struct.pack("ii", 1, 0)  # closing then resets
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.close_connection = True
            return
        headers = {"Content-Type": "application/json", **reply.headers}
        if not reply.endless:
            headers.setdefault("Content-Length", str(len(reply.body)))
        lines = [f"HTTP/1.1 {reply.status} Answer", *(f"{k}: {v}" for k, v in headers.items())]
        content = "\r\n".join([*lines, "", ""]).encode() + reply.body[: reply.cut_at]
        if reply.cut_at is not None or reply.endless:
            handler.close_connection = True
        if reply.pause_s:
            for byte in content:
                if self.closing.wait(reply.pause_s):
                    break
                handler.wfile.write(bytes([byte]))
            return
        handler.wfile.write(content)
        while reply.endless and not self.closing.is_set():
            handler.wfile.write(reply.body)
