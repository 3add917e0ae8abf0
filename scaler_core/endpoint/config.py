"""Options of an endpoint: where the model is, and how requests are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, JsonValue, model_validator

from scaler_core.errors import UsageError
from scaler_core.interfaces import Options

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEFAULT_KEY_VARIABLE = "SCALER_ENDPOINT_KEY"
OURS = {"max_completion_tokens", "max_tokens", "messages", "model", "n", "seed", "stop"} | {
    "stream",
    "stream_options",
    "temperature",
    "top_p",
}


class EndpointOptions(Options):
    """Options of an OpenAI-compatible endpoint."""

    # a url may hold a password by mistake
    model_config = ConfigDict(hide_input_in_errors=True)

    url: str
    """Address up to and including the version, such as ``http://localhost:8000/v1``."""

    model: str = Field(min_length=1)
    """Name of the model, as the server calls it."""

    key_variable: str | None = None
    """Environment variable that holds the key; by default ``SCALER_ENDPOINT_KEY``, which need
    not be set. The key itself is no option, because options are written into files."""

    concurrency: int = Field(default=16, ge=1, le=4096)
    """Requests under way at the same time."""

    timeout_s: float = Field(default=600.0, gt=0)
    """Timeout of a request in seconds, until the whole answer is there."""

    retries: int = Field(default=6, ge=0, le=100)
    """How often a request is repeated when the server fails, does not answer or is too busy."""

    backoff_s: float = Field(default=1.0, ge=0)
    """Longest pause in seconds before the first repetition; it doubles each time."""

    longest_wait_s: float = Field(default=120.0, ge=0)
    """Longest pause in seconds. A server that asks for a longer one is not waited for."""

    requests_per_minute: float | None = Field(default=None, gt=0)
    """Requests started in a minute, evenly spread; unlimited by default."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The server's name of the limit of an answer's length; some models of OpenAI need
    ``max_completion_tokens``."""

    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Further fields of each request's body, such as ``{"chat_template_kwargs":
    {"enable_thinking": false}}``. Part of the cache's key. No place for secrets."""

    @model_validator(mode="after")
    def _can_be_used(self) -> EndpointOptions:
        _check_url(self.url)
        if taken := sorted(OURS & set(self.extra)):
            raise ValueError(f"extra: {', '.join(taken)} cannot be set there")
        if self.key_variable is not None and not VARIABLE.fullmatch(self.key_variable):
            # it is never shown: it may be the key itself by mistake
            raise ValueError(
                "key_variable: must be the name of an environment variable (letters, digits, _), "
                "not the key itself"
            )
        return self

    @property
    def key_name(self) -> str:
        """The environment variable that holds the key."""
        return self.key_variable or DEFAULT_KEY_VARIABLE


def key_from(options: EndpointOptions, environment: Mapping[str, str]) -> str:
    """Returns the key that *options* name, out of *environment*; empty where none is needed.

    Raises:
        UsageError: The variable was named but is not set, or its content cannot be a key.
    """
    key = environment.get(options.key_name, "").strip()
    if not key and options.key_variable is not None:
        raise UsageError(
            f"endpoint.key_variable: the environment variable {options.key_name} is not set",
            hint=f"export {options.key_name}=..., or leave key_variable out for a server without",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"the environment variable {options.key_name} holds characters that no key has",
            hint="it must hold the key and nothing else",
        )
    return key


def _check_url(url: str) -> None:
    # the url itself is never shown: it may hold a password
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("url: must be an address such as http://localhost:8000/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "url: must hold no name and no password; put the key into an environment variable"
        )
    if parts.query or parts.fragment:
        raise ValueError("url: must end with host, port or path")
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise ValueError("url: must end before /chat/completions")
