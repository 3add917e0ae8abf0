"""One entry of the published format into an environment, and back."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from scaler_core.errors import DataError
from scaler_core.models import Environment, Problem, ScaleParameter, Solution
from scaler_core.pool.entry import (
    DIFFICULTY_KEY,
    KNOWN_KEYS,
    LANGUAGE_CODES,
    LANGUAGES,
    Entry,
    EntryParameter,
    check_json,
    differs,
    explain,
    parse_entry,
)
from scaler_core.statements.tolerance import read_tolerance
from scaler_core.statements.wording import mend_texts

IMPORT_KEY = "import"
"""Where provenance says what an import changed in the texts of an environment."""


class PublishedKeys(BaseModel):
    """The part of the published entry that :attr:`Environment.published` keeps.

    Attributes:
        key: Its key in the file, where that is not its name.
        extra: Keys without a meaning to SCALER.
        difficulty: The controller's settings as found.
        original: Values that an export would write differently.
        absent: Keys that an export would add.
        exact: Whether it was imported as published, so that every export restores it.
        of: Content hash of the environment as imported: once edited, it is not restored.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str | None = None
    extra: dict[str, JsonValue] = {}
    difficulty: JsonValue = None
    original: dict[str, JsonValue] = {}
    absent: list[str] = []
    exact: bool = False
    of: str = ""


def published_keys_of(environment: Environment) -> PublishedKeys:
    """The part of its entry that *environment* keeps; empty where it comes from none."""
    try:
        return PublishedKeys.model_validate(environment.published)
    except ValidationError as error:
        raise DataError(
            f"environment {environment.id!r}: what it keeps of the published format is damaged: "
            f"{explain(error)}"
        ) from None


def was_repaired(environment: Environment) -> bool:
    """Whether import changed the level table that the entry has."""
    kept = published_keys_of(environment)
    return not kept.exact and "difficulty_dict" in kept.original


def mended_texts_of(environment: Environment) -> Mapping[str, JsonValue]:
    """The changes that an import made to the texts of *environment*, by kind."""
    imported = environment.provenance.get(IMPORT_KEY)
    return imported if isinstance(imported, dict) else {}


def environment_from_entry(
    key: str, data: Any, environment_id: str, *, as_published: bool
) -> Environment:
    """The environment of one entry.

    Args:
        key: The entry's key in the file.
        data: The entry.
        environment_id: The id to give it.
        as_published: Keep the level table and the texts with their defects.

    Raises:
        ValueError: The entry is malformed; the message names the field and what is allowed there.
    """
    entry = parse_entry(data)
    levels = _levels(entry.difficulty_dict)
    for name, parameter in entry.params.items():
        if parameter.min > parameter.max:
            raise ValueError(
                f"field params.{name}.max: at least the minimum {parameter.min}, "
                f"not {parameter.max}"
            )
    if not as_published:
        levels = _repaired(levels, entry)
    raw = entry.raw_description
    statement = entry.logic_description if raw is None else raw
    problem = Problem(
        name=key if entry.name is None else entry.name,
        statement=statement,
        logic=entry.logic_description,
        instruction=entry.instruction,
        solutions=_solutions(entry),
        time_limit_s=entry.scaler.time_limit_s,
        memory_limit_mb=entry.scaler.memory_limit_mb,
        tolerance=entry.scaler.tolerance or read_tolerance(entry.instruction, statement),
    )
    provenance = entry.provenance
    if not as_published:
        problem, provenance = _mended(problem, entry.generate_testcase, provenance)
    fields: dict[str, Any] = {
        "id": environment_id,
        "problem": problem,
        "generator": entry.generate_testcase,
        "parameters": {
            name: ScaleParameter(minimum=item.min, maximum=item.max, ratio=item.base)
            for name, item in entry.params.items()
        },
        "levels": levels,
        "answer_type": entry.output_type,
        "answer_unique": entry.is_output_unique,
        "history_length": entry.difficulty.params.history_len if entry.difficulty else None,
        "verifier": entry.scaler.verifier,
        "checker": entry.scaler.checker,
        "provenance": provenance,
    }
    try:
        environment = Environment(**fields)
    except ValidationError as error:
        raise ValueError(explain(error)) from None
    kept = _keys_to_keep(key, data, environment, as_published)
    return Environment(**fields, published=kept.model_dump(exclude_defaults=True))


