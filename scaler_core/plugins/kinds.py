"""The ten kinds of component: word, hook and interface of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from scaler_core import interfaces
from scaler_core.errors import unknown_name
from scaler_core.interfaces import Component

ComponentT = TypeVar("ComponentT", bound=Component)

Interface = Callable[..., ComponentT]
"""The abstract class of a kind, such as ``Controller``: names the kind, and types the result.

As a callable, because mypy takes no abstract class where a ``type[ComponentT]`` is asked for.
"""


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Attributes:
        name: The word for it in recipes, on the command line and in a plugin's record.
        noun: The word for one component of it in messages.
        hook: The hook that registers classes of it.
        interface: The abstract class they extend, by which code names the kind.
    """

    name: str
    noun: str
    hook: str
    interface: type[Component]


KINDS: tuple[Kind, ...] = (
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


def kind_of(interface: Interface[Component]) -> Kind:
    """The kind whose classes extend *interface*.

    Raises:
        UsageError: *interface* is not the abstract class of a kind; a component's own class is not.
    """
    for kind in KINDS:
        if kind.interface is interface:
            return kind
    given = getattr(interface, "__name__", str(interface))
    raise unknown_name("interface", given, [kind.interface.__name__ for kind in KINDS])


def resolve_kind(text: str) -> Kind:
    """The kind that a person means by *text*: its name, or the plural that its hook uses.

    Raises:
        UsageError: There is no such kind.
    """
    for kind in KINDS:
        plural = kind.hook.removeprefix("scaler_register_")
        if text in (kind.name, plural):
            return kind
    raise unknown_name("kind", text, [kind.name for kind in KINDS])
