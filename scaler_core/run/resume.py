"""Going on with a run whose pool may have changed: environments added, removed or edited."""

from __future__ import annotations

from pydantic import JsonValue

from scaler_core.curriculum.engine import Emit
from scaler_core.interfaces import EnvironmentSource
from scaler_core.models import Event
from scaler_core.run.directory import RunDirectory

# how many ids of each sort the event names; the counts are always exact
NAMES_SHOWN = 50


def pool_contents(source: EnvironmentSource) -> dict[str, str]:
    """The content hash of every environment by id."""
    return {name: source.content_hash(name) for name in source.ids()}


def report_pool_changes(
    directory: RunDirectory, source: EnvironmentSource, step: int, emit: Emit
) -> None:
    """One event, where the pool is not what it was when the run last started."""
    old = directory.read_json("pool.json")
    new = pool_contents(source)
    changes = {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "edited": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }
    if not any(changes.values()):
        return
    evidence: dict[str, JsonValue] = {}
    for sort, names in changes.items():
        evidence[sort] = list(names[:NAMES_SHOWN])
        evidence[f"{sort}_count"] = len(names)
    emit(
        Event(
            kind="pool_changed",
            step=step,
            reason=", ".join(f"{len(names)} {sort}" for sort, names in changes.items() if names),
            evidence=evidence,
        )
    )
