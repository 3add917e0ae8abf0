"""Recipes: the settings of a run. Every key has its default and its description here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from scaler_core.errors import UsageError, unknown_name
from scaler_core.models import ComponentChoice, PromptStyle
from scaler_core.options import parse_options, parse_setting, section_of

DEFAULT_RECIPE = "quickstart"


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


class FactorySection(Section):
    """``[factory]``: how instances are made."""

    workers: int = Field(default=2, ge=1)
    """Environments whose instances are made side by side."""
    executor: Literal["local", "ray"] = "local"
    """Where the workers run: on this machine, or as Ray actors on all machines of a cluster."""
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

    def to_toml(self) -> str:
        """The recipe with every key spelt out."""
        return tomli_w.dumps(_without_none(self.model_dump(mode="json")))


def load_recipe(
    name_or_path: str,
    shipped: Mapping[str, Path],
    overrides: Sequence[str] = (),
) -> tuple[str, Recipe]:
    """A recipe and its name.

    Args:
        name_or_path: A shipped recipe's name, or the path of a TOML file.
        shipped: Recipes by name.
        overrides: Settings like ``run.steps=3``, applied over the file.

    Raises:
        UsageError: No such recipe, not TOML, or a key or value that is not allowed.
    """
    path = shipped.get(name_or_path) or _recipe_file(name_or_path, shipped)
    name = name_or_path if name_or_path in shipped else path.stem
    data = _read_toml(path)
    # a change of component comes first: it drops the options of the one it replaces
    for override in sorted(overrides, key=lambda text: ".use" not in text):
        _apply(data, override)
    return name.replace("/", "-"), recipe_from(data, source=str(path))


def recipe_from(data: Mapping[str, Any], source: str = "") -> Recipe:
    """*data* as a recipe; errors name a key by the path that the user typed."""
    for key, value in data.items():
        if key in Recipe.model_fields and not isinstance(value, Mapping):
            raise UsageError(f"{key}: must be a section [{key}] with keys, not {value!r}")
    filled = {key: _with_default_component(key, value) for key, value in data.items()}
    return parse_options(Recipe, filled, source=source)


def _with_default_component(section: str, value: Any) -> Any:
    """A section with options but no ``use`` keeps the default component."""
    use = _default_use(section)
    return {"use": use, **value} if use and "use" not in value else value


def _recipe_file(name_or_path: str, shipped: Mapping[str, Path]) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix == ".toml" or path.exists():
        raise UsageError(
            f"no recipe file {name_or_path}", hint="scaler run --list shows the shipped recipes"
        )
    raise unknown_name(
        "recipe", name_or_path, shipped, hint="name a shipped recipe or the path of a TOML file"
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def _apply(data: dict[str, Any], override: str) -> None:
    """Set ``section.key=value``."""
    keys, value = parse_setting(override, example="run.steps=3")
    section = section_of(data, keys, override)
    if keys[0] == "pool" and keys[-1] in ("use", "path", "sources"):
        for other in ("use", "path", "sources", "environments"):
            section.pop(other, None)
    elif keys[-1] == "use" and section.get("use", _default_use(keys[0])) != value:
        section.clear()
    section[keys[-1]] = value


def _default_use(section: str) -> str | None:
    field = Recipe.model_fields.get(section)
    default = field.default if field else None
    return default.use if isinstance(default, ComponentSection) else None


def _without_none(value: Any) -> Any:
    """TOML has no null: a key that is not set is left out."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    return value
