"""The environment packs that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import EnvironmentPack


@hookimpl
def scaler_register_environments() -> list[type[EnvironmentPack]]:
    """The shelves of the starter pack; reasoning-gym's datasets with and without a certificate."""
    from scaler_plugins.environments.reasoning_gym import ReasoningGymPack, UncertifiedPack
    from scaler_plugins.environments.starter import SHELVES

    return [*SHELVES, ReasoningGymPack, UncertifiedPack]
