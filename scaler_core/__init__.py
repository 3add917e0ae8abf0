"""SCALER: reasoning environments of adaptive difficulty, and RL training on them.

The names below are the public library API; each loads on first use, so that importing this package
costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_EXPORTS: dict[str, str] = {
    "audit_pool": "scaler_core.audit",
    "Backend": "scaler_core.interfaces",
    "Batch": "scaler_core.models",
    "Benchmark": "scaler_core.interfaces",
    "Controller": "scaler_core.interfaces",
    "Curator": "scaler_core.interfaces",
    "Environment": "scaler_core.models",
    "EnvironmentPack": "scaler_core.interfaces",
    "evaluate": "scaler_core.evaluation",
    "Event": "scaler_core.models",
    "export_pool": "scaler_core.pool",
    "Extractor": "scaler_core.interfaces",
    "Generator": "scaler_core.interfaces",
    "Group": "scaler_core.models",
    "hookimpl": "scaler_core.hookspecs",
    "import_pool": "scaler_core.pool",
    "Instance": "scaler_core.models",
    "load_plugins": "scaler_core.plugins",
    "make_instances": "scaler_core.library",
    "NativeEnvironment": "scaler_core.interfaces",
    "Observer": "scaler_core.run.observers",
    "open_pool": "scaler_core.pool",
    "open_problems": "scaler_core.synthesis.sources",
    "open_run": "scaler_core.run.opening",
    "Options": "scaler_core.interfaces",
    "Outcome": "scaler_core.models",
    "Problem": "scaler_core.models",
    "Question": "scaler_core.models",
    "Recipe": "scaler_core.config",
    "Response": "scaler_core.models",
    "resume_run": "scaler_core.run.opening",
    "Sandbox": "scaler_core.interfaces",
    "ScalerError": "scaler_core.errors",
    "SynthesisOptions": "scaler_core.synthesis.config",
    "SynthesisRun": "scaler_core.synthesis.run",
    "Ticket": "scaler_core.models",
    "Tracker": "scaler_core.interfaces",
    "Verdict": "scaler_core.models",
    "Verifier": "scaler_core.interfaces",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
