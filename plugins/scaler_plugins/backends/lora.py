"""The options of low-rank adapters, the same for every backend."""

from __future__ import annotations

from pydantic import Field

from scaler_core.interfaces import Options


class Lora(Options):
    """Options of low-rank adapters; leaving the section out trains all weights."""

    rank: int = Field(default=16, ge=1)
    """Rank of the adapters' matrices."""
    alpha: int = Field(default=32, ge=1)
    """Scale of the adapters; they are multiplied by alpha / rank."""
    target_modules: tuple[str, ...] = ()
    """Names of the layers that get an adapter; every linear layer but the output one when empty."""
