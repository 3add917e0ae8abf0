"""The one module of the factory that uses Ray: a connection, actors on it, and their deaths."""

from __future__ import annotations

import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import scaler_core
from scaler_core.errors import InfrastructureError, ScalerError, UsageError, one_line
from scaler_core.factory.ray_worker import ActorClass, Introduction
from scaler_core.interfaces import RayConnection

START_S = 120.0
CLOSE_S = 10.0
PROBE_S = 10.0
ACTORS_A_WORK_MAY_KILL = 2
ACTORS_A_WORK_MAY_LOSE = 20  # in whose queues it waited; so many die of the machine, not of work


class ActorLost(Exception):
    """The actor died, or cannot be reached, before it had answered.

    Attributes:
        begun: Whether it had begun the call; otherwise the call cannot have killed it.
    """

    def __init__(self, message: str, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun


class LostActors:
    """The actors that were lost while one piece of work was tried.

    Args:
        work: The work, for messages.

    Attributes:
        deaths: Errors of those that had begun it, and so may have died of it.
    """

    def __init__(self, work: str) -> None:
        self.deaths: list[str] = []
        self._work = work
        self._count = 0

    def add(self, error: ActorLost) -> str:
        """Record one; returns why the work is given up, empty while it is to be tried again."""
        self._count += 1
        if error.begun:
            self.deaths.append(str(error))
        if len(self.deaths) == ACTORS_A_WORK_MAY_KILL:
            return f"two Ray actors died at {self._work}: {'; '.join(self.deaths)}"
        if self._count == ACTORS_A_WORK_MAY_LOSE:
            return f"{self._count} Ray actors died before {self._work}: {error}"
        return ""


@dataclass(frozen=True, eq=False)
class Actor:
    """A live actor.

    Attributes:
        handle: Ray's handle of it.
        who: Its version, machine and process.
        number: Its number on its machine, by which each actor there gets a core of its own.
    """

    handle: Any
    who: Introduction
    number: int


class RayCluster:
    """A connection to Ray.

    A connection that this process already has is used and left open. Otherwise it connects to the
    cluster that *connection* names or, as every Ray program, to that of ``RAY_ADDRESS``; without
    either a cluster is started on this machine, and ended by :meth:`close`.

    Args:
        cores: Actors that it must have room for; each takes a core.
        connection: Which cluster, and how its processes are started.
        option: The option that set *cores*, for messages.

    Raises:
        UsageError: Ray is not installed, the cluster cannot be reached or has too few cores.
    """

    def __init__(
        self,
        cores: int,
        connection: RayConnection | None = None,
        option: str = "factory.workers",
    ) -> None:
        self._ray = _import_ray()
        self._lock = threading.Lock()
        self._numbers: set[tuple[str, int]] = set()
        self._connected_here = not self._ray.is_initialized()
        if self._connected_here:
            _connect(self._ray, connection or RayConnection(), cores)
        there = int(self._ray.cluster_resources().get("CPU", 0))
        if there < cores:
            self.close()
            raise UsageError(
                f"{option} = {cores}, but the Ray cluster has {there} cores, one a worker",
                hint=f"lower {option} or add machines",
            )

    def start(
        self, actor: type[ActorClass], builder: str, arguments: str, how_many: int
    ) -> list[Actor]:
        """New actors, ready to work.

        Args:
            actor: The class that they run.
            builder: The function that builds the object they work with, as ``module:function``.
            arguments: Its keyword arguments, a JSON object.
            how_many: How many actors.

        Raises:
            UsageError: A machine lacks what they need, or has another version of SCALER.
            InfrastructureError: They did not come up.
        """
        lanes = dict.fromkeys(actor.LANES, 1)
        # Ray restarts none: in a restarted actor nobody would have called start()
        kind = self._ray.remote(num_cpus=1, max_restarts=0, concurrency_groups=lanes)(actor)
        handles = [kind.remote() for _ in range(how_many)]
        actors: list[Actor] = []
        try:
            for handle, who in zip(handles, self._introductions(handles), strict=True):
                actors.append(Actor(handle, who, self._number(who.host)))
            self._answers(
                [item.handle.start.remote(builder, arguments, item.number) for item in actors]
            )
        except BaseException:
            for handle in handles:
                self._ray.kill(handle)
            self._forget(actors)
            raise
        return actors

    def call(self, actor: Actor, lane: str, *arguments: object) -> object:
        """The result of the actor's method of that name; its exception is raised here.

        Raises:
            ActorLost: There is no answer, and will be none.
        """
        # An actor that dies takes the calls in its queue with it, and nothing in Ray's error says
        # which one it was at. So the call yields once before it begins, and the backpressure makes
        # it wait until that has arrived here: a message on its way would be lost with the actor.
        method = actor.handle.work_at.options(
            concurrency_group=lane, num_returns="streaming", _generator_backpressure_num_objects=1
        )
        begun = False
        try:
            answers = method.remote(lane, *arguments)
            self._ray.get(next(answers))
            begun = True
            return self._ray.get(next(answers))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            raise ActorLost(f"{actor.who.host}: {ray_error_line(error)}", begun) from error

    def end(self, actors: Sequence[Actor]) -> None:
        """End actors, after they had a moment to end their workers."""
        ends = [actor.handle.close.remote() for actor in actors]
        if ends:
            self._ray.wait(ends, num_returns=len(ends), timeout=CLOSE_S)
        for actor in actors:
            self.kill(actor)

    def kill(self, actor: Actor) -> None:
        """End an actor at once, dead or alive; its workers notice and end too."""
        self._ray.kill(actor.handle)
        self._forget([actor])

    def close(self) -> None:
        """Close the connection if it was made here, and end a cluster that was started for it."""
        if self._connected_here:
            self._ray.shutdown()

    def _introductions(self, handles: Sequence[Any]) -> list[Introduction]:
        introductions = self._answers([handle.introduce.remote() for handle in handles])
        for who in introductions:
            _check_version(who)
        return introductions

    def _number(self, host: str) -> int:
        """The smallest number that no live actor of that machine has."""
        with self._lock:
            number = next(item for item in count() if (host, item) not in self._numbers)
            self._numbers.add((host, number))
        return number

    def _forget(self, actors: Sequence[Actor]) -> None:
        with self._lock:
            self._numbers -= {(actor.who.host, actor.number) for actor in actors}

    def _answers(self, references: Sequence[Any]) -> list[Any]:
        errors = self._ray.exceptions
        try:
            return list(self._ray.get(references, timeout=START_S))
        except errors.GetTimeoutError:
            raise InfrastructureError(
                f"{len(references)} Ray actors of one core each did not start in {START_S:g} s",
                hint="ray status shows what the cluster has free; or take fewer workers",
            ) from None
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, ScalerError):
                raise type(cause)(
                    f"on a machine of the Ray cluster: {cause.message}", hint=cause.hint
                ) from error
            raise InfrastructureError(
                f"a Ray actor cannot build what it works with: {one_line(cause)}",
                hint="every machine of the cluster needs SCALER and the same plugins",
            ) from error
        except errors.RayError as error:
            raise InfrastructureError(
                f"a Ray actor did not start: {ray_error_line(error)}",
                hint=f"every machine of the cluster needs scaler-rl[ray] {scaler_core.__version__}",
            ) from error


