"""The simulated backend: learners with known skill curves instead of a model."""

from scaler_plugins.backends.simulated.backend import Simulated

__all__ = ["Simulated"]
