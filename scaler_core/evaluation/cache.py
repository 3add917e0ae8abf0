"""The response cache: every response on disk as soon as it is there, found by what was asked.

An interrupted evaluation goes on where it was, and re-grading needs no model. A line is there as a
whole or not at all: what a kill left of the last one is cut off when the file is opened again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scaler_core.closable import Closable
from scaler_core.errors import DataError
from scaler_core.jsonio import append_line, cannot_write, canonical_json
from scaler_core.models import Question, Response


class Kept(NamedTuple):
    """A response and the seconds that it took to come after the one before it."""

    response: Response
    seconds: float


def response_key(identity: str, max_tokens: int | None, question: Question) -> str:
    """The name of the response to *question*: equal only where model, prompt and sampling are."""
    asked = [identity, max_tokens, question.model_dump(mode="json")]
    return hashlib.blake2b(canonical_json(asked).encode(), digest_size=16).hexdigest()


class ResponseCache(Closable):
    """The responses in one file, by :func:`response_key`. Reading is thread-safe.

    Texts stay on disk: only their places are held in memory.

    Args:
        path: The file; it is made where there is none.

    Raises:
        DataError: A line other than a torn last one is damaged.
        InfrastructureError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._end = self._read_places() if path.exists() else 0
            self._stream = path.open("ab+", buffering=0)
            self._stream.truncate(self._end)
        except OSError as error:
            raise cannot_write(path, error) from error

    def _read_places(self) -> int:
        """Note where each response stands; the length of the whole lines in bytes."""
        end = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    self._places[json.loads(line)["key"]] = (end, len(line))
                except (ValueError, KeyError, TypeError) as error:
                    raise DataError(
                        f"{self.path} line {number} holds no response",
                        hint="remove the line to have its question asked again",
                    ) from error
                end += len(line)
        return end

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __getitem__(self, key: str) -> Kept:
        """The response of *key*.

        Raises:
            DataError: Its line is damaged.
        """
        offset, length = self._places[key]
        try:
            record = json.loads(os.pread(self._stream.fileno(), length, offset))
            return Kept(Response.model_validate(record["response"]), float(record["seconds"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path}: the line with key {key} holds no response",
                hint="remove the line to have its question asked again",
            ) from error

    def add(self, key: str, response: Response, seconds: float, asked: Mapping[str, Any]) -> None:
        """Keep *response*; it survives a power cut when this returns.

        Args:
            key: Its name.
            response: What the model wrote.
            seconds: Since the response before it.
            asked: What tells a reader of the file which question it answers.

        Raises:
            InfrastructureError: It cannot be written.
        """
        record = {
            "key": key,
            **asked,
            "seconds": round(seconds, 4),
            # a model may write half of a surrogate pair, which no UTF-8 file can hold
            "response": response.model_copy(
                update={"text": response.text.encode("utf-8", "replace").decode()}
            ).model_dump(mode="json"),
        }
        try:
            append_line(self._stream, record)
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        length = self._stream.tell() - self._end
        self._places[key] = (self._end, length)
        self._end += length
