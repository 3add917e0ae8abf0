"""The problem's own tests: solutions must give the right answers to their inputs."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from scaler_core.audit.records import LONGEST_ANSWER, shortened
from scaler_core.factory.references import LONGEST_TRUTH, agree, read_answer
from scaler_core.interfaces import RunResult
from scaler_core.models import AnswerType, Tolerance
from scaler_core.synthesis.checks.jury import Jury
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.config import CheckSettings
from scaler_core.synthesis.records import SourceTest

ORDER = ("example", "public", "private", "generated")


def chosen_tests(tests: Sequence[SourceTest], settings: CheckSettings) -> list[SourceTest]:
    """The tests that are run: examples first, without those too long or without an answer."""
    longest = min(settings.test_bytes, LONGEST_TRUTH)
    usable = [
        test
        for test in tests
        if test.stdout.strip()
        and len(test.stdin.encode()) <= settings.test_bytes
        and len(test.stdout.encode()) <= longest
    ]
    return sorted(usable, key=lambda test: ORDER.index(test.kind))[: settings.tests]


def drop_wrong_on_tests(
    tests: Sequence[SourceTest], jury: Jury, answer_type: AnswerType, settings: CheckSettings
) -> dict[str, JsonValue]:
    """Drop the solutions that fail a test; returns figures.

    Raises:
        Refused: More than half of the solutions fail a test, or too few are left.
        InfrastructureError: The sandbox failed.
    """
    chosen = chosen_tests(tests, settings)
    figures: dict[str, JsonValue] = {"given": len(tests), "run": len(chosen)}
    if not chosen:
        return figures
    results = jury.run([test.stdin.encode() for test in chosen])
    jury.require_quorum()
    # a test may hold several cases, and so several numbers
    compared: AnswerType = "array" if answer_type == "number" else answer_type
    wrong: dict[int, str] = {}
    for index, test in enumerate(chosen):
        found = {
            number: fault
            for number in results
            if (fault := _fault(results[number][index], test.stdout, compared, jury.tolerance))
        }
        if 2 * len(found) > len(results):
            number, fault = next(iter(found.items()))
            raise Refused(
                "tests",
                f"{len(found)} of {len(results)} solutions do not give the answer of a test "
                f"({test.kind}): solution {number} {fault}; there may be other right answers",
                {"tests": figures, "stdin": shortened(test.stdin)},
            )
        wrong = {number: f"{test.kind} test: {fault}" for number, fault in found.items()} | wrong
    for number, fault in wrong.items():
        jury.drop(number, "wrong_on_tests", fault)
    jury.require_quorum()
    return figures


def _fault(
    result: RunResult, expected: str, answer_type: AnswerType, tolerance: Tolerance | None
) -> str:
    """Why a solution's run fails a test; empty where it passes."""
    if result.status != "ok":
        return f"ends with {result.status}"
    try:
        words = read_answer(result.output, answer_type)
    except ValueError as error:
        return f"gives no answer: {error}"
    if agree(words, tuple(expected.split()), answer_type, tolerance):
        return ""
    said, right = (shortened(" ".join(item), LONGEST_ANSWER) for item in (words, expected.split()))
    return f"says {said}, the answer is {right}"
