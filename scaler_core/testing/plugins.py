"""Loading a plugin in a test, without installing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Component
from scaler_core.plugins import Interface, PluginHost, kind_of, load_plugins


@dataclass(frozen=True)
class FakeDistribution:
    """The distribution that a fake entry point belongs to."""

    name: str = "some-plugin"
    version: str = "1.0"


@dataclass(frozen=True)
class FakeEntryPoint:
    """An entry point that loads *plugin*, or its result where it is a function."""

    plugin: Any
    name: str = "some"
    value: str = "some_plugin"
    dist: FakeDistribution | None = FakeDistribution()

    def load(self) -> Any:
        """The plugin."""
        return self.plugin() if callable(self.plugin) else self.plugin


def module_with(**attributes: Any) -> ModuleType:
    """A plugin module with these attributes."""
    module = ModuleType("some_plugin")
    vars(module).update(attributes)
    return module


def plugin_of(interface: Interface[Component], *classes: type[Component]) -> ModuleType:
    """A plugin module that registers *classes* by the hook for those of *interface*."""
    return module_with(**{kind_of(interface).hook: _hook(classes)})


def load_one(plugin: Any) -> PluginHost:
    """A host with *plugin* alone; its only record says ``loaded``, or ``failed`` and why."""
    return load_plugins(entry_points=[FakeEntryPoint(plugin)])


def _hook(classes: tuple[type[Component], ...]) -> Callable[[], list[type[Component]]]:
    @hookimpl
    def register() -> list[type[Component]]:
        return list(classes)

    return register
