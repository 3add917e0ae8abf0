"""Benchmarks in training: when they are due, how they are scored, and which step was best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scaler_core.config import EvaluationSection
from scaler_core.evaluation import Plan, Watcher, evaluate
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.interfaces import Benchmark
from scaler_core.jsonio import canonical_json
from scaler_core.protocols import Ask
from scaler_core.run.figures import (
    GRID_FILE,
    all_figures,
    evaluated_steps,
    place_of,
    write_figures,
)


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
        return not self.has_grid(step) or (place_of(self.folder, step) / GRID_FILE).is_file()

    def directory(self, step: int) -> EvaluationDirectory:
        """The evaluation directory of *step*."""
        return EvaluationDirectory(place_of(self.folder, step))

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
            for step, figures in all_figures(self.folder).items()
            if self.best_metric in figures
        }

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

    def _set_aside(self, step: int) -> None:
        place, tries = place_of(self.folder, step), 1
        while (aside := place.with_name(f"superseded-{step}-{tries}")).exists():
            tries += 1
        place.rename(aside)


def known_figures(options: EvaluationSection) -> list[str]:
    """The figures by which a best checkpoint can be chosen."""
    names = [f"eval/{name}" for name in options.benchmarks]
    if options.benchmarks:
        names.append("eval/average")
    if options.held_out:
        names += ["grid/in-pool", "grid/out-of-pool"]
    return names
