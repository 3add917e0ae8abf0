"""Measuring a model: on instances it never trained on, and on benchmarks."""
