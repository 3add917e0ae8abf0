"""Looking around in a set of environments: a summary of each, and one of them by id or name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from scaler_core.errors import DataError, InfrastructureError, UsageError, unknown_name
from scaler_core.factory import InstanceFactory, InstanceFailure
from scaler_core.interfaces import AnyEnvironment, EnvironmentSource, NativeEnvironment
from scaler_core.models import AnswerType, Instance, Record
from scaler_core.pool.store import PoolDirectory
from scaler_core.seeds import derive_seed


class Summary(Record):
    """One line about an environment.

    Attributes:
        id: Its id.
        name: The name of its problem; the id of a native environment.
        kind: ``program`` or ``native``.
        top_level: D.
        answer_type: How answers are written; ``None`` for a native environment.
        content_hash: Changes when its instances or its scoring may change.
    """

    id: str
    name: str
    kind: Literal["program", "native"]
    top_level: int
    answer_type: AnswerType | None
    content_hash: str


def summaries(source: EnvironmentSource) -> Iterator[Summary]:
    """A summary of each environment, in the source's order; a pool directory's from its index."""
    for environment_id in source.ids():
        name, answer_type = environment_id, None
        kind: Literal["program", "native"] = "program"
        if isinstance(source, PoolDirectory):
            name, answer_type = source.name(environment_id), source.answer_type(environment_id)
        else:
            environment = source.get(environment_id)
            if isinstance(environment, NativeEnvironment):
                kind = "native"
            else:
                name, answer_type = environment.problem.name, environment.answer_type
        yield Summary(
            id=environment_id,
            name=name,
            kind=kind,
            top_level=source.top_level(environment_id),
            answer_type=answer_type,
            content_hash=source.content_hash(environment_id),
        )


def find_environment(source: EnvironmentSource, given: str) -> AnyEnvironment:
    """The environment whose id, or else whose name, is *given*.

    Raises:
        UsageError: There is none, or several have that name.
    """
    names = {item.id: item.name for item in summaries(source)}
    if given in names:
        return source.get(given)
    matches = [environment_id for environment_id, name in names.items() if name == given]
    if len(matches) > 1:
        raise UsageError(
            f"{len(matches)} environments are called {given!r}",
            hint=f"give an id: {', '.join(matches[:8])}",
        )
    if not matches:
        raise unknown_name("environment", given, {*names, *names.values()})
    return source.get(matches[0])


LEVEL_WORDS = ("min", "mid", "max")
ATTEMPTS = 8


@dataclass(frozen=True)
class Sample:
    """Instances, and the seeds that gave none and were replaced."""

    instances: tuple[Instance, ...]
    failures: tuple[InstanceFailure, ...]


def parse_level(text: str, top_level: int) -> int:
    """The level that *text* names: a number from 0 to *top_level*, ``min``, ``mid`` or ``max``.

    Raises:
        UsageError: It names none; the message says which there are.
    """
    words = dict(zip(LEVEL_WORDS, (0, top_level // 2, top_level), strict=True))
    if text in words:
        return words[text]
    if not text.lstrip("-").isdecimal():
        raise unknown_name("level", text, words, hint=f"or a number from 0 to {top_level}")
    level = int(text)
    if not 0 <= level <= top_level:
        raise UsageError(f"level {level} is out of range: levels go from 0 to {top_level}")
    return level


def sample_instances(
    environment: AnyEnvironment, level: int, seed: int, count: int, factory: InstanceFactory
) -> Sample:
    """*count* instances of (*environment*, *level*), the same for the same *seed*.

    The k-th one does not depend on *count*, and neighbouring seeds share none. A seed that gives
    no valid instance is replaced, as in a run.

    Raises:
        UsageError: The level is out of range.
        DataError: An instance stayed invalid after 8 attempts: the environment is to blame.
        InfrastructureError: The same, but the machine is to blame.
    """
    parse_level(str(level), environment.top_level)
    found: dict[int, Instance] = {}
    failures: list[InstanceFailure] = []
    for attempt in range(ATTEMPTS):
        missing = [index for index in range(count) if index not in found]
        if not missing:
            break
        seeds = [
            derive_seed("pool sample", seed, environment.id, level, index, attempt)
            for index in missing
        ]
        for index, made in zip(missing, factory.make(environment, level, seeds), strict=True):
            if isinstance(made, Instance):
                found[index] = made
            else:
                failures.append(made)
    if len(found) < count:
        raise _no_instance(environment, level, failures)
    return Sample(tuple(found[index] for index in range(count)), tuple(failures))


def _no_instance(
    environment: AnyEnvironment, level: int, failures: Sequence[InstanceFailure]
) -> DataError | InfrastructureError:
    last = failures[-1]
    kind = InfrastructureError if last.cause == "infrastructure" else DataError
    return kind(
        f"environment {environment.id!r} gives no valid instance at level {level} in "
        f"{ATTEMPTS} attempts: {last.cause}: {last.detail}"
    )
