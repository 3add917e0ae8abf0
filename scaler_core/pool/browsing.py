"""Looking around in a set of environments: a summary of each, and one of them by id or name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scaler_core.errors import DataError, InfrastructureError, UsageError, unknown_name
from scaler_core.factory import InstanceFactory, InstanceFailure
from scaler_core.interfaces import AnyEnvironment, EnvironmentSource, NativeEnvironment
from scaler_core.models import AnswerType, Instance, Record
from scaler_core.pool.source import environment_hash, unknown_environment
from scaler_core.pool.store import PoolDirectory, open_pool
from scaler_core.seeds import derive_seed


class EnvironmentListing(Record):
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


def list_environments(pool: str | Path | EnvironmentSource) -> Iterator[EnvironmentListing]:
    """A summary of each environment, in the pool's order; a pool directory's from its index.

    Args:
        pool: Path or name of a pool, or one that is open.

    Raises:
        UsageError: There is no such pool.
        DataError: The pool is damaged.
    """
    source = open_pool(pool)
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
        yield EnvironmentListing(
            id=environment_id,
            name=name,
            kind=kind,
            top_level=source.top_level(environment_id),
            answer_type=answer_type,
            content_hash=source.content_hash(environment_id),
        )


def find_environment(pool: str | Path | EnvironmentSource, given: str) -> AnyEnvironment:
    """The environment whose id, or else whose name, is *given*.

    Args:
        pool: Path or name of a pool, or one that is open.
        given: Id or name.

    Raises:
        UsageError: There is no such pool, no such environment, or several have that name.
        DataError: The pool is damaged.
    """
    source = open_pool(pool)
    names = {item.id: item.name for item in list_environments(source)}
    if given in names:
        return source.get(given)
    matches = [environment_id for environment_id, name in names.items() if name == given]
    if len(matches) > 1:
        raise UsageError(
            f"{len(matches)} environments are called {given!r}",
            hint=f"give an id: {', '.join(matches[:8])}",
        )
    if not matches and source.left_out(given):
        raise unknown_environment(source, given)
    if not matches:
        raise unknown_name("environment", given, {*names, *names.values()})
    return source.get(matches[0])


def describe_environment(environment: AnyEnvironment) -> dict[str, Any]:
    """All that is to be said of an environment but its programs, as JSON.

    The keys are those of :class:`~scaler_core.models.Environment` and of its problem; ``levels``
    are spelt out with their scale, and ``solutions`` are their languages. Of a native environment
    there are its class, its version and whether it scores itself instead.
    """
    common = {
        "id": environment.id,
        "top_level": environment.top_level,
        "content_hash": environment_hash(environment),
    }
    if isinstance(environment, NativeEnvironment):
        cls = type(environment)
        return {
            **common,
            "kind": "native",
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "version": environment.version,
            "scores_itself": environment.scores_itself,
            "remark": environment.remark,
        }
    problem = environment.problem
    return {
        **common,
        "kind": "program",
        "name": problem.name,
        "statement": problem.statement,
        "instruction": problem.instruction,
        "answer_type": environment.answer_type,
        "answer_unique": environment.answer_unique,
        "checker": environment.checker.language if environment.checker else None,
        "tolerance": problem.tolerance.model_dump(mode="json") if problem.tolerance else None,
        "parameters": {
            name: item.model_dump(mode="json") for name, item in environment.parameters.items()
        },
        "levels": [
            {"level": level, "offset": offset, "scale": environment.scale(level)}
            for level, offset in enumerate(environment.levels)
        ],
        "solutions": [item.language for item in problem.solutions],
        "time_limit_s": problem.time_limit_s,
        "memory_limit_mb": problem.memory_limit_mb,
        "history_length": environment.history_length,
        "verifier": environment.verifier.model_dump(mode="json") if environment.verifier else None,
        "provenance": environment.provenance,
    }


LEVEL_WORDS = ("min", "mid", "max")
ATTEMPTS = 8


@dataclass(frozen=True)
class PoolSample:
    """Instances of one environment at one level.

    Attributes:
        environment_id: The environment.
        level: The level.
        top_level: D of the environment.
        instances: The instances.
        failures: The seeds that gave none and were replaced.
    """

    environment_id: str
    level: int
    top_level: int
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
) -> PoolSample:
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
    return PoolSample(
        environment_id=environment.id,
        level=level,
        top_level=environment.top_level,
        instances=tuple(found[index] for index in range(count)),
        failures=tuple(failures),
    )


def _no_instance(
    environment: AnyEnvironment, level: int, failures: Sequence[InstanceFailure]
) -> DataError | InfrastructureError:
    last = failures[-1]
    kind = InfrastructureError if last.cause == "infrastructure" else DataError
    return kind(
        f"environment {environment.id!r} gives no valid instance at level {level} in "
        f"{ATTEMPTS} attempts: {last.cause}: {last.detail}"
    )
