"""Mends the texts that a prompt shows, with a record of every change.

Import and synthesis use the same function, and a mended text is mended no further.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from scaler_core.models import Problem
from scaler_core.statements.faults import doubtful_exponents, restore_exponents


@dataclass(frozen=True)
class Mended:
    """The texts of a prompt, and the changes to them by kind.

    Attributes:
        logic: The task.
        instruction: What to answer.
        changes: ``exponents_restored``; also ``exponents_in_doubt``, numbers that were left as they
            are. Kinds without any are not there.
    """

    logic: str
    instruction: str
    changes: dict[str, JsonValue]


def mend_texts(problem: Problem) -> Mended:
    """The texts of *problem* as a prompt should show them."""
    logic, in_logic = restore_exponents(problem.logic)
    instruction, in_instruction = restore_exponents(problem.instruction)
    found: dict[str, list[str]] = {
        "exponents_restored": [*in_logic, *in_instruction],
        "exponents_in_doubt": doubtful_exponents(f"{problem.logic}\n\n{problem.instruction}"),
    }
    changes: dict[str, JsonValue] = {kind: list(items) for kind, items in found.items() if items}
    return Mended(logic, instruction, changes)
