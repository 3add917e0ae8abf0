"""Whether the structured input holds the data that programs read: nothing less, nothing else.

::

    testcases of a level --> marks (pairs), series (columns), words --> share that differs
                             reordered series --> a solution, in both orders --> share that matters
                             equal inputs with different truths --> ambiguous
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scaler_core.audit.columns import Comparison, compare_series, words_of
from scaler_core.audit.features import features_of
from scaler_core.audit.generator import LevelTestcase
from scaler_core.audit.pairs import LARGEST_STDIN, mismatch
from scaler_core.audit.records import LONGEST_ANSWER, shortened
from scaler_core.audit.relations import linear, renamed
from scaler_core.audit.rules import Measure
from scaler_core.factory.references import Words, agree
from scaler_core.models import Environment

_DIGITS = re.compile(r"\d+")

LARGEST_SERIES_STDIN = 16_384
"""Series of longer texts are not compared: that would cost more than it could show."""
FEWEST_TESTCASES = 5
FEWEST_VALUES = 4
"""Different words that a place of stdin must have, so that codes are left alone."""
FEWEST_MISSING = 2
"""Testcases that must not hold the word of a place of stdin anywhere."""
MOST_LINES = 6
MOST_COLUMNS = 6
"""Places of stdin that are looked at: later ones are parts of a series."""

AskSolution = Callable[[Sequence[bytes]], Sequence[Words | None]]
"""The words that one sound solution answers to each stdin; ``None`` where it fails."""


@dataclass
class _Difference:
    testcase: LevelTestcase
    text: str
    removed: tuple[str, ...] = ()


def measure_prompt_data(
    testcases: Sequence[LevelTestcase], environment: Environment, ask: AskSolution
) -> list[Measure]:
    """How structured inputs of one level lack, add, reorder or confuse what solutions read."""
    differences, reordered = [], []
    for testcase in testcases:
        comparison = _compare(testcase)
        if comparison.difference:
            differences.append(_Difference(testcase, comparison.difference, comparison.removed))
        elif comparison.reordered is not None:
            reordered.append((testcase, comparison.reordered))
    differences = max(_without_constants(differences), missing_words(testcases), key=len)
    first = f"{differences[0].testcase.where}: {differences[0].text}" if differences else ""
    return [
        Measure(
            "prompt_differs",
            len(differences) / max(1, len(testcases)),
            f"{len(differences)} of {len(testcases)} testcases: {first}",
        ),
        _measure_order(reordered, len(testcases), environment, ask),
        *_measure_ambiguity(testcases, environment),
    ]


def _compare(testcase: LevelTestcase) -> Comparison:
    text = testcase.text
    if len(text) <= LARGEST_STDIN and (difference := mismatch(text, testcase.value)):
        return Comparison(difference)
    if len(text) <= LARGEST_SERIES_STDIN:
        return compare_series(text, testcase.value)
    return Comparison()


def _without_constants(differences: list[_Difference]) -> list[_Difference]:
    """*differences*, unless the same elements lack in all of them, such as a 0 that ends a list."""
    removed = {item.removed for item in differences}
    if len(differences) >= FEWEST_TESTCASES and len(removed) == 1 and removed != {()}:
        return []
    return differences


def missing_words(testcases: Sequence[LevelTestcase]) -> list[_Difference]:
    """Testcases that do not hold the word of some place of stdin, at the worst place.

    One word may occur by chance, or be written in another way. So a place is looked at over all
    testcases: it is not missing where a field, or a length, follows it by a constant step or under
    another name.
    """
    if len(testcases) < FEWEST_TESTCASES:
        return []
    held = [_words_held(testcase.value) for testcase in testcases]
    columns = _columns(testcases)
    worst: list[_Difference] = []
    for (line, column), words in _places(testcases).items():
        if len(set(words)) < FEWEST_VALUES or not all(map(_is_short, words)):
            continue
        missing = [
            _Difference(
                testcase,
                f"line {line + 1} of stdin holds {shortened(word, LONGEST_ANSWER)} in place "
                f"{column + 1}, which the structured value lacks",
            )
            for testcase, word, known in zip(testcases, words, held, strict=True)
            if word.lower() not in known
        ]
        if len(missing) < max(FEWEST_MISSING, len(worst) + 1):
            continue
        if not _is_followed(words, columns):
            worst = missing
    return worst


def _is_short(word: str) -> bool:
    """Whether *word* is a number or a letter; others are compared as marks."""
    return len(word) == 1 or word.isdecimal()


def _places(testcases: Sequence[LevelTestcase]) -> dict[tuple[int, int], list[str]]:
    """The words of the first places of stdin that all testcases have."""
    texts = [
        [line.split() for line in testcase.text.split("\n", MOST_LINES)[:MOST_LINES]]
        for testcase in testcases
    ]
    return {
        (line, column): [text[line][column] for text in texts]
        for line in range(min(map(len, texts)))
        for column in range(min(MOST_COLUMNS, *(len(text[line]) for text in texts)))
    }


def _words_held(value: Mapping[str, object]) -> set[str]:
    """Words, numbers and letters of a structured value, and the lengths of all in it."""
    sizes = {
        feature.words[0]
        for feature in features_of(value)
        if feature.name.startswith("the length of ")
    }
    elements = {word.lower() for word in words_of(value)}
    return sizes | elements | set(_DIGITS.findall(str(value)))


def _columns(testcases: Sequence[LevelTestcase]) -> dict[str, list[str | None]]:
    """The single words among the features of all testcases."""
    columns: dict[str, list[str | None]] = {}
    for place, testcase in enumerate(testcases):
        for feature in features_of(testcase.value):
            if len(feature.words) == 1:
                column = columns.setdefault(feature.name, [None] * len(testcases))
                column[place] = feature.words[0].lower()
    return columns


def _is_followed(words: Sequence[str], columns: Mapping[str, Sequence[str | None]]) -> bool:
    """Whether a feature follows the words of a place in all testcases."""
    lowered = [word.lower() for word in words]
    return any(
        all(relate(column, lowered)) for column in columns.values() for relate in (linear, renamed)
    )


def _measure_order(
    reordered: Sequence[tuple[LevelTestcase, bytes]],
    count: int,
    environment: Environment,
    ask: AskSolution,
) -> Measure:
    """How often a solution answers differently when it reads the order of the structured input."""
    if environment.checker is not None:
        return Measure("prompt_loses_order", 0, "a checker judges: answers may differ")
    asked = ask([testcase.stdin for testcase, _ in reordered]) if reordered else []
    again = ask([stdin for _, stdin in reordered]) if reordered else []
    how = environment.answer_type, environment.tolerance
    differing = [
        testcase
        for (testcase, _), first, second in zip(reordered, asked, again, strict=False)
        if first is not None and second is not None and not agree(first, second, *how)
    ]
    detail = (
        f"{len(differing)} of {count} testcases have another answer in the order of the "
        f"structured value: {differing[0].where if differing else ''}"
    )
    return Measure("prompt_loses_order", len(differing) / max(1, count), detail)


def _measure_ambiguity(
    testcases: Sequence[LevelTestcase], environment: Environment
) -> list[Measure]:
    """Equal structured inputs with different truths: the model is not given what decides."""
    if not environment.answer_unique or environment.checker is not None:
        return []
    firsts: dict[str, LevelTestcase] = {}
    for testcase in testcases:
        if testcase.truth is None:
            continue
        first = firsts.setdefault(testcase.fingerprint, testcase)
        assert first.truth is not None
        words, others = tuple(first.truth.split()), tuple(testcase.truth.split())
        if not agree(words, others, environment.answer_type, environment.tolerance):
            detail = (
                f"{first.where} and {testcase.where} have one structured value and the answers "
                f"{shortened(first.truth, LONGEST_ANSWER)} and "
                f"{shortened(testcase.truth, LONGEST_ANSWER)}"
            )
            return [Measure("prompt_ambiguous", 1, detail)]
    return []
