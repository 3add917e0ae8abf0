"""The sections of a statement, and what its Input section says of several test cases."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEADING = re.compile(
    r"(input|output|constraints?|examples?|samples?|notes?|scoring|subtasks?|explanation|limits)"
    r"(?: (?:format|specification|input|output|\d+))*",
    re.IGNORECASE,
)
_MARKS = " \t*#_-:"
_LONGEST_HEADING = 40
_TESTS = re.compile(
    r"\bnumber of (?:independent |the )?(?:test ?cases?|tests|data ?sets)\b", re.IGNORECASE
)
FIRST_WORDS = 300
"""Characters of the Input section in which it says what the first number is."""


def sections(statement: str) -> Iterator[tuple[str, str]]:
    """Heading, in lower case, and text of each section; the part before all headings has ``""``."""
    heading, lines = "", list[str]()
    for line in statement.splitlines():
        title = line.strip(_MARKS) if len(line) <= _LONGEST_HEADING else ""
        found = _HEADING.fullmatch(title)
        if not found:
            lines.append(line)
            continue
        yield heading, "\n".join(lines)
        heading, lines = found[1].lower(), []
    yield heading, "\n".join(lines)


def constraints_text(statement: str) -> str:
    """The text that bounds are stated in: Input, Constraints and subtasks."""
    wanted = ("input", "constraint", "subtask", "limits")
    return "\n".join(text for heading, text in sections(statement) if heading.startswith(wanted))


def counts_test_cases(statement: str) -> bool:
    """Whether stdin begins with the number of test cases, as far as the Input section tells."""
    text = next((text for heading, text in sections(statement) if heading.startswith("input")), "")
    return bool(_TESTS.search(text[:FIRST_WORDS]))
