"""Imports tinker-cookbook before the tests, where it is installed."""

from __future__ import annotations

import importlib.util
import warnings

if importlib.util.find_spec("tinker_cookbook") is not None:
    with warnings.catch_warnings():
        # what these libraries say to each other at their start is not ours to correct
        warnings.simplefilter("ignore")
        import tinker_cookbook.rl.train  # noqa: F401
