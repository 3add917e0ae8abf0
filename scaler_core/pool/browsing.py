"""Looking around in a set of environments: a summary of each, and one of them by id or name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from scaler_core.errors import UsageError, unknown_name
from scaler_core.interfaces import AnyEnvironment, EnvironmentSource, NativeEnvironment
from scaler_core.models import AnswerType, Record
from scaler_core.pool.store import PoolDirectory


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
