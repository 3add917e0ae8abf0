"""Writing a pool without the dead levels that its audit found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from scaler_core.audit.records import EnvironmentAudit
from scaler_core.errors import DataError, UsageError
from scaler_core.interfaces import EnvironmentSource, NativeEnvironment
from scaler_core.models import Environment, Record
from scaler_core.pool.writer import write_pool

PROVENANCE_KEY = "dead_levels_removed"
REASON = "an audit found no seed that gives an instance there"


class FixReport(Record):
    """The pool that was written.

    Attributes:
        path: Its directory.
        environments: How many it holds.
        trimmed: The levels that were taken out, as they were numbered before, by environment.
        left_out: Environments of which no level was left.
    """

    path: str
    environments: int
    trimmed: dict[str, tuple[int, ...]]
    left_out: tuple[str, ...]


def fix_pool(
    source: EnvironmentSource, audits: Sequence[EnvironmentAudit], destination: str | Path
) -> FixReport:
    """Write the environments of *source* to *destination*, without the levels found dead.

    Environments without an audit, and all that is wrong with others, stay as they are.

    Raises:
        UsageError: The destination exists, or the source holds a native environment.
        DataError: The source is damaged, or no environment is left.
        InfrastructureError: The disk is full or cannot be written.
    """
    dead = {audit.environment_id: audit.dead_levels for audit in audits if audit.dead_levels}
    tops = {name: source.top_level(name) for name in dead}
    left_out = tuple(name for name, levels in dead.items() if len(levels) > tops[name])
    if len(left_out) == len(source):
        raise DataError(
            "no level of any environment gives an instance, so no pool is left to write"
        )
    manifest = write_pool(destination, _trimmed(source, dead, left_out))
    return FixReport(
        path=str(destination),
        environments=manifest.environments,
        trimmed={name: levels for name, levels in dead.items() if name not in left_out},
        left_out=left_out,
    )


def require_programs(source: EnvironmentSource) -> None:
    """Refuse a source whose environments no pool directory can hold.

    Raises:
        UsageError: One of them is code of a plugin.
    """
    for environment_id in source.ids():
        if isinstance(source.get(environment_id), NativeEnvironment):
            raise UsageError(
                f"environment {environment_id!r} is code of a plugin: a pool directory holds "
                "program environments only",
                hint="leave --fix out; its plugin says which levels it has",
            )


def trim_levels(environment: Environment, dead: Sequence[int]) -> Environment:
    """*environment* without its *dead* levels, which its provenance lists.

    Where the top level goes, the parameters' maxima become the values of the highest that is left.

    Raises:
        ValueError: No level would be left.
    """
    kept = [offset for level, offset in enumerate(environment.levels) if level not in dead]
    if not kept:
        raise ValueError(f"environment {environment.id!r}: no level would be left")
    parameters = dict(environment.parameters)
    if environment.top_level in dead:
        parameters = {
            name: item.model_copy(update={"maximum": item.minimum + int(item.ratio * kept[-1])})
            for name, item in parameters.items()
        }
    removed: dict[str, JsonValue] = {
        "levels": list(dead),
        "offsets": [environment.levels[level] for level in dead],
        "of": len(environment.levels),
        "by": "scaler pool audit --fix",
        "reason": REASON,
    }
    before = environment.provenance.get(PROVENANCE_KEY)
    history = [*before, removed] if isinstance(before, list) else [removed]
    return environment.model_copy(
        update={
            "levels": tuple(kept),
            "parameters": parameters,
            "provenance": {**environment.provenance, PROVENANCE_KEY: history},
        }
    )


def _trimmed(
    source: EnvironmentSource, dead: Mapping[str, Sequence[int]], left_out: Sequence[str]
) -> Iterator[Environment]:
    for environment_id in source.ids():
        environment = source.get(environment_id)
        assert isinstance(environment, Environment), "require_programs was asked before"
        if environment_id not in left_out:
            levels = dead.get(environment_id, ())
            yield trim_levels(environment, levels) if levels else environment
