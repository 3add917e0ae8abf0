"""The exception by which a check refuses a candidate: the first refusal is the result."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue


class Refused(Exception):
    """A check refused the candidate; ``check_candidate`` and ``calibrate`` return a ``Rejection``.

    Args:
        check: The check: a word of ``CHECKS`` or ``CALIBRATION_CHECKS``.
        detail: The reason in one line.
        figures: The figures behind the decision.
    """

    def __init__(
        self, check: str, detail: str, figures: Mapping[str, JsonValue] | None = None
    ) -> None:
        super().__init__(detail)
        self.check = check
        self.detail = detail
        self.figures = dict(figures or {})
