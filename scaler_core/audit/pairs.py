"""Comparing the structured value, which the model reads, with stdin, which solutions read.

The rule compares *marks*: numbers and words of two characters or more. Single digits and letters
occur everywhere and prove nothing.

- Every mark of stdin must stand in the value: as a number, as the length of a text or list, or in
  its keys and texts, case ignored; a row of texts or digits counts as joined, too. Else the model
  is not given something that solutions know.
- Every number of the value, a mark itself, must stand in stdin: as a number, inside a row of
  characters, or as the length of something in the value. Else the model is given something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from scaler_core.audit.records import shortened

LARGEST_STDIN = 65_536
"""Longer texts are not compared: that would cost more than it could show."""

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?![\w.])")
_WORD = re.compile(r"[^\W_]{2,}")
_SHORTEST = 2


@dataclass
class _Contents:
    """Numbers and texts of a structured value.

    Attributes:
        numbers: Its integers and decimals, and the numbers in its texts.
        given: The integers and decimals among them, in their order.
        sizes: Lengths of its texts, in characters and words, of its lists and dictionaries.
        texts: Its keys and texts, and rows of short values joined.
    """

    numbers: set[Decimal] = field(default_factory=set)
    given: dict[Decimal, None] = field(default_factory=dict)
    sizes: set[Decimal] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)


def mismatch(stdin: str, value: Mapping[str, object]) -> str:
    """How *value* and *stdin* differ, in one line; empty where they do not."""
    contents = _Contents()
    _collect(value, contents)
    read = dict(_numbers(stdin))
    text = "\n".join(contents.texts).lower()
    known = contents.numbers | contents.sizes
    for number, written in read.items():
        if _is_mark(written) and number not in known and written not in text:
            return f"stdin holds {shortened(written, 40)}, which the structured value does not tell"
    for word in dict.fromkeys(_WORD.findall(_NUMBER.sub(" ", stdin))):
        if word.lower() not in text:
            return f"stdin holds {shortened(word, 40)}, which the structured value does not tell"
    for number in contents.given:
        written = f"{number:f}"
        if (
            _is_mark(written)
            and number not in read
            and number not in contents.sizes
            and written.lstrip("-") not in stdin
        ):
            return f"the structured value holds {shortened(written, 40)}, which stdin does not"
    return ""


def _is_mark(number: str) -> bool:
    return len(number.lstrip("-")) >= _SHORTEST


def _numbers(text: str) -> Iterator[tuple[Decimal, str]]:
    for match in _NUMBER.finditer(text):
        try:
            yield Decimal(match[0]), match[0]
        except InvalidOperation:
            continue


def _collect(value: object, contents: _Contents) -> None:
    if isinstance(value, str):
        contents.texts.append(value)
        contents.sizes |= {Decimal(len(value)), Decimal(len(value.split()))}
        contents.numbers.update(number for number, _ in _numbers(value))
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, (int, float)):
        number = Decimal(repr(value))
        contents.numbers.add(number)
        contents.given[number] = None
    elif isinstance(value, Mapping):
        contents.sizes.add(Decimal(len(value)))
        for key, item in value.items():
            _collect(str(key), contents)
            _collect(item, contents)
    elif isinstance(value, list):
        contents.sizes.add(Decimal(len(value)))
        contents.texts.append("".join(str(item) for item in value if _is_short(item)))
        for item in value:
            _collect(item, contents)


def _is_short(item: object) -> bool:
    """Whether *item* may be one of a row that stdin writes without blanks."""
    return isinstance(item, str) or (type(item) is int and 0 <= item <= 9)
