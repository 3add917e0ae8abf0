"""Checking a candidate: cheap checks first, and the first failure ends it.

::

    metadata -> testcases (generator, single_test, bounds, pairs) -> scale -> determinism
             -> tests -> votes (breadth, depth, minimum, maximum) -> variety
                (all listed solutions; the unsound ones are dropped on the way)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from pydantic import JsonValue

from scaler_core.audit.records import LONGEST_ANSWER, shortened
from scaler_core.factory.references import Words
from scaler_core.models import AnswerType
from scaler_core.pool.entry import DIFFICULTY_KEY, LARGEST
from scaler_core.synthesis.checks.draws import drawn_ranges, plan_draws
from scaler_core.synthesis.checks.jury import Jury
from scaler_core.synthesis.checks.own_tests import drop_wrong_on_tests
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.checks.testcases import Inspection, check_determinism, check_scale
from scaler_core.synthesis.config import CheckSettings
from scaler_core.synthesis.records import Candidate, Checked, Rejection
from scaler_core.synthesis.workbench import Workbench

CHECKS = (
    "metadata",
    "generator",
    "single_test",
    "bounds",
    "pairs",
    "scale",
    "determinism",
    "solutions",
    "tests",
    "empty_output",
    "breadth",
    "depth",
    "minimum",
    "maximum",
    "variety",
)
"""The checks that a rejection of the stage ``check`` may name."""

VOTES = ("breadth", "depth", "minimum", "maximum")
"""The groups of draws in the order of their votes. The ends come last: a solution that is wrong at
one end alone has been right elsewhere by then, so it is not taken for one that is always wrong."""


def check_candidate(
    candidate: Candidate, workbench: Workbench, settings: CheckSettings | None = None
) -> Checked | Rejection:
    """Run all checks on *candidate* (paper sections 2.3 to 2.5, and further ones).

    The same candidate, settings and workbench seed give the same result, measured times apart.

    Args:
        candidate: Problem, metadata and generator; nothing in it is trusted.
        workbench: Runs its programs.
        settings: Number of draws, and requirements.

    Raises:
        InfrastructureError: The machine failed, which says nothing about the candidate.
    """
    figures: dict[str, JsonValue] = {}
    try:
        return _check(candidate, workbench, settings or CheckSettings(), figures)
    except Refused as refused:
        return Rejection(
            stage="check",
            check=refused.check,
            detail=shortened(refused.detail),
            figures=figures | refused.figures,
        )


def _check(
    candidate: Candidate,
    workbench: Workbench,
    settings: CheckSettings,
    figures: dict[str, JsonValue],
) -> Checked:
    """The record of a candidate that passes; *figures* are filled in on the way.

    Raises:
        Refused: It does not pass.
    """
    source = candidate.problem
    answer_type = check_metadata(candidate)
    inspection = Inspection(candidate, workbench, settings)
    inspection.constraints.check_parameters()

    ranges = drawn_ranges(candidate, workbench, settings)
    figures["drawn"] = {name: list(item) for name, item in ranges.items()}
    draws = plan_draws(source.id, ranges, workbench, settings)
    inputs = {group: inspection.inputs(group, items) for group, items in draws.items()}
    figures |= inspection.figures()
    check_scale(inputs["minimum"], inputs["maximum"])
    everything = [item for group in inputs.values() for item in group]
    figures["determinism"] = check_determinism(candidate.generator, everything, workbench, settings)

    jury = Jury(source.problem, answer_type, workbench, settings)
    figures["tests"] = drop_wrong_on_tests(source.tests, jury, answer_type, settings)
    answers: dict[str, list[Words]] = {}
    for group in VOTES:
        answers[group], figures[group] = jury.vote(group, inputs[group])
        check_boxable(answers[group])
    figures["variety"] = check_variety(answers["depth"], settings)
    return Checked(
        problem_id=source.id,
        kept=tuple(jury.sound),
        dropped=tuple(sorted(jury.dropped, key=lambda item: item.number)),
        figures=figures,
        times={
            "generator_cpu_s": round(inspection.slowest_cpu_s, 3),
            "solution_cpu_s": round(jury.slowest_cpu_s, 3),
        },
    )


def check_metadata(candidate: Candidate) -> AnswerType:
    """Returns the answer type of a candidate whose metadata can become an environment.

    No program is run for it.

    Raises:
        Refused: Answers cannot be verified, nothing scales, or a parameter's name or range is not
            allowed.
    """
    metadata = candidate.metadata
    types = {name: name for name in get_args(AnswerType)}
    answer_type: AnswerType | None = types.get(metadata.output_type)
    if answer_type is None:
        raise Refused("metadata", f"answers of the type {metadata.output_type} cannot be verified")
    if not metadata.answer_unique:
        raise Refused("metadata", "the answer is not unique")
    if not metadata.parameters:
        raise Refused("metadata", "nothing scales")
    for name, (minimum, maximum) in metadata.parameters.items():
        if not -LARGEST <= minimum <= maximum <= LARGEST:
            raise Refused("metadata", f"parameter {name} goes from {minimum} to {maximum}")
        if name == DIFFICULTY_KEY or not name.strip():
            raise Refused("metadata", f"no parameter can be called {name!r}")
    if all(minimum == maximum for minimum, maximum in metadata.parameters.values()):
        raise Refused("metadata", "every parameter has one value only, so nothing scales")
    return answer_type


def check_boxable(answers: Sequence[Words]) -> None:
    r"""Refuse answers that hold a ``\boxed``: a verifier would take it for the answer's own box.

    Raises:
        Refused: One of them does.
    """
    if any("\\boxed" in word for words in answers for word in words):
        raise Refused("metadata", "answers hold \\boxed, so they cannot be verified")


def check_variety(answers: Sequence[Words], settings: CheckSettings) -> dict[str, JsonValue]:
    """Figures of how varied the answers at one large scale are (paper section 2.4).

    Raises:
        Refused: They are too few, or one is too common.
    """
    (commonest, times), *_ = Counter(answers).most_common(1)
    distinct, share = len(set(answers)), times / len(answers)
    figures: dict[str, JsonValue] = {
        "answers": len(answers),
        "distinct": distinct,
        "commonest_share": round(share, 4),
    }
    chance = settings.margin * math.sqrt(
        settings.commonest * (1 - settings.commonest) / len(answers)
    )
    if distinct < settings.distinct or share > settings.commonest + chance:
        raise Refused(
            "variety",
            f"{distinct} different answers to {len(answers)} inputs of one large scale, "
            f"{share:.0%} of them {shortened(' '.join(commonest), LONGEST_ANSWER)}; there must be "
            f"{settings.distinct}, and none above {settings.commonest:.0%}",
            {"variety": figures},
        )
    return figures
