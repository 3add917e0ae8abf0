"""``--set NAME.OPTION=VALUE``: options of several components on one command line."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from typing import Any

from scaler_core.errors import UsageError, unknown_name


def parse_settings(texts: Sequence[str], names: Collection[str]) -> dict[str, dict[str, Any]]:
    """The options in *texts* by name.

    Raises:
        UsageError: One is malformed, or belongs to none of *names*.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        name, dot, option = key.rpartition(".")
        if not (equals and dot and name and option):
            raise UsageError(
                f"--set {text!r} is not of the form BENCHMARK.OPTION=VALUE",
                hint="e.g. mmlu-pro.split=test",
            )
        if name not in names:
            raise unknown_name("benchmark", name, names, where=f" in --set {text!r}")
        found.setdefault(name, {})[option] = _value(value)
    return found


def _value(text: str) -> Any:
    """A value that is not TOML is taken as text, as with ``scaler run --set``."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
