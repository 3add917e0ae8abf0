"""The generator that comes with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Generator


@hookimpl
def scaler_register_generators() -> list[type[Generator]]:
    """The generator ``llm``."""
    from scaler_plugins.generators.llm import LlmGenerator

    return [LlmGenerator]
