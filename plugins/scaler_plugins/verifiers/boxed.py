r"""Reads the answer out of a response: the content of its last ``\boxed{...}`` (paper section 3).

Everything here is one pass over the text, so a hostile megabyte costs no more than an honest one.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from scaler_core.interfaces import Options
from scaler_core.models import Response, Verdict
from scaler_plugins.verifiers.thoughts import Thoughts, after_thought

TRUNCATED: Final = "truncated"
THINKING_NOT_CLOSED: Final = "thinking not closed"
NO_BOX: Final = "no boxed answer"
BOX_NOT_CLOSED: Final = "box not closed"
EMPTY_ANSWER: Final = "empty answer"

SHOWN_CHARACTERS = 200

_BOX = "\\boxed"
_BOX_OPENING = re.compile(r"\\boxed\s*+\{")
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BLOCK = re.compile(r"(?:[^\\]|\\.){1,4096}+", re.DOTALL)  # never ends within an escape
_PROSE = re.compile(r"(?<![\\A-Za-z])(?!(?:and|or)(?![A-Za-z]))[A-Za-z]{2,}")


class Reading(NamedTuple):
    """The result of reading a response: an answer, or the reason why there is none."""

    answer: str | None
    reason: str = ""


class ReadingOptions(Options):
    """Options of every verifier that reads a box."""

    thinking: bool = False
    """Whether the model thinks first: then only text after its thought is read."""

    thoughts: Thoughts = ()
    """Texts that begin and end a thought, in pairs, beside the formats that are always known
    (``<think>``, ``[THINK]``, channels): ``[["<plan>", "</plan>"]]``."""


def read_answer(response: Response, *, thinking: bool = False, thoughts: Thoughts = ()) -> Reading:
    """The answer of *response*, as it stands inside the last box.

    Text up to the end of the last thought is never read, and neither is anything after the
    beginning of a thought that does not end.

    Args:
        response: The response.
        thinking: Whether the model thinks before it answers; a response in which no thought ends is
            then thought that never ended.
        thoughts: The model's own markers of thoughts, beside the known ones.
    """
    reading = _read(response.text, thinking, thoughts)
    if reading.answer is None and response.truncated:
        return Reading(None, TRUNCATED)
    return reading


def _read(text: str, thinking: bool, thoughts: Thoughts) -> Reading:
    visible = after_thought(text, thinking=thinking, own=thoughts)
    if visible is None:
        return Reading(None, THINKING_NOT_CLOSED)
    opening = _last_opening(visible)
    if opening is None:
        return Reading(None, NO_BOX)
    content = _group(visible, opening)
    if content is None:
        return Reading(None, BOX_NOT_CLOSED)
    return Reading(content) if content.strip() else Reading(None, EMPTY_ANSWER)


def last_box(text: str) -> str | None:
    r"""The content of the last ``\boxed{...}`` in *text*; ``None`` where there is no whole one."""
    opening = _last_opening(text)
    return None if opening is None else _group(text, opening)


def unboxed(text: str) -> str:
    r"""The truth that *text* states: the content of its box, or all of it where it has none.

    Of several boxes, between which there are no words but "and" and "or", each states a part:
    ``\boxed{1} \text{ and } \boxed{-2}`` two values, and ``\boxed{3}\sqrt{\boxed{2}}`` one.
    """
    pieces = _split_at_boxes(text)
    first = last = len(pieces) - 2
    while first > 1 and not _PROSE.search(pieces[first - 1]):
        first -= 2
    if first == last:
        boxed = last_box(text)
        return text if boxed is None else boxed
    before, after = ("" if _PROSE.search(one) else one for one in (pieces[first - 1], pieces[-1]))
    return "".join([before, *pieces[first:-1], after])


def _split_at_boxes(text: str) -> list[str]:
    """The texts before, in, between and after the boxes, so that every second one was boxed."""
    pieces, position = [], 0
    while opening := _BOX_OPENING.search(text, position):
        content = _group(text, opening.end())
        if content is None:
            break
        pieces += [text[position : opening.start()], last_box(content) or content]
        position = opening.end() + len(content) + 1
    return [*pieces, text[position:]]


def _last_opening(text: str) -> int | None:
    """Where the content of the last box begins."""
    end = len(text)
    while (start := text.rfind(_BOX, 0, end)) >= 0:
        if match := _BOX_OPENING.match(text, start):
            return match.end()
        end = start
    return None


def _group(text: str, start: int) -> str | None:
    """The text from *start* up to the brace that closes it; an escaped brace closes nothing."""
    depth, position = 1, start
    while block := _BLOCK.match(text, position):
        # a block that cannot close the group is counted and not read
        braces = _ESCAPE.sub("", block[0]) if "\\" in block[0] else block[0]
        closing = braces.count("}")
        if closing < depth:
            depth += braces.count("{") - closing
        else:
            for brace in _BRACE.finditer(text, position, block.end()):
                depth += {"{": 1, "}": -1}.get(brace[0], 0)
                if depth == 0:
                    return text[start : brace.start()]
        position = block.end()
    return None


def judged(reason: str, answer: str) -> Verdict:
    """The verdict on *answer*: correct where *reason* is empty. The answer is kept in short form.

    Lone surrogates are replaced, because a verdict must be writable as UTF-8.
    """
    shown = answer if len(answer) <= SHOWN_CHARACTERS else answer[:SHOWN_CHARACTERS] + "..."
    shown = shown.encode("utf-8", "replace").decode()
    return Verdict.incorrect(reason, shown) if reason else Verdict.correct(shown)
