"""The bench of a run, described as plain data, so that a Ray actor can build one like it."""

from __future__ import annotations

from typing import cast

from pydantic import JsonValue

from scaler_core.interfaces import Backend
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.synthesis.workbench import Bench

BUILDER = f"{__name__}:build_bench"


def make_bench(
    host: PluginHost,
    *,
    sandbox: str,
    allow_weak: bool,
    seed: int,
    backend: str,
    tokenizer: str | None,
) -> Bench:
    """The bench of a run; what a model wrote is never trusted.

    Args:
        host: Where sandbox and backend come from.
        sandbox: What runs the programs.
        allow_weak: Whether that may be one that does not contain attacks.
        seed: Equal seeds, equal draws.
        backend: Who counts tokens.
        tokenizer: The model whose tokens are counted; characters are counted where ``None``.

    Raises:
        UsageError: A name is unknown, or this machine lacks something.
    """
    count = None
    if tokenizer is not None:
        count = cast("type[Backend]", host.find("backend", backend)).token_counter(tokenizer)
    choice = ComponentChoice(use=sandbox)
    box = build_sandbox(choice, host, untrusted=True, allow_weak=allow_weak)
    return Bench(box, seed=seed, count_tokens=count)


def describe_plugins(host: PluginHost) -> list[JsonValue]:
    """The plugins of *host*, to load the same ones in another process."""
    return [f"{item.distribution}/{item.name}" for item in host.plugins if item.status == "loaded"]


def build_bench(*, plugins: list[str], **options: object) -> Bench:
    """As :func:`make_bench`, in a process that loads the plugins which were described."""
    return make_bench(load_plugins(allowed=plugins), **options)  # type: ignore[arg-type]
