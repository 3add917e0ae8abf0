"""The curators that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Curator


@hookimpl
def scaler_register_curators() -> list[type[Curator]]:
    """Registers them."""
    return []
