"""Compares the environments of a source with the questions of benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaler_core.audit.contamination.index import Match, QuestionIndex
from scaler_core.audit.contamination.records import (
    BenchmarkOverlap,
    Contamination,
    EnvironmentOverlap,
    OverlapSettings,
    RowOverlap,
)
from scaler_core.audit.contamination.texts import joined_words, program_words, question_words
from scaler_core.errors import DataError, PluginError, UsageError, blamed_on
from scaler_core.factory.native import NativeLimits, NativeWorkers
from scaler_core.interfaces import (
    Benchmark,
    BenchmarkRow,
    EnvironmentPack,
    EnvironmentSource,
    NativeEnvironment,
)
from scaler_core.models import ComponentChoice, Instance
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool.store import open_pool
from scaler_core.seeds import derive_seed

OVERLAPS_KEPT = 10
WORDS_KEPT = 40
NATIVE_SEEDS = 2


def find_overlaps(
    source: EnvironmentSource,
    rows: Mapping[str, Iterable[BenchmarkRow]],
    *,
    environments: Sequence[str] | None = None,
    settings: OverlapSettings | None = None,
) -> Contamination:
    """Which environments hold questions of benchmarks, or long runs of their words.

    No program of an environment runs. Native environments have no text of their own: instances of
    their lowest, middle and top level are made in a worker process, and read.

    Args:
        source: The environments.
        rows: The questions of each benchmark, by its name; their order does not matter.
        environments: Ids of the environments to look at; all when ``None``.
        settings: The thresholds of an overlap.

    Raises:
        InfrastructureError: The machine cannot read the source.
    """
    settings = settings or OverlapSettings()
    benchmarks = [_Benchmark(name, list(found), settings) for name, found in rows.items()]
    ids = source.ids() if environments is None else environments
    with closing(NativeWorkers(1, NativeLimits())) as workers:
        verdicts = tuple(_compare(source, item, workers, benchmarks) for item in ids)
    return Contamination(
        settings=settings,
        environments=verdicts,
        benchmarks=tuple(benchmark.summary() for benchmark in benchmarks),
    )


def compare_with_benchmarks(
    source: str | Path | EnvironmentSource,
    benchmarks: Mapping[str, Mapping[str, Any]],
    *,
    environments: Sequence[str] | None = None,
    settings: OverlapSettings | None = None,
    host: PluginHost | None = None,
) -> Contamination:
    """:func:`find_overlaps` with the questions of installed benchmarks.

    Args:
        source: The environments: path or name of a pool, or one that is open.
        benchmarks: Options of each benchmark by its name, such as ``{"math-500": {"path": FILE}}``;
            without a ``path`` its questions are fetched from the hub.
        environments: Ids of the environments to look at; all when ``None``.
        settings: What is compared, and from where on it is an overlap.
        host: Where benchmarks come from; all installed plugins by default.

    Raises:
        UsageError: There is no such pool, a benchmark or an option is unknown, or questions are not
            on this machine.
        DataError: The pool or the questions cannot be read.
        InfrastructureError: Questions cannot be fetched.
    """
    host = host or load_plugins()
    opened = open_pool(source, host.classes(EnvironmentPack))
    choices = [ComponentChoice(use=name, options=dict(given)) for name, given in benchmarks.items()]
    rows = {choice.use: _rows(choice, host) for choice in choices}
    return find_overlaps(opened, rows, environments=environments, settings=settings)


def _rows(choice: ComponentChoice, host: PluginHost) -> list[BenchmarkRow]:
    benchmark = host.build(Benchmark, choice, path="`benchmarks`")
    with closing(benchmark), blamed_on(f"benchmark {choice.use!r}"):
        return list(benchmark.rows())


class _Benchmark:
    """One benchmark, and the figures of the comparisons with it so far."""

    def __init__(self, name: str, rows: Sequence[BenchmarkRow], settings: OverlapSettings) -> None:
        self._name = name
        self._rows = rows
        self._settings = settings
        self._index = QuestionIndex(question_words(rows, settings), settings)
        self._environments = 0
        self._overlapping = 0
        self._share = 0.0
        self._run: tuple[str, ...] = ()

    def overlaps(self, words: Sequence[str]) -> list[RowOverlap]:
        """The questions that an environment of *words* overlaps with."""
        found = []
        for match in self._index.matches(words):
            self._share = max(self._share, match.share)
            self._run = max(self._run, match.words, key=lambda run: (len(run), run))
            if self._is_overlap(match):
                found.append(
                    RowOverlap(
                        benchmark=self._name,
                        row=self._rows[match.question].id,
                        contained=match.contained,
                        share=round(match.share, 4),
                        run=len(match.words),
                        words=_shown(match.words),
                    )
                )
        self._environments += 1
        self._overlapping += bool(found)
        return found

    def summary(self) -> BenchmarkOverlap:
        """The figures of all comparisons."""
        return BenchmarkOverlap(
            benchmark=self._name,
            rows=len(self._rows),
            too_short=len(self._rows) - self._index.looked_for,
            pairs=self._environments * self._index.looked_for,
            highest_share=round(self._share, 4),
            longest_run=len(self._run),
            words=_shown(self._run),
            overlapping=self._overlapping,
        )

    def _is_overlap(self, match: Match) -> bool:
        return (
            match.contained
            or match.share >= self._settings.share
            or len(match.words) >= self._settings.run
        )


@dataclass(frozen=True)
class _EnvironmentWords:
    """An environment's name and words."""

    name: str
    words: list[str]


def _compare(
    source: EnvironmentSource,
    environment_id: str,
    workers: NativeWorkers,
    benchmarks: Sequence[_Benchmark],
) -> EnvironmentOverlap:
    try:
        read = _read(source, environment_id, workers)
    except (DataError, PluginError, UsageError) as error:
        return EnvironmentOverlap(
            environment_id=environment_id,
            name=environment_id,
            verdict="unknown",
            reason=str(error),
        )
    found = [overlap for benchmark in benchmarks for overlap in benchmark.overlaps(read.words)]
    found.sort(key=lambda item: (-item.contained, -item.share, -item.run, item.benchmark, item.row))
    return EnvironmentOverlap(
        environment_id=environment_id,
        name=read.name,
        verdict="overlap" if found else "clean",
        questions=len(found),
        overlaps=tuple(found[:OVERLAPS_KEPT]),
    )


def _read(
    source: EnvironmentSource, environment_id: str, workers: NativeWorkers
) -> _EnvironmentWords:
    environment = source.get(environment_id)
    if isinstance(environment, NativeEnvironment):
        return _EnvironmentWords(environment_id, joined_words(_prompts(environment, workers)))
    return _EnvironmentWords(environment.problem.name, program_words(environment))


def _prompts(environment: NativeEnvironment, workers: NativeWorkers) -> list[str]:
    """Prompts of a few instances.

    Raises:
        DataError: None can be made.
        UsageError: No worker can import the environment.
    """
    top = environment.top_level
    prompts, failures = [], []
    for level in sorted({0, top // 2, top}):
        seeds = [
            derive_seed("contamination", environment.id, level, k) for k in range(NATIVE_SEEDS)
        ]
        for made in workers.make(environment, level, seeds):
            if isinstance(made, Instance):
                prompts.append("\n".join(message["content"] for message in made.messages))
            else:
                failures.append(f"{made.cause}: {made.detail}")
    if not prompts:
        raise DataError(f"no instance of {environment.id!r} can be made: {failures[0]}")
    return prompts


def _shown(words: Sequence[str]) -> str:
    return " ".join(words[:WORDS_KEPT]) + (" ..." if len(words) > WORDS_KEPT else "")
