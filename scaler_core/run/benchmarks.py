"""Benchmarks in training: when they are due, and what each evaluated step scored.

::

    evaluation/step-20/    an evaluation directory, as ``scaler eval`` writes it
    evaluation/figures.json  the figures of all evaluated steps, for readers
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scaler_core.config import EvaluationSection
from scaler_core.evaluation import EvaluationSummary, Plan, Watcher, evaluate
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.interfaces import Benchmark
from scaler_core.jsonio import canonical_json, read_json, write_atomic
from scaler_core.protocols import Ask
from scaler_core.run.grid import grid_figures

GRID_FILE = "grid.json"


class StepEvaluations:
    """The evaluations of a run's steps, each in a folder of its own.

    Args:
        folder: The run's folder of evaluations.
        options: ``[evaluation]`` of the recipe.
        benchmarks: Its benchmarks.
        steps: The last step of the run.
        seed: The run's seed: every step is asked with the same seeds.
        model: What the evaluations call the model.
        identity: What decides responses beside the weights of the step.
    """

    def __init__(
        self,
        folder: Path,
        options: EvaluationSection,
        benchmarks: Sequence[Benchmark],
        *,
        steps: int,
        seed: int,
        model: str,
        identity: Mapping[str, object],
    ) -> None:
        self.folder = folder
        self.benchmarks = benchmarks
        self._options = options
        self._steps = steps
        self._seed = seed
        self._model = model
        self._identity = dict(identity)

    def due(self, step: int) -> bool:
        """Whether *step* is to be evaluated, and something of that is not done yet."""
        return self.on_schedule(step) and (
            not self.benchmarks_done(step) or not self.grid_done(step)
        )

    def on_schedule(self, step: int) -> bool:
        """Whether *step* is one that is evaluated; none is where nothing is configured."""
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
        return not self.has_grid(step) or (self._place(step) / GRID_FILE).is_file()

    def directory(self, step: int) -> EvaluationDirectory:
        """The evaluation directory of *step*."""
        return EvaluationDirectory(self._place(step))

    def score(self, step: int, ask: Ask, watcher: Watcher) -> None:
        """Score the benchmarks of *step*; errors as for an evaluation.

        What was answered under other settings of the backend or the prompt is set aside.
        """
        plan = Plan.of(
            self.benchmarks,
            model=self._model,
            identity=canonical_json({**self._identity, "step": step}),
            engine=str(self._identity.get("backend", "")),
            seed=self._seed,
            limit=self._options.limit,
            samples=self._options.samples,
            step=step,
        )
        directory = self.directory(step)
        if directory.exists and directory.settings().identity != plan.settings.identity:
            self._set_aside(step)
        evaluate(plan, ask, directory.path, watcher)

    def figures(self, step: int) -> dict[str, float]:
        """What was measured after *step*: benchmarks and grid, as far as they are done."""
        found: dict[str, float] = {}
        grid = self._place(step) / GRID_FILE
        if grid.is_file():
            found |= grid_figures(read_json(grid))
        return found | self.benchmark_figures(step)

    def benchmark_figures(self, step: int) -> dict[str, float]:
        """The benchmarks' part of the figures."""
        directory = self.directory(step)
        if not directory.summary.is_file():
            return {}
        return directory.read("summary.json", EvaluationSummary).figures()

    def all_figures(self) -> dict[int, dict[str, float]]:
        """The figures of every step that has some, in order."""
        found = {step: self.figures(step) for step in self._on_disk()}
        return {step: figures for step, figures in sorted(found.items()) if figures}

    @property
    def best_metric(self) -> str:
        """The figure that decides which checkpoint is best."""
        if self._options.best:
            return self._options.best
        return "eval/average" if self.benchmarks else "grid/out-of-pool"

    def best_scores(self) -> dict[int, float]:
        """That figure by step, where it is known."""
        return {
            step: figures[self.best_metric]
            for step, figures in self.all_figures().items()
            if self.best_metric in figures
        }

    def write_figures(self) -> None:
        """Bring ``figures.json`` up to date."""
        record = {"schema_version": 1, "steps": self.all_figures()}
        write_atomic(self.folder / "figures.json", json.dumps(record, indent=1) + "\n")

    def set_aside_after(self, step: int) -> list[int]:
        """Move evaluations of later steps away: the model that they measured is lost.

        Returns:
            Their steps.
        """
        later = [number for number in self._on_disk() if number > step]
        for number in later:
            self._set_aside(number)
        if later:
            self.write_figures()
        return later

    def _set_aside(self, step: int) -> None:
        place, tries = self._place(step), 1
        while (aside := place.with_name(f"superseded-{step}-{tries}")).exists():
            tries += 1
        place.rename(aside)

    def _place(self, step: int) -> Path:
        return self.folder / f"step-{step}"

    def _on_disk(self) -> Iterable[int]:
        if not self.folder.is_dir():
            return []
        names = [path.name for path in self.folder.iterdir() if path.is_dir()]
        numbers = [name.removeprefix("step-") for name in names if name.startswith("step-")]
        return sorted(int(number) for number in numbers if number.isdigit())


def known_figures(options: EvaluationSection) -> list[str]:
    """The figures by which a best checkpoint can be chosen."""
    names = [f"eval/{name}" for name in options.benchmarks]
    if options.benchmarks:
        names.append("eval/average")
    if options.held_out:
        names += ["grid/in-pool", "grid/out-of-pool"]
    return names
