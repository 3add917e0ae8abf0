"""Opening a run from the library: a new one from a recipe, or one to go on with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from scaler_core.config import DEFAULT_RECIPE, Recipe, load_recipe
from scaler_core.errors import UsageError
from scaler_core.jsonio import read_json
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.run.checkpoint import latest_checkpoint
from scaler_core.run.directory import RunDirectory
from scaler_core.run.session import Run
from scaler_core.run.setup import assemble


def open_run(
    recipe: str | Path | Recipe = DEFAULT_RECIPE,
    *,
    overrides: Sequence[str] = (),
    run_dir: str | Path | None = None,
    host: PluginHost | None = None,
) -> Run:
    """A new run, checked in every part; :meth:`~scaler_core.run.session.Run.train` starts it.

    Args:
        recipe: A shipped recipe's name, the path of a TOML file, or a recipe.
        overrides: Settings like ``run.steps=3``, applied over the file.
        run_dir: Its directory, instead of what the recipe says.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: Something in the recipe does not exist or cannot run here. Nothing was written.
        DataError: A pool is damaged.
    """
    host = host or load_plugins()
    if isinstance(recipe, Recipe):
        name, resolved = "run", recipe
        if overrides:
            raise UsageError("overrides go with a recipe's name or file, not with a Recipe")
    else:
        name, resolved = load_recipe(str(recipe), host.recipes(), overrides)
    parts = assemble(resolved, host)
    path = Path(run_dir) if run_dir else _default_directory(name, resolved)
    return Run(name, parts, path)


def resume_run(
    path: str | Path, *, overrides: Sequence[str] = (), host: PluginHost | None = None
) -> Run:
    """The run in *path*, to go on from its last whole checkpoint.

    Raises:
        UsageError: There is no run, or it is finished.
        DataError: It has no whole checkpoint.
    """
    host = host or load_plugins()
    directory = RunDirectory.open(Path(path))
    _, recipe = load_recipe(str(directory.recipe), {}, overrides)
    checkpoint = latest_checkpoint(directory.checkpoints)
    finished = directory.path / "finished.json"
    if finished.exists() and read_json(finished)["steps"] >= recipe.run.steps:
        raise UsageError(
            f"the run in {path} is finished: it has trained {recipe.run.steps} steps",
            hint=f"go on with --set run.steps={2 * recipe.run.steps}",
        )
    name = str(read_json(directory.path / "environment.json").get("recipe", "run"))
    return Run(name, assemble(recipe, host), directory.path, checkpoint, changed=overrides)


def _default_directory(name: str, recipe: Recipe) -> Path:
    """The recipe's directory with its placeholders filled; a taken one gets a number."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    template = recipe.run.directory
    try:
        path = Path(template.format(name=name, time=stamp))
    except (KeyError, IndexError, ValueError):
        raise UsageError(
            f"run.directory = {template!r}: the only placeholders are {{name}} and {{time}}"
        ) from None
    candidate, number = path, 2
    while candidate.exists():
        candidate = path.with_name(f"{path.name}-{number}")
        number += 1
    return candidate
