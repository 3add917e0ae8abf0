"""The interface of readers of problems, and the ids that they assign."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scaler_core.models import Record
from scaler_core.pool.conversion import slug
from scaler_core.synthesis.records import Rejection, SourceProblem, SourceTest, TestKind

_SUFFIX_LENGTH = 10
_LONGEST = 100  # leaves room for the suffix within the 120 characters of an id
_KINDS: tuple[TestKind, ...] = ("example", "public", "private", "generated")


class Unusable(Record):
    """An entry of a dataset from which no problem can be read.

    Attributes:
        id: Stable and unique in its dataset, as that of a problem.
        source: Its place in the dataset, in one line.
        rejection: Why no problem can be read from it.
    """

    id: str
    source: str
    rejection: Rejection

    @classmethod
    def because(cls, check: str, detail: str, *, id: str, source: str) -> Unusable:
        """An entry that *check* of the stage ``filter`` refused."""
        rejection = Rejection(stage="filter", check=check, detail=detail)
        return cls(id=id, source=source, rejection=rejection)


Read = SourceProblem | Unusable


class ProblemReader(Protocol):
    """A dataset of problems, read one after another.

    Each iteration starts at the beginning and yields the same.
    """

    @property
    def label(self) -> str:
        """The dataset in one line: equal for equal datasets."""

    def count(self) -> int | None:
        """The number of items that it yields; ``None`` where that is not known beforehand."""

    def __iter__(self) -> Iterator[Read]:
        """Problems and unusable entries, in the order of the dataset."""


@dataclass
class Ids:
    """Assigns ids to the problems of one dataset, each id once."""

    _given: set[str] = field(default_factory=set)

    def give(self, name: str, content: str) -> str:
        """An id for *name*: its slug, with a hash of *content* where that is taken already."""
        return self.give_exact(slug(name) or "problem", content)

    def give_exact(self, wanted: str, content: str) -> str:
        """*wanted*, with a hash of *content* where that is taken already."""
        chosen = wanted
        while chosen in self._given:  # the very same problem may occur several times
            digest = hashlib.sha256(f"{chosen}\0{content}".encode(errors="surrogatepass"))
            chosen = f"{wanted[:_LONGEST]}-{digest.hexdigest()[:_SUFFIX_LENGTH]}"
        self._given.add(chosen)
        return chosen


def join_tests(
    examples: Sequence[SourceTest], given: Sequence[SourceTest]
) -> tuple[SourceTest, ...]:
    """The tests of a problem, each input once, examples first, then by kind.

    Where the dataset gives public tests, which are what a statement shows, an example counts only
    if it is one of them: examples are read out of a text, and the public tests confirm them.
    """
    public = {_words(test.stdin): test.stdout for test in given if test.kind == "public"}
    if public:
        examples = [
            test
            for test in examples
            if _words(public.get(_words(test.stdin), "")) == _words(test.stdout)
        ]
    joined: dict[str, SourceTest] = {}
    for test in [*examples, *sorted(given, key=lambda test: _KINDS.index(test.kind))]:
        joined.setdefault(_words(test.stdin), test)
    return tuple(joined.values())


def _words(text: str) -> str:
    return " ".join(text.split())
