"""The factory as Ray actors: the same instances, made on all machines of a cluster.

::

    make, make_many, prefetch, score
       |  one piece of work per environment; callers wait while all queues are full
       v
    its home actor, or the least loaded one where that queue is full
       |  the environment as JSON, once per actor
       v
    actor: one core, a sandbox and a factory of its own  ---> results, counters
       x   dead? replaced; the work that it had begun is done again where nothing else runs,
           work that only waited in its queue goes into another queue
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar, cast

from pydantic import JsonValue

from scaler_core.errors import ScalerError
from scaler_core.factory.interface import (
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    InstanceResult,
)
from scaler_core.factory.programs import CLOSED, Counters
from scaler_core.factory.ray_cluster import CLOSE_S, Actor, ActorLost, LostActors, RayCluster
from scaler_core.factory.ray_worker import (
    ActorAnswer,
    FactoryActor,
    Introduction,
    Lane,
    LevelSeeds,
    key_of,
    write_document,
)
from scaler_core.interfaces import AnyEnvironment, RayConnection
from scaler_core.jsonio import canonical_json
from scaler_core.models import Response, Ticket, Verdict

QUEUE = 2  # one piece of work runs, the next one is there already

ResultT = TypeVar("ResultT")


@dataclass(eq=False)
class _Member:
    """A live actor with its queues.

    Attributes:
        actor: The actor.
        known: Keys of the environments that were sent to it.
        load: Pieces of work with it, by lane.
        counters: The totals of its factory, as of its latest answer.
    """

    actor: Actor
    known: set[str] = field(default_factory=set)
    load: Counter[Lane] = field(default_factory=Counter)
    counters: dict[str, float] = field(default_factory=dict)

    def update(self, counters: Mapping[str, float]) -> None:
        """Record its totals. They only grow, so that of two answers the larger one is newer."""
        for name, total in counters.items():
            self.counters[name] = max(total, self.counters.get(name, total))


class _NoAnswer(Exception):
    """A piece of work that no actor could do; the message says why."""


class RayFactory(InstanceFactory):
    """Makes instances in Ray actors, one core each: the same ones that any factory makes.

    An actor that dies is replaced, and the work that it had begun is done again by an actor that
    does nothing else meanwhile; work whose second actor dies too ends in ``infrastructure``
    failures. Work that had not begun is not to blame, and is put into another queue. No work is
    lost and nothing occurs twice in the results. Which cluster: see
    :class:`~scaler_core.factory.ray_cluster.RayCluster`.

    Args:
        builder: Importable function that builds an actor's factory, as ``module:function``.
        arguments: Its keyword arguments, plain JSON.
        workers: How many actors.
        connection: Which cluster, and how its processes are started.

    Raises:
        UsageError: Ray is not installed, the cluster cannot be reached or has too few cores, or
            a machine of it lacks what the factory needs or has another version of SCALER.
        InfrastructureError: The actors did not start.
    """

    def __init__(
        self,
        builder: str,
        arguments: Mapping[str, JsonValue],
        workers: int = 2,
        connection: RayConnection | None = None,
    ) -> None:
        self._cluster = RayCluster(workers, connection)
        self._recipe = (builder, canonical_json(dict(arguments)))
        self._counters = Counters()
        self._changed = threading.Condition()
        # all that follows is read and written under that lock
        self._closed = False
        self._replacing = 0
        self._waiting_alone: Counter[Lane] = Counter()
        self._why_none = ""
        try:
            actors = self._cluster.start(FactoryActor, *self._recipe, how_many=workers)
        except BaseException:
            self._cluster.close()
            raise
        # by place: an environment's home is a place in this list, whichever actor stands there
        self._members: list[_Member | None] = [_Member(actor) for actor in actors]
        self._threads = ThreadPoolExecutor(workers * QUEUE, thread_name_prefix="ray-factory")

    @property
    def actors(self) -> list[Introduction]:
        """The live actors."""
        with self._changed:
            return [member.actor.who for member in self._live()]

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        """One instance or failure per seed, in order. Thread-safe.

        Raises:
            UsageError: The environment has no such level, or is a native one whose class cannot be
                imported by name.
        """
        return self._make(environment, [(level, tuple(seeds))])[0]

    def make_many(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        """The results of :meth:`make` for each request, in order, on all actors side by side."""
        together: dict[int, list[int]] = {}
        for index, request in enumerate(requests):
            together.setdefault(id(request.environment), []).append(index)
        groups = [[requests[index] for index in indices] for indices in together.values()]
        with self._changed:
            here = self._closed  # the pool of threads takes nothing more, and all fail at once
            futures = [] if here else [self._threads.submit(self._make_group, g) for g in groups]
        made = map(self._make_group, groups) if here else (future.result() for future in futures)
        results: dict[int, list[InstanceResult]] = {}
        for indices, lists in zip(together.values(), made, strict=True):
            results.update(zip(indices, lists, strict=True))
        return [results[index] for index in range(len(requests))]

    def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
        """Prepare each environment at its home actor; no instance is made."""
        for environment in {id(item.environment): item.environment for item in requests}.values():
            document = write_document(environment)
            with suppress(_NoAnswer):
                self._ask("prepare", key_of(environment), partial(self._prepare_at, document))

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict of the native environment that the ticket's verifier names."""
        key = str(ticket.verifier.options.get("environment"))
        try:
            return self._ask("score", key, partial(self._score_at, response, ticket))
        except _NoAnswer as error:
            return Verdict.undecided(str(error))

    def counters(self) -> Mapping[str, float]:
        """Sums over all actors, dead ones too, as of their latest answers.

        Beside those of their factories: ``actors/lost``, which died.
        """
        with self._changed:
            totals = Counter(self._counters.totals())
            for member in self._live():
                totals.update(member.counters)
        return totals

    def close(self) -> None:
        """End all actors; calls under way, and later ones, end with failures."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            members = self._live()
            self._changed.notify_all()
        self._threads.shutdown(wait=False)
        self._cluster.end([member.actor for member in members])
        with self._changed:
            # calls that still wait for an answer must fail before Ray is gone
            self._changed.wait_for(
                lambda: not self._replacing and not any(item.load.total() for item in members),
                CLOSE_S,
            )
        self._cluster.close()

    # -------------------------------------------------------------- one piece of work

    def _make_group(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        """The results of requests that are all for the same environment."""
        return self._make(requests[0].environment, [(item.level, item.seeds) for item in requests])

    def _make(
        self, environment: AnyEnvironment, wanted: Sequence[LevelSeeds]
    ) -> list[list[InstanceResult]]:
        try:
            make_at = partial(self._make_at, environment, wanted)
            return self._ask("make", key_of(environment), make_at)
        except _NoAnswer as error:
            failure = InstanceFailure("infrastructure", str(error))
            self._counters.add({"failed/infrastructure": sum(len(seeds) for _, seeds in wanted)})
            return [[failure] * len(seeds) for _, seeds in wanted]

    def _make_at(
        self, environment: AnyEnvironment, wanted: Sequence[LevelSeeds], member: _Member
    ) -> ActorAnswer[list[list[InstanceResult]]]:
        call, key = partial(self._cluster.call, member.actor, "make"), key_of(environment)
        answer = call(key, None, wanted) if key in member.known else None
        if answer is None:  # it was never sent this one, or has forgotten it among many others
            answer = call(key, write_document(environment), wanted)
            member.known.add(key)
        return cast("ActorAnswer[list[list[InstanceResult]]]", answer)

    def _score_at(
        self, response: Response, ticket: Ticket, member: _Member
    ) -> ActorAnswer[Verdict]:
        answer = self._cluster.call(member.actor, "score", response, ticket)
        return cast("ActorAnswer[Verdict]", answer)

    def _prepare_at(self, document: str, member: _Member) -> ActorAnswer[None]:
        return cast("ActorAnswer[None]", self._cluster.call(member.actor, "prepare", document))

    def _ask(self, lane: Lane, key: str, ask: Callable[[_Member], ActorAnswer[ResultT]]) -> ResultT:
        """The result of one piece of work; from a second actor where the first one dies of it.

        Raises:
            _NoAnswer: The second one died too, none is left, or the factory is closed.
        """
        lost = LostActors("this work")
        while True:
            # after a death the whole queue: alone, work that kills its actor takes no other with it
            slots = QUEUE if lost.deaths else 1
            member = self._take(lane, key, slots)
            try:
                result, counters = ask(member)
                member.update(counters)
                return result
            except ActorLost as error:
                reason = lost.add(error)
            finally:
                self._release(member, lane, slots)
            self._replace(member)
            if reason:
                raise _NoAnswer(reason)

    # -------------------------------------------------------------- who does it

    def _take(self, lane: Lane, key: str, slots: int) -> _Member:
        """A member with *slots* free in its queue: the home of *key*, else the least loaded."""
        home = int(hashlib.sha256(key.encode()).hexdigest(), 16) % len(self._members)
        alone = slots == QUEUE
        with self._changed:
            self._waiting_alone[lane] += alone
            try:
                while True:
                    member = self._with_free(lane, home, slots)
                    if member is not None:
                        member.load[lane] += slots
                        return member
                    self._changed.wait()
            finally:
                self._waiting_alone[lane] -= alone
                self._changed.notify_all()

    def _with_free(self, lane: Lane, home: int, slots: int) -> _Member | None:
        if self._closed:
            raise _NoAnswer(CLOSED)
        live = self._live()
        if not live and not self._replacing:
            raise _NoAnswer(f"no Ray actor is left: {self._why_none}")
        if slots < QUEUE and self._waiting_alone[lane]:
            return None  # else other work would keep every queue occupied for ever
        live.sort(key=lambda member: (member is not self._members[home], member.load[lane]))
        return next((member for member in live if member.load[lane] + slots <= QUEUE), None)

    def _release(self, member: _Member, lane: Lane, slots: int) -> None:
        with self._changed:
            member.load[lane] -= slots
            self._changed.notify_all()

    def _live(self) -> list[_Member]:
        return [member for member in self._members if member is not None]

    def _replace(self, member: _Member) -> None:
        """Put a new actor in the place of a dead one, unless another thread does.

        It is started without the lock, because that takes seconds; ``_replacing`` counts it
        meanwhile, so that nobody takes an empty list of actors for the end, and :meth:`close`
        waits.
        """
        with self._changed:
            if self._closed or member not in self._members:
                return
            place = self._members.index(member)
            self._members[place] = None
            self._replacing += 1
            self._counters.add({**member.counters, "actors/lost": 1})
        replacement = None
        try:
            self._cluster.kill(member.actor)  # one that is only out of reach must not linger
            replacement = _Member(self._cluster.start(FactoryActor, *self._recipe, how_many=1)[0])
        except ScalerError as error:
            self._why_none = str(error)
        finally:
            with self._changed:
                if not self._closed:
                    self._members[place] = replacement
                elif replacement is not None:
                    self._cluster.kill(replacement.actor)
                self._replacing -= 1
                self._changed.notify_all()
