"""Tickets of a pool without a curriculum: any environment, at any level, for any seed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from scaler_core.config import Recipe
from scaler_core.errors import DataError, UsageError
from scaler_core.interfaces import EnvironmentPack, EnvironmentSource
from scaler_core.judge import Judge
from scaler_core.models import Response, Ticket, Verdict
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool import open_pool
from scaler_core.pool.browsing import sample_instances
from scaler_core.pool.source import SelectedSource
from scaler_core.run.recipes import resolve_recipe
from scaler_core.run.setup import assemble_feed

ALL_LEVELS = "all"
AHEAD = 8
"""Tickets that an endless run of them makes ahead, in the background."""
_RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


class PoolTickets:
    """Makes and judges tickets of a pool. Thread-safe; :meth:`close` ends its workers.

    Programs of a pool that no installed plugin ships run only in a sandbox that contains attacks.

    Args:
        pool: Path or name of a pool, one that is open, or a recipe or its TOML file, of which
            ``[pool]``, ``[prompt]``, ``[verifier]``, ``[sandbox]`` and ``[factory]`` are read.
        environments: Ids of those that are used; all when empty. A recipe names its own.
        allow_weak_sandbox: Whether that may be one which does not contain attacks. A recipe says it
            itself.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: There is no such pool or environment, or no sandbox can run here.
        DataError: The pool is damaged.
    """

    def __init__(
        self,
        pool: str | Path | EnvironmentSource | Recipe,
        *,
        environments: Sequence[str] = (),
        allow_weak_sandbox: bool = False,
        host: PluginHost | None = None,
    ) -> None:
        host = host or load_plugins()
        if isinstance(pool, (str, Path)) and Path(pool).suffix == ".toml":
            _, pool = resolve_recipe(pool, host)
        recipe, source = pool if isinstance(pool, Recipe) else Recipe(), None
        if not isinstance(pool, Recipe):
            source = open_pool(pool, host.classes(EnvironmentPack))
            if environments:
                source = SelectedSource(source, environments)
        # a ready buffer follows the hints of a feed, and there is none
        update: dict[str, object] = {"ready": 0}
        if source is not None:
            update["allow_weak_sandbox"] = allow_weak_sandbox
        factory = recipe.factory.model_copy(update=update)
        recipe = recipe.model_copy(update={"factory": factory})
        parts = assemble_feed(recipe, host, environments=source)
        self.source = parts.source
        if not len(self.source):
            raise UsageError("the pool holds no environment", hint="scaler pool ls shows a pool")
        self._verifier = parts.verifier
        self._workers = recipe.factory.workers
        self._factory = parts.make_factory(only_here=True)
        self._judge = Judge(host, self._factory)

    def ticket(self, environment_id: str, level: int, seed: int) -> Ticket:
        """The ticket of (*environment_id*, *level*, *seed*), always the same one.

        A seed that gives no valid instance is replaced, as in a run.

        Raises:
            UsageError: There is no such environment or level.
            DataError: The environment gives no valid instance at this level.
            InfrastructureError: The machine cannot make it.
        """
        environment = self.source.get(environment_id)
        (instance,) = sample_instances(environment, level, seed, 1, self._factory).instances
        return Ticket.of(
            instance,
            id=f"{environment_id}@{level}#{seed}",
            step=0,
            verifier=self._judge.choose(instance, self._verifier),
        )

    def endless(self, levels: str = ALL_LEVELS, seed: int = 0) -> Generator[Ticket]:
        """Tickets of all environments and their *levels* in turn, for ever, the same ones for the
        same *seed*.

        An environment without a valid instance at a level is passed over there.

        Args:
            levels: See :func:`levels_of`.
            seed: Another one shares no instance with it.

        Raises:
            UsageError: *levels* names none.
            DataError: No environment has given an instance for a whole round.
            InfrastructureError: The machine cannot make instances.
        """
        ids = self.source.ids()
        spans = [levels_of(levels, self.source.top_level(name)) for name in ids]
        places = self._places(ids, spans, seed)
        ahead: deque[Future[Ticket | DataError]] = deque()
        passed = 0
        threads = ThreadPoolExecutor(self._workers, thread_name_prefix="tickets")
        try:
            while True:
                while len(ahead) < AHEAD:
                    ahead.append(threads.submit(self._try, *next(places)))
                made = ahead.popleft().result()
                if isinstance(made, Ticket):
                    passed = 0
                    yield made
                    continue
                passed += 1
                if passed > sum(map(len, spans)):
                    raise made
        finally:
            threads.shutdown(wait=True, cancel_futures=True)

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on one response."""
        return self._judge.verify(ticket, response)

    def close(self) -> None:
        """End all workers."""
        self._judge.close()
        self._factory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try(self, environment_id: str, level: int, seed: int) -> Ticket | DataError:
        try:
            return self.ticket(environment_id, level, seed)
        except DataError as error:
            return error

    @staticmethod
    def _places(
        ids: Sequence[str], spans: Sequence[range], seed: int
    ) -> Iterator[tuple[str, int, int]]:
        """Each environment once a round, neighbours a level apart, so that a round has all."""
        number = 0
        while True:
            for place, (name, span) in enumerate(zip(ids, spans, strict=True)):
                turn, level = divmod(number + place, len(span))
                yield name, span[level], (seed << 32) + turn
            number += 1


def levels_of(text: str, top_level: int) -> range:
    """The levels that *text* names, of an environment that has levels up to *top_level*.

    Args:
        text: ``all``, a number, or a range such as ``2-5``; what lies above the top level is the
            top level.
        top_level: D.

    Raises:
        UsageError: It names none.
    """
    if text == ALL_LEVELS:
        return range(top_level + 1)
    found = _RANGE.fullmatch(text)
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if low > high:
        raise UsageError(f"`levels` {text!r} names no levels", hint="'all', '3', or '0-4'")
    return range(min(low, top_level), min(high, top_level) + 1)
