"""Rows and columns of stdin against the lists of the structured input: cut, changed, reordered.

:func:`scaler_core.audit.pairs.mismatch` compares numbers and words of two characters or more, and
not their order. Here every *series* of stdin is looked for as a whole: the words of a line, or
of a column of lines of equal length. A series is told where a list of the structured input has the
same elements in the same places under some renaming, so that other names for codes, truth values
and indices counted from 0 do not matter. What is not told is weighed:

- *cut*: a list holds only the beginning, the end or every second element of it, and the whole
  structured input has clearly fewer elements than stdin;
- *changed*: a list of the same length has other elements, and is told by nothing in stdin;
- *reordered*: a list has the same elements in another order. That matters where the problem asks
  for the order, which solutions can say: they are given stdin in the order of the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

Row = tuple[str, ...]
Place = tuple[int, int]

SHORTEST = 6
"""Elements of the shortest series that is looked for; shorter ones agree by chance."""
LEAST_SHARE = 0.3
"""A cut list has at least this share of its series."""
FULL_SHARE = 0.8
"""A structured input with this share of stdin's elements was not cut."""


@dataclass(frozen=True)
class Series:
    """Elements of stdin that belong together.

    Attributes:
        rows: The elements: one word each, or one of each column.
        places: Line and first word of each in stdin.
    """

    rows: tuple[Row, ...]
    places: tuple[Place, ...]

    def cells(self) -> list[Place]:
        """Line and column of every word, row by row."""
        return [
            (line, column + step)
            for (line, column), row in zip(self.places, self.rows, strict=True)
            for step in range(len(row))
        ]


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        difference: What is cut or changed, in one line; empty where nothing is.
        reordered: Stdin in the order of the structured input; ``None`` where that is the same.
    """

    difference: str = ""
    reordered: bytes | None = None


def compare_series(stdin: str, value: Mapping[str, object]) -> Comparison:
    """Compare the series of *stdin* with the lists of *value*."""
    words = [line.split() for line in stdin.splitlines()]
    lists = list(lists_of(value))
    whole = sum(map(len, words))
    told = sum(1 for _ in _words_of(value))
    untold: dict[Series, None] = {}
    known: set[int] = set()
    for alternatives in series_of(words):
        found = [
            number
            for number, rows in enumerate(lists)
            if any(_corresponds(series.rows, rows) for series in alternatives)
        ]
        known.update(found)
        if not found:
            untold |= dict.fromkeys(alternatives)
    # whole rows first: columns that were moved together must stay together
    by_width = sorted(untold, key=lambda series: -len(series.rows[0]))
    moved: dict[Place, str] = {}
    for series in by_width:
        if moved.keys().isdisjoint(series.cells()):
            place = next((n for n, rows in enumerate(lists) if _permuted(series.rows, rows)), None)
            if place is not None:
                known.add(place)
                moved |= dict(zip(series.cells(), _in_one_row(lists[place]), strict=True))
    for series in by_width:
        if moved.keys().isdisjoint(series.cells()):
            for number, rows in enumerate(lists):
                if number not in known and (difference := _weigh(series, rows, told, whole)):
                    return Comparison(difference)
    if not moved:
        return Comparison()
    for (line, column), word in moved.items():
        words[line][column] = word
    return Comparison(reordered=("\n".join(map(" ".join, words)) + "\n").encode())


def _permuted(series: Sequence[Row], rows: Sequence[Row]) -> bool:
    return len(series) == len(rows) and Counter(series) == Counter(rows)


def _in_one_row(rows: Sequence[Row]) -> list[str]:
    return [word for row in rows for word in row]


def series_of(words: Sequence[Sequence[str]]) -> Iterator[list[Series]]:
    """Yields the series of stdin, each in the forms that it may be told in."""
    for _, group in groupby(enumerate(words), lambda item: len(item[1])):
        block = list(group)
        width = len(block[0][1])
        for line, row in block:
            if width >= SHORTEST:
                yield [_of_line(line, row, start) for start in (0, 1) if width - start >= SHORTEST]
        if len(block) >= SHORTEST and 0 < width < SHORTEST:
            whole = _of_block(block, 0, width)
            if width == 1:
                yield [whole]
            else:
                yield from ([_of_block(block, place, 1), whole] for place in range(width))


def _of_block(block: Sequence[tuple[int, Sequence[str]]], column: int, width: int) -> Series:
    return Series(
        tuple(tuple(row[column : column + width]) for _, row in block),
        tuple((line, column) for line, _ in block),
    )


def _of_line(line: int, row: Sequence[str], start: int) -> Series:
    rest = range(start, len(row))
    return Series(tuple((row[place],) for place in rest), tuple((line, place) for place in rest))


def lists_of(value: object) -> Iterator[list[Row]]:
    """Yields every list of a structured value as rows of words, and texts as their words."""
    if isinstance(value, Mapping):
        if len(value) >= SHORTEST // 2 and not any(map(_is_nested, value.values())):
            yield [(_word(item),) for item in value.values()]
        for item in value.values():
            yield from lists_of(item)
    elif isinstance(value, str):
        if len(words := value.split()) > 1:
            yield [(word,) for word in words]
        elif len(value) >= SHORTEST // 2:
            yield [(letter,) for letter in value]
    elif isinstance(value, list) and value:
        if not any(map(_is_nested, value)):
            yield [(_word(item),) for item in value]
            return
        rows = [_row(item) for item in value]
        if all(len(row) == len(rows[0]) for row in rows):
            yield rows
            for place in range(len(rows[0]) if len(rows[0]) > 1 else 0):
                column: list[Row] = [(row[place],) for row in rows]
                yield column
        yield [(word,) for row in rows for word in row]
        for item in value:
            yield from lists_of(item)


def _corresponds(series: Sequence[Row], rows: Sequence[Row]) -> bool:
    """Whether *rows* are *series* in other names; with columns, where every column is."""
    if len(series) != len(rows) or len(series[0]) != len(rows[0]):
        return False
    return all(
        _renamed([row[place] for row in series], [row[place] for row in rows])
        for place in range(len(series[0]))
    )


def _renamed(left: Sequence[str], right: Sequence[str]) -> bool:
    pairs = set(zip(left, right, strict=True))
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})


def _weigh(series: Series, rows: Sequence[Row], told: int, whole: int) -> str:
    """What *rows* say of a *series* that is not told, in one line; empty where nothing is wrong."""
    own, size = list(series.rows), len(rows)
    if len(rows[0]) != len(own[0]):
        return ""
    where = f"line {series.places[0][0] + 1} of stdin"
    shorter = LEAST_SHARE * len(own) <= size < len(own) and told < FULL_SHARE * whole
    if shorter and list(rows) in (own[:size], own[-size:], own[::2], own[1::2]):
        return f"the structured value holds {size} of the {len(own)} elements from {where} on"
    if size == len(own) and set(rows) & set(own):
        return f"a list of the structured value has {size} elements, but not those from {where} on"
    return ""


def _is_nested(item: object) -> bool:
    return isinstance(item, (list, Mapping))


def _row(item: object) -> Row:
    if isinstance(item, Mapping):
        return tuple(_word(part) for part in item.values() if not _is_nested(part))
    if isinstance(item, list):
        return tuple(_word(part) for part in item if not _is_nested(part))
    return (_word(item),)


def _word(item: object) -> str:
    if isinstance(item, float) and item.is_integer():
        return str(int(item))
    return str(item)


def _words_of(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _words_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words_of(item)
    elif isinstance(value, str):
        # a text may stand for a row that stdin writes with blanks between its letters
        yield from value if len(value.split()) == 1 else value.split()
    else:
        yield str(value)
