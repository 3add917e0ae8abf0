"""The recorded endpoint's reactions to a request: an answer, or one of many faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FOREVER_S = 3600.0
BYTES_PER_TOKEN = 4


@dataclass(frozen=True)
class Reply:
    """The server's reaction to one request; by default a well-formed answer of *text*.

    Attributes:
        text: The model's answer.
        finish_reason: Why it stopped.
        prompt_tokens: Tokens of the question; guessed from its length where ``None``.
        completion_tokens: Tokens of the answer; guessed from its length where ``None``.
        counted: Whether the answer says how many tokens it took.
        body: Bytes to send instead of a well-formed answer.
        status: The HTTP status.
        headers: Further headers, or replacements of ours.
        delay_s: Seconds before it answers.
        pause_s: Seconds between single bytes of the body; a slow drip.
        reset: It resets the connection instead of answering.
    """

    text: str = ""
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    counted: bool = True
    body: bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    pause_s: float = 0.0
    reset: bool = False

    @property
    def well_formed(self) -> bool:
        """Whether it holds an answer that a client can read."""
        return self.status == 200 and self.body is None and not self.reset

    def content(self, model: str, question: str) -> bytes:
        """The body: :attr:`body`, or the answer of *model* to *question* in the usual form."""
        if self.body is not None:
            return self.body
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        answer: dict[str, Any] = {
            "id": "recorded",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [choice],
        }
        if self.counted:
            prompt = _tokens(question) if self.prompt_tokens is None else self.prompt_tokens
            written = _tokens(self.text)
            if self.completion_tokens is not None:
                written = self.completion_tokens
            answer["usage"] = {
                "prompt_tokens": prompt,
                "completion_tokens": written,
                "total_tokens": prompt + written,
            }
        return json.dumps(answer).encode()


def _tokens(text: str) -> int:
    return -(-len(text) // BYTES_PER_TOKEN)


def rate_limited(retry_after: str = "0") -> Reply:
    """429, with this ``Retry-After``."""
    return _failed(429, "slow down", {"Retry-After": retry_after})


def server_error(status: int = 500) -> Reply:
    """A failure of the server: 500, or another *status*."""
    return _failed(status, "something went wrong here")


def refused(status: int, message: str = "no") -> Reply:
    """A refusal: 400, 401, 403, 404 and the like."""
    return _failed(status, message)


def hanging(seconds: float = FOREVER_S) -> Reply:
    """Nothing for so long, or until the server closes."""
    return Reply(delay_s=seconds)


def slow(text: str, seconds: float) -> Reply:
    """The answer, late."""
    return Reply(text, delay_s=seconds)


def dripping(text: str, pause_s: float) -> Reply:
    """The answer byte by byte."""
    return Reply(text, pause_s=pause_s)


def reset() -> Reply:
    """A connection that is reset."""
    return Reply(reset=True)


def cut_off(text: str) -> Reply:
    """An answer that the length limit ended."""
    return Reply(text, finish_reason="length")


def junk(content: bytes = b"\x00\xff\xfe junk {[") -> Reply:
    """Status 200 and a body that is no JSON."""
    return Reply(body=content)


def wrong_json(value: object = None) -> Reply:
    """Status 200 and JSON of another shape."""
    return Reply(body=json.dumps({"answer": 42} if value is None else value).encode())


def no_choices() -> Reply:
    """Status 200 and a well-formed answer with an empty list of choices."""
    whole = json.loads(Reply().content("recorded", ""))
    return wrong_json(whole | {"choices": []})


def web_page() -> Reply:
    """Status 200 and the page of a proxy, with its type."""
    page = b"<!doctype html><title>Sign in</title>"
    return Reply(body=page, headers={"Content-Type": "text/html"})


HOSTILE_SOURCES = {
    "deletes": "import shutil\nshutil.rmtree('/', ignore_errors=True)\n",
    "reads a secret": "print(open('/etc/shadow').read())\n",
    "connects": "import socket\nsocket.create_connection(('127.0.0.1', 22))\n",
    "forks": "import os\nwhile True: os.fork()\n",
    "fills memory": "bomb = bytearray(1 << 40)\n",
    "never ends": "while True: pass\n",
    "kills": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
}
"""Programs that attack as soon as they are loaded, before any function of theirs is called."""


def hostile_code(attack: str) -> Reply:
    """A generator in good form whose program attacks; *attack* is a key of `HOSTILE_SOURCES`."""
    source = HOSTILE_SOURCES[attack] + (
        "def generate_testcase(scale):\n    return '1\\n', {'n': 1}\n"
    )
    return Reply(f"Here it is.\n\n```python\n{source}```\n")


def _failed(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    content = json.dumps({"error": {"message": message, "code": status}}).encode()
    return Reply(body=content, status=status, headers=headers or {})
