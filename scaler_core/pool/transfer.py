"""Import and export: published pool file to pool directory, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import JsonValue

from scaler_core.errors import DataError, UsageError
from scaler_core.interfaces import EnvironmentSource, NativeEnvironment
from scaler_core.jsonio import write_atomic
from scaler_core.models import Environment, Record
from scaler_core.pool.conversion import mended_texts_of
from scaler_core.pool.published import published_text, read_published, was_repaired, write_published
from scaler_core.pool.store import open_pool
from scaler_core.pool.writer import write_pool


class SkippedEntry(Record):
    """An entry that was left out: its key in the file, and what is wrong with it."""

    entry: str
    reason: str


class MendedTexts(Record):
    """An environment whose texts were mended, and the changes by kind.

    Attributes:
        environment_id: The environment.
        changes: As :class:`~scaler_core.statements.wording.Mended` has them.
    """

    environment_id: str
    changes: dict[str, JsonValue]


class ImportReport(Record):
    """The outcome of an import.

    Attributes:
        path: The pool directory.
        environments: How many it holds.
        repaired: Ids of environments whose level table was mended (paper section 8.2).
        mended: Environments whose texts were mended, or hold what could not be.
        skipped: Malformed entries, where skipping them was asked for.
        content_hash: :func:`~scaler_core.pool.source.pool_hash` of the pool.
    """

    path: str
    environments: int
    repaired: tuple[str, ...]
    mended: tuple[MendedTexts, ...]
    skipped: tuple[SkippedEntry, ...]
    content_hash: str


def import_pool(
    file: str | Path,
    destination: str | Path,
    *,
    as_published: bool = False,
    skip_invalid: bool = False,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Make the pool directory *destination* of a published pool file: all of it or nothing.

    Args:
        file: A file in the published JSON format.
        destination: Where the pool shall be.
        as_published: Keep level tables and texts with their defects; exports then give the file
            back.
        skip_invalid: Leave malformed entries out instead of refusing the file.
        overwrite: Replace a pool that is there.
        progress: Called with the number of environments written, after each.

    Raises:
        UsageError: The file cannot be read, or the destination may not be replaced.
        DataError: The file is no published pool, an entry is malformed, or none is left.
        InfrastructureError: The disk is full or cannot be written; nothing is left behind.
    """
    skipped: list[SkippedEntry] = []

    def skip(entry: str, reason: str) -> None:
        skipped.append(SkippedEntry(entry=entry, reason=reason))

    environments = read_published(
        file, as_published=as_published, on_invalid=skip if skip_invalid else None
    )
    if not environments:
        why = f"; the first: {skipped[0].entry!r}: {skipped[0].reason}" if skipped else ""
        raise DataError(f"{file} holds no environment ({len(skipped)} entries are malformed{why})")
    manifest = write_pool(destination, environments, overwrite=overwrite, progress=progress)
    return ImportReport(
        path=str(destination),
        environments=manifest.environments,
        repaired=tuple(item.id for item in environments if was_repaired(item)),
        mended=tuple(
            MendedTexts(environment_id=item.id, changes=dict(changes))
            for item in environments
            if (changes := mended_texts_of(item))
        ),
        skipped=tuple(skipped),
        content_hash=manifest.content_hash,
    )


def export_pool(
    pool: EnvironmentSource | str | Path,
    destination: str | Path | None = None,
    *,
    as_published: bool = False,
    overwrite: bool = False,
) -> dict[str, dict[str, JsonValue]]:
    """A pool in the published format, name -> entry.

    Args:
        pool: A pool that is open, or what :func:`~scaler_core.pool.open_pool` takes.
        destination: A file to write it to as well, in one piece.
        as_published: Undo what an import repaired; an environment edited since stays as it is.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        UsageError: There is no such pool, it holds a native environment, or the file is there.
        DataError: The pool is damaged.
        InfrastructureError: The file cannot be written.
    """
    if destination is not None and Path(destination).exists() and not overwrite:
        raise UsageError(
            f"{destination} is there already", hint="choose another name, or `overwrite`"
        )
    source = open_pool(pool)
    entries = write_published(
        program_environments(source, "the published format holds"), as_published=as_published
    )
    if destination is not None:
        write_atomic(Path(destination), published_text(entries))
    return entries


def program_environments(
    source: EnvironmentSource, holder: str, hint: str = ""
) -> Iterator[Environment]:
    """The environments of a pool, for a form that holds programs alone.

    Args:
        source: The pool.
        holder: What holds them, with its verb, for the message.
        hint: What to do instead.

    Raises:
        UsageError: One of them is code of a plugin.
    """
    for environment_id in source.ids():
        environment = source.get(environment_id)
        if isinstance(environment, NativeEnvironment):
            raise UsageError(
                f"environment {environment_id!r} is code of a plugin: {holder} program "
                "environments only",
                hint=hint,
            )
        yield environment
