"""Level tables of new environments, and how parameters move together (paper section 2.7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scaler_core.factory.programs import Testcase
from scaler_core.factory.prompts import render
from scaler_core.interfaces import Program
from scaler_core.models import ScaleParameter
from scaler_core.pool.conversion import MOST_LEVELS, published_levels, repaired_levels
from scaler_core.synthesis.checks.draws import Ranges
from scaler_core.synthesis.config import CalibrationSettings
from scaler_core.synthesis.environment import draft
from scaler_core.synthesis.records import Candidate
from scaler_core.synthesis.workbench import Draw, Workbench

EVENLY_BELOW = 100
"""Ranges below it are cut evenly, as published."""

STILL = 2.0**-60
"""The ratio of a parameter with one value only: it must be positive, and moves nothing."""


def level_table(scale_range: int, *, as_published: bool = False) -> tuple[int, ...]:
    """Offsets of the levels of a range ``0..scale_range``, at most 30.

    Below 100 they are even, below 1,000 they grow as 1.3^i, above that as 1.6^i. They are distinct
    and increasing, and the last is the range.

    Args:
        scale_range: The largest offset.
        as_published: The published table, in which offsets may repeat and the last may be less.

    Raises:
        ValueError: The range is negative.
    """
    published = published_levels(scale_range)
    if as_published:
        return published
    if MOST_LEVELS <= scale_range < EVENLY_BELOW:
        last = MOST_LEVELS - 1
        return tuple(level * scale_range // last for level in range(MOST_LEVELS))
    return repaired_levels(published, scale_range)


@dataclass(frozen=True)
class Ladder:
    """Parameters that move together: offset 0 is the lowest scale, ``reach`` the highest.

    Attributes:
        parameters: Minimum, maximum and ratio of each.
        reach: The largest offset: the smallest span of a parameter that moves.
    """

    parameters: Mapping[str, ScaleParameter]
    reach: int

    @classmethod
    def of(cls, ranges: Ranges, largest_span: int | None = None) -> Ladder:
        """The ladder of *ranges*, whose spans are cut to *largest_span* if it is given.

        Each ratio is span / smallest span, so that all parameters reach their maximum together.
        """
        spans = {name: high - low for name, (low, high) in ranges.items()}
        if largest_span is not None:
            spans = {name: min(span, largest_span) for name, span in spans.items()}
        reach = min((span for span in spans.values() if span), default=0)
        parameters = {
            name: ScaleParameter(
                minimum=ranges[name][0],
                maximum=ranges[name][0] + span,
                ratio=exact_ratio(span, reach),
            )
            for name, span in spans.items()
        }
        return cls(parameters, reach)

    def scale(self, offset: int) -> dict[str, int]:
        """Parameter values at *offset*, as :meth:`Environment.scale` computes them."""
        return {
            name: item.minimum + int(item.ratio * offset) for name, item in self.parameters.items()
        }

    def between(self, lowest: int, highest: int) -> Ladder:
        """The part from the scale at offset *lowest* to the one at *highest*."""
        low, high = self.scale(lowest), self.scale(highest)
        return Ladder.of({name: (low[name], high[name]) for name in low})


def exact_ratio(span: int, reach: int) -> float:
    """The ratio by which a parameter moves its whole *span* when the offset moves *reach*.

    Rounding down a floating-point product may lose the last unit, so the ratio is the next larger
    one where it does.
    """
    if not span or not reach:
        return STILL
    ratio = span / reach
    while int(ratio * reach) < span:
        ratio = math.nextafter(ratio, math.inf)
    return ratio


class Ruler:
    """Measures one candidate at any scale, always with the same seeds.

    Args:
        candidate: The candidate.
        solutions: Its kept solutions.
        workbench: Runs programs, and counts tokens where it can.
        settings: The budget and the quantile.

    Attributes:
        unit: ``tokens`` or ``characters``.
        budget: Most tokens or characters of a prompt; negative where statement and instruction
            alone exceed the limit of a whole prompt.
        time_limit_s: CPU seconds that a solution may take.
    """

    def __init__(
        self,
        candidate: Candidate,
        solutions: Sequence[Program],
        workbench: Workbench,
        settings: CalibrationSettings,
    ) -> None:
        self._environment = draft(candidate)
        self._solutions = solutions
        self._workbench = workbench
        self._settings = settings
        stated = candidate.problem.problem.time_limit_s
        self.time_limit_s = settings.time_share * (stated or settings.time_limit_s)
        self.unit = "characters" if workbench.count_tokens is None else "tokens"
        self.budget = settings.characters if workbench.count_tokens is None else settings.tokens
        self._around = self._characters({}) - len("{}")
        if workbench.count_tokens is None:
            self.budget = min(self.budget, settings.prompt_characters - self._around)
        self._made: dict[tuple[tuple[str, int], ...], list[Testcase | None]] = {}

    def length(self, scale: dict[str, int]) -> float:
        """The length of a prompt at *scale*: the quantile of several draws.

        Infinite where too many draws give no testcase for the quantile to be known.
        """
        lengths = sorted(
            math.inf if item is None else self.measure(item) for item in self._testcases(scale)
        )
        return lengths[math.ceil(self._settings.quantile * len(lengths)) - 1]

    def measure(self, testcase: Testcase) -> int:
        """The length of the prompt of one testcase, in the unit."""
        if self._workbench.count_tokens is not None:
            return self._workbench.count_tokens(render(self._environment, testcase.value))
        return self._characters(testcase.value) - self._around

    def in_time(self, scale: dict[str, int]) -> bool:
        """Whether every solution keeps to the time limit at *scale*."""
        stdins = [item.stdin for item in self._testcases(scale) if item is not None]
        return all(
            result.status != "time_limit"
            for program in self._solutions
            for result in self._workbench.solve(program, stdins, self.time_limit_s, math.inf)
        )

    def _testcases(self, scale: dict[str, int]) -> list[Testcase | None]:
        """Testcases at *scale*; ``None`` where a draw gives none. Caches the last scale."""
        key = tuple(scale.items())
        if key not in self._made:
            draws = [
                Draw(scale, self._workbench.seed(self._environment.id, "calibrate", index))
                for index in range(self._settings.draws)
            ]
            made = self._generate(draws[:1])
            # where the first is too large or too slow, the others are not worth their time
            made += self._generate(draws[1:]) if made[0] else [None] * (len(draws) - 1)
            self._made = {key: made}
        return self._made[key]

    def _generate(self, draws: Sequence[Draw]) -> list[Testcase | None]:
        cpu_s = self._settings.checks.generator_cpu_s
        made = self._workbench.generate(self._environment.generator, draws, cpu_s)
        return [item.result if isinstance(item.result, Testcase) else None for item in made]

    def _characters(self, value: dict[str, object]) -> int:
        messages = render(self._environment, value)  # type: ignore[arg-type]
        return sum(len(message["content"]) for message in messages)


def largest(fits: Callable[[int], bool], top: int) -> int | None:
    """The largest number from 0 to *top* that fits, found by halving; ``None`` where 0 does not.

    A number that fits is taken to mean that every smaller one fits too.
    """
    if fits(top):
        return top
    if not fits(0):
        return None
    low, high = 0, top
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
