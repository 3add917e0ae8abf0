"""Provenance of a run: host, versions and pool, and changes of the pool before a resume."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any

from pydantic import JsonValue

from scaler_core import __version__
from scaler_core.curriculum.engine import Emit
from scaler_core.interfaces import EnvironmentSource
from scaler_core.models import Event
from scaler_core.plugins import PluginHost
from scaler_core.run.directory import RunDirectory

LIBRARIES = (
    "pydantic", "pluggy", "math-verify", "torch", "transformers", "trl", "peft", "accelerate"
)  # fmt: skip


def describe_host(host: PluginHost) -> dict[str, Any]:
    """Versions of SCALER, Python, libraries and plugins, and the size of the machine, as JSON."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "schema_version": 1,
        "scaler": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "libraries": versions,
        "plugins": [
            {"name": item.name, "distribution": item.distribution, "version": item.version}
            for item in host.plugins
            if item.status == "loaded"
        ],
    }


# how many ids of each sort the event names; the counts are always exact
NAMES_SHOWN = 50


def pool_contents(source: EnvironmentSource) -> dict[str, str]:
    """The content hash of every environment by id."""
    return {name: source.content_hash(name) for name in source.ids()}


def report_pool_changes(
    directory: RunDirectory, source: EnvironmentSource, step: int, emit: Emit
) -> None:
    """Emit one event where the pool has changed since the run last started."""
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
