"""What a backend needs that is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence


def missing_modules(needed: Sequence[str], install: str) -> str:
    """A line with those of *needed* that are absent and how to *install* them, or nothing."""
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    if not absent:
        return ""
    verb = "is" if len(absent) == 1 else "are"
    return f"{', '.join(absent)} {verb} not installed: {install}"
