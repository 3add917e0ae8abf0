"""The options of the method itself, the same for every backend that trains a model."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from scaler_core.interfaces import Options


class MethodOptions(Options):
    """How a policy is optimised and sampled; defaults are the paper's (paper section 6)."""

    learning_rate: float = Field(default=1e-6, gt=0)
    """Learning rate after the warm-up."""
    warmup_steps: int = Field(default=20, ge=0)
    """Steps over which the learning rate rises from 0; it is constant afterwards."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    clip_low: float = Field(default=0.2, gt=0, lt=1)
    """The probability ratio is clipped below at 1 - clip_low."""
    clip_high: float = Field(default=0.2, gt=0)
    """The probability ratio is clipped above at 1 + clip_high."""
    clip_dual: float = Field(default=10.0, gt=1)
    """Bound of the ratio where the advantage is negative (dual clip)."""
    beta: float = Field(default=0.0, ge=0)
    """Weight of the KL term towards the starting model; 0 leaves it out, and the model that it
    needs."""
    loss: Literal["token-mean", "sequence-mean"] = "token-mean"
    """Mean of the loss over all tokens of a step, or over sequences of their own means."""
    reward: Literal["signed", "binary"] = "signed"
    """Reward of a correct and an incorrect response: +1 / -1, or 1 / 0."""
    temperature: float = Field(default=1.0, gt=0)
    """Sampling temperature."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Share of probability that sampling keeps."""
    max_prompt_tokens: int = Field(default=4096, ge=1)
    """Levels with longer prompts are not trained on; no prompt is ever cut."""
    max_response_tokens: int = Field(default=8192, ge=1)
    """Where a response is cut off."""
    template_options: dict[str, JsonValue] = Field(default_factory=dict)
    """Further values that the chat template reads."""

    @model_validator(mode="after")
    def _dual_clip_above_clip(self) -> Self:
        if self.clip_dual <= 1 + self.clip_high:
            raise ValueError("clip_dual must be above 1 + clip_high")
        return self
