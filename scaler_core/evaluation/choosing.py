"""The benchmarks that a user names, built with their options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from scaler_core.errors import UsageError, unknown_name
from scaler_core.interfaces import Benchmark
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost


def build_benchmarks(
    host: PluginHost,
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    *,
    where: str,
    thinking: bool = False,
) -> list[Benchmark]:
    """The benchmarks that *names* name.

    Args:
        host: Where they come from.
        names: Each once.
        options: Options by name; a ``path`` is taken from the current folder.
        where: What the user wrote options under, such as ``evaluation.options``.
        thinking: Whether the model thinks first: benchmarks that have the option are told.

    Raises:
        UsageError: A name or an option is unknown, or a benchmark is named twice.
    """
    for name in names:
        host.find("benchmark", name)
        if list(names).count(name) > 1:
            raise UsageError(f"benchmark {name!r} is named twice", hint="name it once")
    for name in options:
        if name not in names:
            raise unknown_name("benchmark", name, names, where=f" in {where}")
    return [
        _build(host, name, dict(options.get(name, {})), f"{where}.{name}", thinking)
        for name in names
    ]


def _build(
    host: PluginHost, name: str, options: dict[str, Any], where: str, thinking: bool
) -> Benchmark:
    if isinstance(options.get("path"), str):
        options["path"] = str(Path(options["path"]).expanduser().resolve())
    if thinking and "thinking" in host.find("benchmark", name).Config.model_fields:
        options.setdefault("thinking", True)
    choice = ComponentChoice(use=name, options=options)
    return cast(Benchmark, host.build("benchmark", choice, where))
