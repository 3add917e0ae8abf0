"""Whether metadata and problem can become an environment at all; no program is run for it."""

from __future__ import annotations

from typing import get_args

from scaler_core.models import AnswerType
from scaler_core.pool.entry import DIFFICULTY_KEY, LARGEST
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.records import Candidate


def check_metadata(candidate: Candidate) -> AnswerType:
    """The answer type of a candidate whose metadata can be used.

    Raises:
        Refused: They cannot.
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
