"""The contamination check: whether environments hold questions of a benchmark.

::

    benchmark rows --> questions --> words --> index of n-grams --.
                                                                  +--> figures --> verdict
    environments   --> texts     --> words -----------------------'
"""

from scaler_core.audit.contamination.overlaps import compare_with_benchmarks, find_overlaps
from scaler_core.audit.contamination.records import (
    BenchmarkOverlap,
    Contamination,
    EnvironmentOverlap,
    OverlapSettings,
    RowOverlap,
)

__all__ = [
    "BenchmarkOverlap",
    "Contamination",
    "EnvironmentOverlap",
    "OverlapSettings",
    "RowOverlap",
    "compare_with_benchmarks",
    "find_overlaps",
]
