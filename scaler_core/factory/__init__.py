"""Making instances: the interface that callers hold, whatever implementation stands behind it."""

from scaler_core.factory.interface import (
    Cause,
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    Made,
)

__all__ = ["Cause", "InstanceFactory", "InstanceFailure", "InstanceRequest", "Made"]
