"""Assembling a run: everything a recipe names is found and checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from pydantic import JsonValue

from scaler_core.config import ComponentSection, PoolSection, PoolSource, Recipe
from scaler_core.curriculum.engine import Emit, Engine
from scaler_core.curriculum.feed import Feed
from scaler_core.errors import UsageError, blamed_on, unknown_name
from scaler_core.factory import InstanceFactory
from scaler_core.factory.interface import VirtualFactory
from scaler_core.factory.local import LocalFactory
from scaler_core.factory.ray_actors import RayFactory
from scaler_core.factory.ready import ReadyFactory
from scaler_core.interfaces import (
    Backend,
    Benchmark,
    Component,
    Controller,
    Curator,
    EnvironmentPack,
    EnvironmentSource,
    RayConnection,
    Sandbox,
    Tracker,
    Verifier,
)
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost, load_plugins, package_version
from scaler_core.plugins.choosing import (
    AUTO,
    SandboxPlan,
    build_benchmarks,
    build_sandbox,
    thought_options,
)
from scaler_core.pool import open_pool
from scaler_core.pool.source import CombinedSource, SelectedSource
from scaler_core.run.benchmarks import known_figures
from scaler_core.run.held_out import split_held_out

NOTHING_ASKED = {"benchmarks": "[]", "held_out": "0", "seeds": "0"}
"""Keys of ``[evaluation]`` that ask a model, and their values that do not."""


@dataclass(frozen=True)
class FeedParts:
    """The parts of a feed, built and checked.

    Attributes:
        recipe: The recipe with every option of every component spelt out.
        host: Where the components came from.
        source: The environments to train on.
        held_out: The environments that are only measured, if there are some.
        verifier: The verifier of environments that name none.
        controller: Moves difficulty.
        curator: Chooses the active set.
        sandbox: Runs untrusted programs; ``None`` where no instances are made.
    """

    recipe: Recipe
    host: PluginHost
    source: EnvironmentSource
    held_out: EnvironmentSource | None
    verifier: ComponentChoice
    controller: Controller
    curator: Curator
    sandbox: Sandbox | None

    @property
    def ready(self) -> int:
        """Instances made ahead for each level that may be drawn next; 0 where none are."""
        return self.recipe.factory.ready if self.sandbox else 0

    def ray_connection(self) -> RayConnection:
        """How a factory of Ray actors connects."""
        return RayConnection()

    def make_factory(self, *, only_here: bool = False) -> InstanceFactory:
        """The factory; its workers start on first use, Ray actors at once.

        Args:
            only_here: Whether it is to use this machine alone, whatever the recipe says.
        """
        if self.sandbox is None:
            return VirtualFactory()
        factory = _factory_of(self, self.sandbox, only_here)
        if not self.ready:
            return factory
        # half of the workers in the background, so that a draw always finds some of them free
        return ReadyFactory(factory, threads=max(1, self.recipe.factory.workers // 2))

    def make_judge(self, factory: InstanceFactory) -> Judge:
        """The judge; its sandbox for checkers, made as the run's is, starts on first use."""
        plan = SandboxPlan(
            choice=self.recipe.sandbox.choice,
            untrusted=not self.source.trusted,
            allow_weak=self.recipe.factory.allow_weak_sandbox,
        )
        return Judge(self.host, factory, plan)

    def make_feed(self, factory: InstanceFactory, judge: Judge, emit: Emit, **more: Any) -> Feed:
        """The feed of these parts; *more* are further arguments of :class:`Feed`."""
        seed, options = self.recipe.run.seed, self.recipe.factory
        return Feed(
            Engine(self.source, self.controller, self.curator, seed=seed, emit=emit),
            factory,
            judge,
            prompts=self.recipe.batch.prompts,
            verifier=self.verifier,
            emit=emit,
            attempts=options.attempts,
            quarantine_after=options.quarantine_after,
            ready=self.ready,
            **more,
        )


@dataclass(frozen=True)
class Parts(FeedParts):
    """The parts of a run: those of its feed, and what trains and measures.

    Attributes:
        backend: Trains.
        benchmarks: Benchmarks that are scored on a schedule.
        trackers: Trackers that show the figures.
    """

    backend: Backend
    benchmarks: Sequence[Benchmark]
    trackers: Sequence[Tracker]

    def ray_connection(self) -> RayConnection:
        """That of the backend, which both share."""
        return self.backend.ray_connection()


def assemble(recipe: Recipe, host: PluginHost) -> Parts:
    """Find and check every part of a run by *recipe*.

    Raises:
        UsageError: A name, an option or an environment is unknown, or the machine lacks something.
        DataError: A pool is damaged.
    """
    check_requirements(recipe.run.requires)
    made = host.find(Backend, recipe.backend.use).needs_instances
    feed = assemble_feed(recipe, host, instances=made)
    backend = host.build(Backend, recipe.backend.choice, "backend")
    missing = backend.missing()
    if missing:
        raise UsageError(f"backend {backend.name!r} cannot run here: {missing}")
    backend.check()
    if recipe.batch.filter != "none" and not backend.filters_groups:
        raise UsageError(
            f"batch.filter: backend {backend.name!r} filters no groups",
            hint='set batch.filter = "none", or take another backend',
        )
    benchmarks = _benchmarks(recipe, host, backend)
    trackers = _trackers(recipe, host)
    sections = {
        "backend": _resolved_section(backend),
        "evaluation": recipe.evaluation.model_copy(update={"options": _options_of(benchmarks)}),
        "tracking": recipe.tracking.model_copy(update={"options": _options_of(trackers)}),
    }
    parts = {item.name: getattr(feed, item.name) for item in fields(feed)}
    parts["recipe"] = feed.recipe.model_copy(update=sections)
    return Parts(**parts, backend=backend, benchmarks=benchmarks, trackers=trackers)


def assemble_feed(
    recipe: Recipe,
    host: PluginHost,
    *,
    instances: bool = True,
    environments: EnvironmentSource | None = None,
) -> FeedParts:
    """Find and check every part of a feed by *recipe*; ``[backend]`` is not read.

    Args:
        recipe: The recipe.
        host: Where components come from.
        instances: Whether instances are made; simulated learners need none.
        environments: The environments, instead of those that ``[pool]`` names.

    Raises:
        UsageError: A name, an option or an environment is unknown, or the machine lacks something.
        DataError: A pool is damaged.
    """
    verifier_choice = _verifier_choice(recipe, host)
    host.build(Verifier, verifier_choice, "verifier")
    controller = host.build(Controller, recipe.controller.choice, "controller")
    curator = host.build(Curator, recipe.curator.choice, "curator")
    everything = open_environments(recipe.pool, host) if environments is None else environments
    source, held_out = split_held_out(everything, recipe.evaluation.held_out, recipe.run.seed)
    if recipe.sandbox.use != AUTO:
        host.find(Sandbox, recipe.sandbox.use, others=(AUTO,))  # a wrong name, even if unused
    sandbox = _build_sandbox(recipe, host, source) if instances else None
    sections = {
        "pool": _absolute(recipe.pool),
        "verifier": _resolved_section(host.build(Verifier, recipe.verifier.choice, "verifier")),
        "controller": _resolved_section(controller),
        "curator": _resolved_section(curator),
        **({"sandbox": _resolved_section(sandbox)} if sandbox else {}),
    }
    return FeedParts(
        recipe=recipe.model_copy(update=sections),
        host=host,
        source=source,
        held_out=held_out,
        verifier=verifier_choice,
        controller=controller,
        curator=curator,
        sandbox=sandbox,
    )


