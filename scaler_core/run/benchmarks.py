"""Benchmarks in training: when they are due, how they are scored, and which step was best."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scaler_core.config import EvaluationSection
from scaler_core.evaluation import EvaluationSettings, EvaluationSummary, Plan, Watcher, evaluate
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.interfaces import Ask, Benchmark
from scaler_core.jsonio import canonical_json, read_json, write_atomic
from scaler_core.run.directory import RunDirectory
from scaler_core.run.held_out import grid_figures

AVERAGE: Final = "eval/average"


class StepEvaluations:
    """The evaluations of a run's steps, each in a folder of its own.

    Args:
        files: The run's directory.
        options: ``[evaluation]`` of the recipe.
        benchmarks: Its benchmarks.
        steps: The last step of the run.
        seed: The run's seed: every step is asked with the same seeds.
        identity: Settings that decide on responses, beside the weights of the step.
    """

    def __init__(
        self,
        files: RunDirectory,
        options: EvaluationSection,
        benchmarks: Sequence[Benchmark],
        *,
        steps: int,
        seed: int,
        identity: Mapping[str, object],
    ) -> None:
        self._files = files
        self.benchmarks = benchmarks
        self._options = options
        self._steps = steps
        self._seed = seed
        self._identity = dict(identity)

    @property
    def folder(self) -> Path:
        """The run's folder of evaluations."""
        return self._files.evaluation

    def due(self, step: int) -> bool:
        """Whether *step* is to be evaluated, and something of that is not done yet."""
        return self.on_schedule(step) and (
            not self.benchmarks_done(step) or not self.grid_done(step)
        )

    def on_schedule(self, step: int) -> bool:
        """Whether *step* is to be evaluated; no step is where nothing is configured."""
        wanted = bool(self.benchmarks) or self.has_grid(step)
        return wanted and (step % self._options.every == 0 or step >= self._steps)

    def has_grid(self, step: int) -> bool:
        """Whether the grid belongs to *step*; ``before`` and ``after`` cover the first and last."""
        return bool(self._options.held_out) and 0 < step < self._steps

    def benchmarks_done(self, step: int) -> bool:
        """Whether all benchmarks of *step* are scored, or there is none."""
        return not self.benchmarks or self.directory(step).summary.is_file()

    def grid_done(self, step: int) -> bool:
        """Whether the grid of *step* is scored, or does not belong to it."""
        return not self.has_grid(step) or (place_of(self.folder, step) / GRID_FILE).is_file()

    def directory(self, step: int) -> EvaluationDirectory:
        """The evaluation directory of *step*."""
        return EvaluationDirectory(place_of(self.folder, step))

    def score(self, step: int, ask: Ask, watcher: Watcher) -> None:
        """Score the benchmarks of *step*; errors as for an evaluation.

        Answers that were given under other settings of the backend or the prompt are set aside.
        """
        plan = Plan.of(
            self.benchmarks,
            model=f"{self._files.path.name} in training",
            identity=canonical_json({**self._identity, "step": step}),
            engine=str(self._identity.get("backend", "")),
            seed=self._seed,
            limit=self._options.limit,
            samples=self._options.samples,
            step=step,
        )
        directory = self.directory(step)
        if directory.exists and directory.settings().identity != plan.settings.identity:
            self._set_aside(step, but=GRID_FILE)
        evaluate(plan, ask, directory.path, watcher)

    @property
    def best_metric(self) -> str:
        """The figure that decides which checkpoint is best."""
        if self._options.best:
            return self._options.best
        return AVERAGE if self.benchmarks else "grid/out-of-pool"

    def best_scores(self) -> dict[int, float]:
        """Values of :attr:`best_metric` by step, all measured in the same way as the latest.

        A resume may change benchmarks, questions or samples, and then figures cannot be compared:
        those of another measurement are left out.
        """
        metric = self.best_metric
        found = {
            step: figures[metric]
            for step, figures in all_figures(self.folder).items()
            if metric in figures
        }
        if not found or metric.startswith("grid/"):
            return found
        measured = {step: _measurement(metric, self.directory(step).settings()) for step in found}
        last = measured[max(found)]
        return {step: score for step, score in found.items() if measured[step] == last}

    def set_aside_after(self, step: int) -> list[int]:
        """Move evaluations of later steps away: the model that they measured is lost.

        Returns:
            Their steps.
        """
        later = [number for number in evaluated_steps(self.folder) if number > step]
        for number in later:
            self._set_aside(number)
        if later:
            write_figures(self.folder)
        return later

    def _set_aside(self, step: int, *, but: str = "") -> None:
        """Move the folder of *step* away, except for the file *but*."""
        place, tries = place_of(self.folder, step), 1
        while (aside := place.with_name(f"superseded-{step}-{tries}")).exists():
            tries += 1
        place.rename(aside)
        if but and (aside / but).is_file():
            place.mkdir()
            (aside / but).rename(place / but)


def _measurement(metric: str, settings: EvaluationSettings) -> Any:
    """The part of *settings* that decides how *metric* is measured."""
    options = {
        item.use: item.options
        for item in settings.benchmarks
        if metric in (AVERAGE, f"eval/{item.use}")
    }
    return settings.limit, settings.samples, settings.seed, options


def known_figures(options: EvaluationSection) -> list[str]:
    """The figures by which a best checkpoint can be chosen."""
    names = [f"eval/{name}" for name in options.benchmarks]
    if options.benchmarks:
        names.append(AVERAGE)
    if options.held_out:
        names += ["grid/in-pool", "grid/out-of-pool"]
    return names


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
    """Figures measured after *step*: grid and benchmarks, as far as they are done."""
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
