r"""Finds where a model's thought ends: nothing in a thought is an answer.

Formats of thought that are known without being named, in any case and with attributes::

    <think> ... </think>         also thinking, thought, reasoning, scratchpad, seed:think, ...
    [THINK] ... [/THINK]         the same names in square brackets
    <|begin_of_thought|> ... <|end_of_thought|>, <|START_THINKING|> ... <|END_THINKING|>
    <|channel|>analysis ... <|channel|>final

One pass over the text, so a hostile megabyte costs no more than an honest one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

Marker = Annotated[str, Field(min_length=1, max_length=100)]
Thoughts = tuple[tuple[Marker, Marker], ...]
"""Pairs of the texts that begin and end a thought, to the letter."""

_NAME = (
    r"think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis"
    r"|(?:inner|internal)[_-]?monologue"
)
_PREFIX = r"(?:[a-z]{1,20}[:_-]){0,2}(?:ant)?"
# One set of characters, in which every marker begins, so that other text is passed over fast.
_MARKER: Final = re.compile(
    r"(?P<opening>[<\[\u25c1])(?:(?<=<)(?:"
    rf"\s*+(?P<tag_end>/?)\s*+{_PREFIX}(?P<tag>{_NAME})(?:[_-]?process)?(?:\s[^<>]*+)?>"
    r"|\|channel\|?>\s*+(?P<channel>[a-z]*)"
    r"|\|(?P<token>[/a-z_]{1,40})\|>"
    r"|(?P<channel_end>channel\|>))"
    rf"|(?<!<)\s*+(?P<square_end>/?)\s*+(?P<in_square>{_NAME})\s*+[\]\u25b7])",
    re.IGNORECASE,
)
# The same channels after a server has taken their special tokens out.
_BARE: Final = re.compile(r"(?P<bare>[aA](?:(?<=\Aa)nalysis(?=[A-Z])|(?i:ssistantfinal)))")
_ANSWERS = {"final", "answer", "response", "output"}
_ENDINGS = {"end", "suffix", "stop", "close"}
_THINKS = re.compile(r"think|thought", re.IGNORECASE)
_WORD = re.compile(rf"(?:{_NAME}|inner)\Z", re.IGNORECASE)


class _Mark(NamedTuple):
    """A place in a text where a thought begins or ends.

    Attributes:
        kind: ``begins``, ``ends``, or ``closes``: the end of a thought that has been begun, and
            nothing otherwise.
        format: What has to be the same at both ends of a thought.
        end: Where the text after it starts.
    """

    kind: Literal["begins", "ends", "closes", "either"]
    format: str
    end: int


def after_thought(text: str, *, thinking: bool, own: Thoughts = ()) -> str | None:
    """*text* after its last thought; ``None`` where a thought never ends.

    A thought ends only in the format in which it began. An end without a beginning counts: the
    prompt may have begun it.

    Args:
        text: A response.
        thinking: Whether a thought is due: without an end of one there is no text after it.
        own: Markers of the model's thoughts, beside the known formats. Where a thought is due it is
            one of these.
    """
    start, begun, ended = 0, "", False
    for mark in _marks(text, own):
        kind = mark.kind
        if kind == "either":
            kind = "ends" if begun == mark.format else "begins"
        if kind == "begins":
            begun = begun or mark.format
        elif begun == mark.format or (not begun and kind == "ends"):
            start, begun = mark.end, ""
            ended = ended or not own or mark.format.startswith("own ")
    return None if begun or (thinking and not ended) else text[start:]


def _marks(text: str, own: Thoughts) -> Iterator[_Mark]:
    """The marks of *text* in their order, those of *own* before known ones at the same place."""
    known = list(_MARKER.finditer(text))
    marks = [(match.start(), mark) for match in known if (mark := _known(match))]
    if names := list(_BARE.finditer(text)):
        inside = {place for match in known for place in range(*match.span())}
        marks += [(name.start(), _bare(name)) for name in names if name.start() not in inside]
        marks.sort(key=lambda pair: pair[0])
    if own:
        found = [(match.start(), _named(match, own)) for match in _pattern(own).finditer(text)]
        spans = {start for start, _ in found}
        marks = [pair for pair in marks if pair[0] not in spans] + found
        marks.sort(key=lambda pair: pair[0])
    return (mark for _, mark in marks)


@lru_cache(maxsize=32)
def _pattern(own: Thoughts) -> re.Pattern[str]:
    texts = sorted({marker for pair in own for marker in pair}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, texts)))


def _named(match: re.Match[str], own: Thoughts) -> _Mark:
    """The mark of a marker that the caller has named."""
    for number, (begins, ends) in enumerate(own):
        if match[0] in {begins, ends}:
            kind: Literal["begins", "ends", "either"] = "ends" if match[0] == ends else "begins"
            kind = "either" if begins == ends else kind
            return _Mark(kind, f"own {number}", match.end())
    raise AssertionError(match[0])


def _known(match: re.Match[str]) -> _Mark | None:
    """The mark of a known format; ``None`` where *match* is none after all."""
    end = match.end()
    if match["tag"]:
        if match[0].endswith("/>"):
            return None
        return _Mark("ends" if match["tag_end"] else "begins", f"< {_name(match['tag'])}", end)
    if match["in_square"]:
        format_ = f"{match['opening']} {_name(match['in_square'])}"
        return _Mark("ends" if match["square_end"] else "begins", format_, end)
    if match["channel"] is not None:
        final = match["channel"].lower() in _ANSWERS
        return _Mark("ends" if final else "begins", "channel", end)
    if match["channel_end"]:
        return _Mark("ends", "channel", end)
    return _token(match["token"].lower(), end)


def _bare(match: re.Match[str]) -> _Mark:
    """The mark of a channel's name without its special tokens."""
    return _Mark("begins" if match[0] == "analysis" else "closes", "channel", match.end())


def _token(name: str, end: int) -> _Mark | None:
    """The mark of the special token ``<|name|>``."""
    if name in {"end", "start"}:
        return _Mark("closes", "channel", end)
    words = name.strip("/").split("_")
    if not any(_WORD.match(word) for word in words):
        return None
    ends = name.startswith("/") or not _ENDINGS.isdisjoint(words)
    return _Mark("ends" if ends else "begins", "token", end)


def _name(written: str) -> str:
    """One name for all forms of thinking, so that ``<thinking>`` may end in ``</think>``."""
    return "think" if _THINKS.match(written) else written.lower()
