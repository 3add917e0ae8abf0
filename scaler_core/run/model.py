"""The model that a name means: a shipped model, a folder, a run, or a model of the hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.evaluation.model import HUB_ID, ModelChoice, model_in_folder, model_on_hub
from scaler_core.interfaces import Backend
from scaler_core.plugins import PluginHost
from scaler_core.run.checkpoint import BACKEND_FOLDER, MARKER, best_checkpoint, list_checkpoints
from scaler_core.run.directory import RunDirectory
from scaler_core.run.recipes import load_recipe


def shipped_models(host: PluginHost) -> dict[str, Path]:
    """The models that come with installed backends, by name."""
    models: dict[str, Path] = {}
    for backend in host.classes(Backend).values():
        models |= getattr(backend, "models", {})
    return models


def find_model(name: str, shipped: Mapping[str, Path], *, best: bool) -> ModelChoice:
    """The model that *name* names.

    Args:
        name: A shipped name, a folder, a run's directory or one of its checkpoints, or a hub id.
        shipped: Folders by shipped name.
        best: Take a run's best checkpoint instead of its last model.

    Raises:
        UsageError: There is none.
        InfrastructureError: The hub cannot be reached.
    """
    path = Path(name).expanduser()
    is_run = (path / "recipe.toml").is_file()
    if best and not is_run:
        raise UsageError(f"`best`: {name} is no run", hint="name a directory of scaler run")
    if name in shipped:
        return model_in_folder(name, shipped[name])
    if is_run:
        return _model_of_run(path, best)
    if (path / MARKER).is_file():
        return model_in_folder(name, path / BACKEND_FOLDER)
    if path.exists() or not HUB_ID.fullmatch(name):
        if not path.is_dir():
            raise UsageError(
                f"there is no model folder {name}",
                hint=f"give a folder, a run, a hub id, or one of: {', '.join(sorted(shipped))}",
            )
        return model_in_folder(name, path)
    return model_on_hub(name)


def prompt_of(name: str, host: PluginHost) -> PromptSection:
    """How the model *name* is asked: models and checkpoints of a run as its recipe says."""
    run = _run_of(Path(name).expanduser().resolve())
    if run is None:
        return PromptSection()
    return load_recipe(str(run.recipe), host.recipes())[1].prompt


def _run_of(path: Path) -> RunDirectory | None:
    """The run that *path* is, or whose ``model`` or whose checkpoint it is."""
    places = [path]
    if path.name == "model":
        places.append(path.parent)
    if (path / MARKER).is_file():
        places.append(path.parent.parent)
    runs = map(RunDirectory, places)
    return next((run for run in runs if run.recipe.is_file()), None)


def _model_of_run(path: Path, best: bool) -> ModelChoice:
    """The trained model; before a run's end, the best or the latest checkpoint."""
    directory = RunDirectory(path)
    label = path.resolve().name
    chosen = best_checkpoint(directory.checkpoints)
    if best:
        if chosen is None or chosen.backend is None:
            raise UsageError(
                f"`best`: {path} has no best checkpoint",
                hint="a run has one once evaluation.benchmarks were scored after a step",
            )
        return model_in_folder(f"{label} step {chosen.step}", chosen.backend)
    if directory.model.is_dir():
        return model_in_folder(label, directory.model)
    whole = [item for item in list_checkpoints(directory.checkpoints) if item.backend]
    latest = chosen or (whole[-1] if whole else None)
    if latest is None or latest.backend is None:
        raise UsageError(f"{path} has no model yet: no checkpoint of it holds one")
    return model_in_folder(f"{label} step {latest.step}", latest.backend)
