"""Mends the texts that a prompt shows, with a record of every change.

::

    logic, instruction --> exponents restored --> left out: samples, further cases, advice
                       --> what the Input section alone defines, added to the logic

Import and synthesis use the same function, and a mended text is mended no further.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from scaler_core.models import Problem
from scaler_core.statements.faults import LONGEST_QUOTE, doubtful_exponents, restore_exponents
from scaler_core.statements.leaving_out import leave_out
from scaler_core.statements.meaning import add_meaning, keys_of
from scaler_core.statements.sections import split_statement


@dataclass(frozen=True)
class Mended:
    """The texts of a prompt, and the changes to them by kind.

    Attributes:
        logic: The task.
        instruction: What to answer.
        changes: ``exponents_restored``, ``left_out``, and ``meaning_added``, the terms for which
            the description of the input was added; also ``exponents_in_doubt``, numbers that were
            left as they are. Kinds without any are not there.
    """

    logic: str
    instruction: str
    changes: dict[str, JsonValue]


def mend_texts(problem: Problem, generator: str = "") -> Mended:
    """The texts of *problem* as a prompt should show them.

    Args:
        problem: Texts of prompts, and the statement that they come from.
        generator: Source of the generator, whose keys are names that the prompt must define.
    """
    texts = restore_exponents(problem.logic), restore_exponents(problem.instruction)
    (logic, in_logic), (instruction, in_instruction) = (leave_out(text) for text, _ in texts)
    section = split_statement(problem.statement).input
    logic, meaning = add_meaning(logic, instruction, section, keys_of(generator))
    found: dict[str, list[str]] = {
        "exponents_restored": [*texts[0][1], *texts[1][1]],
        "exponents_in_doubt": doubtful_exponents(f"{problem.logic}\n\n{problem.instruction}"),
        "left_out": [piece[:LONGEST_QUOTE] for piece in (*in_logic, *in_instruction)],
        "meaning_added": meaning,
    }
    changes: dict[str, JsonValue] = {kind: list(items) for kind, items in found.items() if items}
    return Mended(logic, instruction, changes)
