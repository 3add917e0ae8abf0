"""Checkpoints: read whole, or refused in one line where they are of other models or settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from scaler_core.errors import UsageError, one_line
from scaler_core.evaluation.engines.transformers import ModelFiles

ADAPTER_FILE = "adapter_model.safetensors"
TRY_OLDER = "remove it to go on from the checkpoint before it"
OTHER_SETTINGS = "go on with the settings that the run began with, or begin another run"


def refuse_other_checkpoint(folder: Path, model: Any, *, adapters: bool) -> None:
    """Refuse a checkpoint whose weights are not those of *model*, which may have none yet.

    Args:
        folder: The backend's part of the checkpoint.
        model: The model that ``backend.model`` names, without adapters.
        adapters: Whether adapters are trained.

    Raises:
        UsageError: It was written by a run with another model, or with or without adapters.
    """
    saved = (folder / ADAPTER_FILE).is_file()
    if saved != adapters:
        has = "adapters" if saved else "all weights"
        trains = "adapters" if adapters else "all weights"
        raise UsageError(
            f"the checkpoint {folder} holds {has}, but the recipe trains {trains}",
            hint=OTHER_SETTINGS,
        )
    if adapters:
        return
    files = ModelFiles(str(folder), f"the checkpoint {folder}", hint=TRY_OLDER)
    with torch.device("meta"):
        other = AutoModelForCausalLM.from_config(files.config())
    ours, theirs = (
        {name: value.shape for name, value in item.state_dict().items()} for item in (model, other)
    )
    if ours != theirs:
        raise UsageError(
            f"the checkpoint {folder} is of another model ({other.config.model_type}, "
            f"{sum(item.numel() for item in other.parameters()):,} parameters) than backend.model "
            f"({model.config.model_type}, {sum(item.numel() for item in model.parameters()):,})",
            hint=OTHER_SETTINGS,
        )


def load_weights(model: Any, folder: str) -> None:
    """Load the weights of a checkpoint, all of which must be there, into *model*."""
    files = ModelFiles(folder, f"the checkpoint {folder}", hint=TRY_OLDER)
    model.load_state_dict(files.weights(dtype=torch.float32).state_dict())


@contextmanager
def refusing_others(checkpoint: str | None) -> Iterator[None]:
    """Tells in one line what the libraries make of state that does not fit the recipe's."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            f"the checkpoint {checkpoint} holds other adapters, or another optimiser, than the "
            f"recipe trains: {one_line(error)}",
            hint=OTHER_SETTINGS,
        ) from error
