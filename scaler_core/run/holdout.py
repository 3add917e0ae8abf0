"""Held-out environments: a share of the pool that is never trained on, only measured.

Not to be confused with held-out *instances*, which the grid has of trained environments too: these
say what a model learnt of an environment, held-out environments what it learnt beyond them.

An environment is held out where a hash of its id and the run's seed says so. Whether others join or
leave the pool changes nothing, so none is ever trained on first and held out later.
"""

from __future__ import annotations

from scaler_core.errors import UsageError
from scaler_core.interfaces import EnvironmentSource
from scaler_core.pool.source import SelectedSource
from scaler_core.seeds import SEED_BITS, derive_seed


def is_held_out(environment_id: str, share: float, seed: int) -> bool:
    """Whether the run of *seed* holds the environment out; true for about *share* of all ids."""
    threshold: float = share * 2**SEED_BITS
    return derive_seed("held-out environment", seed, environment_id) < threshold


def split_held_out(
    source: EnvironmentSource, share: float, seed: int
) -> tuple[EnvironmentSource, EnvironmentSource | None]:
    """The environments to train on, and those held out; ``None`` for a *share* of 0.

    Raises:
        UsageError: All of them would be held out, or none.
    """
    if not share:
        return source, None
    held_out = [name for name in source.ids() if is_held_out(name, share, seed)]
    trained = [name for name in source.ids() if name not in set(held_out)]
    if not held_out or not trained:
        raise UsageError(
            f"evaluation.held_out = {share} holds out {'all' if held_out else 'none'} of the "
            f"{len(source)} environments",
            hint="take another share or another run.seed, or a larger pool",
        )
    return SelectedSource(source, trained), SelectedSource(source, held_out)
