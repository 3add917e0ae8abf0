"""Making instances: one interface, implemented on this machine, on Ray, and made ahead."""

from scaler_core.factory.interface import (
    NATIVE_VERIFIER,
    Cause,
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    InstanceResult,
    LevelSeed,
)

__all__ = [
    "NATIVE_VERIFIER",
    "Cause",
    "InstanceFactory",
    "InstanceFailure",
    "InstanceRequest",
    "InstanceResult",
    "LevelSeed",
]
