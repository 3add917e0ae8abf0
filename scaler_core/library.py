"""Instances from the library, without a run: for notebooks, scripts and other trainers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from scaler_core.factory import InstanceResult
from scaler_core.factory.local import LocalFactory
from scaler_core.interfaces import AnyEnvironment, NativeEnvironment
from scaler_core.models import ComponentChoice, PromptStyle
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import build_sandbox


def make_instances(
    environment: AnyEnvironment,
    level: int,
    seeds: Iterable[int],
    *,
    style: PromptStyle = "paper",
    sandbox: str = "auto",
    allow_weak_sandbox: bool = False,
    host: PluginHost | None = None,
) -> list[InstanceResult]:
    """The instance, or the named failure, of each seed: the same arguments give the same result.

    For many calls keep one :class:`~scaler_core.factory.local.LocalFactory` instead: this starts
    and ends its workers each time.

    Args:
        environment: From :func:`scaler_core.open_pool`, say.
        level: Its difficulty.
        seeds: One instance each.
        style: How the instance is put to a model.
        sandbox: What runs the programs.
        allow_weak_sandbox: Whether that may be one which does not contain attacks.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: The environment has no such level, or no sandbox can run here.
    """
    box = build_sandbox(
        ComponentChoice(use=sandbox),
        host or load_plugins(),
        untrusted=not isinstance(environment, NativeEnvironment),
        allow_weak=allow_weak_sandbox,
    )
    with closing(LocalFactory(box, prompt_style=style)) as factory:
        return factory.make(environment, level, list(seeds))
