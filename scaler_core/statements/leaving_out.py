"""Leaves out what a statement says to programmers alone: samples, test cases, printing advice.

A model is shown one input as a structured value and answers in a box, so blocks of sample inputs,
"for each test case" and ``%lld`` only lead it astray. Sentences that hold anything else stay.
"""

from __future__ import annotations

import re

LONGEST_TEXT = 20_000
"""A longer text is left as it is."""

_SAMPLE = re.compile(
    r"^[^\w\n]{0,12}(?P<bare>(?:samples?|examples?)(?: (?:test ?cases?|tests?|cases?))?"
    r"(?P<sided> ?(?:inputs?|outputs?|i/o))?)(?: ?[#:]? ?\d{1,2})?[^\w\n]{0,12}$",
    re.IGNORECASE | re.MULTILINE,
)
_SIDE = re.compile(
    r"^[^\w\n]{0,12}(?:(?:sample|example) )?(?:inputs?|outputs?)(?: ?[#:]? ?\d{1,2})?"
    r"[^\w\n]{0,12}$",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_HEADING = re.compile(
    r"^[^\w\n]{0,12}(?:constraints?|limits|scoring|subtasks?)[^\w\n]{0,12}$",
    re.IGNORECASE | re.MULTILINE,
)

_SEPARATOR = re.compile(
    r"(\n+|(?<=[.!?])(?<!\bi\.e\.)(?<!\be\.g\.)(?<!\bcf\.)[ \t]+(?=[A-Z\"'$(\u201c`]))"
)
_TYPES = r"(?:(?:64|32)[ -]?bit|\blong long\b|\blong integer\b|\b_*int64(?:_t)?\b)"
_ADVICE = re.compile(
    r"%ll[du]|%?I64[du]?\b|\bcin\b|\bcout\b|\bscanf\b|\bprintf\b|\bstd::|\bBufferedReader\b|"
    r"\bfflush\b|\biostream\b|\bfast(?:er)? (?:input|output|i/?o|methods)\b|"
    rf"\b(?:use|using|used|prefer\w*|recommend\w*|store|fit|fits|exceed)\b.*{_TYPES}|"
    rf"{_TYPES}.*\b(?:use|used|recommend\w*|fit|enough|sufficient)\b|"
    r"\b(?:print|output)\b.*\b(?:in|of) any (?:case|register)\b|"
    r"\bwill be (?:recognized|accepted|considered) as (?:a )?(?:positive|negative)\b|"
    r"^(?:please,? )?(?:don't|do not|make sure|remember|avoid|there should be no|be sure)\b.*"
    r"\b(?:trailing|extra|leading|new ?lines?|line ?breaks?|line ?feeds?)\b|"
    r"^(?:the|your) (?:output|line) (?:must|should|shall) (?:also )?end\b.*"
    r"\b(?:new ?line|line ?break|line ?feed)",
    re.IGNORECASE,
)

_CASE = r"(?:test ?cases?|data ?sets?)"
_SEVERAL_CASES = re.compile(
    rf"\bnumber of (?:the )?(?:independent )?(?:{_CASE}|tests)\b|"
    rf"\b(?:multiple|several|many|[tT]) (?:independent )?{_CASE}\b|"
    rf"\bdescriptions? of (?:the |each )?{_CASE} follows?\b|"
    rf"\b(?:sum|total)\b.*\bover all (?:the )?(?:{_CASE}|tests)\b|"
    rf"\b(?:input|{_CASE}) (?:is |are )?(?:ends?|terminated|ended|finished) (?:with|by)\b",
    re.IGNORECASE,
)
_ANSWERS = re.compile(r"^(?:print|output|write)\b", re.IGNORECASE)
_LINES_OF_CASES = re.compile(
    rf"^(print|output) (?:exactly )?(?:[tTqk]|the) (?:lines|integers|numbers|answers)\b.*"
    rf"\b{_CASE}\b[^.]*",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\bcase ?(?:#|number\b)", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:for|in) (?:each|every)(?: of the)? (?:independent )?(?:test ?cases?|data ?sets?|"
    r"tests?(?=,? (?:print|output|write)\b))(?: (?:of|in) the input)?[,:]? +",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    rf"(?<=[\w\"')]),? (?:for|of|to|in) (?:each|every|all|the)(?: of)?(?: the)? (?:given )?{_CASE}"
    r"(?:,? (?:in|on) (?:a |an |its own |one )?(?:separate |single |new |different )?lines?)?\b",
    re.IGNORECASE,
)


def leave_out(text: str) -> tuple[str, list[str]]:
    """*text* without what is for programmers alone, and what was left out, piece by piece.

    A text of which nothing would be left stays as it is.
    """
    if len(text) > LONGEST_TEXT:
        return text, []
    body, left_out = _without_samples(text)
    kept: list[str] = []
    separator = ""
    for place, part in enumerate(_SEPARATOR.split(body)):
        if place % 2:
            separator = part if "\n" in part or "\n" not in separator else separator
            continue
        changed = _without_cases(part)
        if part.strip() and (not changed.strip() or _ADVICE.search(part.strip())):
            left_out.append(part.strip())
            continue
        if changed != part:
            left_out.append(part.strip())
        kept += [separator, changed]
        separator = ""
    if not left_out:
        return text, []
    mended = re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip()
    return (mended, left_out) if mended else (text, [])


def _without_samples(text: str) -> tuple[str, list[str]]:
    """*text* up to its samples, and what follows them, from a heading on."""
    for found in _SAMPLE.finditer(text):
        if not found["sided"] and not _SIDE.search(text, found.end()):
            continue  # an example in words
        following = _NEXT_HEADING.search(text, found.end())
        end = following.start() if following else len(text)
        rest = text[: found.start()].rstrip() + "\n\n" + text[end:]
        return (rest, [found[0].strip()]) if rest.strip() else (text, [])
    return text, []


def _without_cases(sentence: str) -> str:
    """*sentence* as it is said of one test case; empty where it is about their number alone."""
    start = len(sentence) - len(sentence.lstrip())
    indent, sentence = sentence[:start], sentence[start:]
    return indent + _of_one_case(sentence) if sentence else indent


def _of_one_case(sentence: str) -> str:
    if _NUMBERED.search(sentence):
        return sentence
    if _SEVERAL_CASES.search(sentence) and not _ANSWERS.match(sentence):
        return sentence if _LEAD.match(sentence) else ""
    lines = _LINES_OF_CASES.match(sentence)
    if lines:
        return f"{lines[1]} the answer{sentence[lines.end() :] or '.'}"
    without = _INSIDE.sub("", _LEAD.sub("", sentence))
    return without[:1].upper() + without[1:] if without != sentence else sentence
