"""What a model's own files say of it, wherever it lies, before it is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaler_core.errors import UsageError
from scaler_plugins.backends.model_folder import context_tokens, model_folder, read_model_config
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

FILES = ("config.json", "tokenizer_config.json")


def model_config(model: str) -> dict[str, Any]:
    """The contents of the model's ``config.json``; empty where it cannot be had.

    Raises:
        UsageError: A folder is no model's.
    """
    folder = model_folder(model)
    return read_model_config(folder) if folder is not None else _from_hub(model, "config.json")


def refuse_model(options: OpenRLHFOptions) -> None:
    """Refuse a model that reads less than the options ask for, or brings code of its own.

    Raises:
        UsageError: It is refused. OpenRLHF and vLLM would run its code without asking.
    """
    context = context_tokens(model_config(options.model))
    if context is not None and options.max_tokens > context:
        raise UsageError(
            f"backend.max_prompt_tokens + max_response_tokens is {options.max_tokens}, but "
            f"the model reads {context} tokens in all",
            hint="lower one of them",
        )
    folder = model_folder(options.model)
    for name in FILES:
        said = _read(folder / name) if folder is not None else _from_hub(options.model, name)
        if said.get("auto_map"):
            raise UsageError(
                f"backend.model: {options.model} brings code of its own ({name} has an auto_map), "
                "which OpenRLHF would run on every machine",
                hint="take a model that transformers knows",
            )


def _from_hub(model: str, name: str) -> dict[str, Any]:
    """A JSON file of a model of the hub, out of its cache where it was fetched before."""
    from huggingface_hub import hf_hub_download

    try:
        return _read(Path(hf_hub_download(model, name)))
    except (OSError, ValueError):
        return {}


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(value) if isinstance(value, Mapping) else {}
