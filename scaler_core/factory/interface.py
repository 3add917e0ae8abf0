"""The factory interface: environment, level and seeds in; instances or named failures out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import Environment, Instance, Response, Ticket, Verdict

# the name, in a ticket, of a native environment that scores itself
NATIVE_VERIFIER = "native"

Cause = Literal[
    "generator_error",
    "generator_limit",
    "invalid_testcase",
    "solution_error",
    "solution_limit",
    "compile_error",
    "disagreement",
    "invalid_truth",
    "empty_output",
    "native_error",
    "native_limit",
    "infrastructure",
]


@dataclass(frozen=True)
class InstanceFailure:
    """Why no instance could be made for a seed.

    Attributes:
        cause: One of a fixed list; only ``infrastructure`` does not blame the environment.
        detail: The failure, in one line.
    """

    cause: Cause
    detail: str


InstanceResult = Instance | InstanceFailure
"""The outcome of making one instance."""

LevelSeed = tuple[int, int]
"""A level and a seed: they name one instance of an environment."""


@dataclass(frozen=True)
class InstanceRequest:
    """Instances wanted of one environment at one level."""

    environment: AnyEnvironment
    level: int
    seeds: tuple[int, ...]


class InstanceFactory(ABC):
    """Makes instances. What it returns depends on its arguments alone, never on load or order."""

    @abstractmethod
    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        """One instance or failure per seed, in order. Thread-safe; bad programs never raise."""

    def make_many(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        """The results of :meth:`make` for each request, in order; may run side by side."""
        return [self.make(item.environment, item.level, item.seeds) for item in requests]

    def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
        """Announce the requests that will probably come next; replaces the last announcement.

        An implementation may make them in the background, or only prepare the environments, which
        is all that a request without seeds asks for. No result ever depends on it.
        """
        return

    @abstractmethod
    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict of a native environment that scores itself, given in a killable worker."""

    @abstractmethod
    def counters(self) -> Mapping[str, float]:
        """Totals since the start.

        ``made``, ``failed/<cause>``, ``cpu_s/<stage>`` and ``wall_s/<stage>`` for the stages
        ``generator``, ``solutions``, ``checker``, ``native``; the sandbox's as ``sandbox/<name>``.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop all workers."""


class VirtualFactory(InstanceFactory):
    """Instances without messages and truth: simulated learners need only the level."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made = 0

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        """An empty instance per seed."""
        program = environment if isinstance(environment, Environment) else None
        with self._lock:
            self._made += len(seeds)
        return [
            Instance(
                environment_id=environment.id,
                level=level,
                seed=seed,
                messages=(),
                truth="",
                answer_type=program.answer_type if program else None,
                verifier=program.verifier if program else None,
                tolerance=program.tolerance if program else None,
            )
            for seed in seeds
        ]

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """Undecided: an instance without a truth cannot be judged."""
        return Verdict.undecided("a virtual instance has no truth")

    def counters(self) -> Mapping[str, float]:
        """``made`` only: nothing can fail."""
        with self._lock:
            return {"made": self._made}

    def close(self) -> None:
        """Nothing runs, so nothing is stopped."""
