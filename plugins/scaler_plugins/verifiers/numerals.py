r"""Reads numbers exactly, at any size, and compares them without a rounding error.

A number is a pair of decimals, numerator and denominator. Decimals are read, multiplied and
compared exactly in nearly linear time, where Python's ``int`` refuses more than 4,300 digits and a
float takes 10^18 + 1 for 10^18.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Final

from scaler_plugins.verifiers.latex import peel, spaced

ROUNDED_DIGITS: Final = 6
"""A decimal printed with this many significant digits, or this many after its point, counts as
rounded in the last one. It is what ``printf("%f")`` and C++ streams print by default."""

_DECIMAL = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})++|[0-9]++)(?:\.[0-9]*+)?|\.[0-9]++)"
_SIGN = r"[+-]?"
# Exponents have four digits at most, so that no short answer stands for an endless number.
_EXPONENT = rf"{_SIGN}[0-9]{{1,4}}"
_PLAIN = re.compile(rf"({_DECIMAL})(?:[eE]({_EXPONENT}))?")
_POWER = re.compile(
    rf"(?:({_DECIMAL})\s*(?:\\times(?![A-Za-z])|\\cdot(?![A-Za-z])|[*\u00d7\u00b7])\s*)?"
    rf"10\s*\^\s*(?:\{{\s*({_EXPONENT})\s*\}}|([0-9]{{1,4}}))"
)
_ARGUMENT = r"\s*(?:\{([^{}]*)\}|([0-9]))"
_FRACTION = re.compile(rf"\\[dtc]?frac{_ARGUMENT}{_ARGUMENT}")
_THOUSANDS = re.compile(r"(?<=[0-9])(?:\{,\}|,\\!|\\,)(?=[0-9]{3})")
_CANONICAL = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-][0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """An exact number: *numerator* / *denominator*.

    Attributes:
        numerator: Any finite decimal.
        denominator: Not zero.
        is_decimal: Whether it was written with digits after a point or with a negative exponent,
            so that it may have been rounded.
        half_unit: Half a unit of the last digit written, where it counts as rounded; else 0.
    """

    numerator: Decimal
    denominator: Decimal = Decimal(1)
    is_decimal: bool = False
    half_unit: Decimal = Decimal(0)

    def accepts(self, answer: Number, tolerance: Decimal) -> bool:
        """Whether *answer* is this truth.

        An integer or a fraction accepts only its very value. A decimal t accepts what is nearer
        than the larger of ``half_unit`` and ``tolerance * max(1, |t|)``.
        """
        exact = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
        left = exact.multiply(answer.numerator, self.denominator)
        right = exact.multiply(self.numerator, answer.denominator)
        if not self.is_decimal:
            return left == right
        relative = exact.multiply(tolerance, max(Decimal(1), self.numerator.copy_abs()))
        allowed = max(self.half_unit, relative)
        distance = exact.subtract(left, right).copy_abs()
        return distance <= exact.multiply(allowed, answer.denominator.copy_abs())


def is_canonical(text: str) -> bool:
    """Whether *text* is a number as programs print one: no leading zeros, ``e`` with a sign."""
    return _CANONICAL.fullmatch(text) is not None


def is_not_finite(text: str) -> bool:
    """Whether *text* is a name that programs print for NaN or infinity."""
    return _NOT_FINITE.fullmatch(text) is not None


def parse_number(text: str) -> Number | None:
    r"""The number that *text* is, in plain or LaTeX notation; ``None`` for anything else.

    Read are integers, decimals, ``a/b``, ``\frac{a}{b}``, ``1e3``, ``1.5\times 10^{3}``, each with
    signs, and thousands separators where they stand right. ``docs/verifiers.md`` has the table.
    """
    text = _THOUSANDS.sub(",", peel(text).replace("\u2212", "-"))
    text = spaced(text).strip()
    if match := _FRACTION.fullmatch(_unsigned(text)):
        above, below = match[1] or match[2] or "", match[3] or match[4] or ""
        return _ratio(above, below, negative=text.startswith("-"))
    if "/" in text:
        above, _, below = text.partition("/")
        return _ratio(peel(above), peel(below), negative=False)
    return _scalar(text)


def _unsigned(text: str) -> str:
    return text[1:].lstrip() if text[:1] in {"+", "-"} else text


def _ratio(above: str, below: str, *, negative: bool) -> Number | None:
    numerator, denominator = _scalar(above.strip()), _scalar(below.strip())
    if numerator is None or denominator is None or not denominator.numerator:
        return None
    top = numerator.numerator
    return Number(top.copy_negate() if negative else top, denominator.numerator)


def _scalar(text: str) -> Number | None:
    """A signed decimal, perhaps times a power of ten."""
    unsigned = _unsigned(text)
    if match := _PLAIN.fullmatch(unsigned):
        mantissa, exponent = match[1], match[2] or "0"
    elif match := _POWER.fullmatch(unsigned):
        mantissa, exponent = match[1] or "1", match[2] or match[3]
    else:
        return None
    mantissa = mantissa.replace(",", "")
    whole, _, fraction = mantissa.partition(".")
    value = Decimal(f"{mantissa}e{exponent}")
    unit = int(exponent) - len(fraction)
    significant = len((whole + fraction).lstrip("0"))
    rounded = fraction != "" and max(significant, -unit) >= ROUNDED_DIGITS
    return Number(
        numerator=value.copy_negate() if text.startswith("-") else value,
        is_decimal=bool(fraction) or unit < 0,
        half_unit=Decimal(f"5e{unit - 1}") if rounded else Decimal(0),
    )
