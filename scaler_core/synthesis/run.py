"""A synthesis from beginning to end: checks its options, runs the stages, writes the results.

The results are the pool, the yields and their picture, and the reasons of refusals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from pydantic import JsonValue

from scaler_core.endpoint import Budget, Endpoint, EndpointChat, ResponseCache, Totals
from scaler_core.errors import UsageError, unknown_name
from scaler_core.interfaces import Extractor, Generator
from scaler_core.jsonio import compact_json, write_atomic
from scaler_core.models import Environment, Record
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool.writer import check_target, write_pool
from scaler_core.synthesis.config import SynthesisOptions
from scaler_core.synthesis.filters import ProblemFilter
from scaler_core.synthesis.journal import JournalIndex
from scaler_core.synthesis.journey import STAGES
from scaler_core.synthesis.pipeline import Observer, StopReason, Synthesis
from scaler_core.synthesis.records import Makers
from scaler_core.synthesis.sources import ProblemReader, open_problems
from scaler_core.synthesis.stages import Asking, Stages
from scaler_core.synthesis.store import FOLDER_SUFFIX, SynthesisStore
from scaler_core.synthesis.workbench import BUILDER, describe_plugins, make_workbench
from scaler_core.synthesis.workers import LocalWorkers, RayWorkers, Workers
from scaler_core.synthesis.yields import Yields, rejected_problems, yields_of, yields_svg


def open_synthesis(
    problems: str | Path,
    pool: str | Path,
    options: SynthesisOptions,
    *,
    split: str | None = None,
    revision: str | None = None,
    resume: bool = True,
    key: str = "",
    observer: Observer | None = None,
    host: PluginHost | None = None,
) -> SynthesisRun:
    """The synthesis of a pool out of problems, checked in every part; its ``run()`` starts it.

    Args:
        problems: A CodeContests Parquet file or a folder of them, problems in JSON lines, a
            published pool, or a dataset of the hub as ``owner/name``.
        pool: The pool directory to make, or to go on with.
        options: How.
        split: Part of a dataset of the hub; ``train`` when ``None``.
        revision: Commit, tag or branch of a dataset of the hub.
        resume: Whether a pool that was begun is gone on with; otherwise it is refused.
        key: The key of the endpoint; empty where it needs none.
        observer: Who watches.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: A name or an option is unknown, the machine lacks something, *pool* is something
            else, another process works there, or settings differ from those of earlier results.
        DataError: A file of an earlier run is damaged.
    """
    if not resume and Path(f"{str(pool).rstrip('/')}{FOLDER_SUFFIX}").exists():
        raise UsageError(f"{pool} was begun already", hint="leave `resume=False` out to go on")
    reader = open_problems(problems, split=split, revision=revision)
    host = host or load_plugins()
    return SynthesisRun(reader, Path(pool), options, host, key=key, observer=observer)


class SynthesisReport(Record):
    """The report of a run.

    Attributes:
        pool: The pool directory.
        folder: The folder of the synthesis.
        environments: How many the pool holds; 0 where it was not written.
        content_hash: Of the pool.
        stop_reason: Why the run ended early; empty where it did not.
        stop_detail: The same in one line.
        undone: Problems given up for now because endpoint or machine failed, with the reason.
        reopened: Number of rejected problems that were reopened.
        spent: Requests of this run to the endpoint, and their cost.
        seconds: How long it took.
        yields: The yields of each stage, in all runs together.
    """

    pool: str
    folder: str
    environments: int
    content_hash: str
    stop_reason: StopReason
    stop_detail: str
    undone: dict[str, str]
    reopened: int
    spent: Totals
    seconds: float
    yields: Yields

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self.stop_reason and not self.undone


class SynthesisRun:
    """A synthesis that is ready to run: options, names and the machine are checked.

    Args:
        reader: The dataset.
        pool: The pool directory to make, or to go on with.
        options: The options.
        host: Builds the components.
        key: The key of the endpoint.
        observer: Is notified of the progress.

    Raises:
        UsageError: A name or an option is unknown, the machine lacks something, *pool* is something
            else, another process works there, or settings differ from those of earlier results.
        DataError: A file of an earlier run is damaged.
    """

    def __init__(
        self,
        reader: ProblemReader,
        pool: Path,
        options: SynthesisOptions,
        host: PluginHost,
        *,
        key: str = "",
        observer: Observer | None = None,
    ) -> None:
        self.pool = pool.resolve()
        self.options = options
        self._reader = reader
        self.budget = Budget(options.budget)
        with ExitStack() as opened:
            makers, extractor, generator = _makers(options, host)
            self._check_pool()
            self.store = opened.enter_context(SynthesisStore(self.pool))
            settings = options.settings(reader.label, makers)
            self._index = self.store.settle(settings, redo_changed=options.redo_changed)
            workers = _workers(options, host)
            if workers is not None:
                opened.enter_context(closing(workers))
            self._endpoint, asking = self._asking(opened, extractor, generator, key)
            stages = Stages(asking, workers, options.check, options.calibration, makers)
            self.synthesis = Synthesis(
                reader,
                ProblemFilter(options.filter),
                self._index,
                stages,
                until=options.stage,
                limit=options.limit,
                in_flight=options.in_flight,
                observer=observer,
            )
            # last, since it writes to the journal: a failure above must leave no trace
            self.reopened = _reopen(self._index, options.retry_rejected)
            self._closing = opened.pop_all()

    def count_problems(self) -> int | None:
        """How many problems it will look at; ``None`` where the dataset does not say."""
        count, limit = self._reader.count(), self.options.limit
        return count if count is None or limit is None else min(count, limit)

    def run(self) -> SynthesisReport:
        """Run the stages, and write the results however that ends; can be called once.

        Raises:
            UsageError: The endpoint refuses all requests.
            PluginError: The extractor or the generator broke its contract.
            DataError: The dataset cannot be read.
            InfrastructureError: Dataset or disk failed.
        """
        began = time.monotonic()
        with self._closing:
            try:
                asyncio.run(self._run())
            except KeyboardInterrupt:
                self.synthesis.stop("interrupted")
            finally:
                written = self._write()
        return self._report(*written, seconds=round(time.monotonic() - began, 3))

    async def _run(self) -> None:
        if self._endpoint is None:
            await self.synthesis.run()
            return
        async with self._endpoint:
            await self.synthesis.run()

    def _check_pool(self) -> None:
        """Refuse a pool that exists and was not made by this synthesis."""
        ours = self.pool.parent / (self.pool.name + FOLDER_SUFFIX)
        if self.pool.exists() and not ours.exists():
            raise UsageError(
                f"{self.pool} is there already, and did not come out of a synthesis",
                hint="choose another POOL",
            )
        check_target(self.pool, overwrite=True)

    def _asking(
        self,
        opened: ExitStack,
        extractor: Extractor,
        generator: Generator,
        key: str,
    ) -> tuple[Endpoint | None, Asking | None]:
        options = self.options.endpoint
        if options is None or not self.options.asks_a_model:
            return None, None
        cache = opened.enter_context(ResponseCache(self.store.replies))
        endpoint = Endpoint(options, key=key, cache=cache, budget=self.budget)

        def chat(first: int) -> EndpointChat:
            return EndpointChat(endpoint, self.options.sampling, first)

        cost = self.budget.options.cost
        return endpoint, Asking(extractor, generator, chat, cost, endpoint.stop)

    # -------------------------------------------------------------- results

    def _write(self) -> tuple[Yields, int, str]:
        """Write pool, yields and refusals; returns the yields, and size and hash of the pool."""
        yields = yields_of(self._index)
        folder = self.store.path
        write_atomic(folder / "yields.json", yields.model_dump_json(indent=2) + "\n")
        title = f"Synthesis of {self.pool.name}"
        write_atomic(folder / "yields.svg", yields_svg(yields, title))
        lines = (compact_json(item.model_dump()) + "\n" for item in rejected_problems(self._index))
        write_atomic(folder / "rejected.jsonl", "".join(lines))
        if not yields.accepted or not self.options.reaches("calibrate"):
            return yields, 0, ""
        manifest = write_pool(self.pool, self._accepted(), overwrite=True)
        return yields, manifest.environments, manifest.content_hash

    def _accepted(self) -> Iterator[Environment]:
        """Yields the environments by id, so that their order does not depend on timing."""
        for problem_id in self._index:
            trail = self._index.trail(problem_id)
            last = trail.last("calibrate")
            if trail.accepted and last is not None:
                document = self._index.record(last).value["environment"]
                yield Environment.model_validate(document)

    def _report(
        self, yields: Yields, environments: int, content_hash: str, *, seconds: float
    ) -> SynthesisReport:
        synthesis = self.synthesis
        return SynthesisReport(
            pool=str(self.pool),
            folder=str(self.store.path),
            environments=environments,
            content_hash=content_hash,
            stop_reason=synthesis.stop_reason,
            stop_detail=str(synthesis.stop_error or ""),
            undone=synthesis.status.undone,
            reopened=self.reopened,
            spent=self.budget.totals,
            seconds=seconds,
            yields=yields,
        )


def _makers(options: SynthesisOptions, host: PluginHost) -> tuple[Makers, Extractor, Generator]:
    """Builds extractor and generator; returns them after the settings that decide their results."""
    extractor = host.build(Extractor, options.extractor.choice, "extractor")
    generator = host.build(Generator, options.generator.choice, "generator")
    return (
        Makers(extractor=_describe(extractor, options), generator=_describe(generator, options)),
        extractor,
        generator,
    )


def _describe(component: Extractor | Generator, options: SynthesisOptions) -> dict[str, JsonValue]:
    endpoint = options.endpoint
    return {
        "use": component.name,
        "options": component.config.model_dump(mode="json"),
        "prompt_version": component.prompt_version(),
        "model": endpoint.model if endpoint else "",
        "extra": endpoint.extra if endpoint else {},
        "sampling": options.sampling.model_dump(mode="json"),
    }


def _workers(options: SynthesisOptions, host: PluginHost) -> Workers | None:
    if not options.reaches("check"):
        return None
    described: dict[str, JsonValue] = {
        "sandbox": options.sandbox,
        "allow_weak": options.allow_weak_sandbox,
        "seed": options.seed,
        "backend": options.backend,
        "tokenizer": options.tokenizer,
    }
    if options.executor == "ray":
        arguments = {"plugins": describe_plugins(host), **described}
        return RayWorkers(BUILDER, arguments, options.workers)
    return LocalWorkers(make_workbench(host, **described), options.workers)  # type: ignore[arg-type]


def _reopen(index: JournalIndex, wanted: str | None) -> int:
    if wanted is None:
        return 0
    count = index.reopen(wanted)
    if not count and wanted:
        refusals = [item for item in yields_of(index).refusals if item.stage != "filter"]
        known = {*STAGES[1:], *(item.check for item in refusals)}
        if wanted not in known:
            raise unknown_name(
                "stage or check",
                wanted,
                known,
                where=" of --retry-rejected",
                hint="only checks that refused a problem count, and filters are asked in every run",
            )
    return count
