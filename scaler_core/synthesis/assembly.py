"""The environment of an accepted problem, with its provenance: all from records, nothing measured
anew, so that equal records give equal environments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from scaler_core.jsonio import canonical_json
from scaler_core.models import AnswerType, Environment, Record
from scaler_core.synthesis.journal import StageRecord
from scaler_core.synthesis.records import Candidate, SourceProblem, Stage
from scaler_core.synthesis.results import Calibrated, Checked

Made = Mapping[Stage, StageRecord]
"""The latest record of each stage that a problem has passed."""


class Makers(Record):
    """Who made what: for provenance, and for telling one run from another.

    Attributes:
        extractor: Name, options and version of the prompts of the extractor, and the model.
        generator: Those of the generator.
    """

    extractor: dict[str, JsonValue] = {}
    generator: dict[str, JsonValue] = {}


def content_hash(problem: SourceProblem) -> str:
    """A hash of all that the stages see of *problem*; where it was read does not matter."""
    content = problem.model_dump(mode="json", exclude={"schema_version", "source"})
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def assemble(
    candidate: Candidate, checked: Checked, calibrated: Calibrated, made: Made, makers: Makers
) -> Environment:
    """The environment of *candidate*, with the solutions that were kept."""
    source = candidate.problem
    kept = set(checked.kept)
    solutions = tuple(
        item for number, item in enumerate(source.problem.solutions, start=1) if number in kept
    )
    return Environment(
        id=source.id,
        problem=source.problem.model_copy(update={"solutions": solutions}),
        generator=candidate.generator,
        parameters=calibrated.parameters,
        levels=calibrated.levels,
        answer_type=cast(AnswerType, candidate.metadata.output_type),
        answer_unique=candidate.metadata.answer_unique,
        provenance=_provenance(source, checked, calibrated, made, makers),
    )


def _provenance(
    source: SourceProblem, checked: Checked, calibrated: Calibrated, made: Made, makers: Makers
) -> dict[str, JsonValue]:
    provenance: dict[str, Any] = {
        "source": source.source,
        "content": made["filter"].content,
        "filter": made["filter"].value,
        "extractor": {**makers.extractor, "replies": _replies(made["extract"])},
        "generator": {
            **makers.generator,
            "attempt": made["generate"].attempt,
            "replies": _replies(made["generate"]),
        },
        "checks": checked.figures,
        "dropped": [item.model_dump(mode="json") for item in checked.dropped],
        "calibration": calibrated.figures,
    }
    return provenance


def _replies(record: StageRecord) -> list[str]:
    return [reply.hash for reply in record.replies]
