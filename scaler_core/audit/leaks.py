"""Answers that stand in the structured input already: a field of it, or a trivial function of one.

A *feature* is a field of the structured input, or its length, first or last element, maximum or
minimum; a sorted or reversed copy is one of another kind, since putting data in order may well be
the task. Each feature is compared with the truth over many instances: one that equals it nearly
always makes the rest of the input useless.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scaler_core.audit.rules import Measure

Words = tuple[str, ...]

LARGEST_LIST = 2_000
"""Longer lists are compared by length, first and last element alone."""
DEEPEST = 4
FEWEST_INSTANCES = 4
"""Fewer instances of a level say nothing."""

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_SAID = {"yes": "true", "no": "false"}


@dataclass(frozen=True)
class Answered:
    """A structured input and its truth."""

    value: object
    truth: str


def measure_leaks(by_level: Mapping[int, Sequence[Answered]]) -> list[Measure]:
    """The largest share of instances whose truth one feature gives, at each of the levels.

    A level on which all truths are one says nothing here: rules about common answers do.
    """
    measures = []
    for level, answered in by_level.items():
        if len(answered) < FEWEST_INSTANCES or len({item.truth for item in answered}) == 1:
            continue
        for rule, features in (("answer_leaked", plain_features), ("answer_in_order", orderings)):
            hits = Counter[str]()
            for item in answered:
                truth = item.truth.split()
                hits.update({name for name, words in features(item.value) if same(words, truth)})
            name, most = hits.most_common(1)[0] if hits else ("", 0)
            detail = (
                f"level {level}: {name} of the structured input is the answer of {most} of "
                f"{len(answered)} instances"
            )
            measures.append(Measure(rule, most / len(answered), detail))
    return measures


def plain_features(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, Words]]:
    """Yields name and words of each field, and of its length, ends and extremes."""
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        yield f"the length of {path or 'all'}", (str(len(value)),)
        for key, item in value.items():
            yield from plain_features(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        yield from _features_of_list(value, path, depth)
    elif isinstance(value, str):
        yield path, tuple(value.split())
        yield f"the length of {path}", (str(len(value)),)
        yield f"the first character of {path}", (value[:1],)
        yield f"the last character of {path}", (value[-1:],)
        numbers = _NUMBER.findall(value) if len(value) <= LARGEST_LIST else []
        if len(numbers) == 1:
            yield f"the number in {path}", (numbers[0],)
    elif value is not None:
        yield path, (_written(value),)
        if isinstance(value, bool):
            yield path, (str(int(value)),)


def _features_of_list(
    items: Sequence[object], path: str, depth: int
) -> Iterator[tuple[str, Words]]:
    yield f"the length of {path}", (str(len(items)),)
    if not items:
        return
    yield from plain_features(items[0], f"the first element of {path}", depth + 1)
    yield from plain_features(items[-1], f"the last element of {path}", depth + 1)
    if len(items) > LARGEST_LIST:
        return
    flat = [_written(item) for item in _flattened(items)]
    yield path, tuple(flat)
    numbers = [item for item in items if isinstance(item, (int, float))]
    if len(numbers) == len(items):
        yield f"the maximum of {path}", (_written(max(numbers)),)
        yield f"the minimum of {path}", (_written(min(numbers)),)


def orderings(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, Words]]:
    """Yields name and words of each list and text in another order: sorted or reversed."""
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from orderings(item, f"{path}.{key}" if path else str(key), depth + 1)
        return
    if isinstance(value, str) and 1 < len(value) <= LARGEST_LIST:
        words = value.split()
        yield f"the reversed text of {path}", (value[::-1],)
        yield f"the sorted letters of {path}", ("".join(sorted(value)),)
    elif isinstance(value, list) and 1 < len(value) <= LARGEST_LIST:
        if any(isinstance(item, (Mapping, list)) for item in value):
            return
        words = [_written(item) for item in value]
    else:
        return
    if len(words) < 2:
        return
    upwards = sorted(words, key=_sort_key)
    yield f"the reversed copy of {path}", tuple(reversed(words))
    yield f"the sorted copy of {path}", tuple(upwards)
    yield f"the sorted copy of {path}, the largest first", tuple(reversed(upwards))


def same(words: Sequence[str], truth: Sequence[str]) -> bool:
    """Whether two answers are one: numbers by value, words without regard to case."""
    if not words or not truth:
        return False
    if len(words) == len(truth):
        return all(_same_word(left, right) for left, right in zip(words, truth, strict=True))
    return len(truth) == 1 and len(words) > 1 and "".join(words).lower() == truth[0].lower()


def _same_word(left: str, right: str) -> bool:
    left, right = (_SAID.get(word.lower(), word.lower()) for word in (left, right))
    if left == right:
        return True
    if not (_NUMBER.fullmatch(left) and _NUMBER.fullmatch(right)):
        return False
    if left.lstrip("+-").isdecimal() and right.lstrip("+-").isdecimal():
        return len(left) <= 4_000 and len(right) <= 4_000 and int(left) == int(right)
    return math.isclose(float(left), float(right), rel_tol=1e-6, abs_tol=1e-9)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _flattened(items: Sequence[object], depth: int = 0) -> Iterator[object]:
    for item in items:
        if isinstance(item, Mapping):
            yield from _flattened(list(item.values()), depth + 1)
        elif isinstance(item, list) and depth < DEEPEST:
            yield from _flattened(item, depth + 1)
        else:
            yield item


def _sort_key(word: str) -> tuple[int, float, str]:
    if _NUMBER.fullmatch(word):
        return 0, float(word), ""
    return 1, 0.0, word
