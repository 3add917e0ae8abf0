"""Candidates made for tests, sound but for what a test replaces, and settings that draw little."""

from __future__ import annotations

from typing import Any

from scaler_core.interfaces import Metadata
from scaler_core.models import Problem
from scaler_core.synthesis.calibration import calibrate
from scaler_core.synthesis.checks import check_candidate
from scaler_core.synthesis.config import CalibrationSettings, CheckSettings
from scaler_core.synthesis.records import (
    Calibrated,
    Candidate,
    Checked,
    Rejection,
    SourceProblem,
    SourceTest,
)
from scaler_core.synthesis.workbench import Workbench
from scaler_core.testing.environments import SUM_PYTHON, python_solutions, sum_problem

STATEMENT = """\
Add the numbers.

Input

The first line holds n (1 ≤ n ≤ 10^5), the second n integers a_i (-5000 ≤ a_i ≤ 5000).

Output

Their sum.

Examples

Input

2
3 4

Output

7
"""

GENERATOR = """\
import random


def generate_testcase(scale):
    a = [random.randint(-5000, 5000) for _ in range(scale["n"])]
    return f"{len(a)}\\n{' '.join(map(str, a))}\\n", {"n": len(a), "a": a}
"""

EXAMPLE = SourceTest(stdin="2\n3 4\n", stdout="7\n", kind="example")

QUICK = CheckSettings(breadth=8, depth=12, distinct=5, edges=3, repeats=4, generator_cpu_s=1.0)
QUICK_CALIBRATION = CalibrationSettings(draws=4, end_draws=12, level_draws=1, checks=QUICK)


def generator(body: str, prelude: str = "import random") -> str:
    """A generator whose function is *body*, which sets ``a``."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        f"{prelude}\n\n\ndef generate_testcase(scale):\n{indented}\n"
        "    text = f\"{len(a)}\\n{' '.join(map(str, a))}\\n\"\n"
        '    return text, {"n": len(a), "a": a}\n'
    )


def problem(*more: str, **overrides: Any) -> Problem:
    """The sum of n numbers with three sound solutions, and *more* solutions in Python."""
    fields = {"statement": STATEMENT, "solutions": python_solutions(*SUM_PYTHON, *more)}
    return sum_problem(**fields | overrides)


def candidate(
    *,
    source: str = GENERATOR,
    parameters: dict[str, tuple[int, int]] | None = None,
    output_type: str = "number",
    answer_unique: bool = True,
    tests: tuple[SourceTest, ...] = (EXAMPLE,),
    **overrides: Any,
) -> Candidate:
    """A sound candidate; *overrides* replace fields of its problem."""
    return Candidate(
        problem=SourceProblem(
            id="sum", source="tests sum", problem=problem(**overrides), tests=tests
        ),
        metadata=Metadata(
            parameters=parameters or {"n": (1, 300)},
            output_type=output_type,
            answer_unique=answer_unique,
        ),
        generator=source,
    )


def accepted(made: Candidate, workbench: Workbench, settings: CheckSettings = QUICK) -> Checked:
    """The record of a candidate that must pass."""
    result = check_candidate(made, workbench, settings)
    assert isinstance(result, Checked), result
    return result


def rejected(made: Candidate, workbench: Workbench, settings: CheckSettings = QUICK) -> Rejection:
    """The rejection of a candidate that must not pass."""
    result = check_candidate(made, workbench, settings)
    assert isinstance(result, Rejection), result
    assert result.stage == "check"
    assert "\n" not in result.detail
    return result


def calibrated(
    made: Candidate, workbench: Workbench, settings: CalibrationSettings = QUICK_CALIBRATION
) -> Calibrated:
    """The calibration of a candidate that must pass both."""
    result = calibrate(made, accepted(made, workbench, settings.checks), workbench, settings)
    assert isinstance(result, Calibrated), result
    return result
