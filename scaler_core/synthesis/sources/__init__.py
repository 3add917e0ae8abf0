"""Where problems come from: datasets that are read one problem after another."""

from scaler_core.synthesis.sources.opening import open_problems
from scaler_core.synthesis.sources.reading import ProblemReader, Read, Unusable

__all__ = ["ProblemReader", "Read", "Unusable", "open_problems"]
