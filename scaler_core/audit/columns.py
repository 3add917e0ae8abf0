"""Rows and columns of stdin against the lists of the structured input: cut, changed, reordered.

:func:`scaler_core.audit.pairs.mismatch` compares numbers and words of two characters or more, and
not their order. Here every *series* of stdin is looked for as a whole: the words of a line, or
of a column of lines of equal length. It is found where a list of the structured input has the
same elements in the same places under some renaming, so that other names for codes, truth values
and indices counted from 0 do not matter. A series that is not found may be

- *cut*: a list holds a part of it that agrees too long to do so by chance, and the other elements
  stand nowhere in the structured input;
- *changed*: a list of the same length has other elements, and is no other series of stdin;
- *lost*: other series account for nearly all that the structured input holds;
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
"""A list that holds this share of a series is a part of it, however few different elements."""
FULL_SHARE = 0.8
"""A structured input with this share of stdin's elements lost nothing else."""
FEWEST_ELEMENTS = 3
"""Elements of the shortest list that can be a part of a series."""
LEFT_SHARE = 0.125
"""A series of which the structured input has no more elements left, other series apart, is lost."""
CHANCE = 0.01
"""A list is a part of a series where it would agree with it by chance less often than this."""


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
    """The result of comparing one testcase.

    Attributes:
        difference: A series that is cut, changed or lost, in one line; empty where there is none.
        removed: The elements that were cut off or lost.
        reordered: Stdin in the order of the structured input; ``None`` where that is the same.
    """

    difference: str = ""
    removed: tuple[str, ...] = ()
    reordered: bytes | None = None


def compare_series(stdin: str, value: Mapping[str, object]) -> Comparison:
    """Compare the series of *stdin* with the lists of *value*."""
    words = [line.split() for line in stdin.splitlines()]
    lists = list(lists_of(value))
    missing, found = _search(words, lists)
    moved = _moves(missing, lists, found)
    lacking = [series for series in missing if moved.keys().isdisjoint(series.cells())]
    comparison = _cut_or_changed(lacking, lists, found, _Parts(words, value))
    if comparison is None:
        left = Counter(words_of(value))
        left -= Counter(word for number in found for row in lists[number] for word in row)
        comparison = _lost(lacking, left.total())
    if comparison is not None:
        return comparison
    if not moved:
        return Comparison()
    for (line, column), word in moved.items():
        words[line][column] = word
    return Comparison(reordered=("\n".join(map(" ".join, words)) + "\n").encode())


def _search(
    words: Sequence[Sequence[str]], lists: Sequence[Sequence[Row]]
) -> tuple[list[Series], set[int]]:
    """The series that no list holds, the widest first, and the numbers of lists that hold one."""
    missing: dict[Series, None] = {}
    found: set[int] = set()
    for alternatives in series_of(words):
        equal = [
            number
            for number, rows in enumerate(lists)
            if any(_corresponds(series.rows, rows) for series in alternatives)
        ]
        found.update(equal)
        if not equal:
            missing |= dict.fromkeys(alternatives)
    return sorted(missing, key=lambda series: -len(series.rows[0])), found


def _moves(
    missing: Sequence[Series], lists: Sequence[Sequence[Row]], found: set[int]
) -> dict[Place, str]:
    """The words of stdin in the order of lists that hold a series in another; adds to *found*.

    Whole rows come first: columns that were moved together must stay together.
    """
    moved: dict[Place, str] = {}
    for series in missing:
        if moved.keys().isdisjoint(series.cells()):
            others = (n for n in range(len(lists)) if n not in found)
            place = next((n for n in others if _permuted(series.rows, lists[n])), None)
            if place is not None:
                found.add(place)
                moved |= dict(zip(series.cells(), _in_one_row(lists[place]), strict=True))
    return moved


def _cut_or_changed(
    lacking: Sequence[Series],
    lists: Sequence[Sequence[Row]],
    found: set[int],
    compare: _Parts,
) -> Comparison | None:
    comparisons = [
        comparison
        for series in lacking
        for number, rows in enumerate(lists)
        if number not in found and (comparison := compare(series, rows)).difference
    ]
    return next((item for item in comparisons if item.removed), next(iter(comparisons), None))


def _lost(lacking: Sequence[Series], left: int) -> Comparison | None:
    """A series of which the *left* elements of the structured input can hold nothing."""
    for series in lacking:
        if left <= LEFT_SHARE * len(series.rows) * len(series.rows[0]):
            return Comparison(
                f"the structured value lacks the {len(series.rows)} elements from line "
                f"{series.places[0][0] + 1} of stdin on",
                removed=tuple(_in_one_row(series.rows)),
            )
    return None


