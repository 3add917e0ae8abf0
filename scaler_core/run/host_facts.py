"""What a run was made with: versions, plugins, machine. Kept beside every run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any

from scaler_core import __version__
from scaler_core.plugins import PluginHost

LIBRARIES = (
    "pydantic", "pluggy", "math-verify", "torch", "transformers", "trl", "peft", "accelerate"
)  # fmt: skip


def describe_host(host: PluginHost) -> dict[str, Any]:
    """Versions of SCALER, Python, libraries and plugins, and the size of the machine, as JSON."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "schema_version": 1,
        "scaler": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "libraries": versions,
        "plugins": [
            {"name": item.name, "distribution": item.distribution, "version": item.version}
            for item in host.plugins
            if item.status == "loaded"
        ],
    }
