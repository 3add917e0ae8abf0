"""The factory of a run inside a Ray actor: described as plain data here, built from it there."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from scaler_core.config import Recipe
from scaler_core.factory.local import LocalFactory
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import build_sandbox

BUILDER = f"{__name__}:build_factory"


def factory_options(recipe: Recipe) -> dict[str, Any]:
    """What a recipe says of every factory, whatever executes it; plain JSON."""
    return {
        "prompt_style": recipe.prompt.style,
        "system": recipe.prompt.system,
        "references": recipe.factory.references,
        "agree": recipe.factory.agree,
    }


def describe_factory(recipe: Recipe, host: PluginHost, *, untrusted: bool) -> dict[str, JsonValue]:
    """The arguments of :func:`build_factory` that give a run's factory in another process.

    Args:
        recipe: The run's recipe.
        host: Its plugins; the same ones are loaded there.
        untrusted: Whether programs come from a pool that no installed plugin ships.
    """
    return {
        "sandbox": recipe.sandbox.choice.model_dump(mode="json"),
        "untrusted": untrusted,
        "allow_weak": recipe.factory.allow_weak_sandbox,
        "plugins": list(host.selection()),
        "options": factory_options(recipe),
    }


def build_factory(
    *,
    sandbox: dict[str, Any],
    untrusted: bool,
    allow_weak: bool,
    plugins: list[str],
    options: dict[str, Any],
) -> LocalFactory:
    """The factory that :func:`describe_factory` described, with one worker.

    Raises:
        UsageError: This machine lacks what it needs.
    """
    choice = ComponentChoice.model_validate(sandbox)
    host = load_plugins(allowed=plugins)
    box = build_sandbox(choice, host, untrusted=untrusted, allow_weak=allow_weak)
    return LocalFactory(box, workers=1, **options)
