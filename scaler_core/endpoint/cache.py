"""Answers on disk, so that none is paid for twice: appended, durable, safe for several processes.

``responses.jsonl`` holds a line for each answer, under a hash of all that decides it: model,
messages, sampling, sample and further options, but not the url. A line is on disk before its answer
is used. Of equal keys the last line counts. Damaged lines are skipped: their answers are requested
again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue, ValidationError

from scaler_core.endpoint.answers import Completion, Sampling
from scaler_core.errors import DataError
from scaler_core.interfaces import Closable
from scaler_core.jsonio import cannot_write, canonical_json, compact_json
from scaler_core.jsonlines import JsonLines, LineSpan
from scaler_core.models import Message, Versioned

FILE = "responses.jsonl"
KEY_START = b'{"key":"'
KEY_LENGTH = 64


def request_key(
    model: str,
    messages: Sequence[Message],
    sampling: Sampling,
    sample: int = 0,
    extra: Mapping[str, JsonValue] | None = None,
) -> str:
    """SHA-256 over all that decides an answer; the server's address is not part of it."""
    parts = [model, list(messages), sampling.model_dump(mode="json"), sample, dict(extra or {})]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


class CachedResponse(Versioned):
    """A line of the file; *key* comes first, so that lines are indexed without parsing them."""

    key: str
    model: str
    sample: int
    completion: Completion


class ResponseCache(Closable):
    """The answers below one folder. Thread-safe; several processes may share the folder.

    The place of each answer in the file is kept in memory, the answers themselves are not.

    Raises:
        InfrastructureError: The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._spans: dict[str, LineSpan] = {}
        self._read_to = 0
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise cannot_write(self.path, error) from error
        self._lines = JsonLines(self.path, shared=True)
        self._catch_up()

    def __len__(self) -> int:
        return len(self._spans)

    def get(self, key: str) -> Completion | None:
        """The answer under *key*, marked as cached; ``None`` where there is none or a damaged one.

        Raises:
            InfrastructureError: The file cannot be read.
        """
        if key not in self._spans:
            self._catch_up()  # another process may have written it meanwhile
        span = self._spans.get(key)
        if span is None:
            return None
        try:
            response = CachedResponse.model_validate(self._lines.read(span))
        except (DataError, ValidationError):
            return None  # damaged: it is requested again, and the new line then counts
        return response.completion.model_copy(update={"cached": True})

    def put(self, key: str, completion: Completion, *, model: str, sample: int) -> None:
        """Write an answer; it is on disk when this returns.

        Raises:
            InfrastructureError: It cannot be written; nothing of it is left in the file.
        """
        answer = completion.model_copy(update={"cached": False})
        entry = CachedResponse(key=key, model=model, sample=sample, completion=answer)
        fields = entry.model_dump(mode="json")
        # the key first, where the index looks for it
        self._lines.append(compact_json({"key": fields.pop("key"), **fields}))
        # indexed by reading on, since lines of other processes may stand before this one
        self._catch_up()

    def close(self) -> None:
        """Close the file, after a write under way; the cache cannot be used afterwards."""
        self._lines.close()

    def _catch_up(self) -> None:
        """Index the lines that any process has written since the last call."""
        with self._lock:
            for span, line in self._lines.lines(self._read_to):
                if line.startswith(KEY_START) and line.endswith(b"}"):
                    start = len(KEY_START)
                    key = line[start : start + KEY_LENGTH].decode(errors="replace")
                    self._spans[key] = span
                self._read_to = span.offset + span.length
