"""Provenance of a run: host, versions, components and pool, and what changed before a resume."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from scaler_core import __version__
from scaler_core.config import ComponentSection, Recipe, without_none
from scaler_core.curriculum.engine import Emit
from scaler_core.interfaces import EnvironmentSource
from scaler_core.jsonio import write_atomic
from scaler_core.models import Event
from scaler_core.plugins import PluginHost, package_version
from scaler_core.pool.source import pool_hash
from scaler_core.run.directory import RunDirectory
from scaler_core.run.recipes import load_recipe
from scaler_core.run.setup import FeedParts

LIBRARIES = (
    "pydantic", "pluggy", "math-verify", "torch", "transformers", "trl", "peft", "accelerate",
    "openrlhf", "deepspeed", "vllm", "ray",
)  # fmt: skip


def describe_host(host: PluginHost) -> dict[str, Any]:
    """Versions of SCALER, Python, libraries and plugins, and the size of the machine, as JSON."""
    versions = {name: version for name in LIBRARIES if (version := package_version(name))}
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


def write_facts(directory: RunDirectory, parts: FeedParts, name: str) -> None:
    """Write the recipe called *name*, and what it runs with: versions, machine and pool.

    Raises:
        InfrastructureError: A file cannot be written.
    """
    write_atomic(directory.recipe, parts.recipe.to_toml())
    pool = {"environments": len(parts.source), "hash": pool_hash(parts.source)}
    facts = {**describe_host(parts.host), "recipe": name, "pool": pool}
    directory.write_json("environment.json", facts)
    directory.write_json("pool.json", pool_contents(parts.source))


def report_changes(directory: RunDirectory, parts: FeedParts, step: int, emit: Emit) -> None:
    """Emit an event for everything that changed since the run in *directory* was last trained."""
    _report_pool(directory, parts.source, step, emit)
    _report_versions(directory, parts.host, step, emit)
    _, old = load_recipe(str(directory.recipe), {})
    _report_components(old, parts.recipe, step, emit)


def _report_versions(directory: RunDirectory, host: PluginHost, step: int, emit: Emit) -> None:
    """Emit one event where versions differ."""
    old, new = _versions(directory.read_json("environment.json")), _versions(describe_host(host))
    changes: dict[str, JsonValue] = {
        name: {"old": old.get(name), "new": new.get(name)}
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }
    if changes:
        reason = ", ".join(
            f"{name} {old.get(name, 'absent')} -> {new.get(name, 'absent')}" for name in changes
        )
        emit(
            Event(kind="versions_changed", step=step, reason=reason, evidence={"versions": changes})
        )


def _versions(facts: Mapping[str, Any]) -> dict[str, str]:
    """Name -> version of what *facts* of :func:`describe_host` name: SCALER, Python, and so on."""
    plugins = facts.get("plugins", ())
    return {
        **{name: facts[name] for name in ("scaler", "python") if name in facts},
        **{f"plugin {item['distribution']}": item["version"] for item in plugins},
        **facts.get("libraries", {}),
    }


def _report_components(old: Recipe, new: Recipe, step: int, emit: Emit) -> None:
    """Emit an event for each component that was exchanged, or whose options were changed."""
    for name in ("controller", "curator", "verifier", "sandbox", "backend"):
        before, after = _as_json(getattr(old, name)), _as_json(getattr(new, name))
        if before == after:
            continue
        if before["use"] != after["use"]:
            reason = f"{name} {before['use']!r} is now {after['use']!r}"
        else:
            keys = sorted(
                key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
            )
            reason = f"options of {name} {after['use']!r} changed: {', '.join(keys)}"
        evidence: dict[str, JsonValue] = {"component": name, "old": before, "new": after}
        emit(Event(kind="component_changed", step=step, reason=reason, evidence=evidence))


def _as_json(section: ComponentSection) -> dict[str, JsonValue]:
    """Name and options as a file holds them: TOML has no null, and no tuples."""
    document: dict[str, JsonValue] = without_none(section.model_dump(mode="json"))
    return document


# how many ids of each sort the event names; the counts are always exact
NAMES_SHOWN = 50


def pool_contents(source: EnvironmentSource) -> dict[str, str]:
    """The content hash of every environment by id."""
    return {name: source.content_hash(name) for name in source.ids()}


def _report_pool(directory: RunDirectory, source: EnvironmentSource, step: int, emit: Emit) -> None:
    """Emit one event where the pool differs."""
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
