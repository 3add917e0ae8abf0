"""The evaluation itself, the same for ``scaler eval`` and in training.

::

    benchmarks -> rows -> samples --missing--> ask(model) -> response cache
                             |                                    |
                             +-------- grade, in threads ---------+--> results, scores, summary

All questions are read before the first is asked, so that a missing file is reported at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scaler_core.errors import DataError, InfrastructureError, PluginError, UsageError, blamed_on
from scaler_core.evaluation.directory import EvaluationDirectory, ResponseCache, response_key
from scaler_core.evaluation.plan import (
    EvaluationSettings,
    Plan,
    PlannedSample,
    choose_rows,
    samples_of,
)
from scaler_core.evaluation.scoring import BenchmarkScore, grade_samples, score_of
from scaler_core.evaluation.tables import EvaluationSummary, markdown
from scaler_core.interfaces import Ask, Benchmark, BenchmarkRow
from scaler_core.jsonio import write_atomic


class Watcher:
    """Is notified of an evaluation's progress; all methods do nothing by default.

    :meth:`graded` is called from several threads.
    """

    def started(self, folder: Path) -> None:
        """An evaluation began; everything of it is kept in *folder*."""

    def loading(self, model: str, engine: str) -> None:
        """A response is missing, so *model* is loaded now; not called for a server's model."""

    def answering(self, benchmark: str, samples: int, kept: int) -> None:
        """*samples* responses are needed, of which *kept* are in the cache."""

    def answered(self) -> None:
        """One more response came."""

    def grading(self, benchmark: str, samples: int) -> None:
        """All *samples* responses of a benchmark are there and are graded now."""

    def graded(self) -> None:
        """One more response is graded."""

    def scored(self, score: BenchmarkScore) -> None:
        """A benchmark is done."""


@dataclass(frozen=True)
class Work:
    """The shared objects of one evaluation's parts."""

    settings: EvaluationSettings
    directory: EvaluationDirectory
    cache: ResponseCache
    watcher: Watcher

    def key(self, sample: PlannedSample) -> str:
        """The cache key of the response to *sample*."""
        return response_key(self.settings.identity, self.settings.max_tokens, sample.question)


def evaluate(
    plan: Plan, ask: Ask, folder: Path, watcher: Watcher | None = None
) -> EvaluationSummary:
    """Ask, grade and score. Responses that *folder* holds already are not requested again.

    Args:
        plan: The benchmarks and settings.
        ask: Puts questions to the model; never called where no response is missing.
        folder: The directory of the evaluation, new or begun before.
        watcher: Is notified of the progress.

    Raises:
        UsageError: Questions are not on this machine, *folder* belongs to another model, or
            another process evaluates there. Nothing was asked.
        DataError: Questions or files in *folder* are damaged.
        InfrastructureError: The model did not answer everything; its answers so far are kept.
    """
    watcher = watcher or Watcher()
    watcher.started(folder)
    directory = EvaluationDirectory(folder)
    if directory.exists:
        _refuse_another_model(directory, plan.settings)
    with ExitStack() as stack:
        for benchmark in plan.benchmarks:
            stack.callback(benchmark.close)
        settings, rows = _read_questions(plan)
        stack.enter_context(directory.locked())
        for path in (directory.summary, directory.table):
            path.unlink(missing_ok=True)
        directory.write("evaluation.json", settings)
        for name, chosen in rows.items():
            directory.write_lines("questions", name, chosen)
        cache = stack.enter_context(ResponseCache(directory.responses))
        work = Work(settings, directory, cache, watcher)
        scores = []
        for benchmark in plan.benchmarks:
            samples = samples_of(benchmark, rows[benchmark.name], settings.seed, settings.samples)
            _ask_missing(benchmark.name, samples, ask, work)
            scores.append(_grade(benchmark, samples, work))
        return _summarize(scores, work)


