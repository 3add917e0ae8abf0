"""Who made what out of which problem: the provenance of environments, from records alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import JsonValue

from scaler_core.jsonio import canonical_json
from scaler_core.models import Record
from scaler_core.synthesis.journal import StageRecord
from scaler_core.synthesis.records import SourceProblem, Stage

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


def provenance_of(made: Made, makers: Makers) -> dict[str, JsonValue]:
    """What provenance tells of a problem's way to its candidate."""
    return {
        "content": made["filter"].content,
        "filter": made["filter"].value,
        "extractor": {**makers.extractor, "replies": _replies(made["extract"])},
        "generator": {
            **makers.generator,
            "attempt": made["generate"].attempt,
            "replies": _replies(made["generate"]),
        },
    }


def _replies(record: StageRecord) -> list[JsonValue]:
    return [reply.hash for reply in record.replies]
