"""The hooks: how a distribution adds components. This file is the manual of the hook API.

A plugin is a module named by an entry point in the group ``scaler_core.plugins``::

    [project.entry-points."scaler_core.plugins"]
    my-plugin = "my_package.plugin"

    # my_package/plugin.py
    from scaler_core.hookspecs import hookimpl

    @hookimpl
    def scaler_register_controllers():
        from my_package.controllers import Careful
        return [Careful]

All ten hooks have this one shape: no parameter, a sequence of classes as the result. They are
called once, when the plugin host loads; they only name classes, so import heavy libraries inside
the classes' methods. A hook that raises, has another name or another parameter, or returns
something else costs its own plugin and nothing more.

The API has a version, ``major.minor``. A plugin may state the one that it was written for as
``SCALER_HOOK_API = "2.0"`` in its module; another major version is refused. Within a major version
hooks are only added; one that is to go warns for a whole minor version first.
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from scaler_core.interfaces import (
    Backend,
    Benchmark,
    Controller,
    Curator,
    EnvironmentPack,
    Extractor,
    Generator,
    Sandbox,
    Tracker,
    Verifier,
)

HOOK_API_VERSION = "2.0"
ENTRY_POINT_GROUP = "scaler_core.plugins"
PROJECT = "scaler"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def scaler_register_extractors() -> Sequence[type[Extractor]]:  # type: ignore[empty-body]
    """Classes that read a problem and name its scale parameters. Since 1.0."""


@hookspec
def scaler_register_generators() -> Sequence[type[Generator]]:  # type: ignore[empty-body]
    """Classes that write a problem's instance generator. Since 1.0."""


@hookspec
def scaler_register_verifiers() -> Sequence[type[Verifier]]:  # type: ignore[empty-body]
    """Classes that judge a response against a truth. Since 1.0."""


@hookspec
def scaler_register_controllers() -> Sequence[type[Controller]]:  # type: ignore[empty-body]
    """Classes that move an environment's difficulty. Since 1.0."""


@hookspec
def scaler_register_curators() -> Sequence[type[Curator]]:  # type: ignore[empty-body]
    """Classes that choose the environments to train on. Since 1.0."""


@hookspec
def scaler_register_environments() -> Sequence[type[EnvironmentPack]]:  # type: ignore[empty-body]
    """Packs of environments that the distribution ships. Since 1.0."""


@hookspec
def scaler_register_sandboxes() -> Sequence[type[Sandbox]]:  # type: ignore[empty-body]
    """Classes that run untrusted programs. Since 1.0."""


@hookspec
def scaler_register_benchmarks() -> Sequence[type[Benchmark]]:  # type: ignore[empty-body]
    """Benchmarks with their graders. Since 1.0."""


@hookspec
def scaler_register_backends() -> Sequence[type[Backend]]:  # type: ignore[empty-body]
    """Classes that train a model on a feed. Since 1.0."""


@hookspec
def scaler_register_trackers() -> Sequence[type[Tracker]]:  # type: ignore[empty-body]
    """Classes that show a run's figures elsewhere. Since 1.1."""
