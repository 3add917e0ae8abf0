"""Options, runs and flags of the openrlhf backend, as small as they can be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaler_core.options import parse_options
from scaler_plugins.backends.openrlhf.flags import RunFacts
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions


def options(**given: Any) -> OpenRLHFOptions:
    """The backend's options, checked as those of a recipe."""
    return parse_options(OpenRLHFOptions, {"model": "tiny", **given}, "backend")


def facts(**changed: Any) -> RunFacts:
    """A run of the paper's batch; nothing of it is on disk."""
    known: dict[str, Any] = {
        "directory": Path("/runs/one"),
        "steps": 400,
        "prompts": 64,
        "responses": 8,
        "seed": 7,
        "resume_from": None,
    }
    return RunFacts(**known | changed)


def values_of(flags: Sequence[str], name: str) -> list[str] | None:
    """What follows a flag, up to the next one; ``None`` where the flag is not there."""
    if name not in flags:
        return None
    assert flags.count(name) == 1, f"{name} is there twice"
    values = []
    for word in flags[flags.index(name) + 1 :]:
        if word.startswith("--"):
            break
        values.append(word)
    return values


def model_folder(folder: Path, **config: Any) -> Path:
    """A folder that looks like a model from outside."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder
