"""Recipes: the settings of a run. Every key has its default and its description here."""

from __future__ import annotations

import os
from typing import Any, Literal

import tomli_w
from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from scaler_core.models import ComponentChoice, PromptStyle

DEFAULT_RECIPE = "quickstart"
WORKERS_ON_RAY = 2


class Section(BaseModel):
    """Base of all sections: immutable, an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class ComponentSection(Section):
    """A component by name; every further key is an option of it."""

    model_config = ConfigDict(extra="allow")

    use: str
    """Name of the component; ``scaler plugins`` lists them."""

    @property
    def choice(self) -> ComponentChoice:
        """Name and options apart."""
        return ComponentChoice(use=self.use, options=dict(self.model_extra or {}))


class RunSection(Section):
    """``[run]``: how long, and where."""

    steps: int = Field(default=100, ge=1)
    """Steps to train."""
    seed: int = 0
    """Root of every random choice of the run."""
    directory: str = "runs/{name}-{time}"
    """Where the run's files go; ``{name}`` is the recipe's name, ``{time}`` the start."""
    requires: tuple[str, ...] = ()
    """Distributions that must be installed, as pip writes them: ``["scaler-x>=1.2"]``."""

    @field_validator("requires")
    @classmethod
    def _requirements(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                Requirement(text)
            except InvalidRequirement as error:
                fault = " ".join(str(error).split())
                raise ValueError(f"{text!r} is no requirement of pip's form: {fault}") from None
        return texts


class PoolSource(Section):
    """One pool of several."""

    use: str | None = None
    """A registered pool, such as ``starter``."""
    path: str | None = None
    """A pool directory."""
    weight: float = Field(default=1.0, gt=0)
    """How much likelier than weight 1 its environments are admitted."""

    @model_validator(mode="after")
    def _exactly_one(self) -> PoolSource:
        if (self.use is None) == (self.path is None):
            raise ValueError("a pool is named by either 'use' or 'path'")
        return self


class PoolSection(Section):
    """``[pool]``: the environments of the run."""

    use: str | None = None
    """A registered pool; ``starter`` when nothing is named."""
    path: str | None = None
    """A pool directory."""
    sources: tuple[PoolSource, ...] = ()
    """Several pools with weights, instead of the two keys above."""
    environments: tuple[str, ...] = ()
    """Ids to train on; all of the pool when empty."""

    @model_validator(mode="after")
    def _one_way(self) -> PoolSection:
        if sum([self.use is not None, self.path is not None, bool(self.sources)]) > 1:
            raise ValueError("name the pool by one of 'use', 'path' and 'sources'")
        return self

    @property
    def all_sources(self) -> tuple[PoolSource, ...]:
        """The pools, however they were named."""
        if self.sources:
            return self.sources
        if self.path is not None:
            return (PoolSource(path=self.path),)
        return (PoolSource(use=self.use or "starter"),)


class BatchSection(Section):
    """``[batch]``: the size of a step."""

    prompts: int = Field(default=64, ge=1)
    """Tickets per step."""
    responses: int = Field(default=8, ge=2)
    """Responses per ticket: the size of a group."""
    filter: Literal["none", "informative"] = "none"
    """``informative`` draws further tickets until ``prompts`` groups of a step teach something, and
    trains on those; all drawn groups move the curriculum."""
    oversample: float = Field(default=3.0, ge=1, le=64)
    """Tickets that a step with a filter draws at most, as a multiple of ``prompts``."""


class FeedSection(Section):
    """``[feed]``: loops that draw ahead of their verdicts; backends that train never do."""

    max_open: int | None = Field(default=None, ge=1)
    """Tickets that may be out at once; four steps' worth when not given."""


class PromptSection(Section):
    """``[prompt]``: how an instance becomes a prompt, and where a response ends."""

    style: PromptStyle = "paper"
    """``paper`` states the task in words, ``compact`` lists its values for tiny models."""
    system: str | None = None
    """Replaces the style's system message; an empty text leaves it out."""
    chat_template: str | None = None
    """A Jinja chat template to use instead of the tokenizer's own."""
    thinking: bool = False
    """Whether the model thinks in a block before it answers; the answer is read after the block."""
    thoughts: tuple[tuple[str, str], ...] = ()
    """Texts that begin and end such a block, in pairs, beside the formats that are always known:
    ``[["<plan>", "</plan>"]]``."""
    stop: tuple[str, ...] = ()
    """Texts that end a response."""


def whole_cores() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _default_workers(section: dict[str, Any]) -> int:
    return WORKERS_ON_RAY if section.get("executor") == "ray" else whole_cores()


class FactorySection(Section):
    """``[factory]``: how instances are made."""

    executor: Literal["local", "ray"] = "local"
    """Where the workers run: on this machine, or as Ray actors on all machines of a cluster."""
    workers: int = Field(default_factory=_default_workers, ge=1)
    """Environments whose instances are made side by side: one for each core of this machine, and
    two with Ray, where each takes a core of the cluster. Changes no instance."""
    ready: int = Field(default=2, ge=0)
    """Instances kept ready in the background for each level that an active environment can reach
    next; 0 makes every instance when it is drawn. Changes no instance."""
    allow_weak_sandbox: bool = False
    """Whether programs of a pool that no installed plugin ships may run in a sandbox that does not
    contain attacks."""
    references: int = Field(default=3, ge=1)
    """Reference solutions whose answers are compared to find a truth."""
    agree: int = Field(default=2, ge=1)
    """How many of them must agree."""
    attempts: int = Field(default=5, ge=1)
    """Instances tried for one ticket before the environment has failed it."""
    quarantine_after: int = Field(default=3, ge=1)
    """Failed tickets in a row after which an environment is left out of the run."""

    @model_validator(mode="after")
    def _enough_references(self) -> FactorySection:
        if self.agree > self.references:
            raise ValueError("agree must not be above references")
        return self


class EvaluationSection(Section):
    """``[evaluation]``: benchmarks and held-out environments, measured during training."""

    every: int = Field(default=20, ge=1)
    """Steps between evaluations on benchmarks, and on held-out environments."""
    benchmarks: tuple[str, ...] = ()
    """Benchmarks, by name: scored before training, every so many steps, and after the last."""
    limit: int | None = Field(default=None, ge=1)
    """Questions of each benchmark, always the same ones; all of them when not given."""
    samples: int | None = Field(default=None, ge=1)
    """Responses to each question; as many as the benchmark says when not given."""
    options: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """Options of benchmarks by name, such as ``path`` for a local file."""
    best: str | None = None
    """The figure that makes a checkpoint the best one, which is kept: ``eval/average`` when not
    given, or ``grid/out-of-pool`` where there are only held-out environments."""
    held_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of environments that is never trained on, only measured; needs ``seeds``."""
    levels: tuple[int, ...] = (0, 1, 2, 3, 4, 6, 8)
    """Levels of the grid of held-out instances that is answered before and after training, and
    every so many steps where environments are held out."""
    seeds: int = Field(default=0, ge=0)
    """Instances of the grid for each environment and level; 0 leaves the grid out."""


class TrackingSection(Section):
    """``[tracking]``: where else metrics are shown; our own files are always written."""

    use: tuple[str, ...] = ()
    """Trackers, by name."""
    options: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """Options of trackers by name."""


class CheckpointSection(Section):
    """``[checkpoint]``: when state is saved from which a killed run can go on."""

    every: int = Field(default=20, ge=1)
    """Steps between checkpoints."""
    keep: int = Field(default=2, ge=2)
    """Whole checkpoints that are kept; older ones go once a new one is committed."""


class Recipe(Section):
    """All settings of a run, section by section."""

    run: RunSection = RunSection()
    pool: PoolSection = PoolSection()
    batch: BatchSection = BatchSection()
    feed: FeedSection = FeedSection()
    prompt: PromptSection = PromptSection()
    verifier: ComponentSection = ComponentSection(use="typed")
    controller: ComponentSection = ComponentSection(use="proportional")
    curator: ComponentSection = ComponentSection(use="active-set")
    sandbox: ComponentSection = ComponentSection(use="auto")
    factory: FactorySection = FactorySection()
    backend: ComponentSection = ComponentSection(use="local")
    evaluation: EvaluationSection = EvaluationSection()
    tracking: TrackingSection = TrackingSection()
    checkpoint: CheckpointSection = CheckpointSection()

    @model_validator(mode="after")
    def _room_for_a_step(self) -> Recipe:
        most = self.feed.max_open
        if most is not None and most < self.batch.prompts:
            raise ValueError(
                f"feed.max_open = {most} is below batch.prompts = {self.batch.prompts}: "
                "no step would fit"
            )
        return self

    def to_toml(self) -> str:
        """The recipe with every key spelt out."""
        return tomli_w.dumps(without_none(self.model_dump(mode="json")))


def without_none(value: Any) -> Any:
    """*value*, as JSON, without keys that are not set: TOML has no null."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_none(item) for item in value]
    return value
