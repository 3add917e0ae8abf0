"""The curators that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Curator


@hookimpl
def scaler_register_curators() -> list[type[Curator]]:
    """The paper's, ours, one of another paper, and the one that trains on everything."""
    from scaler_plugins.curators.active_set import ActiveSet
    from scaler_plugins.curators.everything import All
    from scaler_plugins.curators.evidence import Evidence
    from scaler_plugins.curators.learning_progress import LearningProgress

    return [ActiveSet, Evidence, LearningProgress, All]
