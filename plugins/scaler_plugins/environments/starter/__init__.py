"""The starter pack: forty original environments, as a pool file in the published format.

The pack reads ``starter.json`` alone. In the repository, ``tools/starter_pack`` holds the problems
as authors edit them, and builds that file from them with the pipeline of ``scaler synth``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from scaler_core.interfaces import EnvironmentPack, EnvironmentSource

POOL_FILE = Path(__file__).with_name("starter.json")


class StarterPack(EnvironmentPack):
    """Forty environments of twenty families, from lists to games."""

    name = "starter"

    def open(self) -> EnvironmentSource:
        """The environments of the pack; read once a process."""
        return _open()


@cache
def _open() -> EnvironmentSource:
    from scaler_core.pool.published import read_published
    from scaler_core.pool.source import MemorySource

    return MemorySource(read_published(POOL_FILE), label="starter")
