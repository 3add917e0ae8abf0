"""Features of a structured input: its fields, and trivial functions of each of them.

A *feature* is a field, or its length, one of its first or last elements, its middle element, its
maximum or minimum, a word or number of a text, a key. It has a name, the path of the field that it
is taken from, and words, which are compared with answers and with the words of stdin.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

Words = tuple[str, ...]

LARGEST_LIST = 2_000
"""Longer lists are compared by length and by some of their elements alone."""
ENDS = 4
"""Elements at both ends of a list that are features."""
LONGEST_NOTE = 12
"""Words of a text each of which is a feature; longer texts are data."""
MOST_FEATURES = 4_000
"""Features of one structured input: a bound on time, above what a prompt can show."""

NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_WORD = re.compile(r"[^\W_]+")
_ANSWERS = {"yes": "true", "no": "false"}


class Feature(NamedTuple):
    """A field, or a trivial function of one.

    Attributes:
        name: Its name in messages.
        path: The field that it is taken from.
        words: Its words.
    """

    name: str
    path: str
    words: Words


def features_of(value: Mapping[str, object]) -> list[Feature]:
    """The features of a structured input, at most :data:`MOST_FEATURES`, the outermost first."""
    return list(islice(_walk(value, _features), MOST_FEATURES))


def orderings_of(value: Mapping[str, object]) -> list[Feature]:
    """Each list and text of a structured input in another order: sorted or reversed."""
    return list(islice(_walk(value, _orderings), MOST_FEATURES))


def _walk(value: object, features: Callable[[object, str], Iterator[Feature]]) -> Iterator[Feature]:
    waiting = deque([("", value)])
    while waiting:
        path, item = waiting.popleft()
        yield from features(item, path)
        if isinstance(item, Mapping):
            start = f"{path}." if path else ""
            waiting += [(f"{start}{key}", inner) for key, inner in item.items()]
        elif isinstance(item, list):
            waiting += [(f"{name} of {path}", inner) for name, inner in _elements(item)]


def _features(value: object, path: str) -> Iterator[Feature]:
    if isinstance(value, Mapping):
        yield Feature(f"the length of {path or 'all'}", path, (str(len(value)),))
        for place, key in enumerate(islice(value, ENDS), start=1):
            for number, word in enumerate(NUMBER.findall(key)[:ENDS], start=1):
                name = f"number {number} in key {place} of {path or 'all'}"
                yield Feature(name, name, (word,))
    elif isinstance(value, list):
        yield from _features_of_list(value, path)
    elif isinstance(value, str):
        yield from _features_of_text(value, path)
    elif value is not None:
        yield Feature(path, path, (_written(value),))
        if isinstance(value, bool):
            yield Feature(f"{path} as 0 or 1", path, (str(int(value)),))


def _features_of_text(text: str, path: str) -> Iterator[Feature]:
    yield Feature(path, path, tuple(text.split()))
    yield Feature(f"the length of {path}", path, (str(len(text)),))
    yield Feature(f"the first character of {path}", path, (text[:1],))
    yield Feature(f"the last character of {path}", path, (text[-1:],))
    if len(text) > LARGEST_LIST:
        return
    for what, words in (("number", NUMBER.findall(text)), ("word", _WORD.findall(text))):
        if len(words) > 1 or what == "number" or words != [text]:
            yield from _words_of_text(what, words, path)


def _words_of_text(what: str, words: Sequence[str], path: str) -> Iterator[Feature]:
    count = len(words)
    for place, word in enumerate(words):
        if count <= LONGEST_NOTE or place < ENDS:
            name = f"{what} {place + 1} in {path}"
            yield Feature(name, name, (word,))
        if place >= count - ENDS and count > 1:
            name = f"{what} {count - place} from the end of {path}"
            yield Feature(name, name, (word,))


def _features_of_list(items: Sequence[object], path: str) -> Iterator[Feature]:
    yield Feature(f"the length of {path}", path, (str(len(items)),))
    if not 0 < len(items) <= LARGEST_LIST:
        return
    yield Feature(path, path, tuple(map(_written, _flattened(items))))
    numbers = [item for item in items if isinstance(item, (int, float))]
    if len(numbers) == len(items):
        yield Feature(f"the maximum of {path}", path, (_written(max(numbers)),))
        yield Feature(f"the minimum of {path}", path, (_written(min(numbers)),))


def _elements(items: Sequence[object]) -> Iterator[tuple[str, object]]:
    size = len(items)
    for place in range(min(size, ENDS)):
        yield ("the first element" if place == 0 else f"element {place + 1}"), items[place]
    for place in range(min(size, ENDS)):
        name = "the last element" if place == 0 else f"element {place + 1} from the end"
        yield name, items[size - 1 - place]
    if size > 2:
        yield "the middle element", items[size // 2]


def _orderings(value: object, path: str) -> Iterator[Feature]:
    if isinstance(value, str) and 1 < len(value) <= LARGEST_LIST:
        words = value.split()
        yield Feature(f"the reversed text of {path}", path, (value[::-1],))
        yield Feature(f"the sorted letters of {path}", path, ("".join(sorted(value)),))
    elif isinstance(value, list) and 1 < len(value) <= LARGEST_LIST:
        if any(isinstance(item, (Mapping, list)) for item in value):
            return
        words = list(map(_written, value))
    else:
        if type(value) is int and abs(value) > 9:
            yield Feature(f"the reversed digits of {path}", path, (str(value)[::-1],))
        return
    if len(words) < 2:
        return
    upwards = sorted(words, key=_sort_key)
    yield Feature(f"the reversed copy of {path}", path, tuple(reversed(words)))
    yield Feature(f"the sorted copy of {path}", path, tuple(upwards))
    yield Feature(f"the sorted copy of {path}, the largest first", path, tuple(reversed(upwards)))


def same(words: Sequence[str], truth: Sequence[str]) -> bool:
    """Whether two answers are one: numbers by value, words without regard to case."""
    if not words or not truth:
        return False
    if len(words) == len(truth):
        return all(_same_word(left, right) for left, right in zip(words, truth, strict=True))
    return len(truth) == 1 and len(words) > 1 and "".join(words).lower() == truth[0].lower()


def _same_word(left: str, right: str) -> bool:
    left, right = (_ANSWERS.get(word.lower(), word.lower()) for word in (left, right))
    if left == right:
        return True
    if not (NUMBER.fullmatch(left) and NUMBER.fullmatch(right)):
        return False
    if left.lstrip("+-").isdecimal() and right.lstrip("+-").isdecimal():
        return len(left) <= 4_000 and len(right) <= 4_000 and int(left) == int(right)
    return math.isclose(float(left), float(right), rel_tol=1e-6, abs_tol=1e-9)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _flattened(items: Iterable[object]) -> Iterator[object]:
    for item in items:
        if isinstance(item, Mapping):
            yield from _flattened(item.values())
        elif isinstance(item, list):
            yield from _flattened(item)
        else:
            yield item


def _sort_key(word: str) -> tuple[int, float, str]:
    if NUMBER.fullmatch(word):
        return 0, float(word), ""
    return 1, 0.0, word
