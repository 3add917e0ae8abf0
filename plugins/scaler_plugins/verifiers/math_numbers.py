r"""Values of numbers, in the worker process of the verifier ``math``: exact, or to 50 digits.

Each number is evaluated on its own, because the difference of two floats says nothing about either:
``0.1+10^{40}-10^{40}`` minus anything is nothing, in floats.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final, NamedTuple

import sympy

DIGITS: Final = 50
"""Digits to which irrational numbers are evaluated."""

TOLERANCE: Final = Fraction(1, 10**5)
"""Relative error of a decimal beside a number that has no end as a decimal, at most."""

FORMULA_TOLERANCE: Final = Fraction(1, 10**6)
"""Relative error of a formula that holds decimals."""

NOISE: Final = Fraction(1, 10**9)
"""Relative error that a program leaves in the last digits of a long decimal."""

APPROXIMATION: Final = Fraction(1, 100)
r"""Relative error of a decimal that follows the exact value, as in ``\pi = 3.14``."""

ROUNDED_DIGITS: Final = 6
"""A decimal truth of fewer digits is exact: 2.46 is not 2.5, and 204.0001 is not 204."""

Value = tuple[Fraction, Fraction]
"""Real and imaginary part."""


class Shown(NamedTuple):
    """How a decimal is written: a unit of its last digit, and how many digits it shows."""

    unit: Fraction
    digits: int


def exact(tree: Any) -> Any:
    """*tree* evaluated, with its decimals as fractions and ``i`` as the imaginary unit."""
    fractions = {one: sympy.Rational(str(one)) for one in tree.atoms(sympy.Float)}
    tree = tree.xreplace(fractions).doit()
    tree = tree.replace(lambda one: isinstance(one, sympy.UnevaluatedExpr), lambda one: one.args[0])
    names = {
        one: sympy.I if one.name == "i" else sympy.Symbol(one.name, real=True)
        for one in tree.free_symbols
        if isinstance(one, sympy.Symbol)
    }
    return tree.xreplace(names).doit()


def value_of(tree: Any) -> Value:
    """The value of an exact number.

    Raises:
        ValueError: It is no finite number, or 50 digits cannot be had.
    """
    real, imaginary = tree.as_real_imag()
    return _fraction(real), _fraction(imaginary)


def _fraction(tree: Any) -> Fraction:
    if tree.is_Rational:
        return Fraction(int(tree.p), int(tree.q))
    value = tree.evalf(DIGITS, maxn=1_000)
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    if not isinstance(value, sympy.Float) or not value.is_finite:
        raise ValueError("no finite number")
    sign, mantissa, exponent, bits = value._mpf_
    if bits and value._prec < 150:  # fewer digits than were asked for: all others cancelled
        return Fraction(0)
    return Fraction(-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def near(first: Value, second: Value, error: Fraction) -> bool:
    """Whether *second* is *first* up to the relative *error*."""
    size = max(abs(part) for part in first)
    return all(abs(one - two) <= error * size for one, two in zip(first, second, strict=True))


def is_zero(difference: Any) -> bool:
    """Whether *difference*, which 50 digits cannot separate from 0, is 0.

    What is left when 1,000 digits cancel counts only where it can be shown to be nothing:
    e^{-10^6} would add itself to any answer unseen.
    """
    value = difference.evalf(15, maxn=1_000)
    if isinstance(value, sympy.Float) and value and value._prec > 40:
        return False
    return bool(sympy.simplify(difference) == 0 or difference.equals(0))


def same_exactly(t: Any, a: Any) -> bool:
    """Whether two exact numbers are equal."""
    if t.is_Rational and a.is_Rational:
        return bool(t == a)
    return near(value_of(t), value_of(a), Fraction(1, 10 ** (DIGITS - 10))) and is_zero(t - a)


def same_rounded(truth: Any, t: Any, answer: Any, a: Any) -> bool:
    """Whether one of two numbers, of which one has decimals, is the other one rounded.

    Args:
        truth: The truth as it is written.
        t: Its exact value.
        answer: The answer as it is written.
        a: Its exact value.
    """
    first, second = value_of(t), value_of(a)
    if first == second:
        return is_zero(t - a)
    if first[1] != second[1] and not near(first, second, FORMULA_TOLERANCE):
        return False
    if hides_a_term(answer):
        return False
    distance, size = abs(first[0] - second[0]), abs(first[0])
    shown, given = decimal(truth), decimal(answer)
    if not terminates(t):
        allowed = max(given.unit, NOISE * size) if given else FORMULA_TOLERANCE * size
    elif shown and shown.digits >= ROUNDED_DIGITS:
        allowed = max(shown.unit, given.unit if given else Fraction(0)) / 2
    else:
        return False
    return distance <= min(allowed, TOLERANCE * size)


def approximates(side: Any, truth: Any) -> bool:
    """Whether *side*, which follows the exact *truth*, is a decimal near it."""
    value = exact(truth)
    if terminates(value) or hides_a_term(side):
        return False
    return near(value_of(value), value_of(exact(side)), APPROXIMATION)


def decimal(tree: Any) -> Shown | None:
    """How *tree* is written, where it is one decimal; zeros at its end do not count."""
    sign, *rest = tree.args if isinstance(tree, sympy.Mul) else (sympy.Integer(-1), tree)
    if sign != -1 or len(rest) != 1 or not isinstance(rest[0], sympy.Float):
        return None
    value = sympy.Rational(str(rest[0]))
    places = max(_power(int(value.q), 2), _power(int(value.q), 5))
    return Shown(Fraction(1, 10**places), len(str(abs(value) * 10**places)))


def terminates(value: Any) -> bool:
    """Whether *value* is a number that has an end as a decimal."""
    parts = value.as_real_imag()
    return all(part.is_Rational for part in parts) and all(
        part.q == 2 ** _power(int(part.q), 2) * 5 ** _power(int(part.q), 5) for part in parts
    )


def _power(number: int, prime: int) -> int:
    """How often *prime* divides *number*."""
    power = 0
    while number % prime == 0:
        number, power = number // prime, power + 1
    return power


def hides_a_term(tree: Any) -> bool:
    """Whether *tree* has a sum in it with a term that a tolerance would hide beside another.

    ``0.333333+e^{-200}`` is no number that was rounded, and neither is a sum that cancels.
    """
    for part in sympy.preorder_traversal(tree):
        if isinstance(part, sympy.Add) and not exact(part).free_symbols:
            sizes = [max(map(abs, value_of(exact(term)))) for term in part.args]
            if any(size <= TOLERANCE * max(sizes) for size in sizes):
                return True
    return False
