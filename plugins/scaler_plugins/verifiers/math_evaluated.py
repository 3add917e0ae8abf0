r"""Tells whether an answer is evaluated or only repeats the question in formulas.

``\sum_{i=1}^{100} i`` equals 5050 and took no work. In training a policy would learn that first, so
the verifier ``math`` asks for more than equality there. Only text is looked at, in one pass.
"""

from __future__ import annotations

import re
from math import gcd, isqrt
from typing import Final

_OPERATIONS = re.compile(
    r"\\(?:sum|prod|i{1,3}nt|oint|lim|limsup|liminf|[bp]?mod|[dt]?binom|choose|gcd|lcm|deg|det"
    r"|max|min|sup|inf|lfloor|lceil|log|ln|lg|exp|sin|cos|tan|cot|sec|csc|arc[a-z]+"
    r"|sinh|cosh|tanh|operatorname|frac\s*\{?\s*d\s*\}?\s*\{\s*d[a-z])(?![A-Za-z])|!|\|"
)
_NAME = re.compile(
    r"(?:\\[a-z]+|[A-Za-z]{1,3})(?:_\s*(?:\{[A-Za-z0-9]+\}|[A-Za-z0-9]))?\s*(?:\([A-Za-z0-9]+\))?"
)
_NAMES = re.compile(r"^\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])+\s*\)\s*=")
_RELATION = re.compile(r"[=<>]|\\(?:le|leq|ge|geq|in)(?![A-Za-z])")
_SEPARATOR = re.compile(r"[,;]|\\(?:cup|pm|mp)(?![A-Za-z])")
_BRACKETS = re.compile(r"\\[{}]|\\left|\\right|[()\[\]]|\\text|\\infty")
_DIGITS = r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]*)?|\.[0-9]+"
_WHOLE = rf"(?:{_DIGITS})"
_LITERAL = re.compile(
    rf"[+-]?\s*(?:{_WHOLE}(?:[eE][+-]?[0-9]+)?"
    rf"|{_WHOLE}?\s*\\[dtc]?frac\s*(?:\{{\s*-?{_WHOLE}\s*\}}|[0-9])\s*(?:\{{\s*-?{_WHOLE}\s*\}}|[0-9])"
    rf"|{_WHOLE}\s*/\s*{_WHOLE}"
    rf"|(?:{_WHOLE}\s*(?:\\times|\\cdot|\*)\s*)?10\s*\^\s*(?:\{{\s*-?[0-9]+\s*\}}|[0-9])"
    rf")\s*(?:_\s*\{{?[0-9]+\}}?)?"
)
_DECIMAL = re.compile(r"[0-9]*\.[0-9]+")
_FRACTION = re.compile(r"-?\\frac\{([0-9]{1,40})\}\{([0-9]{1,40})\}|-?([0-9]{1,40})/([0-9]{1,40})")
_ROOT = re.compile(r"\\sqrt(?:\[([0-9]{1,3})\])?\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))")
# A number is looked for from its first digit only, or behind what another match may end with: from
# each digit, a long one would take a second.
_HALF_POWER = re.compile(
    r"(?:\(\s*([0-9]+)\s*\)|(?:(?<![0-9])|(?<=[1{}\s]2))([0-9]+))\s*\^\s*(?:\{\s*(?:1\s*/\s*2|0?\.5|\\[dt]?frac\s*\{?1\}?\s*\{?2\}?)\s*\}"
    r"|\\[dt]?frac\s*\{?1\}?\s*\{?2\}?)"
)
_RADICAND = re.compile(r"\\sqrt(?:\[[^\]]*\])?\s*\{([^{}]*)\}")
_WORK = re.compile(r"[0-9+*^. -]+")
_COMPLEX = re.compile(r"[0-9.+\- ]*i[0-9.+\- ]*")
_SUM_IN_BRACKETS = re.compile(r"\(([^()]*)\)")
_POWER = re.compile(r"(?<![0-9.A-Za-z])([0-9]+)\s*\^\s*(?:\{\s*(-?[0-9]+)\s*\}|([0-9]))")
_COMPOSED = re.compile(
    r"(?:\\sqrt(?:\[[^\]]*\])?\{[^{}]*\}|(?:(?:(?<![0-9])|(?<=\^[0-9]))[0-9]+|\([^()]*\))\^(?:\{[^{}]*\}|.))"
)

ROOT_DIGITS: Final = 10
"""Digits of a radicand that is searched for squares; a root of a longer one counts as not taken."""


