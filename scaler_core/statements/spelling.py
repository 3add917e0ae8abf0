"""One spelling of each sign of a statement, whether TeX, HTML or plain text wrote it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_SIGNS = {
    r"\leqslant": "<=",
    r"\leq": "<=",
    r"\le": "<=",
    r"\lt": "<",
    r"\cdot": "*",
    r"\times": "*",
    r"\,": "",
    r"\;": " ",
    r"\ ": " ",
    "{,}": ",",
    "~": " ",
    "$": " ",
    "\u2264": "<=",
    "\u2a7d": "<=",
    "\N{MIDDLE DOT}": "*",
    "\N{DOT OPERATOR}": "*",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
}
RAISED_DIGITS = "\N{SUPERSCRIPT ZERO}\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
PLAIN_DIGITS = str.maketrans(RAISED_DIGITS, "0123456789")
"""Translates raised digits to plain ones."""


def speller(more: Mapping[str, str]) -> Callable[[str], str]:
    """Returns what spells the signs of a text in one way.

    Args:
        more: Further signs with their spelling, beside relations, products, signs and blanks.
    """
    signs = {**_SIGNS, **more}
    # the longest first, so that none is read as the beginning of another
    longest = sorted(signs, key=len, reverse=True)
    pattern = re.compile(
        "|".join(re.escape(sign) + ("(?![a-z])" if sign[-1].isalpha() else "") for sign in longest)
    )
    return lambda text: pattern.sub(lambda found: signs[found[0]], text)