def environment_to_entry(
    environment: Environment, key: str, *, as_published: bool
) -> dict[str, JsonValue]:
    """The entry that *environment* gives under *key*.

    Args:
        environment: The environment.
        key: Its key in the file.
        as_published: Restore the entry it came from even where import repaired it.

    Raises:
        ValueError: The published format cannot express the environment.
    """
    if DIFFICULTY_KEY in environment.parameters:
        raise ValueError(
            f"the published format has no place for a scale parameter called {DIFFICULTY_KEY!r}: "
            "rename it"
        )
    kept = published_keys_of(environment)
    entry = {**_rebuilt_entry(environment, kept, key), **kept.extra}
    if (as_published or kept.exact) and kept.of == environment.content_hash:
        entry |= kept.original
        entry = {name: value for name, value in entry.items() if name not in kept.absent}
    check_json(entry)
    return entry


def _keys_to_keep(
    key: str, data: Mapping[str, Any], environment: Environment, as_published: bool
) -> PublishedKeys:
    """The part of the entry *data* that an export of *environment* needs to restore it."""
    kept = PublishedKeys(
        key=None if key == environment.problem.name else key,
        extra={name: value for name, value in data.items() if name not in KNOWN_KEYS},
        difficulty=data["params"].get(DIFFICULTY_KEY),
        exact=as_published,
        of=environment.content_hash,
    )
    rebuilt = _rebuilt_entry(environment, kept, key)
    original = {
        name: data[name]
        for name in data
        if name in KNOWN_KEYS and (name not in rebuilt or differs(rebuilt[name], data[name]))
    }
    absent = sorted(rebuilt.keys() - data.keys())
    return kept.model_copy(update={"original": original, "absent": absent})


def _rebuilt_entry(environment: Environment, kept: PublishedKeys, key: str) -> dict[str, JsonValue]:
    """The entry as far as it follows from the environment."""
    problem = environment.problem
    params: dict[str, JsonValue] = {
        name: {"min": item.minimum, "max": item.maximum, "base": item.ratio}
        for name, item in environment.parameters.items()
    }
    params[DIFFICULTY_KEY] = _controller_settings(environment, kept)
    entry: dict[str, JsonValue] = {
        "name": problem.name,
        "logic_description": problem.logic,
        "raw_description": problem.statement,
        "solutions": {
            "solution": [item.source for item in problem.solutions],
            "language": [LANGUAGE_CODES[item.language] for item in problem.solutions],
        },
        "instruction": problem.instruction,
        "generate_testcase": environment.generator,
        "scale_range": environment.levels[-1],
        "output_type": environment.answer_type,
        "is_output_unique": environment.answer_unique,
        "difficulty_dict": {str(level): item for level, item in enumerate(environment.levels)},
        "params": params,
    }
    if environment.provenance:
        entry["provenance"] = environment.provenance
    own = {
        "id": environment.id if environment.id != slug(key) else None,
        "verifier": environment.verifier.model_dump(mode="json") if environment.verifier else None,
        "time_limit_s": problem.time_limit_s,
        "memory_limit_mb": problem.memory_limit_mb,
        "tolerance": problem.tolerance.model_dump(mode="json") if problem.tolerance else None,
        "checker": environment.checker.model_dump(mode="json") if environment.checker else None,
    }
    if any(value is not None for value in own.values()):
        entry["scaler"] = {name: value for name, value in own.items() if value is not None}
    return entry


def _controller_settings(environment: Environment, kept: PublishedKeys) -> dict[str, JsonValue]:
    found = kept.difficulty if isinstance(kept.difficulty, dict) else {"version": 1}
    params = found.get("params")
    params = dict(params) if isinstance(params, dict) else {}
    params["dmax"] = environment.top_level
    if environment.history_length is not None:
        params["history_len"] = environment.history_length
    return {**found, "params": params}


def _mended(
    problem: Problem, generator: str, provenance: dict[str, JsonValue]
) -> tuple[Problem, dict[str, JsonValue]]:
    """*problem* with mended texts, and *provenance* with what was changed in them."""
    mended = mend_texts(problem, generator)
    if not mended.changes:
        return problem, provenance
    texts = {"logic": mended.logic, "instruction": mended.instruction}
    earlier = provenance.get(IMPORT_KEY)
    changes = {**(earlier if isinstance(earlier, dict) else {}), **mended.changes}
    return problem.model_copy(update=texts), {**provenance, IMPORT_KEY: changes}


