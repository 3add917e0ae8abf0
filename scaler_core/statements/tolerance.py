r"""Reads the error that a statement allows in answers, as in "an error of 0.0001 or less".

::

    sentence about an error of the answer --> its numbers (10^{-6}, 1e-6, 0.0001, a lost 10-6)
                                          --> its kind (absolute, relative, either)

Errors of what a task is about (a scale that weighs badly, points that count as equal) are not
meant: outside the Output section a sentence must speak of answers too. What is not certain is not
stated.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import Decimal

from scaler_core.models import LARGEST_TOLERANCE, ErrorKind, Tolerance
from scaler_core.statements.spelling import PLAIN_DIGITS, RAISED_DIGITS, speller

LONGEST_TEXT = 20_000
"""Characters of a text that are read."""
LONGEST_SENTENCE = 1_000
SMALLEST = Decimal("1e-15")
"""Floats, which solutions compute with, know no smaller errors."""

_RAISED = re.compile(rf"\u207b[{RAISED_DIGITS}]{{1,2}}|<sup> ?[-\u2212\u2013] ?\d{{1,2}} ?</sup>")
_spell = speller({r"\pm": "\u00b1", r"\(": " ", r"\)": " ", "`": " "})
_MARKS = re.compile(r"</?(?:var|code|i|b|em|strong|p|span)>|\\(?:text|mathrm|mathbf|rm)\b")
_SENTENCE_END = re.compile(r"(?<![ .][ei]\.[ge])(?<!\bvs)(?<!\bresp)(?<=[.!?;])(?=\s)|\n\s*\n")

# 10^-6, 2*10^(-6), 10 ^ { - 6 }, and what plain text makes of them: 10-6
_FACTOR = r"(?:(?P<{0}>\d{{1,3}}(?:\.\d{{1,6}})?) ?[*x] ?)?"
_NUMBER = re.compile(
    r"(?<![\w.^/-])(?:"
    + _FACTOR.format("times")
    + r"10 ?(?:(?:\^|\*\*) ?[{(]{0,2} ?- ?[{(]? ?(?P<power>\d{1,2}) ?[)}]{0,2}"
    r"|- ?(?P<lost>\d{1,2}))"
    r"|(?P<mantissa>\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})[eE] ?- ?(?P<exponent>\d{1,2})"
    r"|(?P<decimal>0?\.\d{1,15})"
    r")(?![\w%^]|\.\d| ?%| ?- ?\d)"
)
_ERROR = re.compile(
    r"\b(?:errors?|deviations?|deviates?|precision|accuracy|accurate(?:ly)?|precise(?:ly)?|"
    r"tolerances?|eps|epsilon|inaccuracy)\b|\bdiffer(?:s|ence)?\b|\|a ?- ?b\||\bwithin\b",
    re.IGNORECASE,
)
_OF_AN_ANSWER = re.compile(
    r"\b(?:your|correct|accepted|judged?|judges|jury|checker|answers?|outputs?)\b", re.IGNORECASE
)
# what stands shortly before a number that limits an error, or right behind it
_BEFORE = re.compile(
    r"(?:\bexceed|\bmost\b|\bless\b|\bmore\b|\bwithin\b|\bbelow\b|\bunder\b|\bsmaller\b|"
    r"\blarger\b|\bgreater\b|\bhigher\b|\bup to\b|<|\u00b1|\bworse\b|\bbetter\b|\bby\b|"
    r"\bmargin\b|\bmaximum\b|\berrors?\b|\baccura|\bprecis|\binaccura|\btoleran|\beps|"
    r"\bdeviat)[^;]{0,40}\Z",
    re.IGNORECASE,
)
# "10-6" is a lost exponent only right behind such a word
_RIGHT_BEFORE = re.compile(
    r"(?:\bexceed(?:s|ing)?|\bthan|\bmost|\bleast|\bwithin|\bbelow|\bunder|\bup to|[<=\u00b1]|"
    r"\berrors?|\bprecision|\baccuracy|\btolerance|\beps(?:ilon)?|\bof|\bby|\bis)[ ({:]{0,3}\Z",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"[ ,]*(?:or (?:less|smaller|lower|better)\b|(?:absolute|relative|precision|accuracy|error)\b|"
    r"(?:is|are|will be) (?:allowed|accepted|permitted|tolerated|ignored|fine)\b)",
    re.IGNORECASE,
)
# an error that belongs to the task, or a promise about the input
_NOT_MEANT = re.compile(
    r"\bguarantee|\binput (?:data|numbers?|values?|files?|is|are)\b|"
    r"\b(?:is|are|was|were) given\b|\bcoincid|"
    r"\bconsidered (?:to be )?(?:equal|the same|identical)\b",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(r"\babsolute", re.IGNORECASE)
_RELATIVE = re.compile(r"\brelative", re.IGNORECASE)
_FORMULA = re.compile(r"\\?max[\s({\\]*(?:1|b|\|b\|)\s*,")


def read_tolerance(instruction: str, statement: str = "") -> Tolerance | None:
    """The error that a problem allows in decimal answers; ``None`` where it states none.

    Of several in one text the smallest counts.

    Args:
        instruction: The text of the Output section, which goes before the rest.
        statement: The whole statement.
    """
    return _read(instruction, output=True) or _read(statement, output=False)


def _read(text: str, *, output: bool) -> Tolerance | None:
    """The tolerance of *text*; outside the Output section sentences must speak of an answer."""
    smallest: Decimal | None = None
    sentences: list[str] = []
    for sentence in _sentences(_plain(text[:LONGEST_TEXT])):
        if not _ERROR.search(sentence) or _NOT_MEANT.search(sentence):
            continue
        values = list(_values(sentence)) if output or _OF_AN_ANSWER.search(sentence) else []
        if values:
            smallest = min(values if smallest is None else [smallest, *values])
            sentences.append(sentence)
    if smallest is None:
        return None
    return Tolerance(kind=_kind(" ".join(sentences)), value=float(smallest))


def _plain(text: str) -> str:
    """*text* with one spelling of each sign."""
    text = _RAISED.sub(_lowered, html.unescape(text).replace("\r", ""))
    text = _spell(_MARKS.sub("", text))
    return re.sub(r"[^\S\n]+", " ", text)


def _lowered(raised: re.Match[str]) -> str:
    return "^-" + re.sub(r"\D", "", raised[0].translate(PLAIN_DIGITS))


def _sentences(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(text):
        yield " ".join(sentence[:LONGEST_SENTENCE].split())


def _values(sentence: str) -> Iterator[Decimal]:
    """The numbers of *sentence* that limit an error: above 1e-15, and far below one."""
    for found in _NUMBER.finditer(sentence):
        before = sentence[max(0, found.start() - 60) : found.start()]
        if found["lost"] and not _RIGHT_BEFORE.search(before):
            continue
        if not _BEFORE.search(before) and not _BEHIND.match(sentence, found.end()):
            continue
        if found["decimal"]:
            value = Decimal(found["decimal"])
        else:
            power = found["power"] or found["lost"] or found["exponent"]
            factor = found["times"] or found["mantissa"] or "1"
            value = Decimal(f"{factor}e-{power}")
        if SMALLEST <= value < Decimal(repr(LARGEST_TOLERANCE)):
            yield value


def _kind(sentence: str) -> ErrorKind:
    absolute, relative = _ABSOLUTE.search(sentence), _RELATIVE.search(sentence)
    if (absolute and relative) or _FORMULA.search(sentence):
        return "either"
    return "relative" if relative else "absolute"


_DECIMALS = re.compile(
    r"\b(?:real|floating[ -]?point|decimal|fractional) (?:numbers?|values?|answers?)\b|"
    r"\bnon-?integers?\b|\b(?:probabilit(?:y|ies)|expect(?:ed|ation))\b",
    re.IGNORECASE,
)
_EXACT = re.compile(
    r"\bmodulo\b|\bmod\b|\birreducible\b|\bfractions?\b|\b(?:digits?|decimals?|places?) "
    r"(?:after|behind|to the right)\b|\bdecimal (?:places?|digits?)\b|\b\w+ decimals\b|"
    r"\bround(?:ed|ing)?\b|\binteger part\b|\b(?:single|one|an|the) integer\b|%\.?\d+l?f",
    re.IGNORECASE,
)

_MODULAR = re.compile(r"\bmod(?:ulo)?\b|\bfractions?\b|\bround(?:ed|ing)?\b", re.IGNORECASE)


def asks_for_decimals(instruction: str, logic: str) -> bool:
    """Whether answers are decimals, and the text does not say how they are to be written.

    Args:
        instruction: The text of the Output section.
        logic: The task.
    """
    asked = " ".join(re.split(r"(?<=[.!?])\s", logic[-LONGEST_SENTENCE:].strip())[-3:])
    if _EXACT.search(instruction) or _MODULAR.search(asked):
        return False
    return bool(_DECIMALS.search(instruction) or _DECIMALS.search(asked))


_KINDS: dict[ErrorKind, str] = {
    "absolute": "An absolute",
    "relative": "A relative",
    "either": "An absolute or relative",
}


def wanted_precision(tolerance: Tolerance) -> str:
    """A sentence for prompts about *tolerance*: the allowed error, and the digits that suffice."""
    # half a unit of the last digit is within the error
    places = -tolerance.exact.adjusted()
    digits = f"{places} decimals"
    if tolerance.kind == "relative":
        digits = f"{places + 1} significant digits"
    return (
        f"{_KINDS[tolerance.kind]} error of at most {_written(tolerance.exact)} is allowed: give "
        f"at least {digits}, or an exact fraction, where a number is not an integer."
    )


def _written(value: Decimal) -> str:
    """*value* as a text writes it: ``0.0001``, ``10^-9``, ``2.5*10^-7``."""
    if value.adjusted() > -6:
        return f"{value:f}"
    digits = value.normalize().scaleb(-value.adjusted())
    power = f"10^{value.adjusted()}"
    return power if digits == 1 else f"{digits:f}*{power}"
