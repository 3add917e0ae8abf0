"""Assembling a run: everything a recipe names is found and checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from scaler_core.config import ComponentSection, PoolSection, PoolSource, Recipe
from scaler_core.errors import UsageError
from scaler_core.factory import InstanceFactory
from scaler_core.factory.local import LocalFactory
from scaler_core.factory.ray_actors import RayFactory
from scaler_core.factory.ready import ReadyFactory
from scaler_core.factory.virtual import VirtualFactory
from scaler_core.interfaces import (
    Backend,
    Component,
    Controller,
    Curator,
    EnvironmentPack,
    EnvironmentSource,
    Sandbox,
)
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost
from scaler_core.pool import open_pool
from scaler_core.pool.source import CombinedSource, SelectedSource
from scaler_core.run.actor_factory import BUILDER, describe_factory, factory_options
from scaler_core.sandbox.choice import build_sandbox


@dataclass(frozen=True)
class Parts:
    """What a run is made of, built and checked.

    Attributes:
        recipe: The recipe with every option of every component spelt out.
        host: Where the components came from.
        source: The environments to train on.
        verifier: Who verifies where an environment names nobody.
        controller: Moves difficulty.
        curator: Chooses the active set.
        backend: Trains.
        sandbox: Runs untrusted programs; ``None`` where the backend needs no instances.
    """

    recipe: Recipe
    host: PluginHost
    source: EnvironmentSource
    verifier: ComponentChoice
    controller: Controller
    curator: Curator
    backend: Backend
    sandbox: Sandbox | None

    @property
    def ready(self) -> int:
        """Instances made ahead for each level that may be drawn next; 0 where none are."""
        return self.recipe.factory.ready if self.sandbox else 0

    def make_factory(self) -> InstanceFactory:
        """The factory of the run; its workers start on first use, Ray actors at once."""
        if self.sandbox is None:
            return VirtualFactory()
        factory = _factory_of(self, self.sandbox)
        if not self.ready:
            return factory
        # half of the workers in the background, so that a draw always finds some of them free
        return ReadyFactory(factory, threads=max(1, self.recipe.factory.workers // 2))


def assemble(recipe: Recipe, host: PluginHost) -> Parts:
    """Find and check every part of *recipe*.

    Raises:
        UsageError: A name, an option or an environment is unknown, or the machine lacks something.
        DataError: A pool is damaged.
    """
    _refuse_what_does_not_exist(recipe)
    verifier_choice = _told_of_thinking(recipe, host)
    host.build("verifier", verifier_choice, "verifier")
    controller = host.build("controller", recipe.controller.choice, "controller")
    curator = host.build("curator", recipe.curator.choice, "curator")
    backend = cast(Backend, host.build("backend", recipe.backend.choice, "backend"))
    source = open_environments(recipe.pool, host)
    missing = backend.missing()
    if missing:
        raise UsageError(f"backend {backend.name!r} cannot run here: {missing}")
    backend.check()
    sandbox = _build_sandbox(recipe, host, source) if backend.needs_instances else None
    sections = {
        "pool": _absolute(recipe.pool),
        "verifier": _spelt_out(host.build("verifier", recipe.verifier.choice, "verifier")),
        "controller": _spelt_out(controller),
        "curator": _spelt_out(curator),
        "backend": _spelt_out(backend),
        **({"sandbox": _spelt_out(sandbox)} if sandbox else {}),
    }
    return Parts(
        recipe=recipe.model_copy(update=sections),
        host=host,
        source=source,
        verifier=verifier_choice,
        controller=cast(Controller, controller),
        curator=cast(Curator, curator),
        backend=backend,
        sandbox=sandbox,
    )


def open_environments(section: PoolSection, host: PluginHost) -> EnvironmentSource:
    """The environments that ``[pool]`` names.

    Raises:
        UsageError: A pool or an environment does not exist, or there is none at all.
    """
    sources = [(_open_source(item, host), item.weight) for item in section.all_sources]
    source: EnvironmentSource = CombinedSource(sources)
    if section.environments:
        source = SelectedSource(source, section.environments)
    if not len(source):
        raise UsageError("pool: it holds no environment", hint="scaler pool ls shows a pool")
    return source


def _build_sandbox(recipe: Recipe, host: PluginHost, source: EnvironmentSource) -> Sandbox:
    return build_sandbox(
        recipe.sandbox.choice,
        host,
        untrusted=not source.trusted,
        allow_weak=recipe.factory.allow_weak_sandbox,
    )


def _factory_of(parts: Parts, sandbox: Sandbox) -> InstanceFactory:
    """The factory that ``[factory] executor`` names, without a ready buffer."""
    recipe, workers = parts.recipe, parts.recipe.factory.workers
    if recipe.factory.executor == "ray":
        sandbox.close()  # each actor has one of its own
        described = describe_factory(recipe, parts.host, untrusted=not parts.source.trusted)
        return RayFactory(BUILDER, described, workers, parts.backend.ray_connection())
    return LocalFactory(sandbox, workers=workers, **factory_options(recipe))


def _refuse_what_does_not_exist(recipe: Recipe) -> None:
    evaluation = recipe.evaluation
    wanted = {
        "evaluation.benchmarks": evaluation.benchmarks,
        "evaluation.held_out": evaluation.held_out,
        "tracking.use": recipe.tracking.use,
    }
    for path, value in wanted.items():
        if value:
            raise UsageError(
                f"{path} = {value!r}: this version of SCALER cannot do that yet",
                hint="leave the key out; metrics.jsonl and the held-out grid are always there",
            )


def _told_of_thinking(recipe: Recipe, host: PluginHost) -> ComponentChoice:
    choice = recipe.verifier.choice
    fields = host.find("verifier", choice.use).Config.model_fields
    if recipe.prompt.thinking and "thinking" in fields:
        return ComponentChoice(use=choice.use, options={"thinking": True, **choice.options})
    return choice


def _open_source(source: PoolSource, host: PluginHost) -> EnvironmentSource:
    if source.path is not None:
        return open_pool(Path(source.path))
    name = source.use or ""
    # by the host, whose error names a plugin that would provide the pool but failed to load
    pack = cast("type[EnvironmentPack]", host.find("environments", name))
    return open_pool(name, {name: pack})


def _absolute(section: PoolSection) -> PoolSection:
    """Paths that mean the same wherever the run is resumed from."""
    sources = tuple(
        item.model_copy(update={"path": str(Path(item.path).resolve())}) if item.path else item
        for item in section.all_sources
    )
    return PoolSection(sources=sources, environments=section.environments)


def _spelt_out(component: Component) -> ComponentSection:
    return ComponentSection(use=component.name, **component.config.model_dump(mode="json"))
