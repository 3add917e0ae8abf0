"""From the body of a response to a completion, or to the reason why it is none."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, ValidationError

from scaler_core.endpoint.failures import Redactor
from scaler_core.endpoint.records import Completion

BYTES_PER_TOKEN = 4  # of usual text, for servers that count nothing


class UnusableAnswer(Exception):
    """The server answered, but with no completion; asked again, it may.

    Args:
        reason: What came instead, in a few words.
        completion: What the server says it made and counted, to be paid for; ``None`` if nothing.
    """

    def __init__(self, reason: str, completion: Completion | None = None) -> None:
        super().__init__(reason)
        self.completion = completion


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Body(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Counted(BaseModel):
    usage: _Usage


class _Failure(BaseModel):
    error: Any = None


def guessed_tokens(text: str) -> int:
    """About how many tokens *text* has."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def completion_of(body: bytes, prompt_tokens: int, redactor: Redactor) -> Completion:
    """The completion in the *body* of a response with status 200.

    Args:
        body: What the server sent.
        prompt_tokens: A guess at the tokens of the question, where the server counts none.
        redactor: Takes out a key that the server echoes.

    Raises:
        UnusableAnswer: It is not JSON, says that something failed, or holds no choice with a text.
            An empty text of the model's own making is an answer, not a failure.
    """
    usage = _usage_of(body)
    try:
        parsed = _Body.model_validate_json(body)
    except ValidationError as error:
        reason = _reason(body, error, redactor)
        raise UnusableAnswer(reason, _spent(usage) if usage else None) from None
    choice = parsed.choices[0]
    text = choice.message.content
    if text is None:
        text = choice.message.refusal
    if text is None and choice.finish_reason in (None, "stop"):
        reason = "answered a choice without a text"
        raise UnusableAnswer(reason, _spent(usage) if usage else None)
    text = _clean(text or "", redactor)
    return Completion(
        text=text,
        finish_reason=_clean(choice.finish_reason or "stop", redactor),
        prompt_tokens=usage.prompt_tokens if usage else prompt_tokens,
        completion_tokens=usage.completion_tokens if usage else guessed_tokens(text),
        estimated=usage is None,
        served_model=_clean(parsed.model or "", redactor),
    )


def error_text(body: bytes, redactor: Redactor) -> str:
    """What an error response says, on one line: the message in its JSON, or its beginning."""
    try:
        failure = _Failure.model_validate_json(body).error
    except ValidationError:
        failure = None
    if isinstance(failure, dict):
        failure = failure.get("message", failure)
    return redactor.shown(str(failure) if failure else body[:10_000].decode(errors="replace"))


def _usage_of(body: bytes) -> _Usage | None:
    try:
        return _Counted.model_validate_json(body).usage
    except ValidationError:
        return None


def _spent(usage: _Usage) -> Completion:
    return Completion(text="", finish_reason="unusable", **usage.model_dump())


def _reason(body: bytes, error: ValidationError, redactor: Redactor) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        beginning = redactor.shown(body[:10_000].decode(errors="replace"))
        return f"answered no JSON: {beginning}" if beginning else "answered nothing at all"
    if said := _said_error(body, redactor):
        return f"answered an error: {said}"
    place = ".".join(str(part) for part in first["loc"])
    if place == "choices":
        return "answered without any choice"
    return f"answered what is no completion: {place}: {first['msg']}".replace(": :", ":")


def _said_error(body: bytes, redactor: Redactor) -> str:
    try:
        failure = _Failure.model_validate_json(body).error
    except ValidationError:
        return ""
    return error_text(body, redactor) if failure else ""


def _clean(text: str, redactor: Redactor) -> str:
    """Foreign text that can be written: without the key, and without halves of characters."""
    return redactor.clean(text).encode("utf-8", "replace").decode()
