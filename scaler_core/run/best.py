"""The best checkpoint: the one whose step scored highest, kept whatever else is pruned.

Which one that is follows from the scores on disk and the checkpoints that are whole, so a kill at
any moment loses neither it nor the one before it. ``checkpoints/best.json`` tells it to readers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from scaler_core.errors import DataError
from scaler_core.jsonio import read_json, write_atomic
from scaler_core.run.checkpoint import Checkpoint, best_of, list_checkpoints

POINTER = "best.json"


def point_to_best(folder: Path, metric: str, scores: Mapping[int, float]) -> None:
    """Bring ``best.json`` up to date.

    Args:
        folder: The run's folder of checkpoints.
        metric: The figure that decides.
        scores: Its value after each step that was evaluated.

    Raises:
        InfrastructureError: It cannot be written.
    """
    best = best_of(list_checkpoints(folder), scores)
    path = folder / POINTER
    if best is None:
        path.unlink(missing_ok=True)
        return
    record = {
        "schema_version": 1,
        "step": best.step,
        "checkpoint": best.path.name,
        "metric": metric,
        "value": scores[best.step],
    }
    text = json.dumps(record, indent=1) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)


def best_checkpoint(folder: Path) -> Checkpoint | None:
    """The whole checkpoint that ``best.json`` names; ``None`` where there is none."""
    try:
        step = read_json(folder / POINTER)["step"]
    except (DataError, KeyError, TypeError):
        return None
    return next((item for item in list_checkpoints(folder) if item.step == step), None)
