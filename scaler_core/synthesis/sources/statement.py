"""Reading a statement: its sections, and the examples as tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scaler_core.statements.sections import Section, split_statement
from scaler_core.synthesis.records import SourceTest


@dataclass(frozen=True)
class Statement:
    """The parts of a statement.

    Attributes:
        logic: All that stands before the Input section; empty where there is no such section.
        input: The text of the Input section; ``None`` where there is none.
        instruction: The text of the Output section; ``None`` where there is none.
        examples: The examples, of kind ``example``.
        unread: Whether there are examples that could not be read with certainty.
    """

    logic: str = ""
    input: str | None = None
    instruction: str | None = None
    examples: tuple[SourceTest, ...] = ()
    unread: bool = False


def read_statement(text: str) -> Statement:
    """The sections of *text*; nothing is guessed where a heading is missing."""
    parts = split_statement(text)
    if parts.input is None:
        return Statement()
    examples, unread = _examples(parts.examples)
    return Statement(parts.logic, parts.input, parts.instruction, examples, unread)


def _examples(sections: Sequence[Section]) -> tuple[tuple[SourceTest, ...], bool]:
    """The examples, and whether some could not be read; none is returned then."""
    parts: list[tuple[str, str]] = []
    for section in sections:
        if section.heading == "other":
            break
        if section.heading == "examples":
            if section.text.strip():  # words where a heading belongs
                return (), True
            continue
        parts.append((section.heading.removeprefix("example_"), section.text.strip("\n")))
    kinds = [kind for kind, _ in parts]
    whole = kinds == ["input", "output"] * (len(parts) // 2) and all(t.strip() for _, t in parts)
    if not whole:
        return (), True
    pairs = zip(parts[::2], parts[1::2], strict=True)
    tests = [
        SourceTest(stdin=stdin + "\n", stdout=stdout + "\n", kind="example")
        for (_, stdin), (_, stdout) in pairs
    ]
    return tuple(tests), not tests and bool(sections)
