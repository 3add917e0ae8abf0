"""The code inside each Ray actor: a factory of its own, and the environments sent to it.

It is plain Python without Ray; :mod:`scaler_core.factory.ray_cluster` makes actors of it.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, get_args

import scaler_core
from scaler_core.errors import one_line
from scaler_core.factory.interface import (
    InstanceFactory,
    InstanceFailure,
    InstanceRequest,
    InstanceResult,
)
from scaler_core.factory.native import native_reference
from scaler_core.factory.native_worker import load_class
from scaler_core.interfaces import AnyEnvironment, NativeEnvironment
from scaler_core.jsonio import canonical_json
from scaler_core.models import Environment, Response, Ticket, Verdict

KNOWN_ENVIRONMENTS = 256

Lane = Literal["make", "score", "prepare"]
"""Methods of an actor that run beside each other; calls of the same one wait for each other."""
LevelSeeds = tuple[int, tuple[int, ...]]
"""A level and the seeds wanted at it."""
ResultT = TypeVar("ResultT")
ActorAnswer = tuple[ResultT, Mapping[str, float]]
"""A result, and the totals of the actor's factory."""


@dataclass(frozen=True)
class Introduction:
    """Version, machine and process of an actor.

    Attributes:
        version: Of the scaler package that it runs.
        host: Its machine.
        process: Its process id there.
    """

    version: str
    host: str
    process: int


class ActorClass(ABC):
    """The class that an actor runs. Its lanes are methods that run beside each other.

    Attributes:
        LANES: Their names.
    """

    LANES: ClassVar[tuple[str, ...]]

    def introduce(self) -> Introduction:
        """Its version, machine and process; called first, as other versions may lack the rest."""
        return Introduction(scaler_core.__version__, socket.gethostname(), os.getpid())

    def start(self, builder: str, arguments: str, number: int) -> None:
        """Build the object that the actor works with, on one core.

        Args:
            builder: The function that builds it, as ``module:function``.
            arguments: Its keyword arguments, a JSON object.
            number: Its number among the actors of this machine.
        """
        # of this thread, in which a sandbox looks for the cores that it may put its workers on
        if hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[number % len(cores)]})
        module, _, function = builder.partition(":")
        build = getattr(importlib.import_module(module), function)
        self.use(build(**json.loads(arguments)))

    def work_at(self, lane: str, *arguments: object) -> Iterator[object]:
        """Yield ``None`` when this call begins, then the result of the method *lane*."""
        yield None
        yield getattr(self, lane)(*arguments)

    @abstractmethod
    def use(self, built: Any) -> None:
        """Receive the object that the builder returned."""

    @abstractmethod
    def close(self) -> None:
        """End the workers; calls under way in other threads end with failures."""


class FactoryActor(ActorClass):
    """The factory's actor: a factory of its own, and the environments that were sent to it."""

    LANES = get_args(Lane)

    def __init__(self) -> None:
        self._factory: InstanceFactory | None = None
        self._environments: OrderedDict[str, AnyEnvironment | InstanceFailure] = OrderedDict()

    def use(self, built: InstanceFactory) -> None:
        """Make instances with the factory *built*."""
        self._factory = built

    def make(
        self, key: str, document: str | None, wanted: Sequence[LevelSeeds]
    ) -> ActorAnswer[list[list[InstanceResult]]] | None:
        """Results for each level and its seeds; ``None`` if the environment *key* must be sent."""
        if document is not None:
            self._environments[key] = _read_document(document)
        if key not in self._environments:
            return None
        self._environments.move_to_end(key)
        if len(self._environments) > KNOWN_ENVIRONMENTS:
            self._environments.popitem(last=False)
        environment = self._environments[key]
        assert self._factory is not None
        if isinstance(environment, InstanceFailure):
            made: list[list[InstanceResult]] = [[environment] * len(seeds) for _, seeds in wanted]
        else:
            requests = [InstanceRequest(environment, level, seeds) for level, seeds in wanted]
            made = self._factory.make_many(requests)
        return made, self._factory.counters()

    def score(self, response: Response, ticket: Ticket) -> ActorAnswer[Verdict]:
        """See :meth:`scaler_core.factory.InstanceFactory.score`."""
        assert self._factory is not None
        return self._factory.score(response, ticket), self._factory.counters()

    def prepare(self, document: str) -> ActorAnswer[None]:
        """Compile and start an environment's programs, so that its first instance need not wait."""
        assert self._factory is not None
        environment = _read_document(document)
        if not isinstance(environment, InstanceFailure):
            self._factory.prefetch([InstanceRequest(environment, 0, ())])
        return None, self._factory.counters()

    def close(self) -> None:
        """End the workers; calls under way in other threads end with failures."""
        if self._factory is not None:
            self._factory.close()


def key_of(environment: AnyEnvironment) -> str:
    """The key of an environment in an actor's cache: equal keys, equal instances.

    Raises:
        UsageError: It is a native one whose class cannot be imported by name.
    """
    if isinstance(environment, NativeEnvironment):
        return f"native {native_reference(environment)}"
    return environment.content_hash


def write_document(environment: AnyEnvironment) -> str:
    """The text that an actor rebuilds an environment from."""
    if isinstance(environment, NativeEnvironment):
        return canonical_json({"native": native_reference(environment)})
    content = environment.model_dump(mode="json", exclude={"provenance", "published"})
    return canonical_json({"program": content})


def _read_document(document: str) -> AnyEnvironment | InstanceFailure:
    content = json.loads(document)
    if "program" in content:
        return Environment.model_validate(content["program"])
    reference = content["native"]
    try:
        kind = load_class(reference)
    except Exception as error:
        where = f"machine {socket.gethostname()} of the Ray cluster"
        return InstanceFailure(
            "infrastructure",
            f"{where} cannot import {reference}: {one_line(error)}; install the plugin that ships "
            "it on every machine",
        )
    try:
        return kind()
    except Exception as error:
        return InstanceFailure("native_error", f"{reference}: cannot be built: {one_line(error)}")
