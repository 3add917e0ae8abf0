"""Opening a run: a new one from a recipe, or one to resume."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from scaler_core.config import DEFAULT_RECIPE, Recipe
from scaler_core.errors import UsageError
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.run.checkpoint import latest_checkpoint
from scaler_core.run.directory import RunDirectory
from scaler_core.run.feed_checkpoints import JOURNAL
from scaler_core.run.recipes import load_recipe, resolve_recipe
from scaler_core.run.session import Run
from scaler_core.run.setup import assemble

FIXED_ON_RESUME = (
    "run.seed",
    "run.directory",
    "evaluation.levels",
    "evaluation.seeds",
    "evaluation.held_out",
)


def open_run(
    recipe: str | Path | Recipe = DEFAULT_RECIPE,
    *,
    overrides: Sequence[str] = (),
    run_dir: str | Path | None = None,
    host: PluginHost | None = None,
    only_preview: bool = False,
) -> Run:
    """A new run, checked in every part; :meth:`~scaler_core.run.session.Run.train` starts it.

    Args:
        recipe: A shipped recipe's name, the path of a TOML file, or a recipe.
        overrides: Settings like ``run.steps=3``, applied over the file.
        run_dir: Its directory, instead of what the recipe says.
        host: Installed plugins, where they are loaded already.
        only_preview: Whether only :meth:`~scaler_core.run.session.Run.preview` will be called.

    Raises:
        UsageError: Something in the recipe does not exist or cannot run here. Nothing was written.
        DataError: A pool is damaged.
    """
    host = host or load_plugins()
    name, resolved = resolve_recipe(recipe, host, overrides)
    parts = assemble(resolved, host)
    path = Path(run_dir) if run_dir is not None else _default_directory(name, resolved)
    # a default name that is taken, as by a run of the same second, gets a number
    files = RunDirectory(path, numbered=run_dir is None)
    return Run(name, parts, files, only_preview=only_preview)


def resume_run(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    host: PluginHost | None = None,
    only_preview: bool = False,
) -> Run:
    """The run in *path*, to go on from its last whole checkpoint.

    Raises:
        UsageError: There is no run, it is finished, or a setting cannot be changed any more.
        DataError: It has no whole checkpoint.
    """
    host = host or load_plugins()
    _refuse_fixed_settings(overrides)
    directory = RunDirectory.open(Path(path))
    if (directory.path / JOURNAL).is_file():
        raise UsageError(
            f"{path} is the directory of a feed, which a run cannot go on with",
            hint=f"`scaler serve -o {path}` or open_feed(directory=...) goes on with it",
        )
    _, recipe = load_recipe(str(directory.recipe), {}, overrides)
    checkpoint = latest_checkpoint(directory.checkpoints)
    finished = directory.read_json("finished.json").get("steps", 0)
    if finished >= recipe.run.steps:
        raise UsageError(
            f"the run in {path} is finished: it has trained {finished} steps",
            hint=f"go on with --set run.steps={2 * finished}",
        )
    name = str(directory.read_json("environment.json").get("recipe", "run"))
    parts = assemble(recipe, host)
    return Run(
        name,
        parts,
        directory,
        checkpoint,
        changed=overrides,
        only_preview=only_preview,
    )


def _refuse_fixed_settings(overrides: Sequence[str]) -> None:
    for override in overrides:
        # TOML allows blanks around each part of a key
        key = "".join(override.partition("=")[0].split())
        if key in FIXED_ON_RESUME:
            raise UsageError(
                f"--set {key} cannot be changed with --resume: the run's tickets and its held-out "
                "grid follow from it",
                hint="start a new run for that",
            )


def _default_directory(name: str, recipe: Recipe) -> Path:
    """The recipe's directory with its placeholders filled."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    template = recipe.run.directory
    try:
        path = Path(template.format(name=name, time=stamp))
        path.with_name(f"{path.name}-2")
    except (KeyError, IndexError, AttributeError, ValueError):
        raise UsageError(
            f"run.directory = {template!r} names no folder; "
            "its only placeholders are {name} and {time}"
        ) from None
    return path
