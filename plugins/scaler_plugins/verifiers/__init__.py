"""The verifiers that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Verifier


@hookimpl
def scaler_register_verifiers() -> list[type[Verifier]]:
    """The default ``typed``, and those of the benchmarks."""
    from scaler_plugins.verifiers.bbeh import Bbeh
    from scaler_plugins.verifiers.choice import Choice
    from scaler_plugins.verifiers.math_equivalence import Math
    from scaler_plugins.verifiers.typed import Typed

    return [Typed, Math, Choice, Bbeh]
