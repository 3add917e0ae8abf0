"""What checking and calibrating a candidate gives: frozen records, JSON all the way down."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from scaler_core.models import Language, Record, ScaleParameter, Versioned

DropReason = Literal["does_not_compile", "fails", "too_slow", "wrong_on_tests", "outvoted"]


class Dropped(Record):
    """A listed solution that the environment does without.

    Attributes:
        number: Its place in the problem's list, counted from 1.
        language: Its language.
        reason: One word.
        detail: What it did and where, in one line.
    """

    number: int
    language: Language
    reason: DropReason
    detail: str


class Checked(Versioned):
    """A candidate that passed every check.

    Equal candidates, settings and seeds give equal records, but for :attr:`times`.

    Attributes:
        problem_id: The candidate's problem.
        kept: Places, counted from 1, of the solutions that agree on everything.
        dropped: The solutions that do not, with the reason.
        figures: What each check found, by its name.
        times: Measured CPU seconds; a busy machine measures others, so no environment holds them.
    """

    problem_id: str
    kept: tuple[int, ...]
    dropped: tuple[Dropped, ...] = ()
    figures: dict[str, JsonValue] = {}
    times: dict[str, float] = {}


class Calibrated(Versioned):
    """The parameters and levels of a checked candidate.

    Attributes:
        problem_id: The candidate's problem.
        parameters: Minimum, maximum and ratio of each parameter.
        levels: Offset of each level.
        kept: The solutions, as in :class:`Checked`, that agree at both ends too.
        dropped: Those that only went wrong there.
        figures: What was measured; repeatable as in :class:`Checked`.
        times: Measured CPU seconds, kept apart as in :class:`Checked`.
    """

    problem_id: str
    parameters: dict[str, ScaleParameter]
    levels: tuple[int, ...] = Field(min_length=1)
    kept: tuple[int, ...]
    dropped: tuple[Dropped, ...] = ()
    figures: dict[str, JsonValue] = {}
    times: dict[str, float] = {}
