"""Constraints of a testcase as its statement promises them, in a form that can be checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field, JsonValue

from scaler_core.models import Record


class Constraint(Record):
    """Bounds of one value of a testcase: a number, a text, or a list of either.

    Attributes:
        length: Scale parameter that the number of items (of letters, for a text) is equal to.
        width: Fixed number of items or letters of each item; of the value itself without *length*.
        lo: Least value of every number in it.
        hi: Largest value of every number in it.
        letters: Every character that its texts may hold.
    """

    length: str | None = None
    width: int | None = Field(default=None, ge=1)
    lo: int | None = None
    hi: int | None = None
    letters: str | None = None


def violations(
    constraints: Mapping[str, Constraint],
    testcase: Mapping[str, JsonValue],
    scale: Mapping[str, int],
) -> list[str]:
    """Violations of *testcase* at *scale*, one line each; empty when it keeps all constraints."""
    if list(constraints) != list(testcase):
        return [f"keys are {', '.join(testcase)}, not {', '.join(constraints)}"]
    return [
        f"{key}: {problem}"
        for key, value in testcase.items()
        for problem in _broken(constraints[key], value, scale)
    ]


def _broken(constraint: Constraint, value: JsonValue, scale: Mapping[str, int]) -> Iterator[str]:
    items: list[JsonValue] = [value]
    if constraint.length is not None:
        if not isinstance(value, (list, str)) or len(value) != scale[constraint.length]:
            yield f"{value!r} does not have {constraint.length} = {scale[constraint.length]} items"
            return
        items = list(value)
    if constraint.width is not None:
        for item in items:
            if not isinstance(item, (list, str)) or len(item) != constraint.width:
                yield f"{item!r} does not have {constraint.width} items"
    for leaf in _leaves(value):
        if not _allowed(constraint, leaf):
            yield f"{leaf!r} is not allowed"


def _leaves(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _allowed(constraint: Constraint, leaf: JsonValue) -> bool:
    if isinstance(leaf, str):
        return constraint.letters is not None and set(leaf) <= set(constraint.letters)
    if type(leaf) is not int or constraint.lo is None or constraint.hi is None:
        return False
    return constraint.lo <= leaf <= constraint.hi
