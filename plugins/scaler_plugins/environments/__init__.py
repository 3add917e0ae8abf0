"""The environment packs that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import EnvironmentPack


@hookimpl
def scaler_register_environments() -> list[type[EnvironmentPack]]:
    """The shelves of the starter pack."""
    from scaler_plugins.environments.starter import SHELVES

    return list(SHELVES)
