"""What was measured after each step of a run, read from the folders of its evaluations.

::

    evaluation/step-20/            an evaluation directory, as ``scaler eval`` writes it
    evaluation/step-20/grid.json   the grid, where environments are held out
    evaluation/figures.json        the figures of all evaluated steps, for readers
"""

from __future__ import annotations

import json
from pathlib import Path

from scaler_core.evaluation import EvaluationSummary
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.jsonio import read_json, write_atomic
from scaler_core.run.held_out import grid_figures

GRID_FILE = "grid.json"


def place_of(folder: Path, step: int) -> Path:
    """The folder of a step's evaluation below the run's *folder* of evaluations."""
    return folder / f"step-{step}"


def evaluated_steps(folder: Path) -> list[int]:
    """The steps that have a folder, finished or not."""
    if not folder.is_dir():
        return []
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    numbers = [name.removeprefix("step-") for name in names if name.startswith("step-")]
    return sorted(int(number) for number in numbers if number.isdigit())


def benchmark_figures(folder: Path, step: int) -> dict[str, float]:
    """``eval/math-500`` and the like, once all benchmarks of *step* are scored."""
    directory = EvaluationDirectory(place_of(folder, step))
    if not directory.summary.is_file():
        return {}
    return directory.read("summary.json", EvaluationSummary).figures()


def figures_of(folder: Path, step: int) -> dict[str, float]:
    """What was measured after *step*: grid and benchmarks, as far as they are done."""
    grid = place_of(folder, step) / GRID_FILE
    found = grid_figures(read_json(grid)) if grid.is_file() else {}
    return found | benchmark_figures(folder, step)


def all_figures(folder: Path) -> dict[int, dict[str, float]]:
    """The figures of every step that has some, in order."""
    found = {step: figures_of(folder, step) for step in evaluated_steps(folder)}
    return {step: figures for step, figures in found.items() if figures}


def write_figures(folder: Path) -> None:
    """Bring ``figures.json`` up to date."""
    record = {"schema_version": 1, "steps": all_figures(folder)}
    write_atomic(folder / "figures.json", json.dumps(record, indent=1) + "\n")
