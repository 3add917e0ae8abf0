"""The ten kinds of component: name, hook and interface of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scaler_core import interfaces
from scaler_core.errors import unknown_name

KindName = Literal[
    "extractor",
    "generator",
    "verifier",
    "controller",
    "curator",
    "environments",
    "sandbox",
    "benchmark",
    "backend",
    "tracker",
]


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Attributes:
        name: What code, recipes and the CLI call it.
        noun: What messages call one component of it.
        hook: The hook that registers classes of it.
        interface: The abstract class they extend.
    """

    name: KindName
    noun: str
    hook: str
    interface: type


KINDS: dict[KindName, Kind] = {
    kind.name: kind
    for kind in (
        Kind("extractor", "extractor", "scaler_register_extractors", interfaces.Extractor),
        Kind("generator", "generator", "scaler_register_generators", interfaces.Generator),
        Kind("verifier", "verifier", "scaler_register_verifiers", interfaces.Verifier),
        Kind("controller", "controller", "scaler_register_controllers", interfaces.Controller),
        Kind("curator", "curator", "scaler_register_curators", interfaces.Curator),
        Kind(
            "environments",
            "environment pack",
            "scaler_register_environments",
            interfaces.EnvironmentPack,
        ),
        Kind("sandbox", "sandbox", "scaler_register_sandboxes", interfaces.Sandbox),
        Kind("benchmark", "benchmark", "scaler_register_benchmarks", interfaces.Benchmark),
        Kind("backend", "backend", "scaler_register_backends", interfaces.Backend),
        Kind("tracker", "tracker", "scaler_register_trackers", interfaces.Tracker),
    )
}


def resolve_kind(text: str) -> KindName:
    """The kind that a person means by *text*: its name, or the plural that its hook uses.

    Raises:
        UsageError: There is no such kind.
    """
    for kind in KINDS.values():
        plural = kind.hook.removeprefix("scaler_register_")
        if text in (kind.name, plural):
            return kind.name
    raise unknown_name("kind", text, KINDS)
