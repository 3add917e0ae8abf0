"""The controllers that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Controller


@hookimpl
def scaler_register_controllers() -> list[type[Controller]]:
    """The paper's controller and its baseline."""
    from scaler_plugins.controllers.fixed import Fixed
    from scaler_plugins.controllers.proportional import Proportional

    return [Proportional, Fixed]
