"""Facts in a model's own files, here or on the hub, read before the model is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaler_core.errors import UsageError
from scaler_plugins.backends.common import context_tokens, model_folder, read_model_config
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

FILES = ("config.json", "tokenizer_config.json")


def model_config(model: str) -> dict[str, Any]:
    """The contents of the model's ``config.json``; empty where it cannot be had.

    Raises:
        UsageError: A folder is no model's.
    """
    folder = model_folder(model)
    return read_model_config(folder) if folder is not None else _from_hub(model, "config.json")


def within_reach(model: str) -> bool:
    """Whether the model is here or the hub answers: its client retries half a minute a file."""
    import httpx
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    if model_folder(model) is not None or try_to_load_from_cache(model, "config.json"):
        return True
    try:
        get_hf_file_metadata(hf_hub_url(model, "config.json"))
    except HfHubHTTPError:
        return True  # there is no such model, or it needs a token: loading it raises that
    except (OSError, ValueError, httpx.TransportError):
        return False
    return True


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
        content = _read(folder / name) if folder is not None else _from_hub(options.model, name)
        if content.get("auto_map"):
            raise UsageError(
                f"backend.model: {options.model} brings code of its own ({name} has an auto_map), "
                "which OpenRLHF would run on every machine",
                hint="take a model that transformers knows",
            )


def _from_hub(model: str, name: str) -> dict[str, Any]:
    """A JSON file of a model on the hub, from the cache where it was fetched before."""
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
