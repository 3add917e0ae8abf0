"""The options of the ``local`` backend."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from scaler_plugins.backends.common import TINY, Lora, MethodOptions


class LocalOptions(MethodOptions):
    """Options of ``local``; training defaults are the paper's (paper section 6)."""

    model: str = TINY
    """``tiny`` (ships with SCALER), a Hugging Face model id, or the path of a model folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; ``auto`` takes the first GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the computation; ``auto`` is bfloat16 on a GPU that has it. Weights and
    optimiser stay in float32, because updates at a learning rate of 1e-6 vanish in less."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads for tensors; all cores when not given."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """By which standard deviation advantages are divided."""
    rollout_batch: int = Field(default=256, ge=1)
    """Responses sampled side by side."""
    micro_batch: int = Field(default=64, ge=1)
    """Most responses of one forward pass, fewer where their tokens would take too much memory; the
    gradients add up to one optimiser step."""
    gradient_checkpointing: bool = False
    """Compute activations twice, to save memory."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights; needs ``peft``."""
    verify_threads: int = Field(default=4, ge=1)
    """Responses judged side by side."""

    @field_validator("model")
    @classmethod
    def _absolute(cls, model: str) -> str:
        """An absolute path of a folder: a run may be resumed from another folder."""
        path = Path(model).expanduser()
        return str(path.resolve()) if model != TINY and path.is_dir() else model
