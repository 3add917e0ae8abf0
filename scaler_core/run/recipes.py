"""Recipes: read by name or file, with settings typed over them, and listed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scaler_core.config import ComponentSection, Recipe
from scaler_core.errors import UsageError, unknown_name
from scaler_core.options import parse_options, parse_setting, section_of
from scaler_core.plugins import PluginHost, load_plugins


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
    # a change of component comes first: it drops the options of the one it replaces
    ordered = sorted(overrides, key=lambda text: ".use" not in text)
    try:
        recipe = recipe_from(_read_with(path, ordered), source=str(path))
    except UsageError as error:
        raise _blamed_on_setting(error, path, ordered) from None
    return name.replace("/", "-"), recipe


def resolve_recipe(
    recipe: str | Path | Recipe,
    host: PluginHost,
    overrides: Sequence[str] = (),
    *,
    name: str = "run",
) -> tuple[str, Recipe]:
    """A recipe and its name, however it is given; *name* is that of a recipe without one.

    Raises:
        UsageError: As of :func:`load_recipe`, or *overrides* come with a recipe that is no file.
    """
    if not isinstance(recipe, Recipe):
        return load_recipe(str(recipe), host.recipes(), overrides)
    if overrides:
        raise UsageError("overrides go with a recipe's name or file, not with a Recipe")
    return name, recipe


def _read_with(path: Path, overrides: Sequence[str]) -> dict[str, Any]:
    data = _read_toml(path)
    for override in overrides:
        _apply(data, override)
    return data


def _blamed_on_setting(error: UsageError, path: Path, overrides: Sequence[str]) -> UsageError:
    """*error*, or its text about the first override with which it comes up."""
    for count in range(len(overrides) + 1):
        try:
            recipe_from(_read_with(path, overrides[:count]), source=str(path))
        except UsageError as found:
            if found.message == error.message and count:
                text = error.message.replace(f" in {path}", "")
                return UsageError(f"--set {overrides[count - 1]}: {text}", hint=error.hint)
            if found.message == error.message:
                break  # the file alone is wrong
    return error


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
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin with a mark
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


class ListedRecipe(NamedTuple):
    """A recipe that can be named.

    Attributes:
        name: Its name.
        path: Its file.
        recipe: What it says; ``None`` where it cannot be read.
        error: Why it cannot be read; ``None`` where it can.
    """

    name: str
    path: Path
    recipe: Recipe | None
    error: UsageError | None


def list_recipes(*, host: PluginHost | None = None) -> list[ListedRecipe]:
    """The recipes that installed plugins ship, by name; one that is broken costs only itself."""
    host = host or load_plugins()
    return [_listed(name, path) for name, path in sorted(host.recipes().items())]


def _listed(name: str, path: Path) -> ListedRecipe:
    try:
        return ListedRecipe(name, path, load_recipe(name, {name: path})[1], None)
    except UsageError as error:
        return ListedRecipe(name, path, None, error)
