r"""Reading a statement: its sections by their headings, and the examples as tests.

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

from scaler_core.synthesis.records import SourceTest

_Heading = Literal["input", "output", "examples", "example_input", "example_output", "other"]

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


@dataclass(frozen=True)
class _Section:
    heading: _Heading
    start: int
    text: str


def read_statement(text: str) -> Statement:
    """The sections of *text*; nothing is guessed where a heading is missing."""
    text = text.replace("\r\n", "\n")
    sections = _sections(text)
    at_input = next((i for i, item in enumerate(sections) if item.heading == "input"), None)
    if at_input is None:
        return Statement()
    later = sections[at_input + 1 :]
    first_example = next(
        (i for i, item in enumerate(later) if item.heading in ("examples", "example_input")),
        len(later),
    )
    output = next((item for item in later[:first_example] if item.heading == "output"), None)
    examples, unread = _examples(later[first_example:])
    return Statement(
        logic=text[: sections[at_input].start].strip(),
        input=sections[at_input].text.strip(),
        instruction=None if output is None else output.text.strip(),
        examples=examples,
        unread=unread,
    )


def _sections(text: str) -> list[_Section]:
    """Every heading, with the text up to the next heading."""
    matches = list(_HEADING.finditer(text))
    ends = [match.start() for match in matches[1:]] + [len(text)] * bool(matches)
    return [
        _Section(_kind(match), match.start(), text[match.end() : end])
        for match, end in zip(matches, ends, strict=True)
    ]


def _kind(match: re.Match[str]) -> _Heading:
    name = match.lastgroup
    assert name is not None
    return name  # type: ignore[return-value]  # the groups are named after the headings


def _examples(sections: Sequence[_Section]) -> tuple[tuple[SourceTest, ...], bool]:
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
