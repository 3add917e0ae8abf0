"""Making an environment of a candidate that passed all stages, with its provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import JsonValue

from scaler_core.jsonio import canonical_json
from scaler_core.models import Environment, ScaleParameter
from scaler_core.statements.wording import mend_texts
from scaler_core.synthesis.checks.candidate import check_metadata
from scaler_core.synthesis.journal import StageRecord
from scaler_core.synthesis.records import (
    Calibrated,
    Candidate,
    Checked,
    Makers,
    SourceProblem,
    Stage,
)


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
        checked: The findings of the checks.
        calibrated: Its parameters and levels.
        provenance: Further provenance: model, version of the prompt, hashes of replies. The
            keys ``source``, ``metadata``, ``solutions``, ``checks`` and ``calibration`` are added.
    """
    source = candidate.problem
    dropped = sorted((*checked.dropped, *calibrated.dropped), key=lambda item: item.number)
    solutions: dict[str, JsonValue] = {
        "listed": len(source.problem.solutions),
        "kept": list(calibrated.kept),
        "dropped": [item.model_dump(mode="json") for item in dropped],
    }
    drafted = draft(candidate)
    return drafted.model_copy(
        update={
            "problem": drafted.problem.model_copy(
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
    """The environment of *candidate* before calibration: all solutions, the lowest level alone.

    Its prompt defines the names that the generator uses as keys, where the statement does.
    """
    metadata = candidate.metadata
    problem = candidate.problem.problem
    mended = mend_texts(problem, candidate.generator)
    return Environment(
        id=candidate.problem.id,
        problem=problem.model_copy(
            update={"logic": mended.logic, "instruction": mended.instruction}
        ),
        generator=candidate.generator,
        parameters={
            name: ScaleParameter(minimum=minimum, maximum=maximum)
            for name, (minimum, maximum) in metadata.parameters.items()
        },
        levels=(0,),
        answer_type=check_metadata(candidate),
        answer_unique=metadata.answer_unique,
    )


PassedStages = Mapping[Stage, StageRecord]
"""The latest record of each stage that a problem has passed."""


def content_hash(problem: SourceProblem) -> str:
    """A hash of all that the stages see of *problem*; its source is not part of it."""
    content = problem.model_dump(mode="json", exclude={"schema_version", "source"})
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def provenance_of(passed: PassedStages, makers: Makers) -> dict[str, JsonValue]:
    """The provenance of a candidate: content, extractor and generator, with hashes of replies."""
    return {
        "content": passed["filter"].content,
        "filter": passed["filter"].value,
        "extractor": {**makers.extractor, "replies": _replies(passed["extract"])},
        "generator": {
            **makers.generator,
            "attempt": passed["generate"].attempt,
            "replies": _replies(passed["generate"]),
        },
    }


def _replies(record: StageRecord) -> list[JsonValue]:
    return [reply.hash for reply in record.replies]
