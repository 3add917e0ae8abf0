"""The hooks: all that SCALER looks at when it loads the plugin."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Controller, Curator, EnvironmentPack

SCALER_HOOK_API = "2.0"


@hookimpl
def scaler_register_environments() -> list[type[EnvironmentPack]]:
    """The pack of both environments."""
    from scaler_example.environments import ExamplePack

    return [ExamplePack]


@hookimpl
def scaler_register_controllers() -> list[type[Controller]]:
    """The controller."""
    from scaler_example.staircase import Staircase

    return [Staircase]


@hookimpl
def scaler_register_curators() -> list[type[Curator]]:
    """The curator."""
    from scaler_example.rotation import Rotation

    return [Rotation]
