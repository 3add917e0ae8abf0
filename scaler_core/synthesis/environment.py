"""From a candidate that passed to an environment that tells where it came from."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from scaler_core.models import Environment, ScaleParameter
from scaler_core.synthesis.checks.metadata import check_metadata
from scaler_core.synthesis.records import Candidate
from scaler_core.synthesis.results import Calibrated, Checked


def make_environment(
    candidate: Candidate,
    checked: Checked,
    calibrated: Calibrated,
    provenance: Mapping[str, JsonValue],
) -> Environment:
    """The environment of a candidate that was checked and calibrated.

    It holds the kept solutions alone, in the problem's order. Measured times are left out, so that
    the same candidate gives the same environment on every machine.

    Args:
        candidate: The candidate.
        checked: What the checks found.
        calibrated: Its parameters and levels.
        provenance: What else is to be known: model, version of the prompt, hashes of replies. The
            keys ``source``, ``metadata``, ``solutions``, ``checks`` and ``calibration`` are added.
    """
    source = candidate.problem
    dropped = sorted((*checked.dropped, *calibrated.dropped), key=lambda item: item.number)
    solutions: dict[str, JsonValue] = {
        "listed": len(source.problem.solutions),
        "kept": list(calibrated.kept),
        "dropped": [item.model_dump(mode="json") for item in dropped],
    }
    return draft(candidate).model_copy(
        update={
            "problem": source.problem.model_copy(
                update={
                    "solutions": tuple(
                        source.problem.solutions[number - 1] for number in calibrated.kept
                    )
                }
            ),
            "parameters": calibrated.parameters,
            "levels": calibrated.levels,
            "provenance": {
                **provenance,
                "source": source.source,
                "metadata": candidate.metadata.model_dump(mode="json"),
                "solutions": solutions,
                "checks": checked.figures,
                "calibration": calibrated.figures,
            },
        }
    )


def draft(candidate: Candidate) -> Environment:
    """The environment of *candidate* before calibration: all solutions, the lowest level alone."""
    metadata = candidate.metadata
    return Environment(
        id=candidate.problem.id,
        problem=candidate.problem.problem,
        generator=candidate.generator,
        parameters={
            name: ScaleParameter(minimum=minimum, maximum=maximum)
            for name, (minimum, maximum) in metadata.parameters.items()
        },
        levels=(0,),
        answer_type=check_metadata(candidate),
        answer_unique=metadata.answer_unique,
    )
