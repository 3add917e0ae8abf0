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
    "AsyncFeedClient": "scaler_core.serve.client",
    "AuditSettings": "scaler_core.audit",
    "Backend": "scaler_core.interfaces",
    "Batch": "scaler_core.models",
    "Benchmark": "scaler_core.interfaces",
    "build_benchmarks": "scaler_core.plugins.choosing",
    "build_sandbox": "scaler_core.plugins.choosing",
    "compare_evaluations": "scaler_core.evaluation",
    "compare_with_benchmarks": "scaler_core.audit",
    "Controller": "scaler_core.interfaces",
    "Curator": "scaler_core.interfaces",
    "describe_environment": "scaler_core.pool",
    "EndpointOptions": "scaler_core.endpoint",
    "Environment": "scaler_core.models",
    "EnvironmentPack": "scaler_core.interfaces",
    "evaluate": "scaler_core.evaluation",
    "evaluate_model": "scaler_core.library",
    "Event": "scaler_core.models",
    "examine_machine": "scaler_core.doctor",
    "export_package": "scaler_core.adapters.packages",
    "export_pool": "scaler_core.pool",
    "Extractor": "scaler_core.interfaces",
    "FeedClient": "scaler_core.serve.client",
    "find_environment": "scaler_core.pool",
    "find_overlaps": "scaler_core.audit",
    "FinishedEvaluation": "scaler_core.evaluation",
    "fix_pool": "scaler_core.audit",
    "Generator": "scaler_core.interfaces",
    "grade": "scaler_core.judge",
    "Group": "scaler_core.models",
    "GroupFilter": "scaler_core.curriculum.group_filter",
    "hookimpl": "scaler_core.hookspecs",
    "import_pool": "scaler_core.pool",
    "Instance": "scaler_core.models",
    "Judge": "scaler_core.judge",
    "list_environments": "scaler_core.pool",
    "list_plugins": "scaler_core.plugins",
    "list_recipes": "scaler_core.run.recipes",
    "load_plugins": "scaler_core.plugins",
    "look_at_pool": "scaler_core.audit",
    "make_instances": "scaler_core.library",
    "measure_pool": "scaler_core.audit",
    "NativeEnvironment": "scaler_core.interfaces",
    "Observer": "scaler_core.run.observers",
    "open_feed": "scaler_core.run.open_feed",
    "open_pool": "scaler_core.pool",
    "open_problems": "scaler_core.synthesis.sources",
    "open_run": "scaler_core.run.opening",
    "open_synthesis": "scaler_core.synthesis.run",
    "OpenFeed": "scaler_core.run.open_feed",
    "Options": "scaler_core.interfaces",
    "Outcome": "scaler_core.models",
    "Oversampling": "scaler_core.interfaces",
    "Problem": "scaler_core.models",
    "Question": "scaler_core.models",
    "read_evaluations": "scaler_core.evaluation",
    "read_events": "scaler_core.run.events",
    "Recipe": "scaler_core.config",
    "regrade_evaluations": "scaler_core.library",
    "Response": "scaler_core.models",
    "resume_run": "scaler_core.run.opening",
    "sample_pool": "scaler_core.library",
    "Sandbox": "scaler_core.interfaces",
    "ScalerError": "scaler_core.errors",
    "serve_feed": "scaler_core.serve",
    "SynthesisOptions": "scaler_core.synthesis.config",
    "SynthesisRun": "scaler_core.synthesis.run",
    "Ticket": "scaler_core.models",
    "token_counter": "scaler_core.plugins.choosing",
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
