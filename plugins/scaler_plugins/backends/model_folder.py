"""Models by name: which names are folders, and what a folder's config.json says.

``tiny`` is the model that ships with SCALER.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from scaler_core.errors import UsageError

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
