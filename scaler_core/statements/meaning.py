"""Definitions of the Input section that a prompt needs: names of values, and codes such as 0 and 1.

Prompts show the text before the Input section and that of the Output section. Where the Input
section alone says what a value is called, or what ``0`` and ``halfplus`` stand for, it is added.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from scaler_core.statements.faults import restore_exponents
from scaler_core.statements.leaving_out import leave_out

HEADING = "What the values of the input mean (they follow as one structured value, not as lines):"
LONGEST_INPUT = 8_000
"""Characters of an Input section that are read."""

_QUOTE = "'\"\u2018\u2019\u201c\u201d`\u00b4\u00ab\u00bb"
_QUOTED = re.compile(rf"(?<![A-Za-z])[{_QUOTE}]{{1,2}}([^\s{_QUOTE}]{{1,12}})[{_QUOTE}]{{1,2}}")
# "from 'a' to 'z'" is an alphabet, and no code
_RANGE = re.compile(
    rf"[{_QUOTE}]\w[{_QUOTE}] ?(?:to|through|until|--?|\u2013|\.{{2,3}}|\u2026|"
    rf"(?:<=?|\u2264)[^{_QUOTE}\n]{{1,9}}(?:<=?|\u2264)) ?[{_QUOTE}]\w[{_QUOTE}]|"
    rf"[{_QUOTE}](?:a[{_QUOTE}] and [{_QUOTE}]z|A[{_QUOTE}] and [{_QUOTE}]Z|"
    rf"0[{_QUOTE}] and [{_QUOTE}]9)[{_QUOTE}]"
)
_MEANS = r"(?:means|denotes|stands for|represents|indicates|signifies|if|when)"
_KINDS = r"(?:strings?|words?|letters?|characters?|symbols?|commands?|keywords?|types?|values?)"
_WORD_CODE = re.compile(rf"\b{_KINDS} (?:is )?([A-Za-z+*#-]{{2,12}}|\d),? {_MEANS} ")
_A_COUNT = r"(?:the )?(?:total )?(?:number|size|length|amount|count)\b|how many\b"
_UPPER_CODE = re.compile(rf"(?<![\w$\\])([A-Z]{{1,8}}),? {_MEANS} (?!{_A_COUNT})")
_DIGIT = r"(?<![\w.,^-])(-?\d{1,2})(?![\w.,]?\d|\w)"
_DIGIT_CODES = (
    re.compile(
        rf"{_DIGIT},? (?:if|means|denotes|stands for|represents|indicates|corresponds|signifies|"
        rf"when|is for|for an?) (?!\d)"
    ),
    re.compile(
        rf"\b(?:is|are|equals?|equal to|type|value|be)\b ?=? ?{_DIGIT},? (?:if|then|when|means)\b"
    ),
    re.compile(rf"\b(?:[Ii]f|[Ww]hen) (?:\S+ ){{1,5}}(?:is|=|==|equals?|equal to) {_DIGIT},? "),
    re.compile(rf"\beither {_DIGIT} or {_DIGIT}"),
)
# an item of a list: "0: empty", "1 l r: add", "RED - a red one"
_OPTION = re.compile(
    r"^[^\w\n]{0,6}(-?\d{1,2}|[A-Z]{1,8})(?: [a-z]\w{0,3}){0,4} ?(?:\u2014|\u2013|--?|:) "
    rf"(?!{_A_COUNT})[A-Za-z]",
    re.MULTILINE,
)

_NAME = r"[A-Za-z](?:_?\{?[A-Za-z0-9]\}?)?"
_LISTED = re.compile(
    rf"\b(?:integers?|numbers?|strings?|values?|characters?|letters?|array|sequence|permutation)"
    rf" ({_NAME}(?:(?:,| and|, and) {_NAME})*)(?=[ ,.(;:\u2014\u2013-]|$)"
)
_DEFINED = re.compile(
    rf"(?<![\w\\])({_NAME}) ?(?:\u2014|\u2013|--?|:|is|denotes?|are|represents?|stands for) "
    rf"(?!{_A_COUNT})(?:the|a|an) "
)
_COUNTED = re.compile(rf"(?<![\w\\])({_NAME}),? ?(?:\u2014|\u2013|--?|:|is|denotes?|,) {_A_COUNT}")

_BOUNDS = re.compile(r" ?\(([^()]{1,200})\)")
_KEY = re.compile(r"[\"']([A-Za-z]\w{0,30})[\"'] ?(?::|\] ?=)")
LONGEST_SOURCE = 100_000
_RELATION = re.compile(r"[\u2264\u2a7d\u2265<>]|\\leq?|\\geq?")
_BARE = re.compile(r"[ $]*[A-Za-z][\w{}]{0,5}[ $]*")
_PIECES = re.compile(r"[,;]| and ")


def add_meaning(
    logic: str, instruction: str, section: str | None, keys: Collection[str] = ()
) -> tuple[str, list[str]]:
    """*logic* with the description of the input, where it lacks a term of it, and those terms.

    Args:
        logic: The task, as the prompt states it.
        instruction: What to answer.
        section: The text of the Input section; ``None`` where there is none.
        keys: Names that the structured value uses.
    """
    if section is None or HEADING in logic:
        return logic, []
    description = describe_input(section)
    prompt = f"{logic}\n{instruction}"
    missing = [*missing_codes(description, prompt), *missing_names(description, prompt, keys)]
    if not missing:
        return logic, []
    return f"{logic.rstrip()}\n\n{HEADING}\n{description}", missing


def describe_input(section: str) -> str:
    """The Input section as it is said of one input, without bounds in brackets."""
    text, _ = leave_out(section[:LONGEST_INPUT].strip())
    text = _BOUNDS.sub(lambda found: "" if _is_bound(found[1]) else found[0], text)
    return re.sub(r"\n{3,}", "\n\n", restore_exponents(text)[0]).strip()


def _is_bound(inside: str) -> bool:
    """Whether all of it are relations, such as ``1 \u2264 n, m \u2264 100``."""
    pieces = _PIECES.split(inside)
    related = [_RELATION.search(piece) is not None for piece in pieces]
    return any(related) and all(
        found or _BARE.fullmatch(piece) for found, piece in zip(related, pieces, strict=True)
    )


def missing_codes(description: str, prompt: str) -> list[str]:
    """Codes that *description* defines and *prompt* neither names nor defines."""
    known = set(_codes(prompt))
    missing = [code for code in _codes(description) if code not in known and not _has(code, prompt)]
    return list(dict.fromkeys(missing))


def _codes(text: str) -> Iterator[str]:
    text = _RANGE.sub(" ", text)
    yield from _QUOTED.findall(text)
    yield from _WORD_CODE.findall(text)
    yield from _UPPER_CODE.findall(text)
    yield from _OPTION.findall(text)
    yield from _number_codes(text)


def _number_codes(text: str) -> Iterator[str]:
    for pattern in _DIGIT_CODES:
        for found in pattern.finditer(text):
            yield from found.groups()


def _has(code: str, prompt: str) -> bool:
    """Whether *prompt* speaks of a code; a number alone may be any number."""
    if code.lstrip("-").isdecimal():
        return False
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(code)}(?![A-Za-z0-9])", prompt) is not None


def missing_names(description: str, prompt: str, keys: Collection[str]) -> list[str]:
    """Names in *description* that are *keys* and not in *prompt*, those of counts left out."""
    text = description.replace("$", "")
    names: list[str] = []
    for found in _LISTED.finditer(text):
        names += re.split(r",? and |, ?", found[1])
    names += [found[1] for found in _DEFINED.finditer(text)]
    counted = {found[1] for found in _COUNTED.finditer(text)}
    plain = prompt.replace("$", "")
    wanted = [name for name in dict.fromkeys(names) if name in keys and name not in counted]
    return [name for name in wanted if not _uses(name, plain)]


def _uses(name: str, prompt: str) -> bool:
    """Whether *prompt* uses the letter of *name*, with any index."""
    letter = rf"(?<![A-Za-z\\]){name[0]}(?:[_{{\[(]|[ijk0-9n]?(?![A-Za-z]))"
    return re.search(letter, prompt) is not None


def keys_of(generator: str) -> frozenset[str]:
    """Names that the source of a generator uses as keys, as far as one sees."""
    return frozenset(_KEY.findall(generator[:LONGEST_SOURCE]))