def _import_ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UsageError(
            'the executor "ray" needs Ray, which is not installed',
            hint='pip install "scaler-rl[ray]"',
        ) from error
    return ray


def _connect(ray: Any, connection: RayConnection, cores: int) -> None:
    address = connection.address or os.environ.get("RAY_ADDRESS", "")
    options: dict[str, Any] = {"address": address}
    if not address:
        options = {
            "address": "local",
            "num_cpus": max(cores, os.cpu_count() or 1),
            "include_dashboard": False,
            "object_store_memory": connection.object_store_bytes,
        }
    if connection.environment:
        options["runtime_env"] = {"env_vars": connection.environment}
    try:
        _probe(address)
        with _keeping_signals(), warnings.catch_warnings():
            # a tip about graphics cards, of which actors use none
            warnings.simplefilter("ignore", FutureWarning)
            ray.init(log_to_driver=False, logging_level="ERROR", **options)
    except (OSError, ValueError, RuntimeError) as error:
        if not address:
            raise InfrastructureError(
                f"Ray cannot be started on this machine: {one_line(error)}",
                hint="its logs are in /tmp/ray/session_latest/logs",
            ) from error
        raise UsageError(
            f"the Ray cluster at {address} cannot be reached: {one_line(error)}",
            hint="start it, or correct RAY_ADDRESS; without that, a cluster is started here",
        ) from error


@contextmanager
def _keeping_signals() -> Iterator[None]:
    """Restore the handler of SIGTERM, for which Ray installs one that ends the process at once."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        # Python lets only the main thread set handlers
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(signal.SIGTERM, handler)


def _probe(address: str) -> None:
    """Raise ``OSError`` where nobody listens; Ray itself would go on asking for minutes."""
    host, _, port = address.rpartition(":")
    if host and "/" not in address and port.isdecimal():
        socket.create_connection((host, int(port)), PROBE_S).close()


def _check_version(who: Introduction) -> None:
    own = scaler_core.__version__
    if who.version != own:
        raise UsageError(
            f"machine {who.host} of the Ray cluster has scaler-rl {who.version}, this one {own}",
            hint="install the same version on every machine",
        )


def ray_error_line(error: Exception) -> str:
    """One line for a Ray error, whose text spans many: its type, and the line with the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "Error: " in line or "The actor is dead" in line]
    return f"{type(error).__name__}: {(causes or lines or [''])[-1][:200]}"