def is_evaluated(answer: str, truth: str, question: str) -> bool:
    """Whether *answer* says its value as *truth* does.

    Numbers must be numbers where the truth holds nothing else. Operations that the truth lacks
    (sums, integrals, moduli, logarithms), powers of numbers and roots that can be taken are not
    evaluated, and neither is a formula of the question in other words than the truth's.

    Args:
        answer: The answer, without its unit.
        truth: The truth, without its unit.
        question: All text of the question.
    """
    allowed = set(_OPERATIONS.findall(truth))
    if "e^" in truth.replace(" ", ""):
        allowed.add("\\exp")
    if any(operation not in allowed for operation in _OPERATIONS.findall(answer)):
        return False
    if _is_literal(truth):
        return _is_literal(answer) and not _is_copied_number(answer, truth, question)
    if _COMPLEX.fullmatch(truth) and "(" in answer and not _SUM_IN_BRACKETS.fullmatch(answer):
        return False
    if _has_roots_to_take(answer, truth) or _has_powers_to_take(answer, truth):
        return False
    return not _is_copied(answer, truth, question)


def _is_literal(text: str) -> bool:
    """Whether *text* is numbers alone, perhaps in brackets and with a name before them."""
    parts: list[str] = []
    for term in _SEPARATOR.split(_NAMES.sub("", text)):
        sides = _RELATION.split(term)
        named = len(sides) > 1
        values = (side for side in sides if not (named and _NAME.fullmatch(side.strip())))
        parts += [_bare(_BRACKETS.sub(" ", side)) for side in values]
    return all(not part or _LITERAL.fullmatch(part) for part in parts) and any(parts)


def _bare(part: str) -> str:
    part = part.strip()
    while part.startswith("{") and part.endswith("}"):
        part = part[1:-1].strip()
    return part if part not in {"+", "-"} else ""


def _is_copied_number(answer: str, truth: str, question: str) -> bool:
    """Whether *answer* has a number of *question* that is still to be reduced or converted."""
    decimals = set(_DECIMAL.findall(answer)) & set(_DECIMAL.findall(question))
    if decimals and _FRACTION.search(_close(truth)):
        return True
    asked = {_parts(match) for match in _FRACTION.finditer(_close(question))}
    given = {_parts(match) for match in _FRACTION.finditer(_close(answer))}
    return any(gcd(*parts) != 1 or "." in truth for parts in given & asked)


def _parts(match: re.Match[str]) -> tuple[int, int]:
    """Numerator and denominator."""
    above, below = (int(part) for part in match.groups() if part is not None)
    return above, below


def _has_roots_to_take(answer: str, truth: str) -> bool:
    return _holds_roots_to_take(answer) and not _holds_roots_to_take(truth)


def _holds_roots_to_take(text: str) -> bool:
    text = _HALF_POWER.sub(r"\\sqrt{\1\2}", text)
    radicands = (re.sub(r"\\(?:cdot|times)", "*", part) for part in _RADICAND.findall(text))
    if any(_WORK.fullmatch(one) and not one.strip().isdigit() for one in radicands):
        return True
    return any(_can_be_taken(match) for match in _ROOT.finditer(text))


def _can_be_taken(match: re.Match[str]) -> bool:
    degree, radicand = int(match[1] or 2), match[2] or match[3]
    if len(radicand) > ROOT_DIGITS:
        return True
    value = int(radicand)
    if not 1 < degree < 32:
        return False
    if degree == 2 and isqrt(value) ** 2 == value:
        return True
    base = 2
    while (power := base**degree) <= min(value, 10**8):
        if value % power == 0:
            return True
        base += 1
    return False


def _has_powers_to_take(answer: str, truth: str) -> bool:
    return not _POWER.search(truth) and bool(_POWER.search(answer))


def _is_copied(answer: str, truth: str, question: str) -> bool:
    """Whether the question has *answer*, or a root or power in it, and the truth has it not."""
    whole, known, asked = _close(answer), _close(truth), _close(question)
    if not whole or whole in known:
        return False
    is_formula = bool(re.search(r"[-+*/^]|\\[dt]?frac|\\sqrt|\\cdot|\\times|\)\(", whole[1:]))
    if is_formula and len(whole) > 2 and whole in asked:
        return True
    return any(part in asked and part not in known for part in _COMPOSED.findall(whole))


def _close(text: str) -> str:
    """*text* without blanks, size commands and differences of writing."""
    text = re.sub(r"\\(?:left|right|displaystyle|,|;|!|:| )|[\s$]", "", text)
    text = re.sub(r"\\[dtc]frac", r"\\frac", text)
    text = re.sub(r"\\frac(?:\{([^{}]*)\}|([0-9]))(?:\{([^{}]*)\}|([0-9]))", _braced, text)
    text = re.sub(r"\\sqrt([0-9A-Za-z])", r"\\sqrt{\1}", text)
    text = re.sub(r"\^\{(.)\}", r"^\1", text).replace("\\cdot", "*").replace("\\times", "*")
    text = _SUM_IN_BRACKETS.sub(_in_order, text)
    return re.sub(r"(\([^()]*\))\1", r"\1^2", text)


def _in_order(match: re.Match[str]) -> str:
    terms = re.split(r"(?=[+-])", match[1])
    return (
        f"({''.join(sorted(term if term[:1] in '+-' else '+' + term for term in terms if term))})"
    )


def _braced(match: re.Match[str]) -> str:
    return f"\\frac{{{match[1] or match[2]}}}{{{match[3] or match[4]}}}"
