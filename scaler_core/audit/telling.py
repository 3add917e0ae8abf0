"""Whether the structured input tells what the programs read: nothing left out, nothing else.

::

    testcases of a level --> marks (pairs), series (columns), headers --> share that differs
                             reordered series --> solutions, in both orders --> share that matters
                             equal inputs with different truths --> ambiguous
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scaler_core.audit.columns import compare_series
from scaler_core.audit.generator import digest
from scaler_core.audit.leaks import plain_features
from scaler_core.audit.pairs import LARGEST_STDIN, mismatch
from scaler_core.audit.records import LONGEST_ANSWER, shortened
from scaler_core.audit.rules import Measure
from scaler_core.factory.programs import Testcase
from scaler_core.factory.references import Words, agree
from scaler_core.models import Environment

_DIGITS = re.compile(r"\d+")

LARGEST_SERIES_STDIN = 16_384
"""Series of longer texts are not compared: that would cost more than it could show."""
FEWEST_VALUES = 4
"""Different values that a number of the first line must have, so that codes are left alone."""
FEWEST_TESTCASES = 5
UNTOLD_SHARE = 0.5
"""A number of the first line is untold where so many testcases do not hold it anywhere."""
MOST_HEADERS = 6

AskSolution = Callable[[Sequence[bytes]], Sequence[Words | None]]
"""The words that one sound solution answers to each stdin; ``None`` where it fails."""


@dataclass(frozen=True)
class Told:
    """A testcase of a level.

    Attributes:
        level: Its level.
        seed: Its seed.
        testcase: What the solutions read, and the structured input.
        truth: Its truth, where the factory gave one.
    """

    level: int
    seed: int
    testcase: Testcase
    truth: str | None

    @property
    def where(self) -> str:
        """The testcase, as a message names it."""
        return f"level {self.level}, seed {self.seed}"

    @property
    def stdin(self) -> str:
        """What the solutions read, as text."""
        return self.testcase.stdin.decode(errors="replace")


def measure_telling(
    level: Sequence[Told], environment: Environment, ask: AskSolution
) -> list[Measure]:
    """What the structured inputs of one level leave out, add, put in another order, or confuse."""
    differences, reordered = [], []
    for told in level:
        text = told.stdin
        difference = mismatch(text, told.testcase.value) if len(text) <= LARGEST_STDIN else ""
        if not difference and len(text) <= LARGEST_SERIES_STDIN:
            comparison = compare_series(text, told.testcase.value)
            difference = comparison.difference
            if comparison.reordered is not None:
                reordered.append((told, comparison.reordered))
        if difference:
            differences.append(f"{told.where}: {difference}")
    differences = differences or untold_headers(level)
    return [
        Measure(
            "prompt_differs",
            len(differences) / max(1, len(level)),
            f"{len(differences)} of {len(level)} testcases of one level: "
            f"{differences[0] if differences else ''}",
        ),
        _measure_order(reordered, len(level), environment, ask),
        *_measure_ambiguity(level, environment),
    ]


def untold_headers(level: Sequence[Told]) -> list[str]:
    """Testcases that do not hold a number of the first line of stdin, where most do not.

    One that occurs by chance proves nothing, nor does one that other testcases write differently:
    so a place of the first line is looked at over all testcases of a level.
    """
    headers = [told.stdin.partition("\n")[0].split() for told in level]
    width = len(headers[0]) if headers else 0
    if len(level) < FEWEST_TESTCASES or not 0 < width <= MOST_HEADERS:
        return []
    if any(len(header) != width for header in headers):
        return []
    for place in range(width):
        words = [header[place] for header in headers]
        if len(set(words)) < FEWEST_VALUES or not all(map(str.isdecimal, words)):
            continue
        untold = [
            f"{told.where}: stdin begins with {shortened(' '.join(header), LONGEST_ANSWER)}, and "
            f"the structured value does not tell {word}"
            for told, header, word in zip(level, headers, words, strict=True)
            if not _holds(told.testcase.value, word)
        ]
        if len(untold) >= UNTOLD_SHARE * len(level):
            return untold
    return []


def _holds(value: object, word: str) -> bool:
    """Whether *word* stands anywhere in *value*, or is the length of something in it."""
    sizes = {words[0] for name, words in plain_features(value) if name.startswith("the length of ")}
    return word in sizes or word in _DIGITS.findall(str(value))


def _measure_order(
    reordered: Sequence[tuple[Told, bytes]], count: int, environment: Environment, ask: AskSolution
) -> Measure:
    """How often a solution answers differently when it reads the order of the structured input."""
    asked = ask([told.testcase.stdin for told, _ in reordered]) if reordered else []
    again = ask([stdin for _, stdin in reordered]) if reordered else []
    how = environment.answer_type, environment.tolerance
    differing = [
        told
        for (told, _), first, second in zip(reordered, asked, again, strict=False)
        if first is not None and second is not None and not agree(first, second, *how)
    ]
    detail = (
        f"{len(differing)} of {count} testcases of one level have another answer in the order of "
        f"the structured value: {differing[0].where if differing else ''}"
    )
    return Measure("prompt_loses_order", len(differing) / max(1, count), detail)


def _measure_ambiguity(level: Sequence[Told], environment: Environment) -> list[Measure]:
    """Equal structured inputs with different truths: the model is not given what decides."""
    if not environment.answer_unique:
        return []
    truths: dict[str, Told] = {}
    for told in level:
        if told.truth is None:
            continue
        first = truths.setdefault(digest(told.testcase.value), told)
        assert first.truth is not None
        words = tuple(first.truth.split()), tuple(told.truth.split())
        if not agree(*words, environment.answer_type, environment.tolerance):
            detail = (
                f"{first.where} and {told.where} have one structured value and the answers "
                f"{shortened(first.truth, LONGEST_ANSWER)} and "
                f"{shortened(told.truth, LONGEST_ANSWER)}"
            )
            return [Measure("prompt_ambiguous", 1, detail)]
    return []
