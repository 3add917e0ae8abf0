"""Faults of a problem's text: lost exponents, several right answers, talk with a judge.

Problems that are copied as plain text lose what was raised: 10^9 + 7 becomes ``109 + 7``, which a
reader takes for 116. Texts that ask for any of several answers have no truth to compare with, and
interactive problems have no input that could be shown.
"""

from __future__ import annotations

import re

LONGEST_TEXT = 20_000
"""Characters of a text that are read."""
LONGEST_QUOTE = 120
"""Characters of a text that a message or a record quotes."""

# 10^9 + 7 and its like: a power of ten and a small odd number, not the left side of a sum
_LOST_MODULUS = re.compile(
    r"(?<![\w.,^{*/+=·⋅-])(?<![*/+=·⋅-] )10 ?(9|18|1[0-7]|[4-8])( ?\+ ?)(7|9|3|21|33|87)\b"
    r"(?! ?[=*/+·⋅^.,]?[\d=])"
)
# 3 * 10^5 after a relation, or after a modulus in words
_LOST_FACTOR = re.compile(
    r"((?:[≤⩽<]|<=|\\leq?|\bmost|\bexceeds?|\bthan|\bleast)[ $]*-? ?\d{1,3}"
    r" ?(?:[·⋅*\N{MULTIPLICATION SIGN}]|\\cdot|\\times) ?)10([3-9]|1[0-8])\b(?! ?[=*/+·⋅^.,]?[\d=])"
)

# 10^5 after a relation, where it may be 105 as well
_DOUBTFUL = re.compile(r"(?:[≤⩽<]|<=|\\leq?)[ $]*-? ?(10[3-9]|101[0-8])\b(?![.,^]?\d)")
_KEPT_EXPONENT = re.compile(r"\b10 ?(?:\^|\*\*)|\b1e\d")

_SENTENCE = re.compile(r"[^.!?;\n]+(?:\n[^.!?;\n]+)*+")
_LONGEST_SENTENCE = 600
_SAY = r"(?:print|output|write|return|report|display|show|give|find|construct|choose|submit)"
_ANY = (
    r"(?:any|arbitrary)\b(?! (?:case|register|number|letter|amount|extra|additional|other|two)\b)"
)
_ANSWER = (
    r"(?:answers?|solutions?|outputs?|valid|correct|suitable|possible|such|optimal|acceptable|"
    r"feasible|of (?:them|these|those|the (?:answers|solutions|possible|optimal|valid|correct)))"
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


# "print any of them", "output an arbitrary one"; "find any answer", but not "find any key"
_DIRECT = _pattern(
    rf"\b{_SAY} (?:(?:an )?{_ANY}(?=[ ,]*(?:\Z|one\b|{_ANSWER}\b))|one of (?:them|these)\b|"
    r"one of the (?:possible|optimal|valid|correct|suitable) \w+)|"
    rf"\b(?:print|output|construct|find) (?:an )?{_ANY} (?:array|permutation|sequence|string|pair|"
    r"plan|set|graph|tree|matrix|grid|path|arrangement|construction|number|integer)s? "
    r"(?:that|which|with)\b|"
    r"\ball (?:correct|valid|right|possible) (?:answers|solutions) (?:are|will be) accepted\b"
)
# a first pattern, and a second one that must follow in the same sentence
_FOLLOWED = (
    # "if there are several answers, any will do"
    (
        _pattern(
            r"(?<!how )(?<!of )\b(?:several|multiple|many|more than one|different|various) "
            r"(?:\w+ ){0,2}?(?:answers?|solutions?|outputs?|ways|possibilities|optimal|correct|"
            r"valid|such|of them|plans|sequences|permutations|arrays|strings|numbers|pairs)\b"
        ),
        _pattern(rf"\b{_ANY}(?:\Z| (?:one|will|is|{_ANSWER})\b)"),
    ),
    # "any valid answer is accepted"
    (
        _pattern(rf"\b{_ANY} (?:one )?{_ANSWER}\b"),
        _pattern(r"\b(?:accepted|acceptable|allowed|considered (?:correct|right))\b"),
    ),
    # "print the numbers in any order"
    (
        _pattern(
            r"\b(?:print|output|write|return|be listed)(?:ed|ten)?\b(?! (?:the |a )?(?:single )?"
            r"(?:maxim|minim|number of|largest|smallest|sum|total|cost|length|answer\b))"
        ),
        _pattern(r"\bin (?:any|an arbitrary|arbitrary) order\b(?! of\b)"),
    ),
)
# "do not print any spaces"; a tolerance, which is no second answer; what is only counted
_NOT_MEANT = _pattern(
    r"(?:\b(?:not|never|without|cannot)|n't) (?:\w+ ){0,2}any\b|"
    r"\b(?:error|precision|decimals?|digits)\b|\bnumber of (?:ways|different|distinct)\b|"
    r"\bhow many\b"
)

_INTERACTIVE = re.compile(
    r"\b(?:this|it) is (?:also )?an? interactive (?:problem|task)\b|"
    r"\byour program (?:must|should|will|has to|needs to) (?:interact|communicate) with\b|"
    r"\binteractor\b|\bfflush\b|\bcout ?\. ?flush\b|\bstdout ?\. ?flush\b|\bSystem\.out\.flush\b|"
    r"^[^\w\n]{0,20}interaction(?: protocol)?[^\w\n]{0,20}$|"
    r"\b(?:quer|ask|guess)[^.]{0,100}\bflush\b|"
    r"\bflush (?:the |your )?(?:output|stdout|buffer|stream)\b[^.]{0,200}\b(?:quer|ask|each)",
    re.IGNORECASE | re.MULTILINE,
)


def restore_exponents(text: str) -> tuple[str, list[str]]:
    """*text* with the exponents that plain text lost, and the numbers that were changed.

    ``109 + 7`` becomes ``10^9 + 7``, and ``at most 3·105`` becomes ``at most 3·10^5``. Numbers that
    may be meant as they stand, such as 105 alone, stay.
    """
    changed: list[str] = []

    def modulus(found: re.Match[str]) -> str:
        changed.append(found[0])
        return f"10^{found[1]}{found[2]}{found[3]}"

    def factor(found: re.Match[str]) -> str:
        changed.append(f"10{found[2]}")
        return f"{found[1]}10^{found[2]}"

    return _LOST_FACTOR.sub(factor, _LOST_MODULUS.sub(modulus, text)), changed


def doubtful_exponents(text: str) -> list[str]:
    """Bounds of *text* that may have lost an exponent, and may be meant as they stand: ``n ≤ 105``.

    A text that has kept any exponent of ten has kept all.
    """
    return [] if _KEPT_EXPONENT.search(text) else [item[1] for item in _DOUBTFUL.finditer(text)]


def several_answers(text: str) -> str:
    """The sentence of *text* that allows any of several answers; empty where none does."""
    for match in _SENTENCE.finditer(text[:LONGEST_TEXT]):
        sentence = " ".join(match[0][:_LONGEST_SENTENCE].split())
        if _allows(sentence) and not _NOT_MEANT.search(sentence):
            return sentence[:LONGEST_QUOTE]
    return ""


def _allows(sentence: str) -> bool:
    if _DIRECT.search(sentence):
        return True
    for first, second in _FOLLOWED:
        found = first.search(sentence)
        if found and second.search(sentence, found.end()):
            return True
    return False


def interaction(text: str) -> str:
    """The words of *text* about a conversation with the judge; empty where there are none."""
    found = _INTERACTIVE.search(text[:LONGEST_TEXT])
    return found[0].strip() if found else ""
