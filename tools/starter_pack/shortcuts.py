"""Measures how often the answer of a starter environment can be had without solving it.

::

    python -m tools.starter_pack.shortcuts             # every shelf
    python -m tools.starter_pack.shortcuts NAME ...    # these environments

For each environment: the share of the commonest answer at its worst level, and the best score of a
*shortcut* at the middle level. Shortcuts are the features that the audit looks for (a field, its
length, its first, last, smallest or largest element, sorted and reversed copies), sums and counts
of whole fields and of columns, a constant, and the answer to the same draw of the level below.
Exit code 1 says that a figure is above its bound.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from scaler_core.audit.features import features_of, orderings_of, same
from scaler_core.models import Environment
from scaler_core.pool.published import read_published
from scaler_plugins.environments.starter import SHELVES
from tools.starter_pack.checks import draw
from tools.starter_pack.trial import Trial

DRAWS = 400
COMMONEST = 0.2  # of all answers, at every level
SHORTCUT = 0.25  # of all answers, at the middle level


class Figures(NamedTuple):
    """What an environment gives away.

    Attributes:
        levels: How many levels it has.
        commonest: Share of the commonest answer at the worst level.
        level: That level.
        shortcut: Score of the best shortcut at the middle level.
        name: That shortcut.
    """

    levels: int
    commonest: float
    level: int
    shortcut: float
    name: str

    @property
    def within_bounds(self) -> bool:
        """Whether no figure is above its bound."""
        return self.commonest <= COMMONEST and self.shortcut <= SHORTCUT


def measure(environment: Environment, draws: int = DRAWS) -> Figures:
    """The figures of one environment over *draws* instances of each level."""
    levels = range(environment.top_level + 1)
    drawn = draw(environment, levels, [environment.problem.solutions[0].source], draws)
    commonest, worst = max((_constant(drawn[level]), level) for level in levels)
    middle = environment.top_level // 2
    scores = shortcut_scores(drawn[middle])
    scores["a constant"] = _constant(drawn[middle])
    below = zip(drawn[middle], drawn[middle - 1], strict=True)
    scores["the answer of the level below"] = _share(
        [one.answers[0] == other.answers[0] for one, other in below]
    )
    best = max(scores, key=lambda name: scores[name])
    return Figures(len(levels), commonest, worst, scores[best], best)


def shortcut_scores(trials: Sequence[Trial]) -> dict[str, float]:
    """The share of answers that each shortcut gives, by its name."""
    hits: Counter[str] = Counter()
    for trial in trials:
        truth = tuple(trial.answers[0].split())
        hits.update({name for name, words in _guesses(trial.testcase) if same(words, truth)})
    return {name: count / len(trials) for name, count in hits.items()}


def _guesses(testcase: Mapping[str, JsonValue]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The answers of all shortcuts to one testcase, by name."""
    fields: dict[str, JsonValue] = dict(testcase)
    for key, value in testcase.items():
        if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
            columns = zip(*(item for item in value if isinstance(item, list)), strict=False)
            fields |= {f"{key}.column{i}": list(column) for i, column in enumerate(columns)}
            fields[f"{key}.all"] = _flat(value)
    for feature in [*features_of(fields), *orderings_of(fields)]:
        yield feature.name, feature.words
    for key, value in fields.items():
        for name, number in _totals(value):
            yield f"{name} of {key}", (str(number),)


def _totals(value: JsonValue) -> Iterator[tuple[str, int]]:
    """Sums and counts of the numbers or letters of one field."""
    items = list(value) if isinstance(value, (str, list)) else []
    plain = [item for item in items if isinstance(item, (int, str))]
    if len(plain) != len(items):
        return
    numbers = [item for item in plain if isinstance(item, int)]
    if numbers and len(numbers) == len(plain):
        yield "the sum", sum(numbers)
        yield "the range", max(numbers) - min(numbers)
        yield "the mean", sum(numbers) // len(numbers)
    yield "the number of distinct items", len(set(plain))
    if plain:
        yield "the count of the first item", plain.count(plain[0])
        yield "the count of the commonest item", max(Counter(plain).values())


def _flat(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, list):
        return [leaf for item in value for leaf in _flat(item)]
    return [value]


def _constant(trials: Sequence[Trial]) -> float:
    return max(Counter(trial.answers[0] for trial in trials).values()) / len(trials)


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)


def main(arguments: Sequence[str]) -> int:
    """Print a row for each environment; the exit code."""
    parser = argparse.ArgumentParser(description="What the answers of the starter pack give away.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="an environment; all when empty")
    parser.add_argument("--draws", type=int, default=DRAWS, help="instances of each level")
    options = parser.parse_args(arguments)
    code = 0
    for environment in (item for pack in SHELVES for item in read_published(pack.file)):
        if options.names and environment.id not in options.names:
            continue
        found = measure(environment, options.draws)
        mark = "" if found.within_bounds else " *"
        code = code if found.within_bounds else 1
        print(
            f"| `{environment.id}` | {environment.provenance['family']} | "
            f"{environment.answer_type} | {found.levels} | {found.commonest:.0%} at level "
            f"{found.level} | {found.shortcut:.0%}: {found.name}{mark} |",
            flush=True,
        )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
