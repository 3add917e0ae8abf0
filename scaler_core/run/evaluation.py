"""Measuring a run's model beside training: the grid of held-out instances, and benchmarks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scaler_core.curriculum.engine import Emit
from scaler_core.errors import BackendProtocolError
from scaler_core.evaluation import Watcher
from scaler_core.factory import InstanceFactory
from scaler_core.interfaces import Ask
from scaler_core.judge import Judge
from scaler_core.models import Event, Question, Response, Ticket, Verdict
from scaler_core.pool.source import CombinedSource
from scaler_core.run.benchmarks import (
    GRID_FILE,
    StepEvaluations,
    benchmark_figures,
    figures_of,
    write_figures,
)
from scaler_core.run.directory import RunDirectory
from scaler_core.run.held_out import (
    grid_figures,
    is_held_out,
    make_grid,
    read_grid,
    score_grid,
    write_grid,
)
from scaler_core.run.observers import Observer
from scaler_core.run.setup import Parts
from scaler_core.seeds import derive_seed

Notify = Callable[[Callable[[Observer], None]], None]
"""Calls every observer of the run."""


class StopRequested(Exception):
    """The user requested a stop while the model was answering."""


class RunEvaluation:
    """Measures one run: the grid of held-out instances, and benchmarks.

    Args:
        parts: The parts of the run.
        files: Its directory.
        factory: Makes the grid's instances.
        judge: Judges the answers to them.
        emit: Records events, such as places of the grid that stay empty.
        notify: Calls all observers of the run.
    """

    def __init__(
        self,
        parts: Parts,
        files: RunDirectory,
        factory: InstanceFactory,
        judge: Judge,
        emit: Emit,
        notify: Notify,
    ) -> None:
        self._parts = parts
        self._files = files
        self._factory = factory
        self._judge = judge
        self._emit = emit
        self._notify = notify
        recipe = parts.recipe
        self.steps = StepEvaluations(
            files,
            recipe.evaluation,
            parts.benchmarks,
            steps=recipe.run.steps,
            seed=recipe.run.seed,
            identity={
                "backend": parts.backend.name,
                "options": parts.backend.config.model_dump(mode="json"),
                "prompt": recipe.prompt.model_dump(mode="json"),
            },
        )

    # -------------------------------------------------------------- the grid

    def answer_grid(self, step: int, label: str, ask: Ask) -> None:
        """Score the grid after *step* and keep it as *label*; nothing where there is no grid."""
        tickets = self._grid(step)
        if not tickets:
            return
        self._notify(lambda observer: observer.evaluating(label, len(tickets)))
        options, seed = self._parts.recipe.evaluation, self._parts.recipe.run.seed
        verdicts = self._verdicts(tickets, self._answers(tickets, ask))
        scores = score_grid(
            tickets, verdicts, lambda name: is_held_out(name, options.held_out, seed)
        )
        self._files.write_json(f"evaluation/{label}.json", scores)
        if options.held_out:
            # also for "before" and "after": figures are looked up by step
            self._files.write_json(f"evaluation/step-{step}/{GRID_FILE}", scores)
            write_figures(self._files.evaluation)
        self._notify(lambda observer: observer.evaluated(label, scores))
        self._notify(lambda observer: observer.measured(step, grid_figures(scores)))

    def _grid(self, step: int) -> list[Ticket]:
        options, parts = self._parts.recipe.evaluation, self._parts
        if not options.seeds:
            return []
        path = self._files.evaluation / "grid.jsonl"
        if not path.exists():
            sources = [(source, 1.0) for source in (parts.source, parts.held_out) if source]
            tickets, dropped = make_grid(
                CombinedSource(sources),
                self._factory,
                self._judge,
                parts.verifier,
                levels=options.levels,
                seeds=options.seeds,
            )
            if dropped:
                evidence: dict[str, Any] = {"tickets": len(tickets), **dropped}
                self._emit(Event(kind="grid_incomplete", step=step, evidence=evidence))
            write_grid(path, tickets)
        return read_grid(path)

    def _answers(self, tickets: Sequence[Ticket], ask: Ask) -> list[Response]:
        """One response to each ticket, sampled as in training; the same seeds each time."""
        temperature, top_p = self._parts.backend.sampling()
        questions = [
            Question(
                messages=ticket.messages,
                temperature=temperature,
                top_p=top_p,
                seed=derive_seed(self._parts.recipe.run.seed, "grid", ticket.id),
            )
            for ticket in tickets
        ]
        answers = dict(ask(questions))
        if answers.keys() != set(range(len(tickets))):
            raise BackendProtocolError(
                f"backend {self._parts.backend.name!r} answered {len(answers)} of {len(tickets)} "
                "questions of the grid"
            )
        return [answers[index] for index in range(len(tickets))]

    def _verdicts(self, tickets: Sequence[Ticket], responses: Sequence[Response]) -> list[Verdict]:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
            return list(threads.map(self._judge.verify, tickets, responses))

    # -------------------------------------------------------------- on a schedule

    def evaluate_step(
        self, step: int, ask: Ask, stop_requested: Callable[[], bool]
    ) -> Mapping[str, float]:
        """Scores after *step*; empty where a stop was requested before all were measured."""

        def ask_on(questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
            for answer in ask(questions):
                yield answer
                # only here: an answer to a benchmark is stored by now
                if stop_requested():
                    raise StopRequested

        try:
            if not self.steps.grid_done(step):
                self.answer_grid(step, f"step-{step}/{GRID_FILE.removesuffix('.json')}", ask_on)
            if not self.steps.benchmarks_done(step):
                self.steps.score(step, ask_on, _BenchmarkNotifier(step, self._notify))
                found = benchmark_figures(self._files.evaluation, step)
                self._notify(lambda observer: observer.measured(step, found))
        except StopRequested:
            return {}
        write_figures(self._files.evaluation)
        return figures_of(self._files.evaluation, step)


class _BenchmarkNotifier(Watcher):
    """Notifies the run's observers of each benchmark that begins."""

    def __init__(self, step: int, notify: Notify) -> None:
        self._step = step
        self._notify = notify

    def answering(self, benchmark: str, samples: int, kept: int) -> None:
        """One more benchmark begins."""
        self._notify(
            lambda observer: observer.benchmark_started(self._step, benchmark, samples - kept)
        )
