"""Making instances: the interface that callers hold, whatever implementation stands behind it."""

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