def check_requirements(texts: Sequence[str]) -> None:
    """Check ``[run] requires``.

    Raises:
        UsageError: A distribution is missing, or of another version.
    """
    for requirement in map(Requirement, texts):
        version = package_version(requirement.name)
        if not version or not requirement.specifier.contains(version, prereleases=True):
            found = f"version {version} is installed" if version else "it is not installed"
            raise UsageError(
                f"run.requires: {requirement}, but {found}", hint=f"pip install '{requirement}'"
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


def _factory_of(parts: FeedParts, sandbox: Sandbox, only_here: bool) -> InstanceFactory:
    """The factory that ``[factory] executor`` names, without a ready buffer."""
    recipe, workers = parts.recipe, parts.recipe.factory.workers
    if recipe.factory.executor == "ray" and not only_here:
        sandbox.close()  # each actor has one of its own
        described = describe_factory(recipe, parts.host, untrusted=not parts.source.trusted)
        return RayFactory(BUILDER, described, workers, parts.ray_connection())
    return LocalFactory(sandbox, workers=workers, **factory_options(recipe))


def _benchmarks(recipe: Recipe, host: PluginHost, backend: Backend) -> list[Benchmark]:
    """The benchmarks of ``[evaluation]``, whose questions are on this machine now."""
    options = recipe.evaluation
    asked = [key for key in NOTHING_ASKED if getattr(options, key)]
    if not backend.needs_instances and asked:
        key = asked[0]
        raise UsageError(
            f"evaluation.{key}: backend {backend.name!r} has no model that could be asked",
            hint=f"set evaluation.{key} = {NOTHING_ASKED[key]}, or take another backend",
        )
    if options.held_out and not options.seeds:
        raise UsageError(
            "evaluation.held_out needs evaluation.seeds, the instances that held-out environments "
            "are measured on",
            hint="set evaluation.seeds = 4",
        )
    if options.best is not None and options.best not in known_figures(options):
        raise unknown_name(
            "figure", options.best, known_figures(options), where=" in evaluation.best"
        )
    built = build_benchmarks(
        host,
        options.benchmarks,
        options.options,
        where="evaluation.options",
        prompt=recipe.prompt,
    )
    for benchmark in built:
        with blamed_on(f"benchmark {benchmark.name!r}"):
            benchmark.rows()
    return built


def _trackers(recipe: Recipe, host: PluginHost) -> list[Tracker]:
    section = recipe.tracking
    for name in section.options:
        if name not in section.use:
            raise unknown_name("tracker", name, section.use, where=" in tracking.options")
    built = []
    for name in dict.fromkeys(section.use):
        host.find(Tracker, name)
        choice = ComponentChoice(use=name, options=section.options.get(name, {}))
        tracker = host.build(Tracker, choice, f"tracking.options.{name}")
        if missing := tracker.missing():
            raise UsageError(f"tracker {name!r} cannot run here: {missing}")
        built.append(tracker)
    return built


def _verifier_choice(recipe: Recipe, host: PluginHost) -> ComponentChoice:
    """The recipe's verifier; how the model thinks is set where it has options for that."""
    choice = recipe.verifier.choice
    thoughts = thought_options(host.find(Verifier, choice.use), recipe.prompt)
    return (
        ComponentChoice(use=choice.use, options=thoughts | choice.options) if thoughts else choice
    )


def _open_source(source: PoolSource, host: PluginHost) -> EnvironmentSource:
    if source.path is not None:
        return open_pool(Path(source.path))
    name = source.use or ""
    # by the host, whose error names a plugin that would provide the pool but failed to load
    pack = host.find(EnvironmentPack, name)
    return open_pool(name, {name: pack})


def _absolute(section: PoolSection) -> PoolSection:
    """Paths that mean the same wherever the run is resumed from."""
    sources = tuple(
        item.model_copy(update={"path": str(Path(item.path).resolve())}) if item.path else item
        for item in section.all_sources
    )
    return PoolSection(sources=sources, environments=section.environments)


def _options_of(components: Sequence[Component]) -> dict[str, dict[str, JsonValue]]:
    return {item.name: item.config.model_dump(mode="json") for item in components}


def _resolved_section(component: Component) -> ComponentSection:
    return ComponentSection(use=component.name, **component.config.model_dump(mode="json"))


BUILDER = f"{__name__}:build_factory"


def factory_options(recipe: Recipe) -> dict[str, Any]:
    """Options of a recipe that every factory takes, whatever executor runs it; plain JSON."""
    return {
        "prompt_style": recipe.prompt.style,
        "system": recipe.prompt.system,
        "references": recipe.factory.references,
        "agree": recipe.factory.agree,
    }


def describe_factory(recipe: Recipe, host: PluginHost, *, untrusted: bool) -> dict[str, JsonValue]:
    """The arguments with which :func:`build_factory` builds a run's factory elsewhere.

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
