"""Measuring scales: how long prompts are there, and how long solutions take."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scaler_core.factory.programs import Testcase
from scaler_core.factory.prompts import render
from scaler_core.sandbox import Program
from scaler_core.synthesis.environment import draft
from scaler_core.synthesis.records import Candidate
from scaler_core.synthesis.settings import CalibrationSettings
from scaler_core.synthesis.workbench import Bench, Draw


class Ruler:
    """Measures one candidate at any scale, always with the same seeds.

    Args:
        candidate: The candidate.
        solutions: Its kept solutions.
        bench: Runs programs, and counts tokens where it can.
        settings: What is allowed.

    Attributes:
        unit: ``tokens`` or ``characters``.
        budget: How many of them are allowed; negative where statement and instruction alone
            exceed what a whole prompt may have.
        time_limit_s: CPU seconds that a solution may take.
    """

    def __init__(
        self,
        candidate: Candidate,
        solutions: Sequence[Program],
        bench: Bench,
        settings: CalibrationSettings,
    ) -> None:
        self._environment = draft(candidate)
        self._solutions = solutions
        self._bench = bench
        self._settings = settings
        stated = candidate.problem.problem.time_limit_s
        self.time_limit_s = settings.time_share * (stated or settings.time_limit_s)
        self.unit = "characters" if bench.count_tokens is None else "tokens"
        self.budget = settings.characters if bench.count_tokens is None else settings.tokens
        self._around = self._characters({}) - len("{}")
        if bench.count_tokens is None:
            self.budget = min(self.budget, settings.prompt_characters - self._around)
        self._made: dict[tuple[tuple[str, int], ...], list[Testcase | None]] = {}

    def length(self, scale: dict[str, int]) -> float:
        """The length of a prompt at *scale*: the quantile of several draws.

        Infinite where so many draws give no testcase that it cannot be told.
        """
        lengths = sorted(
            math.inf if item is None else self.measure(item) for item in self._testcases(scale)
        )
        return lengths[math.ceil(self._settings.quantile * len(lengths)) - 1]

    def measure(self, testcase: Testcase) -> int:
        """The length of the prompt of one testcase, in the unit."""
        if self._bench.count_tokens is not None:
            return self._bench.count_tokens(render(self._environment, testcase.value))
        return self._characters(testcase.value) - self._around

    def in_time(self, scale: dict[str, int]) -> bool:
        """Whether every solution keeps to the time limit at *scale*."""
        stdins = [item.stdin for item in self._testcases(scale) if item is not None]
        return all(
            result.status != "time_limit"
            for program in self._solutions
            for result in self._bench.solve(program, stdins, self.time_limit_s, math.inf)
        )

    def _testcases(self, scale: dict[str, int]) -> list[Testcase | None]:
        """Testcases at *scale*; ``None`` where a draw gives none. The last scale is remembered."""
        key = tuple(scale.items())
        if key not in self._made:
            draws = [
                Draw(scale, self._bench.seed(self._environment.id, "calibrate", index))
                for index in range(self._settings.draws)
            ]
            made = self._generate(draws[:1])
            # where the first is too large or too slow the others need not be waited for
            made += self._generate(draws[1:]) if made[0] else [None] * (len(draws) - 1)
            self._made = {key: made}
        return self._made[key]

    def _generate(self, draws: Sequence[Draw]) -> list[Testcase | None]:
        cpu_s = self._settings.checks.generator_cpu_s
        made = self._bench.generate(self._environment.generator, draws, cpu_s)
        return [item.result if isinstance(item.result, Testcase) else None for item in made]

    def _characters(self, value: dict[str, object]) -> int:
        messages = render(self._environment, value)  # type: ignore[arg-type]
        return sum(len(message["content"]) for message in messages)


def largest(fits: Callable[[int], bool], top: int) -> int | None:
    """The largest number from 0 to *top* that fits, found by halving; ``None`` where 0 does not.

    What fits is taken to fit at every smaller number too.
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
