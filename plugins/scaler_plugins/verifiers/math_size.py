r"""Tells formulas that are too large to be computed, before anything is read or computed.

``9^{9^{9^{9}}}`` would cost a worker of the verifier ``math`` all of its seconds and its life. Only
tokens are looked at, in one pass; a group of them counts the digits that its value has at most.
"""

from __future__ import annotations

import re
from math import inf, log10
from typing import Final

TOKENS: Final = 200
"""Tokens of a formula: numbers, letters, signs, brackets."""

DEPTH: Final = 24
"""Braces, roots and exponents inside each other."""

BRACKET_DEPTH: Final = 5
"""A bracket counts for so many braces, because the grammar tries several readings of each."""

MOST: Final = {"|": 12, ",": 50}
"""Bars of absolute values and commas of a list, for the same reason."""

DIGITS: Final = 20_000
"""Digits of a number."""

_TOKEN = re.compile(
    r"\\operatorname\{[a-z]*\}|\\[A-Za-z]+|\\.|[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\S"
)
_OPENING = frozenset({"{", "(", "[", "\\{"})
_CLOSING = frozenset({"}", ")", "]", "\\}"})
_NEXT_TERM = frozenset({"+", "-", "=", ",", ";", "<", ">", "/", "&", "\\\\", "\\pm", "\\cup"})
_LARGER_OF_TWO = frozenset({"\\frac", "\\dfrac", "\\tfrac", "\\cfrac"})
_CHOICES = frozenset({"\\binom", "\\dbinom", "\\tbinom"})
_FACTORIALS = frozenset({"\\Gamma", "\\gamma"})
_MATRICES = frozenset({"\\operatorname{eye}", "\\operatorname{zeros}", "\\operatorname{ones}"})
_DIGITS_OF_LETTERS = 0.5
_DIGITS_OF_TWO = 0.31


def is_too_large(text: str) -> bool:
    """Whether *text* has more tokens, depth or digits than are computed."""
    tokens = _TOKEN.findall(text)
    if len(tokens) > TOKENS or not _MATRICES.isdisjoint(tokens):
        return True
    if any(tokens.count(sign) > most for sign, most in MOST.items()):
        return True
    try:
        _Look(tokens).group(0)
    except _TooLargeError:
        return True
    return False


class _TooLargeError(Exception):
    """A limit is exceeded."""


class _Look:
    """One pass over *tokens*."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens[::-1]
        self._decimals = 0  # of the number that was read last, or the most in the last group

    def group(self, depth: int) -> float:
        """Digits of the group that begins here, as if it were a product of all in each term."""
        most = product = last = 0.0
        decimals = most_decimals = 0  # powers are exact: 1.01^{1000} has 2,000 decimals
        while self._tokens:
            token = self._tokens.pop()
            if token in _CLOSING:
                if depth:  # what closes nothing ends nothing
                    break
            elif token in _NEXT_TERM:
                most, product, last = max(most, product + last), 0.0, 0.0
            elif token == "^":
                last = _power(max(last, decimals), self._atom(depth + 1))
            elif token in {"!", "\\choose"}:
                last = _power(last, last)
            else:
                self._tokens.append(token)
                product, last = product + last, self._atom(depth)
                decimals = self._decimals
                most_decimals = max(most_decimals, decimals)
            if product + last > DIGITS:
                raise _TooLargeError
        self._decimals = most_decimals
        return max(most, product + last)

    def _atom(self, depth: int) -> float:
        """Digits of the number, letter, group or function that begins here."""
        token = self._tokens.pop() if self._tokens else ""
        self._decimals = 0
        if depth > DEPTH:
            raise _TooLargeError
        if token in _OPENING:
            return self.group(depth + (1 if token == "{" else BRACKET_DEPTH))
        if token in _LARGER_OF_TWO:
            return max(self._atom(depth + 1), self._atom(depth + 1))
        if token in _CHOICES:
            return _power(_DIGITS_OF_TWO, max(self._atom(depth + 1), self._atom(depth + 1)))
        if token in _FACTORIALS:
            argument = self._atom(depth + 1)
            return _power(argument, argument)
        if token[:1].isdigit():
            whole, _, fraction = token.partition(".")
            digits, self._decimals = whole.replace(",", ""), len(fraction)
            return log10(max(int(digits), 1)) if len(digits) < 16 else len(digits)
        return _DIGITS_OF_LETTERS


def _power(base: float, exponent: float) -> float:
    """Digits of a number of *base* digits to the power of one of *exponent* digits."""
    return base * 10.0**exponent if exponent < 300 else inf
