"""The verifiers that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Verifier


@hookimpl
def scaler_register_verifiers() -> list[type[Verifier]]:
    """Registers them."""
    return []
