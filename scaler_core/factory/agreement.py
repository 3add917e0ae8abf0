"""When two reference solutions agree: exactly where they print integers, nearly for decimals.

Outputs are compared word by word. Two integers agree when they are equal, whatever their size.
Words with a point or an exponent are decimals; two of them agree within 1e-9, absolute or relative,
or, where both have six decimal places or more, when one is the other rounded. An integer and a
decimal agree within 1e-9 absolute. NaN and infinity agree with nothing, not even themselves. All
other words, and every word of a string, must be the same.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

from scaler_core.models import AnswerType

LONGEST_TRUTH = 65_536
TOLERANCE = Decimal("1e-9")
ROUNDED_PLACES = 6

_INTEGER = re.compile(r"[+-]?[0-9]+")
# Exponents have four digits at most, so that no short word stands for an endless number.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.([0-9]*))?|\.([0-9]+))(?:[eE][+-]?[0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def read_answer(output: bytes, answer_type: AnswerType) -> tuple[str, ...]:
    """The words that a solution printed.

    Raises:
        ValueError: They can be no truth; the message says why.
    """
    try:
        text = output.decode()
    except UnicodeDecodeError:
        raise ValueError("the output is not UTF-8 text") from None
    words = tuple(text.split())
    if not words:
        raise ValueError("the output is empty")
    if sum(map(len, words)) + len(words) - 1 > LONGEST_TRUTH:
        raise ValueError(f"the output is longer than {LONGEST_TRUTH} characters")
    if answer_type == "number" and len(words) > 1:
        raise ValueError(f"the output holds {len(words)} words where one number belongs")
    if answer_type != "string" and any(map(_NOT_FINITE.fullmatch, words)):
        raise ValueError("the output holds NaN or infinity")
    return words


def agree(first: tuple[str, ...], second: tuple[str, ...], answer_type: AnswerType) -> bool:
    """Whether two answers are the same answer; words as of :func:`read_answer`."""
    if answer_type == "string":
        return first == second
    return len(first) == len(second) and all(map(_words_agree, first, second))


def _words_agree(first: str, second: str) -> bool:
    if _NOT_FINITE.fullmatch(first) or _NOT_FINITE.fullmatch(second):
        return False
    if first == second:
        return True
    decimal_first, decimal_second = _DECIMAL.fullmatch(first), _DECIMAL.fullmatch(second)
    if not decimal_first or not decimal_second:
        return False
    left, right = Decimal(first), Decimal(second)
    integers = bool(_INTEGER.fullmatch(first)), bool(_INTEGER.fullmatch(second))
    if all(integers):
        return left == right
    allowed = TOLERANCE
    if not any(integers):
        allowed *= max(Decimal(1), left.copy_abs(), right.copy_abs())
        places = min(_places(decimal_first), _places(decimal_second))
        if places >= ROUNDED_PLACES:
            allowed = max(allowed, Decimal(f"0.5e-{places}"))
    return _EXACT.subtract(left, right).copy_abs() <= allowed


def _places(match: re.Match[str]) -> int:
    """Digits after the point; 0 for a number with an exponent, which rounds elsewhere."""
    return 0 if "e" in match[0].lower() else len(match[1] or match[2] or "")