def _permuted(series: Sequence[Row], rows: Sequence[Row]) -> bool:
    return len(series) == len(rows) and Counter(series) == Counter(rows)


def _in_one_row(rows: Sequence[Row]) -> list[str]:
    return [word for row in rows for word in row]


def series_of(words: Sequence[Sequence[str]]) -> Iterator[list[Series]]:
    """Yields the series of stdin, each in the forms in which lists may hold it."""
    for _, group in groupby(enumerate(words), lambda item: len(item[1])):
        block = list(group)
        width = len(block[0][1])
        for line, row in block:
            if width >= SHORTEST:
                yield [_of_line(line, row, start) for start in (0, 1) if width - start >= SHORTEST]
        if len(block) >= SHORTEST and 0 < width < SHORTEST:
            # the first line may be a header that is as wide as what follows it
            rests = [block[1:]] if block[0][0] == 0 and len(block) > SHORTEST else []
            wholes = [_of_block(rest, 0, width) for rest in (block, *rests)]
            if width == 1:
                yield wholes
            else:
                for place in range(width):
                    columns = [_of_block(rest, place, 1) for rest in (block, *rests)]
                    yield [*columns, *wholes]


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
            if all(isinstance(item, str) and 1 < len(item) == len(value[0]) for item in value):
                yield [tuple(item) for item in value]
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
    # of two orders of different elements each is the other one under other names
    if len(pairs) == len(left) and left != right and set(left) == set(right):
        return False
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})


class _Parts:
    """Compares lists with series that were not found: parts of them, or other elements."""

    def __init__(self, words: Sequence[Sequence[str]], value: Mapping[str, object]) -> None:
        read = Counter(word for line in words for word in line)
        held = Counter(words_of(value))
        self._lacking = read - held - Counter(map(str, _sizes_of(value)))
        self._is_full = held.total() >= FULL_SHARE * read.total()

    def __call__(self, series: Series, rows: Sequence[Row]) -> Comparison:
        own, size = list(series.rows), len(rows)
        if len(rows[0]) != len(own[0]):
            return Comparison()
        where = f"line {series.places[0][0] + 1} of stdin"
        if size == len(own) and set(rows) & set(own):
            return Comparison(
                f"a list of the structured value has {size} elements, but not those from {where} on"
            )
        if not (FEWEST_ELEMENTS <= size < len(own) and self._is_part(rows, own)):
            return Comparison()
        removed = (Counter(own) - Counter(rows)).elements()
        return Comparison(
            f"the structured value holds {size} of the {len(own)} elements from {where} on",
            removed=tuple(word for row in removed for word in row),
        )

    def _is_part(self, rows: Sequence[Row], own: Sequence[Row]) -> bool:
        """Whether *rows* are a part of *own*, and others of it are lacking."""
        size, removed = len(rows), _in_one_row(list((Counter(own) - Counter(rows)).elements()))
        at_an_end = list(rows) in (own[:size], own[-size:], own[::2], own[1::2])
        if at_an_end and size >= LEAST_SHARE * len(own) and not self._is_full:
            return True
        if not self._lacking.keys() & set(removed):
            return False
        agreement = sum((count / len(own)) ** 2 for count in Counter(own).values())
        inside = any(
            list(rows) == list(own[start : start + size]) for start in range(len(own) - size + 1)
        )
        if at_an_end or inside:
            places = 4 if at_an_end else len(own)
            return bool(places * agreement**size < CHANCE)
        # one of them after the other: by chance the next stands 1 / agreement further on
        return size >= 2 * agreement * len(own) and size >= SHORTEST and _in_order(rows, own)


def _in_order(rows: Sequence[Row], own: Sequence[Row]) -> bool:
    rest = iter(own)
    return all(row in rest for row in rows)


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


def words_of(value: object) -> Iterator[str]:
    """Yields the elements of a structured value: numbers, words, the letters of single words."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from words_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from words_of(item)
    elif isinstance(value, str):
        # a text may stand for a row that stdin writes with blanks between its letters
        yield from value if len(value.split()) == 1 else value.split()
    else:
        yield _word(value)


def _sizes_of(value: object) -> Iterator[int]:
    if isinstance(value, list):
        yield len(value)
    if isinstance(value, (list, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _sizes_of(item)
