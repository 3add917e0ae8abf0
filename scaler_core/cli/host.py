"""The plugin host of a command: filters from the environment, faults told on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass

from scaler_core.cli.output import note
from scaler_core.plugins import PluginHost, load_plugins


@dataclass(frozen=True)
class PluginFilters:
    """Which plugins a user wants.

    Attributes:
        disabled: Plugins not to load.
        allowed: The only plugins to load; ``None`` for all.
    """

    disabled: tuple[str, ...]
    allowed: tuple[str, ...] | None


def plugin_filters(environ: Mapping[str, str]) -> PluginFilters:
    """The filters in ``SCALER_DISABLE_PLUGINS`` and ``SCALER_PLUGINS``, lists with commas."""
    return PluginFilters(
        disabled=_names(environ.get("SCALER_DISABLE_PLUGINS", "")),
        allowed=_names(environ.get("SCALER_PLUGINS", "")) or None,
    )


def load_host() -> PluginHost:
    """The host of this command; each thing wrong with installed plugins is a line on stderr."""
    filters = plugin_filters(os.environ)
    # a plugin that prints when it is imported must not spoil the one line of JSON on stdout
    with redirect_stdout(sys.stderr):
        host = load_plugins(disabled=filters.disabled, allowed=filters.allowed)
    for line in host.warnings():
        note(f"warning: {line}")
    return host


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
