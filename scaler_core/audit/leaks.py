"""Answers that stand in the structured input: a field of it, or a trivial function of one.

::

    testcases of a level --> features of each --> one equals the answer nearly always: leaked
                                                  one gives it by a constant step, another name or
                                                  another order: leaked where stdin does not hold
                                                  the field, else derived

What solutions read may give the answer by a step of work, which may be the task. A field that they
do not read was added by somebody who knows the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from scaler_core.audit.features import Feature, Words, features_of, orderings_of, same
from scaler_core.audit.generator import LevelTestcase
from scaler_core.audit.relations import linear, renamed, share
from scaler_core.audit.rules import Measure

FEWEST_INSTANCES = 4
"""Fewer instances say nothing."""
ALWAYS = 0.9
"""A feature that gives the truth in more of the instances needs no further explanation."""
EXTREMES = ("the maximum of ", "the minimum of ")
"""Features that are work where solutions read the field: finding the largest may be the task."""
READ_SHARE = 0.9
"""A field is read where stdin holds it in so many testcases."""
MOST_PLACES = 16
"""Lines of stdin, and words of each, at which a single value is looked for."""


def measure_leaks(groups: Mapping[str, Sequence[LevelTestcase]]) -> list[Measure]:
    """The largest share of truths that one feature gives, in each group of testcases.

    A group in which all truths are one says nothing here: rules about common answers do.

    Args:
        groups: Testcases, by the name of the group in messages, such as ``level 3``.
    """
    measures = []
    for group, testcases in groups.items():
        answered = [item for item in testcases if item.truth is not None]
        if len(answered) < FEWEST_INSTANCES or len({item.truth for item in answered}) == 1:
            continue
        table = _Table(answered)
        found = list(_leaks(table))
        for rule in ("answer_leaked", "answer_derived"):
            worst = max(
                (leak for leak in found if leak.rule == rule),
                key=lambda leak: leak.figure,
                default=None,
            )
            if worst is not None:
                detail = (
                    f"{group}: {worst.what} {worst.hits} of {len(answered)} instances, as on "
                    f"{worst.example}"
                )
                measures.append(Measure(rule, worst.figure, detail))
    return measures


@dataclass(frozen=True)
class _Leak:
    rule: str
    figure: float
    hits: int
    what: str
    example: str


class _Table:
    """The features of testcases, as columns.

    Attributes:
        testcases: The testcases, each with a truth.
        truths: Their truths.
        columns: The words of each feature, by name, in the order of testcases.
        paths: The field of each feature.
    """

    def __init__(self, testcases: Sequence[LevelTestcase]) -> None:
        self.testcases = testcases
        self.truths = [item.truth or "" for item in testcases]
        self.columns, self.paths = _columns([features_of(item.value) for item in testcases])

    @cached_property
    def orderings(self) -> dict[str, list[Words | None]]:
        """Sorted and reversed copies, likewise."""
        columns, paths = _columns([orderings_of(item.value) for item in self.testcases])
        self.paths |= paths
        return columns

    def is_read(self, path: str) -> bool:
        """Whether stdin holds the field: in one place, or its words in a row or column."""
        column = self.columns.get(path)
        if column is None:
            return True
        found = Counter[object]()
        for words, testcase in zip(column, self.testcases, strict=True):
            if words is not None:
                found.update(set(_places(words, testcase.text)))
        return bool(found) and max(found.values()) >= READ_SHARE * len(self.testcases)


def _columns(
    rows: Sequence[Sequence[Feature]],
) -> tuple[dict[str, list[Words | None]], dict[str, str]]:
    columns: dict[str, list[Words | None]] = {}
    paths: dict[str, str] = {}
    for place, row in enumerate(rows):
        for feature in row:
            column = columns.setdefault(feature.name, [None] * len(rows))
            column[place] = feature.words
            paths[feature.name] = feature.path
    return columns, paths


def _leaks(table: _Table) -> Iterator[_Leak]:
    truths = [tuple(truth.split()) for truth in table.truths]
    single = [truth[0].lower() if len(truth) == 1 else None for truth in truths]
    for name, column in table.columns.items():
        hits = _hits(column, truths)
        is_work = any(hits) and name.startswith(EXTREMES) and table.is_read(table.paths[name])
        rule = "answer_derived" if is_work else "answer_leaked"
        leak = _leak(table, rule, hits, f"{name} of the structured input is the answer of")
        yield leak
        if leak.figure > ALWAYS:
            continue
        words = [
            item[0].lower() if item is not None and len(item) == 1 else None for item in column
        ]
        for relate, how in (
            (linear, "by one and the same step"),
            (renamed, "under another name"),
        ):
            yield from _derived(table, name, relate(words, single), how)
    for name, column in table.orderings.items():
        yield from _derived(table, name, _hits(column, truths), "as it stands")


def _hits(column: Sequence[Words | None], truths: Sequence[Words]) -> list[bool]:
    """Where a feature is the truth."""
    return [
        words is not None and same(words, truth)
        for words, truth in zip(column, truths, strict=True)
    ]


def _derived(table: _Table, name: str, hits: Sequence[bool], how: str) -> Iterator[_Leak]:
    if any(hits):
        rule = "answer_derived" if table.is_read(table.paths[name]) else "answer_leaked"
        yield _leak(
            table, rule, hits, f"{name} of the structured input gives, {how}, the answer of"
        )


def _leak(table: _Table, rule: str, hits: Sequence[bool], what: str) -> _Leak:
    example = next((item.where for item, hit in zip(table.testcases, hits, strict=True) if hit), "")
    return _Leak(rule, share(hits, table.truths), sum(hits), what, example)


def _places(words: Words, text: str) -> Iterator[object]:
    """The places of stdin that hold *words*; any place, where there are several words."""
    lines = [line.split() for line in text.splitlines()]
    if len(words) == 1:
        yield from _places_of_word(words[0], lines)
        if len(words[0]) > 2 and words[0] in text:
            yield "anywhere"
        return
    joined = f" {' '.join(words)} "
    if joined in f" {' '.join(word for line in lines for word in line)} ":
        yield "anywhere"
    if "".join(words) in "".join(text.split()):
        yield "anywhere"
    for column in range(min(MOST_PLACES, max(map(len, lines), default=0))):
        if joined in f" {' '.join(line[column] for line in lines if len(line) > column)} ":
            yield "anywhere"


def _places_of_word(word: str, lines: Sequence[Sequence[str]]) -> Iterator[object]:
    for number, line in enumerate(lines[:MOST_PLACES]):
        for column, other in enumerate(line[:MOST_PLACES]):
            if other == word:
                yield number, column
        if line and line[-1] == word:
            yield number, "last"
    for number, line in enumerate(lines[-MOST_PLACES:][::-1]):
        for column, other in enumerate(line[:MOST_PLACES]):
            if other == word:
                yield "from the end", number, column