def regrade(
    folder: Path, benchmarks: Sequence[Benchmark], watcher: Watcher | None = None
) -> EvaluationSummary:
    """Grade the responses in *folder* once more; no model is asked, no question read elsewhere.

    Args:
        folder: The directory of an evaluation whose responses are all there.
        benchmarks: Those of its settings.
        watcher: Is notified of the progress.

    Raises:
        UsageError: There is no evaluation, or another process works on it.
        DataError: It is damaged, or was interrupted before every question was answered.
    """
    directory = EvaluationDirectory(folder)
    settings = directory.settings()
    with ExitStack() as stack:
        for benchmark in benchmarks:
            stack.callback(benchmark.close)
        stack.enter_context(directory.locked())
        cache = stack.enter_context(ResponseCache(directory.responses))
        work = Work(settings, directory, cache, watcher or Watcher())
        wanted = {
            item.name: samples_of(item, directory.rows(item.name), settings.seed, settings.samples)
            for item in benchmarks
        }
        missing = sum(work.key(item) not in cache for group in wanted.values() for item in group)
        if missing:
            raise DataError(
                f"{folder} was interrupted: {missing} responses are missing",
                hint="go on with it first: the command that began it, with -o and the folder",
            )
        return _summarize([_grade(item, wanted[item.name], work) for item in benchmarks], work)


def _read_questions(plan: Plan) -> tuple[EvaluationSettings, dict[str, list[BenchmarkRow]]]:
    """Reads the rows to ask; returns the settings with their sources and sizes, and the rows."""
    rows: dict[str, list[BenchmarkRow]] = {}
    sources: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for benchmark in plan.benchmarks:
        name = benchmark.name
        with blamed_on(f"benchmark {name!r}"):
            everything = list(benchmark.rows())
            sources[name] = benchmark.source()
            sizes[name] = benchmark.size() or len(everything)
        if not everything:
            raise DataError(f"benchmark {name!r} has no question")
        rows[name] = choose_rows(name, everything, plan.settings.limit)
    return plan.settings.model_copy(update={"sources": sources, "sizes": sizes}), rows


def _ask_missing(benchmark: str, samples: Sequence[PlannedSample], ask: Ask, work: Work) -> None:
    """Ask for the responses that are missing, and write each to the cache as it comes."""
    missing = [item for item in samples if work.key(item) not in work.cache]
    work.watcher.answering(benchmark, len(samples), len(samples) - len(missing))
    waiting = set(range(len(missing)))
    answers = ask([item.question for item in missing]) if missing else ()
    last = time.monotonic()  # not before: the model may have been loaded by that call
    for index, response in answers:
        if index not in waiting:
            raise PluginError(
                f"an answer to question {index} of {len(missing)} came twice or unasked",
                hint="report it to the author of the backend",
            )
        waiting.remove(index)
        now = time.monotonic()
        item = missing[index]
        place = {"benchmark": benchmark, "row": item.row.id, "sample": item.number}
        work.cache.add(work.key(item), response, now - last, place)
        last = now
        work.watcher.answered()
    if waiting:
        raise InfrastructureError(
            f"{len(waiting)} of {len(missing)} questions of {benchmark} were not answered",
            hint="what was answered is kept; the same command goes on",
        )


def _grade(benchmark: Benchmark, samples: Sequence[PlannedSample], work: Work) -> BenchmarkScore:
    name, settings = benchmark.name, work.settings
    keys = [work.key(item) for item in samples]
    work.watcher.grading(name, len(samples))
    graded = grade_samples(benchmark, samples, keys, work.cache.__getitem__, work.watcher.graded)
    work.directory.write_lines("results", name, graded)
    score = score_of(
        name,
        graded,
        source=settings.sources.get(name, ""),
        size=settings.sizes.get(name, 0),
        grading=benchmark.grading(),
    )
    work.watcher.scored(score)
    return score


def _summarize(scores: Sequence[BenchmarkScore], work: Work) -> EvaluationSummary:
    summary = EvaluationSummary(settings=work.settings, scores=tuple(scores))
    write_atomic(work.directory.table, markdown(summary))
    work.directory.write("summary.json", summary)  # last: its presence means that all is done
    return summary


def _refuse_another_model(directory: EvaluationDirectory, settings: EvaluationSettings) -> None:
    before = directory.settings()
    if before.identity == settings.identity:
        if before.engine == settings.engine:
            return
        # engines compute and sample differently: the table names the one that gave all answers
        raise UsageError(
            f"{directory.path} was begun with engine {before.engine}, not {settings.engine}",
            hint="go on with that one (`engine`), or name another folder with `folder`",
        )
    same_name = "with other weights, another prompt or at another server"
    raise UsageError(
        f"{directory.path} holds an evaluation of {before.model}"
        f"{' ' + same_name if before.model == settings.model else ''}",
        hint="name another folder with `folder`",
    )
