"""What is asked for and what comes back, frozen: sampling and completion."""

from __future__ import annotations

import hashlib

from pydantic import Field

from scaler_core.models import Record
from scaler_core.seeds import SEED_BITS, derive_seed

SENT_SEED_BITS = 31  # what every server takes as a seed


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
        """The seed to send with the sample of this index: another one for each."""
        if self.seed is None:
            return None
        return derive_seed("endpoint", self.seed, sample) >> (SEED_BITS - SENT_SEED_BITS)


class Completion(Record):
    """What a model answered.

    Attributes:
        text: The answer; where the model refused, the text of its refusal.
        thought: What the model thought, where the server sets that apart from the answer.
        finish_reason: Why the model stopped, in the server's word; ``length`` when cut off.
        prompt_tokens: Tokens of the question, as the server counts them.
        completion_tokens: Tokens of the answer, thinking included, as the server counts them.
        estimated: Whether the server gave no count, so that both are guesses from the lengths.
        served_model: The model that the server says it was; may be more exact than the one asked.
        cached: Whether the answer was there already, and cost nothing now.
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
