"""The ready buffer: instances that will probably be needed are made ahead, in the background.

::

    prefetch(requests) --> queue --> background thread --> inner factory --> ready
                            ^ |                                               |
      (replaced each time)--+ +-- an instance that is needed before           v
                                  its turn is made at once        make / make_many return it

A result depends on environment, level and seed alone, and not on who makes it and when: a run draws
the same instances with and without the buffer. A wrong guess costs time only.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice, takewhile

from scaler_core.factory.interface import (
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    InstanceResult,
)
from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import Environment, Response, Ticket, Verdict

# instances of one call in the background: the most that a foreground call has to wait for
LARGEST_BATCH = 32
# seconds that closing waits for a background call which its inner factory has ended
CLOSE_S = 10.0

Identity = tuple[object, str]
"""The identity of an environment: content, or class for native ones, and id."""


@dataclass(frozen=True)
class _InstanceKey:
    """Names one instance."""

    identity: Identity
    level: int
    seed: int


Wanted = tuple[_InstanceKey, AnyEnvironment]


@dataclass
class _Call:
    """A foreground call: instances found, and those still to be made or waited for.

    Attributes:
        wanted: All instances of the call.
        found: Results by position in *wanted*.
        missing: Positions that the call has to make itself.
        awaited: Positions that the background is making now.
    """

    wanted: list[Wanted]
    found: dict[int, InstanceResult] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    awaited: list[int] = field(default_factory=list)


class ReadyFactory(InstanceFactory):
    """Returns instances that were made ahead, and has *inner* make the rest. Thread-safe.

    It keeps the instances that the latest :meth:`prefetch` names, and those that were being made
    at that time. The background begins nothing new while a foreground call is under way, and its
    errors are never raised: a call that needs the instance meets them again. An
    ``infrastructure`` failure is not kept.

    Args:
        inner: Makes the instances; closed with this factory.
        threads: Background calls at the same time, each for one environment.
    """

    def __init__(self, inner: InstanceFactory, threads: int = 1) -> None:
        self._inner = inner
        self._changed = threading.Condition()
        # all that changes below is read and written under this lock; inner is called without it
        self._ready: dict[_InstanceKey, InstanceResult] = {}
        self._queue: dict[_InstanceKey, AnyEnvironment] = {}
        self._making: set[_InstanceKey] = set()
        self._unprepared: dict[Identity, AnyEnvironment] = {}
        self._known: set[Identity] = set()
        self._foreground = 0
        self._counts: Counter[str] = Counter()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"ready-{number}", daemon=True)
            for number in range(threads)
        ]

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        """One instance or failure per seed, in order."""
        return self.make_many([InstanceRequest(environment, level, tuple(seeds))])[0]

    def make_many(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        """The results of :meth:`make` for each request, in order."""
        wanted = [(key, request.environment) for request in requests for key in _keys_of(request)]
        with self._in_foreground():
            call = self._look_up(wanted)
            self._make_missing(call)
            self._wait(call)
            # again: the background may have failed, or another thread have taken an instance that
            # both waited for
            self._make_missing(call)
        results = iter([call.found[position] for position in range(len(wanted))])
        return [list(islice(results, len(request.seeds))) for request in requests]

    def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
        """Make these instances in the background, in this order; drop those of the last call.

        Neighbouring requests for the same environment are made together. When nothing is left to
        make, *inner* prefetches each environment that the last call did not name, so that it can
        prepare it; a request without seeds asks for no more than that.
        """
        named = {key: item.environment for item in requests for key in _keys_of(item)}
        environments = {_identity(item.environment): item.environment for item in requests}
        with self._changed:
            if self._closed:
                return
            self._drop([key for key in self._ready if key not in named])
            self._queue = {
                key: environment
                for key, environment in named.items()
                if key not in self._ready and key not in self._making
            }
            self._unprepared = {
                identity: environment
                for identity, environment in environments.items()
                if identity in self._unprepared or identity not in self._known
            }
            self._known = set(environments)
            for thread in self._threads:
                if thread.ident is None:
                    thread.start()
            self._changed.notify_all()

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict of a native environment that scores itself."""
        with self._in_foreground():
            return self._inner.score(response, ticket)

    def counters(self) -> Mapping[str, float]:
        """The inner factory's counters, and five of instances.

        Of those requested ``ready/hits`` were ready, ``ready/waited`` were being made, and
        ``ready/missed`` had to be made at once. ``ready/made_ahead`` counts those made in the
        background, ``ready/dropped`` those of them that nobody used.
        """
        names = ("hits", "waited", "missed", "made_ahead", "dropped")
        with self._changed:
            own = {f"ready/{name}": self._counts[name] for name in names}
        return {**self._inner.counters(), **own}

    def close(self) -> None:
        """Empty the queue, close the inner factory, and end the background threads."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._unprepared.clear()
            self._drop(list(self._ready))
            self._changed.notify_all()
        try:
            # first, because it ends the calls that the background waits for
            self._inner.close()
        finally:
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join(CLOSE_S)

    # -------------------------------------------------------------- in the foreground

    @contextmanager
    def _in_foreground(self) -> Iterator[None]:
        with self._changed:
            self._foreground += 1
        try:
            yield
        finally:
            with self._changed:
                self._foreground -= 1
                self._changed.notify_all()

    def _look_up(self, wanted: list[Wanted]) -> _Call:
        call = _Call(wanted)
        with self._changed:
            for position, (key, _) in enumerate(wanted):
                if key in self._ready:
                    call.found[position] = self._ready.pop(key)
                elif key in self._making:
                    call.awaited.append(position)
                else:
                    # this call makes it, so that the background must not
                    self._queue.pop(key, None)
                    call.missing.append(position)
            self._counts["hits"] += len(call.found)
        return call

    def _make_missing(self, call: _Call) -> None:
        if not call.missing:
            return
        made = self._make_in_inner([call.wanted[position] for position in call.missing])
        call.found.update(zip(call.missing, made, strict=True))
        call.missing = []
        with self._changed:
            self._counts["missed"] += len(made)

    def _wait(self, call: _Call) -> None:
        """Wait for the instances that the background is making; those that it fails at are missing.

        Also ends when the factory closes; the inner one then returns failures for the rest.
        """
        awaited = {call.wanted[position][0] for position in call.awaited}
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not awaited & self._making)
            for position in call.awaited:
                key, _ = call.wanted[position]
                if key in self._ready:
                    call.found[position] = self._ready.pop(key)
                    self._counts["waited"] += 1
                else:
                    call.missing.append(position)

    # -------------------------------------------------------------- in the background

    def _work(self) -> None:
        """Make the queued instances until the factory is closed; prepare environments when idle."""
        while True:
            with self._changed:
                self._changed.wait_for(self._may_work)
                if self._closed:
                    return
                batch = self._take_batch()
                environment = None if batch else self._unprepared.pop(next(iter(self._unprepared)))
            if environment is None:
                self._make_ahead(batch)
            else:
                self._prepare(environment)

    def _may_work(self) -> bool:
        waiting = bool(self._queue or self._unprepared)
        return self._closed or (waiting and not self._foreground)

    def _take_batch(self) -> list[Wanted]:
        """The first of the queue and its followers of the same environment; the lock is held."""
        if not self._queue:
            return []
        identity = next(iter(self._queue)).identity
        same = takewhile(lambda item: item[0].identity == identity, self._queue.items())
        batch = list(islice(same, LARGEST_BATCH))
        for key, _ in batch:
            del self._queue[key]
            self._making.add(key)
        return batch

    def _make_ahead(self, batch: list[Wanted]) -> None:
        keys = [key for key, _ in batch]
        kept: dict[_InstanceKey, InstanceResult] = {}
        try:
            made = dict(zip(keys, self._make_in_inner(batch), strict=True))
            kept = {key: item for key, item in made.items() if not _is_machine_failure(item)}
        except Exception:  # a call that needs one of them makes it again, and raises there
            return
        finally:
            # in one step with the result, or a waiting call would find it in neither place
            with self._changed:
                self._making.difference_update(keys)
                if not self._closed:
                    self._ready.update(kept)
                    self._counts["made_ahead"] += len(kept)
                self._changed.notify_all()

    def _prepare(self, environment: AnyEnvironment) -> None:
        try:
            self._inner.prefetch([InstanceRequest(environment, 0, ())])
        except Exception:  # nothing depends on it
            return

    def _drop(self, keys: list[_InstanceKey]) -> None:
        for key in keys:
            del self._ready[key]
        self._counts["dropped"] += len(keys)

    def _make_in_inner(self, wanted: Sequence[Wanted]) -> list[InstanceResult]:
        """The inner factory's results; neighbours of one environment and level are one request."""
        requests = []
        for _, neighbours in groupby(wanted, key=lambda item: (item[0].identity, item[0].level)):
            group = list(neighbours)
            key, environment = group[0]
            seeds = tuple(key.seed for key, _ in group)
            requests.append(InstanceRequest(environment, key.level, seeds))
        return [item for made in self._inner.make_many(requests) for item in made]


def _keys_of(request: InstanceRequest) -> list[_InstanceKey]:
    identity = _identity(request.environment)
    return [_InstanceKey(identity, request.level, seed) for seed in request.seeds]


def _identity(environment: AnyEnvironment) -> Identity:
    if isinstance(environment, Environment):
        return environment.content_hash, environment.id
    return type(environment), environment.id


def _is_machine_failure(made: InstanceResult) -> bool:
    return isinstance(made, InstanceFailure) and made.cause == "infrastructure"
