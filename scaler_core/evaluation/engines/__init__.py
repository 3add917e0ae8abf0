"""Engines that answer the questions of an evaluation; each loads its libraries when it is used."""

from __future__ import annotations

import importlib.util

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.evaluation.engines.base import ModelEngine
from scaler_core.evaluation.model import INSTALL, ModelChoice

LOCAL_ENGINES = ("transformers", "vllm")


def choose_engine(name: str) -> str:
    """Resolves *name* to an engine: ``auto`` is vLLM on a GPU where it is installed.

    Raises:
        UsageError: A library that it needs is not installed.
    """
    if name == "auto":
        name = "vllm" if _installed("vllm") and _has_gpu() else "transformers"
    if name == "vllm" and not _installed("vllm"):
        raise UsageError(
            "engine 'vllm' needs vllm, which is not installed",
            hint="pip install vllm, or --engine transformers",
        )
    absent = [item for item in ("torch", "transformers") if not _installed(item)]
    if absent:
        raise UsageError(
            f"engine {name!r} needs {' and '.join(absent)}, not installed here",
            hint=f"{INSTALL}, or ask a server with --endpoint URL",
        )
    return name


def open_engine(
    name: str, model: ModelChoice, prompt: PromptSection, max_tokens: int
) -> ModelEngine:
    """Loads *model* into the engine *name*, one of :data:`LOCAL_ENGINES`; raises as the engine."""
    if name == "vllm":
        from scaler_core.evaluation.engines.vllm import VllmEngine

        return VllmEngine(model, prompt, max_tokens)
    from scaler_core.evaluation.engines.transformers import TransformersEngine

    return TransformersEngine(model, prompt, max_tokens)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _has_gpu() -> bool:
    if not _installed("torch"):
        return False
    import torch

    return bool(torch.cuda.is_available())
