r"""Reads numbers exactly, at any size, and compares them without a rounding error.

A number is a pair of decimals, numerator and denominator. Decimals are read, multiplied and
compared exactly in nearly linear time, where Python's ``int`` refuses more than 4,300 digits and a
float takes 10^18 + 1 for 10^18.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Final

from scaler_core.models import ErrorKind
from scaler_plugins.verifiers.latex import bare, spaced

ROUNDED_DIGITS: Final = 6
"""A decimal printed with this many significant digits, or this many after its point, counts as
rounded in the last one. It is what ``printf("%f")`` and C++ streams print by default."""

# A first group of zeros would make two numbers of one: 0,123.
_DECIMAL = r"(?:(?:[1-9][0-9]{0,2}(?:,[0-9]{3})++|[0-9]++)(?:\.[0-9]*+)?|\.[0-9]++)"
_SIGN = r"[+-]?"
# Exponents have four digits at most, so that no short answer stands for an endless number.
_EXPONENT = rf"{_SIGN}[0-9]{{1,4}}"
_PLAIN = re.compile(rf"({_DECIMAL})(?:[eE]({_EXPONENT}))?")
_POWER = re.compile(
    rf"(?:({_DECIMAL})\s*(?:\\times(?![A-Za-z])|\\cdot(?![A-Za-z])|[*\u00d7\u00b7])\s*)?"
    rf"(?:10|\{{10\}})\s*(?:\^|\*\*)\s*(?:\{{\s*({_EXPONENT})\s*\}}|([0-9]{{1,4}}))"
)
_ARGUMENT = r"\s*+(?:\{([^{}]*)\}|([0-9]))"
_FRAC = rf"\\(?:[dtcs]|nice)?frac{_ARGUMENT}{_ARGUMENT}"
_FRACTION = re.compile(_FRAC)
_MIXED = re.compile(rf"([1-9][0-9]*+)(?:\s*+{_FRAC}|\s++([1-9][0-9]*+)\s*+/\s*+([1-9][0-9]*+))")
_DIVIDED = re.compile(r"/|\u00f7|\\div(?![A-Za-z])|\\over(?![A-Za-z])")
_PLAIN_DIGITS = re.compile(r"[1-9][0-9]*")
_THOUSANDS = re.compile(r"(?<=[0-9])(?:\{,\}|,\\!|\\,)(?=[0-9]{3})")
_WIDE_THOUSANDS = re.compile(r"(?<=[0-9])(?:\\[ ;:]|\{\\,\}|~|[\u00a0\u2009\u202f])(?=[0-9]{3})")
_DASHES = dict.fromkeys(map(ord, "\u2212\u2013\ufe63\uff0d"), "-")
_SIGNED = re.compile(r"(?:([+-])|\{([+-])\}|\\(?:text|mathrm|mathbf)\{([+-])\})\s*")
_APPROXIMATE = re.compile(r"(?<![0-9A-Za-z,;])~\s*+[-+.0-9\\\u2212\u2013]")
_ROUND = re.compile(r"[()]")
_DEEPEST = 4
_CANONICAL = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-][0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Margin:
    """The error that is allowed in an answer.

    Attributes:
        value: The largest error.
        kind: ``absolute``; ``relative`` to the truth; ``either``, whichever allows more.
        stated: Whether the task states it, so that truths without digits after a point have it too.
    """

    value: Decimal
    kind: ErrorKind = "either"
    stated: bool = False

    def about(self, truth: Decimal) -> Decimal:
        """The error that is allowed in an answer whose truth is *truth*."""
        unit = Decimal(1) if self.kind == "absolute" else truth.copy_abs()
        if self.kind == "either":
            unit = max(Decimal(1), unit)
        return _exact().multiply(self.value, unit)


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

    def accepts(self, answer: Number, margin: Margin) -> bool:
        """Whether *answer* is this truth.

        A fraction accepts only its very value, and so does an integer, but for answers that are no
        integers where the margin is stated. A decimal t accepts what is nearer than the larger of
        ``half_unit`` and the margin about t.
        """
        exact = _exact()
        left = exact.multiply(answer.numerator, self.denominator)
        right = exact.multiply(self.numerator, answer.denominator)
        if not self.is_decimal and not (margin.stated and self.is_whole and not answer.is_whole):
            return left == right
        allowed = max(self.half_unit, margin.about(self.numerator))
        distance = exact.subtract(left, right).copy_abs()
        return distance <= exact.multiply(allowed, answer.denominator.copy_abs())

    @property
    def is_whole(self) -> bool:
        """Whether it was written as an integer."""
        return not self.is_decimal and self.denominator == 1

    def negated(self) -> Number:
        """The number with the other sign."""
        return replace(self, numerator=self.numerator.copy_negate())


def _exact() -> Context:
    """A context in which nothing is rounded; one for each call, since threads may not share it."""
    return Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def is_canonical(text: str) -> bool:
    """Whether *text* is a number as programs print one: no leading zeros, ``e`` with a sign."""
    return _CANONICAL.fullmatch(text) is not None


def is_not_finite(text: str) -> bool:
    """Whether *text* is a name that programs print for NaN or infinity."""
    return _NOT_FINITE.fullmatch(text) is not None


def is_approximate(text: str) -> bool:
    """Whether a tilde says that a number in *text* is only about right, as in ``~7``.

    In LaTeX a tilde is a blank, which belongs behind something: ``1,~2``.
    """
    return "~" in text and _APPROXIMATE.search(text) is not None


def parse_number(text: str) -> Number | None:
    r"""The number that *text* is, in plain or LaTeX notation; ``None`` for anything else.

    Read are integers, decimals, ``a/b``, ``a \div b``, ``\frac{a}{b}``, ``2\frac12`` and ``2 1/2``,
    ``1e3``, ``1.5\times 10^{3}``, each with signs and in round brackets, thousands separators where
    they stand right, and one full stop or comma at the end. ``docs/verifiers.md`` has the table.
    """
    text = bare(text.translate(_DASHES))
    if text[-1:] in {".", ","}:
        text = bare(text[:-1])
    text = _THOUSANDS.sub(",", text)
    # Beside a division a blank may as well separate a mixed number: 2\ 125/200.
    if not _DIVIDED.search(text):
        text = _WIDE_THOUSANDS.sub(",", text)
    return _value(spaced(text).strip())


def _value(text: str, depth: int = 0) -> Number | None:
    """A number that may have a sign or stand in round brackets."""
    inner = _unbracketed(text)
    if inner is not None:
        return _value(bare(inner), depth + 1) if depth < _DEEPEST else None
    if sign := _SIGNED.match(text):
        rest = bare(text[sign.end() :])
        inner = _unbracketed(rest)
        rest = rest if inner is None else bare(inner)
        if _SIGNED.match(rest):
            return None
        number = _magnitude(rest)
        negative = "-" in sign[0]
        return number.negated() if number and negative else number
    return _magnitude(text)


def _magnitude(text: str) -> Number | None:
    """A number without a sign before the whole of it."""
    if match := _FRACTION.fullmatch(text):
        return _ratio(match[1] or match[2] or "", match[3] or match[4] or "")
    if match := _MIXED.fullmatch(text):
        above, below = match[2] or match[3] or match[6], match[4] or match[5] or match[7]
        return _mixed(match[1], above or "", below or "")
    operators = list(_DIVIDED.finditer(text))
    if len(operators) > 1:
        return None
    if operators:
        return _ratio(text[: operators[0].start()], text[operators[0].end() :])
    return _scalar(text)


def _unbracketed(text: str) -> str | None:
    """The content of the round brackets around *text*; ``None`` where there are none."""
    if text[:1] != "(" or text[-1:] != ")":
        return None
    depth = 0
    for bracket in _ROUND.finditer(text):
        depth += 1 if bracket[0] == "(" else -1
        if depth == 0:
            return text[1:-1] if bracket.end() == len(text) else None
    return None


def _ratio(above: str, below: str) -> Number | None:
    numerator, denominator = _part(above), _part(below)
    if numerator is None or denominator is None or not denominator.numerator:
        return None
    return Number(numerator.numerator, denominator.numerator)


def _part(text: str) -> Number | None:
    """One side of a fraction: a decimal with or without sign and brackets."""
    text = bare(text)
    inner = _unbracketed(text)
    return _scalar(text if inner is None else bare(inner))


def _mixed(whole: str, above: str, below: str) -> Number | None:
    r"""The sum of an integer and a proper fraction; 2\frac53 is as likely a product."""
    if not (_PLAIN_DIGITS.fullmatch(above) and _PLAIN_DIGITS.fullmatch(below)):
        return None
    part, unit = Decimal(above), Decimal(below)
    if part >= unit:
        return None
    return Number(_exact().fma(Decimal(whole), unit, part), unit)


def _unsigned(text: str) -> str:
    return text[1:].lstrip() if text[:1] in {"+", "-"} else text


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
