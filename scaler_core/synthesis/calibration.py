"""Calibrating a checked candidate: the largest scale that fits, the lowest with variety, levels.

::

    minimum ---- lowest varied ==== levels ==== largest that fits ---- metadata's maximum
                                                (prompt, then time)

Last the levels between the two ends are checked, since the checks draw scales at random.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_low

from pydantic import JsonValue

from scaler_core.audit.figures import share_of_duplicates
from scaler_core.audit.records import LONGEST_ANSWER, shortened
from scaler_core.factory.programs import Testcase
from scaler_core.synthesis.checks.candidate import check_metadata
from scaler_core.synthesis.checks.jury import Jury
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.checks.testcases import Inspection, check_repeats
from scaler_core.synthesis.config import CalibrationSettings
from scaler_core.synthesis.levels import Ladder, Ruler, largest, level_table
from scaler_core.synthesis.records import Calibrated, Candidate, Checked, Rejection
from scaler_core.synthesis.workbench import Draw, Workbench

CALIBRATION_CHECKS = (
    "too_long",
    "too_slow",
    "too_few_levels",
    "variety",
    "highest",
    "lowest",
    "levels",
    "determinism",
    "generator",
    "bounds",
    "pairs",
    "single_test",
    "solutions",
)
"""The checks that a rejection of the stage ``calibrate`` may name."""

Figures = dict[str, JsonValue]


def calibrate(
    candidate: Candidate,
    checked: Checked,
    workbench: Workbench,
    settings: CalibrationSettings | None = None,
) -> Calibrated | Rejection:
    """Parameters and levels of *candidate* (paper sections 2.6 and 2.7).

    The same arguments and seed of the workbench give the same result, measured times apart.

    Args:
        candidate: The candidate.
        checked: The findings of the checks; only the solutions that they kept are run.
        workbench: Runs its programs, and counts tokens where it can.
        settings: The budget of prompts and time, and the requirements on levels.

    Raises:
        InfrastructureError: The machine failed, which says nothing about the candidate.
    """
    figures: Figures = {}
    try:
        return _calibrate(candidate, checked, workbench, settings or CalibrationSettings(), figures)
    except Refused as refused:
        return Rejection(
            stage="calibrate",
            check=refused.check,
            detail=shortened(refused.detail),
            figures=figures | refused.figures,
        )


def _calibrate(
    candidate: Candidate,
    checked: Checked,
    workbench: Workbench,
    settings: CalibrationSettings,
    figures: Figures,
) -> Calibrated:
    problem = candidate.problem.problem
    jury = Jury(problem, check_metadata(candidate), workbench, settings.checks, checked.kept)
    ruler = Ruler(candidate, list(jury.sound.values()), workbench, settings)
    whole = Ladder.of(candidate.metadata.parameters, settings.largest_span)
    figures["range"] = whole.reach
    figures["budget"] = {"unit": ruler.unit, "limit": ruler.budget, "quantile": settings.quantile}

    highest = _highest(whole, ruler, figures)
    ends = _Ends(candidate, jury, workbench, settings)
    fault, figures["highest"] = ends.look("highest", whole.scale(highest))
    if fault and not settings.as_published:
        raise Refused("variety", f"at the largest scale that fits {fault}")
    lowest = 0 if settings.as_published else _lowest(whole, highest, ends, figures)

    ladder = whole.between(lowest, highest)
    levels = level_table(ladder.reach, as_published=settings.as_published)
    figures["lowest_offset"], figures["highest_offset"] = lowest, highest
    if len(levels) < settings.least_levels:
        raise Refused(
            "too_few_levels",
            f"{len(levels)} levels lie between the lowest scale whose answers are varied and the "
            f"largest that fits; {settings.least_levels} are needed",
        )
    figures["levels"] = ends.look_between(ladder, levels, ruler)
    return Calibrated(
        problem_id=candidate.problem.id,
        parameters=dict(ladder.parameters),
        levels=levels,
        kept=tuple(jury.sound),
        dropped=tuple(jury.dropped),
        figures=figures,
        times={
            "generator_cpu_s": round(ends.inspection.slowest_cpu_s, 3),
            "solution_cpu_s": round(jury.slowest_cpu_s, 3),
        },
    )


def _highest(whole: Ladder, ruler: Ruler, figures: Figures) -> int:
    """The largest offset whose prompts keep to the budget and whose runs keep to the time limit.

    Raises:
        Refused: Not even the minimum does.
    """

    def fits(offset: int) -> bool:
        return ruler.length(whole.scale(offset)) <= ruler.budget

    def fits_in_time(offset: int) -> bool:
        return fits(offset) and ruler.in_time(whole.scale(offset))

    by_length = largest(fits, whole.reach)
    if by_length is None:
        raise Refused("too_long", _too_long(ruler, ruler.length(whole.scale(0)), "its minimum"))
    in_time = largest(fits_in_time, by_length)
    if in_time is None:
        raise Refused(
            "too_slow", f"at its minimum a solution takes more than {ruler.time_limit_s:g} CPU-s"
        )
    bound_by = "range" if by_length == whole.reach else "prompt"
    figures["bound_by"] = bound_by if in_time == by_length else "time"
    figures["length"] = ruler.length(whole.scale(in_time))
    return in_time


def _named(scale: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={value}" for name, value in scale.items())


def _too_long(ruler: Ruler, length: float, where: str) -> str:
    """The message for a prompt that exceeds the budget."""
    if ruler.budget < 0:
        return f"statement and instruction alone are {-ruler.budget} {ruler.unit} too long"
    return f"at {where} the prompt has {length:g} {ruler.unit}, {ruler.budget} are allowed"


def _lowest(whole: Ladder, highest: int, ends: _Ends, figures: Figures) -> int:
    """The first offset of the level table at which answers are varied (paper section 8.1).

    Raises:
        Refused: A testcase there cannot be right, or good solutions differ.
    """
    for offset in level_table(highest):
        if offset == highest:  # which is varied, but leaves no range
            break
        fault, figures["lowest"] = ends.look("lowest", whole.scale(offset))
        if not fault:
            return offset
    return highest


class _Ends:
    """Checks scales that may become an end of the range, as the checks do with theirs."""

    def __init__(
        self, candidate: Candidate, jury: Jury, workbench: Workbench, settings: CalibrationSettings
    ) -> None:
        self.inspection = Inspection(candidate, workbench, settings.checks)
        self._id = candidate.problem.id
        self._source = candidate.generator
        self._jury = jury
        self._workbench = workbench
        self._settings = settings

    def look(self, end: str, scale: dict[str, int]) -> tuple[str, Figures]:
        """Returns why *scale* cannot be an end, empty where it can, and figures.

        Raises:
            Refused: A testcase cannot be right, or good solutions differ.
            InfrastructureError: The sandbox failed.
        """
        settings = self._settings
        draws = [
            Draw(scale, self._workbench.seed(self._id, end, index))
            for index in range(settings.end_draws)
        ]
        inputs = self.inspection.inputs(end, draws)
        duplicates = share_of_duplicates([item.stdin for item in inputs])
        figures: Figures = {"scale": dict(scale), "duplicates": duplicates}
        allowed = settings.highest_duplicates if end == "highest" else settings.end_duplicates
        if duplicates > allowed:  # decided without running a solution
            return f"{duplicates:.0%} of the inputs repeat an earlier one", figures
        answers, votes = self._jury.vote(end, inputs)
        (commonest, times), *_ = Counter(answers).most_common(1)
        distinct, share = len(set(answers)), times / len(answers)
        figures |= {**votes, "distinct": distinct, "commonest_share": round(share, 4)}
        if distinct < settings.end_distinct or share > settings.end_commonest:
            return (
                f"{len(answers)} inputs have {distinct} different answers, {share:.0%} of them "
                f"{shortened(' '.join(commonest), LONGEST_ANSWER)}",
                figures,
            )
        return "", figures

    def look_between(self, ladder: Ladder, levels: Sequence[int], ruler: Ruler) -> Figures:
        """Check every level as an end is checked, except for variety; returns figures.

        Testcases of all levels, the ends included, are made once more.

        Raises:
            Refused: A testcase cannot be right, differs when it is made again or is too long, or
                good solutions differ.
            InfrastructureError: The sandbox failed.
        """
        draws = [
            Draw(ladder.scale(offset), self._workbench.seed(self._id, "level", level, index))
            for level, offset in enumerate(levels)
            for index in range(self._settings.level_draws)
        ]
        lengths: dict[str, list[float]] = {}

        def measure(draw: Draw, testcase: Testcase) -> None:
            lengths.setdefault(_named(draw.scale), []).append(ruler.measure(testcase))

        inputs = self.inspection.inputs("levels", draws, measure)
        for draw in draws[:: self._settings.level_draws]:
            found = lengths.get(_named(draw.scale), [])
            missing = self._settings.level_draws - len(found)
            # not the longest: at the largest scale one of twenty may exceed the budget
            length = median_low([*found, *[math.inf] * missing])
            if length > ruler.budget:
                raise Refused(
                    "too_long", _too_long(ruler, length, f"the level {_named(draw.scale)}")
                )
        repeats = check_repeats(self._source, inputs, self._workbench, self._settings.checks)
        _, votes = self._jury.vote("levels", inputs)
        return votes | repeats
