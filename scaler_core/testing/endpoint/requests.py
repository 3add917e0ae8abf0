"""Requests to the recorded endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scaler_core.jsonio import canonical_json

HASH_LENGTH = 16


def conversation_hash(messages: Sequence[Mapping[str, Any]]) -> str:
    """A short hash of a conversation, which a folder of recordings may be named by."""
    text = canonical_json([dict(message) for message in messages])
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


@dataclass(frozen=True)
class ChatRequest:
    """One request for a completion.

    Attributes:
        body: The whole body: ``model``, ``messages``, sampling and further options.
        headers: The headers, their names in small letters.
        at: When it came, in seconds of a clock that never goes back.
    """

    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    at: float = 0.0

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation."""
        messages: Sequence[Mapping[str, Any]] = self.body.get("messages", ())
        return messages

    @property
    def model(self) -> str:
        """The requested model."""
        return str(self.body.get("model", ""))

    @property
    def text(self) -> str:
        """The text of the whole conversation, in which marks are searched."""
        return "\n".join(str(message.get("content", "")) for message in self.messages)

    @property
    def turn(self) -> int:
        """Which answer of the conversation is requested, counted from 1."""
        return 1 + len([item for item in self.messages if item.get("role") == "assistant"])

    @property
    def opening(self) -> Sequence[Mapping[str, Any]]:
        """The conversation up to the model's first answer."""
        roles = [message.get("role") for message in self.messages]
        return self.messages[: roles.index("assistant")] if "assistant" in roles else self.messages

    @property
    def key(self) -> str:
        """Equal for equal requests: the whole body, as text."""
        return canonical_json(dict(self.body))
