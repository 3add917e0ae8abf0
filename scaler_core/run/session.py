"""A run from start to finish: the session that ties recipe, feed, backend and directory together.

::

    open_run / resume_run  ->  Run.train()
                                 backend.train(feed, run)
                                   run.begin                       evaluation/before.json
                                   feed.draw / verify / record     events.jsonl
                                   run.end_step                    metrics.jsonl, samples.jsonl,
                                                                   checkpoints/step-N,
                                                                   evaluation/step-N
                                   run.end                         evaluation/after.json

The order of a backend's calls is drawn in :mod:`scaler_core.interfaces.training`.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from scaler_core.config import PromptSection
from scaler_core.curriculum.steps import StepFeed
from scaler_core.errors import BackendProtocolError, UsageError, blamed_on
from scaler_core.interfaces import Ask, Oversampling, Sample, StepEnd
from scaler_core.models import Event
from scaler_core.run.checkpoint import (
    Checkpoint,
    damaged_after,
    latest_checkpoint,
    point_to_best,
    prune,
    write_checkpoint,
)
from scaler_core.run.directory import RunDirectory, describe_changed_logs
from scaler_core.run.evaluation import RunEvaluation
from scaler_core.run.events import EVENTS, event_line
from scaler_core.run.observers import Observer, RunInfo, TrackerObserver
from scaler_core.run.preview import preview_run
from scaler_core.run.provenance import report_changes, write_facts
from scaler_core.run.setup import Parts
from scaler_core.run.step_log import StepLog
from scaler_core.run.summary import RunSummary, summarize


class Run:
    """One run; made by :func:`scaler_core.open_run` or :func:`scaler_core.resume_run`.

    Implements :class:`scaler_core.interfaces.RunLike` for the backend.

    Args:
        name: The recipe's name.
        parts: The parts of the run.
        files: Its directory; :meth:`train` creates that of a fresh run.
        checkpoint: The checkpoint to resume from; ``None`` for a fresh run.
        changed: Settings that differ from those the run began with, as the user typed them.
        only_preview: Whether it will not be trained; then no other machine is used.
    """

    def __init__(
        self,
        name: str,
        parts: Parts,
        files: RunDirectory,
        checkpoint: Checkpoint | None = None,
        changed: Sequence[str] = (),
        only_preview: bool = False,
    ) -> None:
        self.name = name
        self.parts = parts
        self.recipe = parts.recipe
        self.files = files
        self.observer = Observer()
        self.stop_requested = False
        self._trackers = TrackerObserver(parts.trackers, lambda text: self.observer.warning(text))
        self._changed = tuple(changed)
        self._checkpoint = checkpoint
        self._called: Literal["nothing", "begin", "end"] = "nothing"
        self._decisions: Counter[str] = Counter()
        self._last_saved = self._last_ended = checkpoint.step if checkpoint else 0
        self._facts_written = False
        self._began = time.monotonic()
        self._factory = parts.make_factory(only_here=only_preview)
        self._log = StepLog(files, self.seed, self._factory.counters)
        self._judge = parts.make_judge(self._factory)
        self._evaluation = RunEvaluation(
            parts, files, self._factory, self._judge, self._emit, self._notify
        )
        self.feed = StepFeed(
            parts.make_feed(
                self._factory,
                self._judge,
                self._emit,
                last_step=self.steps,
                # a loop that waits for its records has one plan out, however long it becomes
                max_open=sys.maxsize,
            )
        )

    # -------------------------------------------------------------- facts for backends

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return self.files.path

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
    def oversampling(self) -> Oversampling | None:
        """How many further tickets a step draws for informative groups."""
        batch = self.recipe.batch
        return Oversampling(batch.prompts, batch.oversample) if batch.filter != "none" else None

    @property
    def prompt(self) -> PromptSection:
        """The recipe's ``[prompt]``."""
        return self.recipe.prompt

    @property
    def first_step(self) -> int:
        """The first step of this process."""
        return self._checkpoint.step + 1 if self._checkpoint else 1

    @property
    def resume_from(self) -> Path | None:
        """The backend's part of the checkpoint to resume from."""
        return self._checkpoint.backend if self._checkpoint else None

    @property
    def finished(self) -> bool:
        """Whether the last step was trained, and all benchmarks that are due were scored."""
        return self.feed.step >= self.steps and not self._evaluation.steps.due(self.steps)

    def committed_curriculum(self) -> dict[str, Any]:
        """The feed's state in the checkpoint that the run goes on from."""
        state: dict[str, Any] = self._checkpoint.read()["feed"] if self._checkpoint else {}
        return state

    # -------------------------------------------------------------- the whole run

    def preview(self) -> list[str]:
        """Lines about the work that the run would do; nothing is started or written."""
        with blamed_on(f"backend {self.parts.backend.name!r}"):
            return [
                *preview_run(self.parts, self._factory),
                *self.parts.backend.preview(self),
            ]

    def train(self) -> RunSummary:
        """Train to the last step, or until a stop is requested.

        Raises:
            ScalerError: Whatever stopped it; the last checkpoint is whole.
        """
        try:
            if self._checkpoint is None:
                self._start()
            else:
                self._resume(self._checkpoint)
            info = self._info()
            self._notify(lambda observer: observer.run_started(info))
            with blamed_on(f"backend {self.parts.backend.name!r}"):
                self.parts.backend.train(self.feed, self)
            self._check_backend()
            summary = summarize(self.files)
            if self.finished:
                self.files.write_json("finished.json", {"steps": self.feed.step})
            return summary
        finally:
            self.close()

    def request_stop(self) -> None:
        """Ask the backend to stop after the current step, with a checkpoint."""
        self.stop_requested = True

    @property
    def seconds(self) -> float:
        """Seconds since this process opened the run."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """Stop the workers and release the directory, all of it even where a part fails."""
        # run backwards: observers first, and last the lock, so that no other process writes before
        with ExitStack() as stack:
            stack.callback(self.files.close)
            stack.callback(self._factory.close)
            stack.callback(self._judge.close)
            stack.callback(self._notify, lambda observer: observer.run_ended())

    def _info(self) -> RunInfo:
        return RunInfo(
            name=self.name,
            directory=self.directory,
            steps=self.steps,
            prompts=self.prompts,
            responses=self.responses,
            first_step=self.first_step,
            environments=len(self.parts.source),
            backend=self.parts.backend.name,
            recipe=self.recipe.model_dump(mode="json"),
        )

    def _check_backend(self) -> None:
        name, step = self.parts.backend.name, self.feed.step
        if self._called == "nothing":
            fault = "ended without begin()"
        elif step < self.steps and not self.stop_requested:
            fault = f"ended after step {step} of {self.steps}"
        elif self._last_ended != step:
            fault = f"ended without end_step({step})"
        elif self._last_saved != step:
            fault = f"ended without a checkpoint of step {step}"
        elif not self.finished and not self.stop_requested:
            fault = f"left out ask, but benchmarks are due after step {step}"
        elif self._called != "end":
            fault = "ended without end()"
        else:
            return
        raise BackendProtocolError(f"backend {name!r} {fault}")

    def _start(self) -> None:
        self.files.create()
        try:
            self._write_facts()
            self._emit(
                Event(kind="started", step=0, evidence={"recipe": self.name, "seed": self.seed})
            )
            # before the first step, so that a run which is killed early can be resumed too
            self._commit(0, None)
        except BaseException:
            self.files.clear()
            raise

    def _resume(self, checkpoint: Checkpoint) -> None:
        self.files.lock()
        if latest_checkpoint(self.files.checkpoints) != checkpoint:
            raise UsageError(
                f"another process has trained in {self.directory} since this one opened it",
                hint="resume it again",
            )
        # under the lock, and in this order: evaluations that a kill undid go before scores are
        # read, and the logs are cut before the feed is restored, which appends events
        undone = self._evaluation.steps.set_aside_after(checkpoint.step)
        scores = self._evaluation.steps.best_scores()
        prune(self.files.checkpoints, self.recipe.checkpoint.keep, scores)
        state = checkpoint.read()
        damaged = damaged_after(self.files.checkpoints, checkpoint.step)
        changed_logs = self.files.changed_logs(state)
        set_aside = self.files.rewind(state["logs"])
        self.feed.load_state_dict(state["feed"])
        if damaged:
            text = f"{'; '.join(damaged)}; going on from step {checkpoint.step}"
            self.observer.warning(text)
        if changed_logs:
            self.observer.warning(describe_changed_logs(changed_logs))
        report_changes(self.files, self.parts, checkpoint.step, self._emit)
        evidence: dict[str, Any] = {"superseded_lines": set_aside, "changed": list(self._changed)}
        found = {
            "superseded_evaluations": undone,
            "damaged_checkpoints": damaged,
            "changed_logs": changed_logs,
        }
        evidence |= {name: value for name, value in found.items() if value}
        self._emit(Event(kind="resumed", step=checkpoint.step, evidence=evidence))

    def _write_facts(self) -> None:
        write_facts(self.files, self.parts, self.name)
        for name in ("finished.json", "evaluation/after.json"):
            (self.directory / name).unlink(missing_ok=True)
        self._facts_written = True

    # -------------------------------------------------------------- begin, end_step, end

    def begin(self, ask: Ask | None = None) -> None:
        """See :meth:`scaler_core.interfaces.RunLike.begin`."""
        if self._called != "nothing":
            raise BackendProtocolError("begin() was called twice")
        self._called = "begin"
        if ask is not None:
            if self.resume_from is None:
                self._answer_grid("before", ask)
            self._evaluate(self.first_step - 1, ask)
        self._log.restart_clock()

    def end_step(
        self,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[Sample],
        save: Callable[[Path], None],
        ask: Ask | None = None,
    ) -> StepEnd:
        """See :meth:`scaler_core.interfaces.RunLike.end_step`."""
        self._check_order(step)
        figures = self._write_step(step, metrics, samples)
        # Read before the checkpoint: a request that comes later would find the step without one,
        # so it takes effect after the next step.
        stopping = self.stop_requested
        if self._checkpoint_due(step):
            self._save(step, save)
        scores = None if ask is None or stopping else self._evaluate(step, ask)
        # An evaluated step has its checkpoint, so the run may stop right after it.
        stop = stopping or (scores is not None and self.stop_requested)
        return StepEnd(figures=figures | dict(scores or {}), stop=stop)

    def end(self, ask: Ask | None = None) -> None:
        """See :meth:`scaler_core.interfaces.RunLike.end`."""
        if self._called != "begin":
            was = "was called twice" if self._called == "end" else "was called without begin()"
            raise BackendProtocolError(f"end() {was}")
        self._called = "end"
        if self.finished and ask is not None:
            self._answer_grid("after", ask)

    def _check_order(self, step: int) -> None:
        if self._called != "begin":
            when = "after end()" if self._called == "end" else "before begin()"
            raise BackendProtocolError(f"end_step({step}) was called {when}")
        if step != self.feed.step:
            raise BackendProtocolError(
                f"step {step} cannot be ended: the last recorded step is {self.feed.step}"
            )
        if step == self._last_ended:
            raise BackendProtocolError(f"end_step({step}) was called twice")

    def _write_step(
        self, step: int, metrics: Mapping[str, float], samples: Sequence[Sample]
    ) -> dict[str, float]:
        """Write the step's lines; returns the curriculum's figures."""
        curriculum = {
            **self.feed.metrics,
            "retired": self._decisions["retired"],
            "admitted": self._decisions["admitted"],
            "quarantined": self._decisions["quarantined"],
        }
        line = self._log.write(step, curriculum, metrics, samples)
        self._last_ended = step
        self._decisions.clear()
        self._notify(lambda observer: observer.step_finished(step, line))
        return curriculum

    # -------------------------------------------------------------- checkpoints

    def _checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint is due; also before benchmarks, as the step may be the best one."""
        every = self.recipe.checkpoint.every
        on_schedule = step % every == 0 or self._evaluation.steps.on_schedule(step)
        return step > self._last_saved and (
            on_schedule or step >= self.steps or self.stop_requested
        )

    def _save(self, step: int, save: Callable[[Path], None]) -> None:
        path = self._commit(step, save)
        self._last_saved = step
        self._notify(lambda observer: observer.checkpoint_written(step, path))

    def _commit(self, step: int, save: Callable[[Path], None] | None) -> Path:
        """Commit feed and backend as one checkpoint."""
        state = {"feed": self.feed.state_dict(), **self.files.state_dict()}
        keep, scores = self.recipe.checkpoint.keep, self._evaluation.steps.best_scores()
        path = write_checkpoint(self.files.checkpoints, step, state, save, keep, scores).path
        self._point_to_best()
        # only now: a resume that fails before its first checkpoint leaves the run as it was, and
        # changes of pool or settings are reported again by the next one
        if not self._facts_written:
            self._write_facts()
        return path

    # -------------------------------------------------------------- evaluation

    def _answer_grid(self, label: str, ask: Ask) -> None:
        self._evaluation.answer_grid(self.feed.step, label, ask)
        self._point_to_best()

    def _evaluate(self, step: int, ask: Ask) -> Mapping[str, float] | None:
        """Scores after *step*, empty where a stop cut it short; ``None`` where nothing is due."""
        if self.stop_requested or not self._evaluation.steps.due(step):
            return None
        scores = self._evaluation.evaluate_step(step, ask, lambda: self.stop_requested)
        self._point_to_best()
        # an evaluation belongs to no step's seconds
        self._log.restart_clock()
        return scores

    def _point_to_best(self) -> None:
        steps = self._evaluation.steps
        if scores := steps.best_scores():
            point_to_best(self.files.checkpoints, steps.best_metric, scores)

    # -------------------------------------------------------------- events

    def _emit(self, event: Event) -> None:
        self._decisions[event.kind] += 1
        self.files.append(EVENTS, event_line(event))
        self._notify(lambda observer: observer.event(event))

    def _notify(self, call: Callable[[Observer], None]) -> None:
        call(self.observer)
        call(self._trackers)
