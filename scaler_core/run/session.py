"""A run from start to finish: the session that ties recipe, feed, backend and directory together.

::

    open_run / resume_run  ->  Run.train()
                                 backend.train(feed, run)
                                   feed.draw / verify / record     events.jsonl
                                   run.finish_step                 metrics.jsonl, samples.jsonl
                                   run.save_checkpoint             checkpoints/step-N
                                   run.evaluate                    evaluation/<label>.json
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from math import isfinite
from pathlib import Path
from typing import Any

from scaler_core.config import PromptSection
from scaler_core.curriculum.engine import Engine
from scaler_core.curriculum.feed import Feed
from scaler_core.errors import BackendProtocolError, UsageError, blamed_on
from scaler_core.interfaces import Ask
from scaler_core.jsonio import write_atomic
from scaler_core.judge import Judge
from scaler_core.models import Event, Response, Ticket, Verdict
from scaler_core.pool.source import pool_hash
from scaler_core.run.checkpoint import (
    Checkpoint,
    latest_checkpoint,
    point_to_best,
    prune,
    write_checkpoint,
)
from scaler_core.run.directory import (
    RunDirectory,
    describe_host,
    grown,
    pool_contents,
    report_pool_changes,
    sample_line,
)
from scaler_core.run.evaluation import Measuring
from scaler_core.run.observers import Observer, Tracking
from scaler_core.run.preview import preview_run
from scaler_core.run.setup import Parts
from scaler_core.run.summary import Summary, summarize

SAMPLES_PER_STEP = 4


class Run:
    """One run; made by :func:`scaler_core.open_run` or :func:`scaler_core.resume_run`.

    Implements :class:`scaler_core.interfaces.training.RunLike` for the backend.

    Args:
        name: The recipe's name.
        parts: What the run is made of.
        path: Its directory, which :meth:`train` makes.
        numbered: Whether a taken path gets a number instead of being refused.
        only_preview: Whether it will not be trained: no machine but this one is touched then.
        checkpoint: Where to go on from; ``None`` for a fresh run.
        changed: Settings that differ from those the run began with, as the user typed them.
    """

    def __init__(
        self,
        name: str,
        parts: Parts,
        path: Path,
        checkpoint: Checkpoint | None = None,
        changed: Sequence[str] = (),
        numbered: bool = False,
        only_preview: bool = False,
    ) -> None:
        self.name = name
        self.parts = parts
        self.recipe = parts.recipe
        self.directory = path
        self.observer = Observer()
        self._tracking = Tracking(parts.trackers, lambda text: self.observer.warning(text))
        self.stop_requested = False
        self._changed = tuple(changed)
        self._numbered = numbered
        self._checkpoint = checkpoint
        self._files = RunDirectory(path)
        self._happened: Counter[str] = Counter()
        self._last_saved = self._last_finished = checkpoint.step if checkpoint else 0
        self._facts_written = False
        self._began = self._step_began = time.monotonic()
        self._factory = parts.make_factory(only_here=only_preview)
        self._counted: Mapping[str, float] = {}
        self._judge = Judge(parts.host, self._factory)
        self._measuring = self._measuring_in(self._files)
        engine = Engine(
            parts.source, parts.controller, parts.curator, seed=self.seed, emit=self._emit
        )
        self.feed = Feed(
            engine,
            self._factory,
            self._judge,
            prompts=self.prompts,
            verifier=parts.verifier,
            emit=self._emit,
            last_step=self.steps,
            attempts=self.recipe.factory.attempts,
            quarantine_after=self.recipe.factory.quarantine_after,
            ready=parts.ready,
        )

    # -------------------------------------------------------------- what backends ask

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.recipe.run.seed

    @property
    def steps(self) -> int:
        """The last step to train."""
        return self.recipe.run.steps

    @property
    def prompts(self) -> int:
        """Tickets per step."""
        return self.recipe.batch.prompts

    @property
    def responses(self) -> int:
        """Responses per ticket."""
        return self.recipe.batch.responses

    @property
    def prompt(self) -> PromptSection:
        """How instances are put to the model."""
        return self.recipe.prompt

    @property
    def first_step(self) -> int:
        """The first step of this process."""
        return self._checkpoint.step + 1 if self._checkpoint else 1

    @property
    def resume_from(self) -> Path | None:
        """The backend's part of the checkpoint to resume from."""
        return self._checkpoint.backend if self._checkpoint else None

    def committed_curriculum(self) -> dict[str, Any]:
        """The feed's state in the checkpoint that the run goes on from."""
        state: dict[str, Any] = self._checkpoint.read()["feed"] if self._checkpoint else {}
        return state

    def request_stop(self) -> None:
        """Ask the backend to stop after the current step, with a checkpoint."""
        self.stop_requested = True

    # -------------------------------------------------------------- the whole run

    def preview(self) -> list[str]:
        """What the backend would do, in lines; nothing is started or written."""
        with blamed_on(f"backend {self.parts.backend.name!r}"):
            return [
                *preview_run(self.parts, self._factory),
                *self.parts.backend.preview(self),
            ]

    def train(self) -> Summary:
        """Train to the last step, or until a stop is requested.

        Raises:
            ScalerError: Whatever stopped it; the last checkpoint is whole.
        """
        try:
            if self._checkpoint is None:
                self._begin()
            else:
                self._go_on(self._checkpoint)
            self._tell(lambda to: to.run_started(self))
            self._measure_from_here()
            with blamed_on(f"backend {self.parts.backend.name!r}"):
                self.parts.backend.train(self.feed, self)
            self._check_backend()
            summary = summarize(self._files)
            if self.finished:
                self._files.write_json("finished.json", {"steps": self.feed.step})
            return summary
        finally:
            self.close()

    @property
    def finished(self) -> bool:
        """Whether the last step was trained, and all that is due after it measured."""
        return self.feed.step >= self.steps and not self._measuring.steps.due(self.steps)

    @property
    def seconds(self) -> float:
        """Seconds since this process opened the run."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """Stop the workers and give the directory back, whatever of it fails."""
        with ExitStack() as stack:
            stack.callback(self._files.close)
            stack.callback(self._factory.close)
            stack.callback(self._judge.close)
            stack.callback(self._tell, lambda to: to.run_ended())

    def _check_backend(self) -> None:
        name, step = self.parts.backend.name, self.feed.step
        if step < self.steps and not self.stop_requested:
            fault = f"ended after step {step} of {self.steps}"
        elif self._last_finished != step:
            fault = f"ended without finish_step({step})"
        elif self._last_saved != step:
            fault = f"ended without a checkpoint of step {step}"
        elif not self.finished and not self.stop_requested:
            fault = f"ended without score_benchmarks({step})"
        else:
            return
        raise BackendProtocolError(f"backend {name!r} {fault}")

    def _begin(self) -> None:
        self._files = RunDirectory.create(self.directory, numbered=self._numbered)
        self.directory = self._files.path
        self._measuring = self._measuring_in(self._files)
        try:
            self._write_facts()
            self._emit(
                Event(kind="started", step=0, evidence={"recipe": self.name, "seed": self.seed})
            )
            # before the first step, so that a run which is killed early can be resumed too
            self._commit(0, None)
        except BaseException:
            self._files.clear()
            raise

    def _go_on(self, checkpoint: Checkpoint) -> None:
        self._files.lock()
        if latest_checkpoint(self._files.checkpoints) != checkpoint:
            raise UsageError(
                f"another process has trained in {self.directory} since this one opened it",
                hint="resume it again",
            )
        undone = self._measuring.steps.set_aside_after(checkpoint.step)
        scores = self._measuring.steps.best_scores()
        prune(self._files.checkpoints, self.recipe.checkpoint.keep, scores)
        state = checkpoint.read()
        set_aside = self._files.rewind(state["logs"])
        self.feed.load_state_dict(state["feed"])
        report_pool_changes(self._files, self.parts.source, checkpoint.step, self._emit)
        evidence: dict[str, Any] = {"superseded_lines": set_aside, "changed": list(self._changed)}
        if undone:
            evidence["superseded_evaluations"] = undone
        self._emit(Event(kind="resumed", step=checkpoint.step, evidence=evidence))

    def _write_facts(self) -> None:
        write_atomic(self._files.recipe, self.recipe.to_toml())
        facts = describe_host(self.parts.host)
        pool = {"environments": len(self.parts.source), "hash": pool_hash(self.parts.source)}
        self._files.write_json("environment.json", {**facts, "recipe": self.name, "pool": pool})
        self._files.write_json("pool.json", pool_contents(self.parts.source))
        for name in ("finished.json", "evaluation/after.json"):
            (self.directory / name).unlink(missing_ok=True)
        self._facts_written = True

    # -------------------------------------------------------------- step by step

    def finish_step(
        self,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[tuple[Ticket, Response, Verdict]] = (),
    ) -> Mapping[str, float]:
        """Write the step's line of metrics and a few samples, and show them.

        Returns:
            The curriculum's figures.

        Raises:
            BackendProtocolError: The step was not recorded.
        """
        if step != self.feed.step:
            raise BackendProtocolError(
                f"step {step} cannot be finished: the last recorded step is {self.feed.step}"
            )
        now, counted = time.monotonic(), self._factory.counters()
        curriculum = {
            **self.feed.metrics,
            "retired": self._happened["retired"],
            "admitted": self._happened["admitted"],
            "quarantined": self._happened["quarantined"],
        }
        line: dict[str, float] = {
            "step": step,
            **curriculum,
            **{f"factory/{name}": by for name, by in grown(self._counted, counted).items()},
            **metrics,
            "seconds": round(now - self._step_began, 4),
        }
        self._step_began, self._counted = now, counted
        self._last_finished = step
        self._happened.clear()
        for ticket, response, verdict in samples[:SAMPLES_PER_STEP]:
            self._files.append("samples.jsonl", sample_line(step, ticket, response, verdict))
        # JSON has no NaN: a figure that is none, such as the loss of a diverged model, is null
        figures = {name: value if isfinite(value) else None for name, value in line.items()}
        self._files.append("metrics.jsonl", {"schema_version": 1, **figures})
        self._tell(lambda to: to.step_finished(step, line))
        return curriculum

    def _measure_from_here(self) -> None:
        """What happens from now on belongs to the next step."""
        self._step_began, self._counted = time.monotonic(), self._factory.counters()

    def checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint belongs after *step*: on schedule, at the end, or when stopping.

        A step that is evaluated gets one too, because it may be the best.
        """
        every = self.recipe.checkpoint.every
        on_schedule = step % every == 0 or self._measuring.steps.on_schedule(step)
        return step > self._last_saved and (
            on_schedule or step >= self.steps or self.stop_requested
        )

    def save_checkpoint(self, step: int, save: Callable[[Path], None]) -> Path:
        """Commit feed and backend together.

        Raises:
            BackendProtocolError: A step is open, or *step* is not the recorded one.
            InfrastructureError: It cannot be written; the older ones are untouched.
        """
        if step != self.feed.step:
            raise BackendProtocolError(
                f"no checkpoint of step {step}: the last recorded step is {self.feed.step}"
            )
        path = self._commit(step, save)
        self._last_saved = step
        self._tell(lambda to: to.checkpoint_written(step, path))
        return path

    def _commit(self, step: int, save: Callable[[Path], None] | None) -> Path:
        state = {"feed": self.feed.state_dict(), "logs": self._files.positions()}
        keep, scores = self.recipe.checkpoint.keep, self._measuring.steps.best_scores()
        path = write_checkpoint(self._files.checkpoints, step, state, save, keep, scores).path
        self._point_to_best()
        # only now: a resume that fails before its first checkpoint leaves the run as it was, and
        # changes of pool or settings are told again by the next one
        if not self._facts_written:
            self._write_facts()
        return path

    # -------------------------------------------------------------- measuring

    def evaluate(self, label: str, ask: Ask) -> None:
        """Score the grid of held-out instances, one response a ticket; kept as *label*.

        A run without a grid measures nothing. What it takes of time and factory belongs to no step.
        """
        self._measuring.answer_grid(self.feed.step, label, ask)
        self._point_to_best()
        self._measure_from_here()

    def evaluation_due(self, step: int) -> bool:
        """Whether something is to be measured after *step*, and no stop is requested."""
        return not self.stop_requested and self._measuring.steps.due(step)

    def score_benchmarks(self, step: int, ask: Ask) -> Mapping[str, float]:
        """Measure what is due after *step*: benchmarks, and the grid of held-out environments.

        Returns:
            The figures, 0 to 1; none where a stop was requested before all was answered.

        Raises:
            BackendProtocolError: *step* is not the recorded one.
            ScalerError: As for an evaluation; what was answered is kept.
        """
        if step != self.feed.step:
            raise BackendProtocolError(
                f"step {step} cannot be evaluated: the last recorded step is {self.feed.step}"
            )
        figures = self._measuring.evaluate_step(step, ask, lambda: self.stop_requested)
        self._point_to_best()
        self._measure_from_here()
        return figures

    def _measuring_in(self, files: RunDirectory) -> Measuring:
        return Measuring(self.parts, files, self._factory, self._judge, self._emit, self._tell)

    def _point_to_best(self) -> None:
        steps = self._measuring.steps
        if scores := steps.best_scores():
            point_to_best(self._files.checkpoints, steps.best_metric, scores)

    def _emit(self, event: Event) -> None:
        self._happened[event.kind] += 1
        self._files.append("events.jsonl", event.model_dump(mode="json"))
        self._tell(lambda to: to.event(event))

    def _tell(self, call: Callable[[Observer], None]) -> None:
        call(self.observer)
        call(self._tracking)
