"""Reading the body of a response: a completion, or the reason why it holds none."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from scaler_core.endpoint.failures import Key
from scaler_core.models import Record
from scaler_core.seeds import SEED_BITS, derive_seed

BYTES_PER_TOKEN = 4  # of usual text, for servers that do not count tokens
MOST_TOKENS = 10**9  # of one request; a larger count is taken for an error
BEGINNING = 10_000  # bytes of a body that are searched for something to show


class UnusableAnswer(Exception):
    """The server answered, but without a completion; a repeated request may bring one.

    Args:
        reason: What the answer was instead, in a few words.
        tokens: Tokens of question and answer, as the server counted them; they are paid for.
    """

    def __init__(self, reason: str, tokens: tuple[int, int] = (0, 0)) -> None:
        super().__init__(reason)
        self.tokens = tokens


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    # servers have two names for a thought that they separate, and some put no text there
    reasoning_content: Any = None
    reasoning: Any = None

    @property
    def thought(self) -> str:
        found = (self.reasoning_content, self.reasoning)
        return next((text for text in found if text and isinstance(text, str)), "")


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Body(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0, le=MOST_TOKENS)
    completion_tokens: int = Field(ge=0, le=MOST_TOKENS)


def guessed_tokens(text: str) -> int:
    """About how many tokens *text* has."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def completion_of(body: bytes, prompt_tokens: int, key: Key) -> Completion:
    """The completion in the *body* of a response with status 200.

    Args:
        body: What the server sent.
        prompt_tokens: A guess at the tokens of the question, where the server counts none.
        key: The key, which is cut out where the server echoes it.

    Raises:
        UnusableAnswer: It is not JSON, says that something failed, or holds no choice with a text.
            An empty text of the model's own making is an answer, not a failure.
    """
    value = _json(body)
    if value is None:
        beginning = key.shown(body[:BEGINNING].decode(errors="replace"))
        raise UnusableAnswer(f"answered no JSON: {beginning}" if beginning else "answered nothing")
    usage = _usage_of(value)
    spent = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    try:
        parsed = _Body.model_validate(value)
    except ValidationError as error:
        raise UnusableAnswer(_reason(value, error, key), spent) from None
    choice = parsed.choices[0]
    text = choice.message.content
    if text is None:
        text = choice.message.refusal
    if text is None and choice.finish_reason in (None, "stop"):
        raise UnusableAnswer("answered a choice without a text", spent)
    text = _clean(text or "", key)
    return Completion(
        text=text,
        thought=_clean(choice.message.thought, key),
        finish_reason=_clean(choice.finish_reason or "stop", key),
        prompt_tokens=usage.prompt_tokens if usage else prompt_tokens,
        completion_tokens=usage.completion_tokens if usage else guessed_tokens(text),
        estimated=usage is None,
        served_model=_clean(parsed.model or "", key),
    )


def error_text(body: bytes, key: Key) -> str:
    """The message of an error response, on one line: that in its JSON, or else its beginning."""
    message = _error_message(_json(body))
    return key.shown(message or body[:BEGINNING].decode(errors="replace"))


def _json(body: bytes) -> Any:
    """The JSON value of *body*; ``None`` where it is not JSON.

    The standard library's parser, because it accepts lone surrogates, which models do write.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _error_message(value: Any) -> str:
    """The message of an error in the form that most servers use; empty where there is none."""
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        error = error.get("message", error)
    return str(error) if error else ""


def _usage_of(value: Any) -> _Usage | None:
    try:
        return _Usage.model_validate(value["usage"])
    except (ValidationError, LookupError, TypeError):
        return None


def _reason(value: Any, error: ValidationError, key: Key) -> str:
    if message := _error_message(value):
        return f"answered an error: {key.shown(message)}"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "too_short":
        return "answered without any choice"
    return f"answered what is no completion: {place} {first['msg']}".lower().replace("  ", " ")


def _clean(text: str, key: Key) -> str:
    """A server's text that can be written: without the key, and without lone surrogates."""
    return key.cleaned(text).encode("utf-8", "replace").decode()


SENT_SEED_BITS = 31  # every server accepts a seed of this size


class Sampling(Record):
    """How a completion is sampled. All of it decides the completion, so all of it is in its key.

    Attributes:
        temperature: Left to the server where ``None``.
        top_p: The share of probability that is sampled from; left to the server where ``None``.
        max_tokens: Most tokens that the model may write, those of its thinking included. Always
            sent, so that the price of a request is bounded.
        seed: Base of the seed that is sent with each sample; none is sent where ``None``.
        stop: Texts at which the model stops.
    """

    temperature: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=8192, ge=1)
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def seed_of(self, sample: int) -> int | None:
        """The seed to send with the sample of this index: a different one for each."""
        if self.seed is None:
            return None
        return derive_seed("endpoint", self.seed, sample) >> (SEED_BITS - SENT_SEED_BITS)


class Completion(Record):
    """An answer of a model.

    Attributes:
        text: The answer; where the model refused, the text of its refusal.
        thought: The model's reasoning, where the server separates it from the answer.
        finish_reason: Why the model stopped, in the server's word; ``length`` when cut off.
        prompt_tokens: Tokens of the question, as the server counts them.
        completion_tokens: Tokens of the answer, thinking included, as the server counts them.
        estimated: Whether the server gave no count, so that both are guesses from the lengths.
        served_model: The model by the server's report; may be more exact than the requested name.
        cached: Whether the answer came out of the cache, and cost nothing now.
    """

    text: str
    thought: str = ""
    finish_reason: str
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    estimated: bool = False
    served_model: str = ""
    cached: bool = False

    @property
    def cut_off(self) -> bool:
        """Whether the length limit ended it, so that the text is not whole."""
        return self.finish_reason == "length"

    @property
    def text_hash(self) -> str:
        """SHA-256 of the text, for provenance."""
        return hashlib.sha256(self.text.encode()).hexdigest()
