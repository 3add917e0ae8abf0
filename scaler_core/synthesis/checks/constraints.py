"""Whether parameters and generated values keep the bounds that a statement states."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

from scaler_core.synthesis.checks.bounds import Bound, constraints_text, read_bounds
from scaler_core.synthesis.checks.draws import Ranges
from scaler_core.synthesis.checks.refusal import Refused

EntryValue = tuple[object, bool]
"""A value of a testcase, and whether it lies in a list."""

Entries = dict[str, list[EntryValue]]
"""The values under each key of a testcase, at any depth."""


class Constraints:
    """The bounds of a candidate: those that its statement states, else those of its parameters.

    Args:
        statement: The problem's statement.
        parameters: The metadata's parameters.
        read: Whether the statement is read at all.
    """

    def __init__(self, statement: str, parameters: Ranges, read: bool = True) -> None:
        self._stated = read_bounds(constraints_text(statement)) if read else {}
        self._parameters = {name: Bound(low, high) for name, (low, high) in parameters.items()}
        self._looked_at: dict[str, int] = {}

    def check_parameters(self) -> None:
        """Refuse parameters whose range exceeds the stated bounds.

        Raises:
            Refused: The range of one of them does.
        """
        for name, own in self._parameters.items():
            stated = self._stated.get(name)
            if stated is None:
                continue
            for value in (own.low, own.high):
                if value is not None and stated.breaks(value):
                    raise Refused(
                        "bounds",
                        f"parameter {name} goes from {own.low} to {own.high}, but the statement "
                        f"says {stated.about(name)}",
                        {"parameter": name},
                    )

    def check(self, testcase: Mapping[str, object], where: str) -> None:
        """Refuse a testcase with a value outside its bounds.

        Raises:
            Refused: It has one.
        """
        entries = entries_of(testcase)
        for name, bound in (self._parameters | self._stated).items():
            values = values_of(name, entries, self._stated) or []
            self._looked_at[name] = self._looked_at.get(name, 0) + len(values)
            for value in values:
                if bound.breaks(value):
                    by = "the statement" if name in self._stated else "the metadata"
                    raise Refused(
                        "bounds",
                        f"{where}: {value} breaks {bound.about(name)} of {by}",
                        {"name": name, "value": value},
                    )

    def figures(self) -> dict[str, JsonValue]:
        """Stated bounds, the number of values compared with each, and parameters without one."""
        stated: dict[str, JsonValue] = {
            name: {"bound": bound.about(name), "values": self._looked_at.get(name, 0)}
            for name, bound in self._stated.items()
        }
        missing: list[JsonValue] = [name for name in self._parameters if name not in self._stated]
        return {"stated": stated, "not_stated": missing}


def values_of(name: str, entries: Entries, stated: Collection[str] = ()) -> list[int] | None:
    """The integers of a testcase that *name* refers to; ``None`` where that is not certain.

    ``n`` is the integer under the key ``n``, at any depth. ``a_i``, or ``ai`` where only ``a`` is a
    key, are the integers of the list under ``a``, or those under ``a`` in a list of dictionaries.
    ``|s|`` is the length of the text or list under ``s``, ``|s_i|`` that of each in it. A key may
    differ in case, where no other name of *stated* is that key.

    Args:
        name: As a statement writes it.
        entries: Of the testcase, by key.
        stated: All names that the statement bounds.
    """
    if name.startswith("|"):
        bare = name.strip("|")
        found = [item for item, _ in _under(bare.removesuffix("_i"), entries, stated)]
        if bare.endswith("_i"):
            found = [part for item in found for part in (item if type(item) is list else [item])]
        sizes = [len(item) for item in found if isinstance(item, (str, list))]
        return sizes if sizes and len(sizes) == len(found) else None
    exact = _under(name, entries, stated)
    if exact:
        plain = [item for item, _ in exact if type(item) is int]
        return plain if len(plain) == len(exact) else None
    if name.endswith("_i"):
        base = name.removesuffix("_i")
    elif len(name) > 1 and name[-1] in "ij":
        base = name[:-1]
    else:
        return None
    listed = [
        item for item, inside in _under(base, entries, stated) if inside or type(item) is list
    ]
    return [value for item in listed for value in _integers(item)] or None


def _under(name: str, entries: Entries, stated: Collection[str]) -> list[EntryValue]:
    """Every value under the key *name*, or under the one key that differs from it in case."""
    if name in entries:
        return entries[name]
    similar = [key for key in entries if key.lower() == name.lower() and key not in stated]
    return entries[similar[0]] if len(similar) == 1 else []


def entries_of(testcase: Mapping[str, object]) -> Entries:
    """Every entry of every dictionary in *testcase*, by key."""
    entries: Entries = {}
    for key, found in _entries(testcase, False):
        entries.setdefault(key, []).append(found)
    return entries


def _entries(value: object, inside: bool) -> Iterator[tuple[str, EntryValue]]:
    """Every entry of every dictionary in *value*."""
    if isinstance(value, list):
        if not value or isinstance(value[0], (dict, list)):  # a list of numbers holds no entry
            for item in value:
                yield from _entries(item, True)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), (item, inside)
            yield from _entries(item, inside)


def _integers(value: object) -> Iterator[int]:
    """The integers in *value*, however deep they lie."""
    if type(value) is int:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _integers(item)
