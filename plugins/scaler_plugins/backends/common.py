"""The options of the method itself, the same for every backend that trains a model."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.interfaces import Options
from scaler_core.judge import RewardScheme
from scaler_core.models import Message


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
    reward: RewardScheme = "signed"
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


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of *number* that is at most *limit*."""
    return max(size for size in range(1, min(number, limit) + 1) if number % size == 0)


def missing_modules(needed: Sequence[str], install: str) -> str:
    """A line on those of *needed* that are absent and how to *install* them; empty without any."""
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    if not absent:
        return ""
    verb = "is" if len(absent) == 1 else "are"
    return f"{', '.join(absent)} {verb} not installed: {install}"


class Lora(Options):
    """Options of low-rank adapters; leaving the section out trains all weights."""

    rank: int = Field(default=16, ge=1)
    """Rank of the adapters' matrices."""
    alpha: int = Field(default=32, ge=1)
    """Scale of the adapters; they are multiplied by alpha / rank."""
    target_modules: tuple[str, ...] = ()
    """Names of the layers that get an adapter; every linear layer but the output one when empty."""


def example_messages(prompt: PromptSection) -> list[Message]:
    """Messages with the roles that ``[prompt]`` gives those of a program environment."""
    has_system = prompt.style == "paper" if prompt.system is None else bool(prompt.system)
    system: list[Message] = [{"role": "system", "content": prompt.system or "Think."}]
    return [*(system if has_system else []), {"role": "user", "content": "1 + 1"}]


TINY = "tiny"
TINY_FOLDER = Path(__file__).parent / "local" / "tiny_model"

_HUB_ID = re.compile(r"\w[\w.-]*(/[\w.-]+)?")


def model_folder(name: str) -> Path | None:
    """Where the model lies on disk; ``None`` for a model of the Hugging Face hub."""
    if name == TINY:
        return TINY_FOLDER
    path = Path(name).expanduser()
    return path if path.exists() or not _HUB_ID.fullmatch(name) else None


def read_model_config(folder: Path) -> dict[str, Any]:
    """The contents of the folder's ``config.json``.

    Raises:
        UsageError: The folder is no model's.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise UsageError(
            f"backend.model: {folder} is not a model folder: it holds no config.json",
            hint="give the folder of a Hugging Face model, a model id, or 'tiny'",
        )
    try:
        value = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"backend.model: cannot read {config}: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"backend.model: {config} holds no object")
    return value


def context_tokens(config: dict[str, Any]) -> int | None:
    """Tokens that the model reads in all, where its config says."""
    context = config.get("max_position_embeddings")
    return context if isinstance(context, int) else None
