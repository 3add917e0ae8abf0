"""The published pool format: one JSON object, name -> entry, read and written (paper section 2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from scaler_core.errors import DataError, UsageError
from scaler_core.jsonio import strict_json
from scaler_core.models import Environment
from scaler_core.pool.conversion import (
    derive_ids,
    environment_from_entry,
    environment_to_entry,
    published_keys_of,
    was_repaired,
)
from scaler_core.pool.entry import shown

OnInvalid = Callable[[str, str], None]

__all__ = [
    "OnInvalid",
    "parse_published",
    "published_text",
    "read_published",
    "was_repaired",
    "write_published",
]


def read_published(
    path: str | Path, *, as_published: bool = False, on_invalid: OnInvalid | None = None
) -> list[Environment]:
    """The environments of a published pool file; arguments as of :func:`parse_published`.

    Raises:
        UsageError: The file does not exist or cannot be read.
        DataError: It is not JSON, or an entry is malformed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    try:
        data = strict_json(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a published pool: not valid JSON: {error}") from None
    return parse_published(data, as_published=as_published, on_invalid=on_invalid, origin=str(path))


def parse_published(
    data: object,
    *,
    as_published: bool = False,
    on_invalid: OnInvalid | None = None,
    origin: str = "published pool",
) -> list[Environment]:
    """The environments of a published pool, in its order.

    Args:
        data: The JSON object, name -> entry.
        as_published: Keep level tables and texts with their defects, and let every export restore
            the entries exactly. Otherwise levels become distinct and increasing up to the range
            (paper section 8.2), and texts are mended (:mod:`scaler_core.statements.wording`), which
            provenance records under ``import``.
        on_invalid: Called with name and fault of each malformed entry, which is left out. Without
            it, one malformed entry fails the whole.
        origin: How messages call the data.

    Raises:
        DataError: The data is not an object, or an entry is malformed: the message names the
            entry, the field, and what is allowed.
    """
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise DataError(
            f"{origin} is not a published pool: it must be one object, name -> entry, "
            f"not {shown(data)}"
        )
    stated = {key: _stated_id(entry) for key, entry in data.items()}
    taken = [given for given in stated.values() if given is not None]
    derived = derive_ids((key for key in data if stated[key] is None), taken)
    environments: dict[str, Environment] = {}
    for key, entry in data.items():
        environment_id = derived[key] if stated[key] is None else str(stated[key])
        try:
            if environment_id in environments:
                raise ValueError(f"field scaler.id: {environment_id!r} is that of another entry")
            environments[environment_id] = environment_from_entry(
                key, entry, environment_id, as_published=as_published
            )
        except ValueError as error:
            fault = " ".join(str(error).split())  # a name in the file may hold a line break
            if on_invalid is None:
                raise DataError(
                    f"{origin}: entry {shown(key)}: {fault}",
                    hint="nothing was imported; mend the entry, or leave it out (skip invalid)",
                ) from None
            on_invalid(key, fault)
    return list(environments.values())


def write_published(
    environments: Iterable[Environment], *, as_published: bool = False
) -> dict[str, dict[str, JsonValue]]:
    """The environments as one JSON object of the published format, name -> entry.

    An environment that was imported as published, and not edited since, gives the very entry it
    came from. What the format has no place for stands under ``provenance`` and ``scaler``.

    Args:
        environments: Program environments.
        as_published: Restore the entries of repaired environments too.

    Raises:
        DataError: An environment cannot be expressed in the format.
    """
    entries: dict[str, dict[str, JsonValue]] = {}
    for environment in environments:
        kept_key = published_keys_of(environment).key
        key = environment.problem.name if kept_key is None else kept_key
        while key in entries:
            key = f"{key} [{environment.id}]"
        try:
            entries[key] = environment_to_entry(environment, key, as_published=as_published)
        except ValueError as error:
            raise DataError(f"environment {environment.id!r} cannot be exported: {error}") from None
    return entries


def published_text(entries: Mapping[str, Any]) -> str:
    """A published pool as the text of a file."""
    return json.dumps(entries, indent=4, allow_nan=False) + "\n"


def _stated_id(entry: object) -> str | None:
    """The id that an entry brings along; whether it is a good one is checked with the entry."""
    own = entry.get("scaler") if isinstance(entry, Mapping) else None
    given = own.get("id") if isinstance(own, Mapping) else None
    return given if isinstance(given, str) else None
