r"""The sections of a statement by their headings.

::

    logic ...            up to the Input section: the task, for the prompt
    Input                the form of the input
    Output               the form of the answer, for the prompt
    Examples             Input, Output, Input, Output, ...
    Note                 ends the examples

A heading is a line of its own, such as ``Input``, ``Input Format:`` or ``-----Input-----``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Heading = Literal["input", "output", "examples", "example_input", "example_output", "other"]

# possessive throughout: a line of many blanks is matched once, not in every split of the blanks
_DECORATION = r"[ \t]*+[-=#*_]*+[ \t]*+"
_HEADING = re.compile(
    rf"^{_DECORATION}(?:"
    r"(?P<example_input>(?:sample|example)[ \t]++inputs?(?:[ \t]*+\d++)?)|"
    r"(?P<example_output>(?:sample|example)[ \t]++outputs?(?:[ \t]*+\d++)?)|"
    r"(?P<input>inputs?(?:[ \t]++(?:format|specification|description))?)|"
    r"(?P<output>outputs?(?:[ \t]++(?:format|specification|description))?)|"
    r"(?P<examples>(?:examples?|samples?)(?:[ \t]++(?:\d++|tests?))?)|"
    r"(?P<other>notes?|explanations?|hints?|constraints|scoring|subtasks?)"
    rf"):?{_DECORATION}$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Section:
    """A heading, where it starts, and the text up to the next heading."""

    heading: Heading
    start: int
    text: str


@dataclass(frozen=True)
class Parts:
    """The parts of a statement that have an Input section.

    Attributes:
        logic: All that stands before the Input section.
        input: The text of the Input section; ``None`` where there is none, and no other part then.
        instruction: The text of the Output section; ``None`` where there is none.
        examples: The sections of the examples, and all that follow them.
    """

    logic: str = ""
    input: str | None = None
    instruction: str | None = None
    examples: Sequence[Section] = ()


def split_statement(text: str) -> Parts:
    """The parts of *text*; nothing is guessed where a heading is missing."""
    text = text.replace("\r\n", "\n")
    sections = _sections(text)
    at_input = next((i for i, item in enumerate(sections) if item.heading == "input"), None)
    if at_input is None:
        return Parts()
    later = sections[at_input + 1 :]
    first_example = next(
        (i for i, item in enumerate(later) if item.heading in ("examples", "example_input")),
        len(later),
    )
    output = next((item for item in later[:first_example] if item.heading == "output"), None)
    return Parts(
        logic=text[: sections[at_input].start].strip(),
        input=sections[at_input].text.strip(),
        instruction=None if output is None else output.text.strip(),
        examples=later[first_example:],
    )


def _sections(text: str) -> list[Section]:
    """Every heading, with the text up to the next heading."""
    matches = list(_HEADING.finditer(text))
    ends = [match.start() for match in matches[1:]] + [len(text)] * bool(matches)
    return [
        Section(_kind(match), match.start(), text[match.end() : end])
        for match, end in zip(matches, ends, strict=True)
    ]


def _kind(match: re.Match[str]) -> Heading:
    name = match.lastgroup
    assert name is not None
    return name  # type: ignore[return-value]  # the groups are named after the headings
