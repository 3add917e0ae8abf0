"""Filters: choose the problems that a model is asked about, and trim them (paper section 2.1).

Refusals by name: ``unreadable`` and ``reads_files`` come from the reader, the others from here.

==================== =======================================================================
``interactive``      a solution talks with the judge instead of reading an input
``duplicate``        an earlier problem has the same statement
``no_input_section`` the statement has no Input section
``no_output_section`` it has no Output section, or an empty one
``no_task``          nothing stands before its Input section
``image``            it shows an image
``several_answers``  it accepts any of several answers
``few_solutions``    too few different solutions in C++ or Python 3
==================== =======================================================================

Of what is kept, the texts for the prompt are mended (:mod:`scaler_core.statements.wording`), and
the error that the statement allows in decimal answers is read.

After extraction: ``not_unique``, ``output_type``, ``no_scale_parameter``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import get_args

from pydantic import JsonValue

from scaler_core.interfaces import Metadata
from scaler_core.models import AnswerType, Solution
from scaler_core.statements.faults import interaction, several_answers
from scaler_core.statements.tolerance import read_tolerance
from scaler_core.statements.wording import mend_texts
from scaler_core.synthesis.config import FilterSettings
from scaler_core.synthesis.records import Rejection, SourceProblem, SourceTest, Stage
from scaler_core.synthesis.sources.statement import read_statement

_IMAGE = re.compile(r"<image>|<img\b|!\[[^][]*+\]\(|\\includegraphics|data:image/", re.IGNORECASE)
_ANSWER_TYPES = get_args(AnswerType)


KeptProblem = tuple[SourceProblem, dict[str, JsonValue]]
"""The trimmed problem, and figures about it."""


class ProblemFilter:
    """Filters the problems of one dataset, in its order: the first of equal ones is kept.

    Args:
        settings: Requirements on a problem, and how much of it is kept.
    """

    def __init__(self, settings: FilterSettings) -> None:
        self._settings = settings
        self._seen: dict[bytes, str] = {}

    def __call__(
        self, problem: SourceProblem
    ) -> tuple[SourceProblem, dict[str, JsonValue]] | Rejection:
        """Returns the trimmed *problem* with figures about it, or why it is refused."""
        statement = problem.problem.statement
        digest = hashlib.sha256(" ".join(statement.lower().split()).encode(errors="replace"))
        first = self._seen.setdefault(digest.digest(), problem.id)
        if first != problem.id:
            return _refused("duplicate", f"its statement is that of {first}")
        words = interaction(statement)
        if words:
            return _refused("interactive", f"the problem is interactive: {words!r}")
        read = read_statement(statement)
        if read.input is None:
            return _refused("no_input_section", "the statement has no Input section")
        if not read.instruction:
            return _refused("no_output_section", "the statement has no Output section with a text")
        if not read.logic:
            return _refused("no_task", "nothing stands before the Input section")
        image = _IMAGE.search(statement)
        if image:
            return _refused("image", f"the statement shows an image: {image[0]}")
        sentence = several_answers(f"{read.logic}\n\n{read.instruction}")
        if sentence:
            return _refused("several_answers", f"an input has several right outputs: {sentence!r}")
        solutions = distinct_solutions(problem.problem.solutions)
        if len(solutions) < self._settings.solutions_needed:
            return _refused(
                "few_solutions",
                f"{len(solutions)} different solutions in C++ or Python 3, of "
                f"{len(problem.problem.solutions)} given; {self._settings.solutions_needed} "
                "are needed",
                solutions=len(solutions),
            )
        return self._kept(problem, solutions, read.unread)

    def _kept(
        self, problem: SourceProblem, solutions: Sequence[Solution], unread: bool
    ) -> KeptProblem:
        tests = _short(problem.tests, self._settings.test_bytes)[: self._settings.tests_kept]
        kept = tuple(solutions[: self._settings.solutions_kept])
        mended = mend_texts(problem.problem)
        tolerance = problem.problem.tolerance or read_tolerance(
            mended.instruction, problem.problem.statement
        )
        trimmed = problem.problem.model_copy(
            update={
                "solutions": kept,
                "logic": mended.logic,
                "instruction": mended.instruction,
                "tolerance": tolerance,
            }
        )
        figures: dict[str, JsonValue] = {
            "solutions": len(kept),
            "solutions_identical": len(problem.problem.solutions) - len(solutions),
            "solutions_cut": len(solutions) - len(kept),
            "tests": len(tests),
            "tests_cut": len(problem.tests) - len(tests),
            "examples_unread": unread,
        }
        figures |= mended.changes
        if tolerance is not None:
            figures["tolerance"] = tolerance.model_dump(mode="json")
        return problem.model_copy(update={"problem": trimmed, "tests": tests}), figures


def distinct_solutions(solutions: Iterable[Solution]) -> list[Solution]:
    """The solutions without those that an earlier one equals but for white space."""
    distinct: dict[tuple[str, str], Solution] = {}
    for item in solutions:
        distinct.setdefault((item.language, " ".join(item.source.split())), item)
    return list(distinct.values())


def check_metadata(metadata: Metadata) -> Rejection | None:
    """Why a problem with this *metadata* can give no environment; ``None`` when it can."""
    if not metadata.answer_unique:
        return _refused("not_unique", "an input may have several right outputs", "extract")
    if metadata.output_type not in _ANSWER_TYPES:
        allowed = ", ".join(_ANSWER_TYPES)
        detail = f"the output is of type {metadata.output_type!r}; allowed: {allowed}"
        return _refused("output_type", detail, "extract")
    if all(low >= high for low, high in metadata.parameters.values()):
        return _refused("no_scale_parameter", "there is no size that could grow", "extract")
    return None


def _short(tests: Iterable[SourceTest], most: int) -> tuple[SourceTest, ...]:
    return tuple(t for t in tests if max(len(t.stdin.encode()), len(t.stdout.encode())) <= most)


def _refused(check: str, detail: str, stage: Stage = "filter", **figures: JsonValue) -> Rejection:
    return Rejection(stage=stage, check=check, detail=detail, figures=figures)
