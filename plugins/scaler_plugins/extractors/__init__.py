"""The extractor that comes with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Extractor


@hookimpl
def scaler_register_extractors() -> list[type[Extractor]]:
    """The extractor ``llm``."""
    from scaler_plugins.extractors.llm import LlmExtractor

    return [LlmExtractor]
