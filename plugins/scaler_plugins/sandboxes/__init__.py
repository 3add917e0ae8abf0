"""The sandboxes that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Sandbox


@hookimpl
def scaler_register_sandboxes() -> list[type[Sandbox]]:
    """Two on this machine, and the client of a SandboxFusion server."""
    from scaler_plugins.sandboxes.bubblewrap import Bubblewrap
    from scaler_plugins.sandboxes.fusion.sandbox import SandboxFusion
    from scaler_plugins.sandboxes.process import Process

    return [Bubblewrap, Process, SandboxFusion]
