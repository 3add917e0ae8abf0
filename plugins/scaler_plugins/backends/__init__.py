"""The backends that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Backend


@hookimpl
def scaler_register_backends() -> list[type[Backend]]:
    """Training on one machine and on clusters, and simulated learners."""
    from scaler_plugins.backends.local import Local
    from scaler_plugins.backends.openrlhf import OpenRLHF
    from scaler_plugins.backends.simulated import Simulated

    return [Local, OpenRLHF, Simulated]
