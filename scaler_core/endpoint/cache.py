r"""Answers on disk, so that none is paid for twice: appended, durable, safe for several processes.

``responses.jsonl`` holds a line for each answer, under a hash of all that decides it: model,
messages, sampling, sample and further options, but not the url. A line is written in one go under a
lock of the file and is on disk before its answer is used. A kill at any moment leaves at most a
torn last line, which the next writer closes with ``\n`` and every reader skips.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import JsonValue, ValidationError

from scaler_core.endpoint.answers import Completion, Sampling
from scaler_core.errors import UsageError
from scaler_core.interfaces import Closable
from scaler_core.jsonio import cannot_write, canonical_json, compact_json, sync_directory
from scaler_core.models import Message, Versioned

FILE = "responses.jsonl"
KEY_START = b'{"key":"'
KEY_LENGTH = 64
CHUNK_BYTES = 1 << 20


def request_key(
    model: str,
    messages: Sequence[Message],
    sampling: Sampling,
    sample: int = 0,
    extra: Mapping[str, JsonValue] | None = None,
) -> str:
    """SHA-256 over all that decides an answer; where it is asked for is not part of it."""
    parts = [model, list(messages), sampling.model_dump(mode="json"), sample, dict(extra or {})]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


class CachedResponse(Versioned):
    """A line of the file; *key* comes first, which is how lines are found without parsing them."""

    key: str
    model: str
    sample: int
    completion: Completion


class ResponseCache(Closable):
    """The answers below one folder. Thread-safe; several processes may share the folder.

    Where each answer stands is kept in memory, the answers themselves are not.

    Raises:
        InfrastructureError: The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._places: dict[str, tuple[int, int]] = {}
        self._read_to = 0
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            sync_directory(folder)
        except (OSError, ValueError) as error:
            raise cannot_write(self.path, error) from error
        self._closed = False
        with self._lock:
            self._catch_up()

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Completion | None:
        """The answer under *key*, marked as cached; ``None`` when there is none, or a torn one."""
        with self._lock:
            self._check_open()
            if key not in self._places:
                self._catch_up()  # another process may have it by now
            place = self._places.get(key)
            line = os.pread(self._file, place[1], place[0]) if place else b""
        if not line:
            return None
        try:
            found = CachedResponse.model_validate_json(line)
        except ValidationError:
            return None  # damaged: it is asked for again, and the new line then counts
        return found.completion.model_copy(update={"cached": True})

    def put(self, key: str, completion: Completion, *, model: str, sample: int) -> None:
        """Keep an answer; it is on disk when this returns.

        Raises:
            InfrastructureError: It cannot be written; nothing of it is left in the file.
        """
        kept = completion.model_copy(update={"cached": False})
        entry = CachedResponse(key=key, model=model, sample=sample, completion=kept)
        fields = entry.model_dump(mode="json")
        # the key first: that is how a line is found
        line = compact_json({"key": fields.pop("key"), **fields}).encode() + b"\n"
        try:
            with self._lock:
                self._check_open()
                with self._locked_file():
                    self._append(line)
                os.fsync(self._file)
                self._catch_up()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Close the file, after a write under way; the cache cannot be used afterwards."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._file)

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError(f"the response cache {self.path} is closed")

    @contextmanager
    def _locked_file(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _append(self, line: bytes) -> None:
        end = os.fstat(self._file).st_size
        torn = end > 0 and os.pread(self._file, 1, end - 1) != b"\n"
        rest = b"\n" + line if torn else line
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, end)
            raise

    def _catch_up(self) -> None:
        """Note where the answers stand that were written since the last time, by anybody."""
        rest = b""
        position = self._read_to
        while chunk := os.pread(self._file, CHUNK_BYTES, position):
            position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._note(line)
                self._read_to += len(line) + 1

    def _note(self, line: bytes) -> None:
        start = len(KEY_START)
        if line.startswith(KEY_START) and line.endswith(b"}"):
            key = line[start : start + KEY_LENGTH].decode(errors="replace")
            self._places[key] = (self._read_to, len(line))
