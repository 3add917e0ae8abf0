"""The simulated backend: learners with known skill curves instead of a model."""
