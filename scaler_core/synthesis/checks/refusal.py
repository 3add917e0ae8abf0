"""How a check ends the checking of a candidate: the first refusal is the result."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue


class Refused(Exception):
    """A check refused the candidate; :mod:`checking` and :mod:`calibration` turn it into a record.

    Args:
        check: Which check: one word of ``CHECKS``.
        detail: What happened, in one line.
        figures: What the decision rests on.
    """

    def __init__(
        self, check: str, detail: str, figures: Mapping[str, JsonValue] | None = None
    ) -> None:
        super().__init__(detail)
        self.check = check
        self.detail = detail
        self.figures = dict(figures or {})
