"""A curator that trains on the whole pool: the published recipes for 8 and 64 environments."""

from __future__ import annotations

import random
from collections.abc import Sequence

from scaler_core.interfaces import Admission, Curator, CuratorView, Retirement


class All(Curator):
    """Admits every environment and retires none."""

    name = "all"

    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """Nothing ever leaves."""
        return []

    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Everything enters, in the order of the ids."""
        return [Admission(environment_id=name, rule="all") for name in view.candidates]