def _levels(table: Mapping[str, int]) -> tuple[int, ...]:
    """Offsets in the order of their levels."""
    wanted = [str(level) for level in range(len(table))]
    missing = [level for level in wanted if level not in table]
    if missing:
        raise ValueError(
            f"field difficulty_dict: {len(wanted)} levels must be numbered 0 to {wanted[-1]}, "
            f"but {missing[0]} is missing"
        )
    levels = tuple(table[level] for level in wanted)
    for level, (lower, upper) in enumerate(pairwise(levels), start=1):
        if upper < lower:
            raise ValueError(
                f"field difficulty_dict.{level}: at least the offset {lower} of the level below, "
                f"not {upper}"
            )
    return levels


def _repaired(levels: tuple[int, ...], entry: Entry) -> tuple[int, ...]:
    reach = min(_reach(parameter) for parameter in entry.params.values())
    scale_range = reach if entry.scale_range is None else min(reach, entry.scale_range)
    if levels[0] > scale_range:
        raise ValueError(
            f"field difficulty_dict.0: at most the scale range {scale_range}, not {levels[0]}"
        )
    return repaired_levels(levels, scale_range)


def _reach(parameter: EntryParameter) -> int:
    """The largest offset whose scale, which is rounded down, stays within the maximum."""
    span = parameter.max - parameter.min
    return ceil((span + 1) / Fraction(parameter.base)) - 1


def _solutions(entry: Entry) -> tuple[Solution, ...]:
    """Solutions in a language that SCALER runs; the others are left out."""
    pairs = zip(entry.solutions.solution, entry.solutions.language, strict=False)
    usable = tuple(
        Solution(language=LANGUAGES[code], source=source)
        for source, code in pairs
        if type(code) is int and code in LANGUAGES
    )
    if not usable:
        raise ValueError("field solutions: at least one of language 2 (C++) or 3 (Python 3)")
    return usable


_SLUG_LENGTH = 80  # leaves room for suffixes within the 120 characters of an id
_SUFFIX_LENGTH = 10


def slug(name: str) -> str:
    """*name* in small ASCII letters, digits and single hyphens; empty where nothing is left.

    Accents are dropped with their letter kept: ``Café No. 8`` becomes ``cafe-no-8``.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-")


def derive_ids(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A distinct id for each of the distinct *names*, none of them in *taken*.

    An id is the name's :func:`slug`. Where several names would share one, each of them gets a
    suffix from a hash of its own name, so that ids do not depend on the order of the names.
    """
    ids = {name: slug(name) or _suffixed("environment", name) for name in names}
    while True:
        counts = Counter([*ids.values(), *taken])
        clashing = [name for name, given in ids.items() if counts[given] > 1]
        if not clashing:
            return ids
        for name in clashing:
            ids[name] = _suffixed(ids[name], name)


def _suffixed(base: str, name: str) -> str:
    """*base* with a suffix that belongs to *name* and *base* alone."""
    digest = hashlib.sha256(f"{base}\0{name}".encode(errors="surrogatepass")).hexdigest()
    return f"{base[:_SLUG_LENGTH]}-{digest[:_SUFFIX_LENGTH]}"


MOST_LEVELS = 30


def published_levels(scale_range: int) -> tuple[int, ...]:
    """The offsets that the published system gives to a range ``0..scale_range`` (paper 2.7).

    Below 100 they are evenly spaced, below 1,000 they grow as 1.3^i, above that as 1.6^i; there are
    at most 30. Kept as published, with its defects: offsets may repeat, and below 100 the last one
    may stay under the range. :func:`repaired_levels` mends both.

    Raises:
        ValueError: The range is negative.
    """
    if scale_range < 0:
        raise ValueError(f"a scale range must be at least 0, not {scale_range}")
    if scale_range < 100:
        count = min(MOST_LEVELS, scale_range + 1)
        return tuple(index * (scale_range + 1) // count for index in range(count))
    growth = 1.3 if scale_range < 1000 else 1.6
    offsets = [0]
    for index in range(1, MOST_LEVELS - 1):
        offset = round(growth**index)
        if offset >= scale_range:
            break
        offsets.append(offset)
    return (*offsets, scale_range)


def repaired_levels(levels: Sequence[int], scale_range: int) -> tuple[int, ...]:
    """*levels* made distinct and increasing, with *scale_range* as the last (paper 8.2).

    The first offset is kept, repeats and offsets beyond the range are dropped, and the range is
    added where it is missing. A table without these defects comes back as it is.

    Raises:
        ValueError: There is no level, or the first lies beyond the range.
    """
    if not levels or levels[0] > scale_range:
        raise ValueError(f"no level lies within the scale range {scale_range}")
    repaired = [levels[0]]
    for offset in [*levels[1:], scale_range]:
        if repaired[-1] < offset <= scale_range:
            repaired.append(offset)
    return tuple(repaired)
