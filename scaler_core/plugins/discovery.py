"""Finding the entry points of installed plugins, whatever state their distributions are in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Protocol

from scaler_core.errors import PluginError
from scaler_core.hookspecs import ENTRY_POINT_GROUP

OWN_DISTRIBUTION = "scaler-rl"


class EntryPointLike(Protocol):
    """The part of :class:`importlib.metadata.EntryPoint` that the host uses."""

    @property
    def name(self) -> str:
        """The plugin's name."""

    @property
    def value(self) -> str:
        """``module`` or ``module:attribute``."""

    @property
    def dist(self) -> Any:
        """The distribution, with ``name`` and ``version``; ``None`` where there is none."""

    def load(self) -> Any:
        """Import the module and return it, or its attribute that the value names."""


@dataclass(frozen=True)
class InstalledPlugin:
    """One entry point of an installed distribution, not loaded yet.

    Attributes:
        name: The entry point's name.
        value: The module that it names, or ``module:attribute``.
        distribution: The distribution that ships it.
        version: Of the distribution.
        entry_point: How to load it.
    """

    name: str
    value: str
    distribution: str
    version: str
    entry_point: EntryPointLike

    @property
    def load_order(self) -> tuple[bool, str, str]:
        """Our own plugins come first: a foreign duplicate can never displace a default."""
        return (_canonical(self.distribution) != OWN_DISTRIBUTION, self.distribution, self.name)

    def is_named_by(self, selector: str) -> bool:
        """Whether *selector* is the plugin, its distribution, or ``distribution/plugin``."""
        wanted, distribution = _canonical(selector), _canonical(self.distribution)
        name = _canonical(self.name)
        return wanted in (name, distribution, f"{distribution}/{name}")


def discover(entry_points: Iterable[EntryPointLike] | None = None) -> list[InstalledPlugin]:
    """Plugins in the order they are loaded: ours, then by distribution and name."""
    points = _installed() if entry_points is None else entry_points
    return sorted((_describe(point) for point in points), key=lambda plugin: plugin.load_order)


@dataclass(frozen=True)
class _Unreadable:
    """Stands for the plugins of a distribution whose list of entry points is damaged."""

    name: str
    value: str
    dist: Any
    cause: str

    def load(self) -> Any:
        raise PluginError(f"its entry_points.txt is damaged: {self.cause}")


def _installed() -> list[EntryPointLike]:
    # importlib.metadata.entry_points() raises when one distribution's list is damaged, so each
    # distribution is read by itself; the first of several copies on the path is the one in use
    points: list[EntryPointLike] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        if ENTRY_POINT_GROUP not in _entry_points_text(distribution):
            continue
        name = _metadata_text(distribution, "name")
        if _canonical(name) in seen:
            continue
        seen.add(_canonical(name))
        try:
            points.extend(distribution.entry_points.select(group=ENTRY_POINT_GROUP))
        except Exception as error:
            points.append(_Unreadable(name, "", distribution, f"{type(error).__name__}: {error}"))
    return points


def package_version(distribution: str) -> str:
    """The installed version of a distribution, from its metadata; empty where there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _entry_points_text(distribution: metadata.Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return ""


def _describe(point: EntryPointLike) -> InstalledPlugin:
    return InstalledPlugin(
        name=point.name,
        value=point.value,
        distribution=_metadata_text(point.dist, "name"),
        version=_metadata_text(point.dist, "version"),
        entry_point=point,
    )


def _metadata_text(distribution: Any, field: str) -> str:
    try:
        return str(getattr(distribution, field, None) or "unknown")
    except Exception:  # metadata that cannot be read
        return "unknown"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
