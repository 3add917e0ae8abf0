"""Compares two formulas without rounding errors, in the worker process of the verifier ``math``.

Both are read by the grammar that math-verify uses, but compared here: each number is evaluated on
its own, exactly or to 50 digits, because the difference of two floats says nothing about either::

    text -> tree (decimals made exact) -> structure: sets, tuples, intervals, relations, matrices
                                       -> numbers: exact, or to 50 digits
                                       -> formulas: probed at points, then simplified

Whatever raises here is no equality; what never ends is ended by the worker's limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import math_verify
import sympy
from latex2sympy2_extended import latex2sympy2

DIGITS: Final = 50
"""Digits to which irrational numbers are evaluated."""

ROUNDING: Final = Fraction(1_000_001, 10**12)
"""Relative error of a formula that holds decimals: six digits are enough for a third."""

ROUNDED_LITERAL: Final = Fraction(1, 10**5)
"""Relative error of one decimal that is the other side rounded to the digits it shows."""

APPROXIMATION: Final = Fraction(1, 100)
r"""Relative error of a decimal that follows the exact value, as in ``\pi = 3.14``."""

SHOWN_DIGITS: Final = 6
"""A truth with fewer digits is exact: 2.46 is not 2.5, and 204.0001 is not 204."""

_DECIMAL = re.compile(r"[+-]?([0-9,]*)\.([0-9]+)")
_IMAGINARY = re.compile(r"(?<![A-Za-z\\])i(?![A-Za-z])|(?<=[0-9])i|\\imath|\\det|\\begin|\\math")
_PROBES = ("3/7", "-11/5", "17/13", "23/9", "-5/8", "31/6", "2/11", "-41/10", "7/3", "13/4")
_UNFINISHED = (
    sympy.Limit, sympy.Sum, sympy.Product, sympy.Integral, sympy.Derivative,
    sympy.core.function.AppliedUndef,
)  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """A text that was read.

    Attributes:
        text: The text.
        tree: What the grammar makes of it, with decimals made exact.
        decimals: Whether it holds a decimal, so that it may have been rounded.
        half_unit: Half a unit of the last digit, where the whole is one decimal; else 0.
        digits: How many digits that decimal shows, leading zeros apart.
    """

    text: str
    tree: Any
    decimals: bool
    half_unit: Fraction = Fraction(0)
    digits: int = 0

    def part(self, tree: Any) -> Formula:
        """*tree*, which stands in this formula, as a formula of its own."""
        return self if tree is self.tree else Formula("", tree, self.decimals)


def read(text: str) -> Formula | None:
    """The formula that *text* is; ``None`` where the grammar has no place for it."""
    normal = math_verify.LatexExtractionConfig().normalization_config
    normal = type(normal)(**{**vars(normal), "units": False, "boxed": "none"})
    normalized = latex2sympy2.normalize_latex(text, normal)
    try:
        tree = latex2sympy2.latex2sympy(
            normalized,
            is_real=None if _IMAGINARY.search(normalized) else True,
            convert_degrees=False,
            normalization_config=None,
            conversion_config=latex2sympy2.ConversionConfig(lowercase_symbols=False),
        )
    except Exception:
        return None
    if tree is None or isinstance(tree, list):
        return None
    literal = _DECIMAL.fullmatch(text.replace(" ", ""))
    half_unit = Fraction(1, 2 * 10 ** len(literal[2])) if literal else Fraction(0)
    digits = len((literal[1].replace(",", "") + literal[2]).lstrip("0")) if literal else 0
    decimals = bool(getattr(tree, "has", lambda _: False)(sympy.Float))
    return Formula(text, tree, decimals, half_unit, digits)


def equal(truth: Formula, answer: Formula) -> bool:
    """Whether *answer* is *truth*, in another writing perhaps."""
    t, a = _unlabelled(truth, answer)
    return any(_same(t, one) for one in a) and all(_agrees(t, one) for one in a)


# ------------------------------------------------------------------------------ relations


def _chain(tree: Any) -> list[Any] | None:
    """The sides of ``a = b = c`` in their order; ``None`` where *tree* is no equation."""
    relations = getattr(tree, "_unsorted_args", [tree]) if _is_and(tree) else [tree]
    if not relations or not all(isinstance(one, sympy.Eq) for one in relations):
        return None
    return [relations[0].lhs, *(one.rhs for one in relations)]


def _is_and(tree: Any) -> bool:
    return isinstance(tree, sympy.And) and hasattr(tree, "_unsorted_args")


def _is_label(tree: Any) -> bool:
    """Whether *tree* may name a value, as x, f(2) and AB do, and 12, 2x and -x do not."""
    if isinstance(tree, sympy.core.function.AppliedUndef | sympy.Symbol | sympy.Tuple):
        return True
    if not isinstance(tree, sympy.Expr) or not tree.free_symbols:
        return False
    return all(number == -1 for number in tree.atoms(sympy.Number)) and not (
        tree.could_extract_minus_sign()
    )


def _unlabelled(truth: Formula, answer: Formula) -> tuple[Formula, list[Formula]]:
    """Both without a name that only one of them has: ``x = 5`` for 5.

    An answer that states several values, as ``12 = 7`` does, gives every one of them.
    """
    stated, sides = _chain(truth.tree), _chain(answer.tree)
    if sides is None:
        if stated is not None and _is_label(stated[0]):
            return truth.part(stated[-1]), [answer]
        return truth, [answer]
    if len(sides) == 2 and isinstance(sides[1], sympy.Symbol) and not _is_label(sides[0]):
        sides.reverse()
    if stated is not None and len(stated) == 2 and len(sides) == 2:
        if stated[0] == sides[0] and isinstance(stated[0], sympy.Symbol):
            return truth.part(stated[1]), [answer.part(sides[1])]
        return truth, [answer]
    if stated is not None:
        if not _same(truth.part(stated[0]), answer.part(sides[0])):
            return truth, [Formula("", sympy.nan, decimals=False)]
        truth = truth.part(stated[-1])
    if _is_label(sides[0]) and not _same(truth, answer.part(sides[0])):
        sides = sides[1:]
    return truth, [Formula("", side, side.has(sympy.Float)) for side in sides]


def _agrees(truth: Formula, side: Formula) -> bool:
    """Whether *side* is *truth*, or a decimal near it that stands beside the exact value."""
    if _same(truth, side):
        return True
    if not side.decimals or not _are_numbers(truth.tree, side.tree):
        return False
    value = _exact(truth.tree)
    if value.is_Rational and _terminates(int(value.q)):
        return False
    return _near(_number(truth.tree), _number(side.tree), APPROXIMATION)


def _same_relation(truth: Any, answer: Any) -> bool:
    """Whether two equations or inequalities say the same."""
    if _is_and(truth) or _is_and(answer):
        return bool(_as_set(truth) == _as_set(answer))
    kinds = {sympy.StrictGreaterThan: sympy.StrictLessThan, sympy.GreaterThan: sympy.LessThan}
    forms = []
    for tree in (truth, answer):
        kind, difference = type(tree), _exact(tree.lhs) - _exact(tree.rhs)
        if kind in kinds:
            kind, difference = kinds[kind], -difference
        forms.append((kind, difference))
    (kind, first), (other, second) = forms
    if kind is not other:
        return False
    if first.free_symbols != second.free_symbols or not first.free_symbols:
        return False
    ratio = sympy.simplify(first / second)
    if not ratio.is_number or ratio.is_zero or not ratio.is_finite:
        return False
    return bool(ratio.is_positive) or kind in {sympy.Eq, sympy.Ne}


def _as_set(tree: Any) -> Any:
    """The real numbers for which *tree* holds."""
    parts = tree._unsorted_args if _is_and(tree) else [tree]
    sets = [type(part)(_exact(part.lhs), _exact(part.rhs)).as_set() for part in parts]
    symbols = set().union(*(_exact(part.lhs - part.rhs).free_symbols for part in parts))
    if len(symbols) != 1:
        raise ValueError("a set of numbers needs one unknown")
    return sympy.Intersection(*sets)


# ------------------------------------------------------------------------------ structure


def _same(truth: Formula, answer: Formula) -> bool:
    try:
        return _same_tree(truth, answer)
    except (ArithmeticError, ValueError, TypeError, AttributeError, NotImplementedError):
        return False


def _same_tree(truth: Formula, answer: Formula) -> bool:
    t, a = truth.tree, answer.tree
    if any(part.has(sympy.nan, sympy.zoo) for part in (t, a)):
        return False
    if _is_relation(t) and _is_relation(a):
        return _same_relation(t, a)
    if _is_relation(t):
        t = _as_set(t)
    if _is_relation(a):
        a = _as_set(a)
        truth, answer = truth.part(truth.tree), answer.part(a)
    if isinstance(t, sympy.MatrixBase | sympy.MatrixExpr):
        return _same_matrix(truth.part(t), answer.part(a))
    if isinstance(a, sympy.FiniteSet) and len(a) == 1 and not isinstance(t, sympy.Set):
        return _same(truth.part(t), answer.part(next(iter(a))))
    if isinstance(t, sympy.FiniteSet) and len(t) == 1 and not isinstance(a, sympy.Set):
        return _same(truth.part(next(iter(t))), answer.part(a))
    if isinstance(t, sympy.Set | sympy.Tuple) or isinstance(a, sympy.Set | sympy.Tuple):
        return _same_collection(truth.part(t), answer.part(a))
    if not isinstance(t, sympy.Expr) or not isinstance(a, sympy.Expr):
        return bool(t == a)
    return _same_expression(truth.part(t), answer.part(a))


def _is_relation(tree: Any) -> bool:
    return _is_and(tree) or isinstance(tree, sympy.core.relational.Relational)


def _same_matrix(truth: Formula, answer: Formula) -> bool:
    t, a = truth.tree.doit(), answer.tree
    a = a.doit() if isinstance(a, sympy.MatrixBase | sympy.MatrixExpr) else None
    if a is None or t.shape != a.shape:
        return False
    return _same_elements(truth, t.flat(), answer, a.flat())


def _same_elements(
    truth: Formula, first: Sequence[Any], answer: Formula, second: Sequence[Any]
) -> bool:
    return len(first) == len(second) and all(
        _same(truth.part(one), answer.part(two)) for one, two in zip(first, second, strict=True)
    )


def _same_collection(truth: Formula, answer: Formula) -> bool:
    t, a = truth.tree, answer.tree
    if isinstance(t, sympy.Interval) and isinstance(a, sympy.Interval):
        ends = (t.left_open, t.right_open) == (a.left_open, a.right_open)
        return ends and _same_elements(truth, (t.start, t.end), answer, (a.start, a.end))
    if isinstance(t, sympy.FiniteSet) and isinstance(a, sympy.FiniteSet):
        return _same_members(truth, list(t.args), answer, list(a.args))
    if (ordered := _ordered(truth)) is not None:
        return (given := _ordered(answer, bare=True)) is not None and _same_elements(
            truth, ordered, answer, given
        )
    if isinstance(t, sympy.Set) and isinstance(a, sympy.Set):
        parts = [_union(tree) for tree in (t, a)]
        if len(parts[0]) > 1 or len(parts[1]) > 1:
            return _same_members(truth, parts[0], answer, parts[1])
        return bool(_exact(t) == _exact(a))
    return False


def _ordered(formula: Formula, *, bare: bool = False) -> Sequence[Any] | None:
    """The elements of a tuple, which the grammar takes for an open interval where it can.

    Args:
        formula: The formula.
        bare: Whether elements without any brackets count too.
    """
    tree = formula.tree
    if isinstance(tree, sympy.Interval) and tree.left_open and tree.right_open:
        return tree.start, tree.end
    if isinstance(tree, sympy.Tuple):
        return list(tree)
    if bare and isinstance(tree, sympy.FiniteSet) and formula.text:
        if formula.text.lstrip().startswith(("\\{", "\\lbrace")):
            return None
        return list(getattr(tree, "_unsorted_args", tree.args))
    return None


def _union(tree: Any) -> list[Any]:
    if isinstance(tree, sympy.Union):
        return [part for argument in tree.args for part in _union(argument)]
    return [tree]


def _same_members(
    truth: Formula, first: Sequence[Any], answer: Formula, second: Iterable[Any]
) -> bool:
    """Whether each of *first* is one of *second*, in any order, with nothing left."""
    left = list(second)
    if len(first) != len(left):
        return False
    for one in first:
        found = next((two for two in left if _same(truth.part(one), answer.part(two))), None)
        if found is None:
            return False
        left.remove(found)
    return True


# ------------------------------------------------------------------------------ numbers


def _exact(tree: Any) -> Any:
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


def _same_expression(truth: Formula, answer: Formula) -> bool:
    t, a = _exact(truth.tree), _exact(answer.tree)
    if any(part.has(sympy.nan, sympy.zoo) for part in (t, a)):
        return False
    if t == a:
        return True
    if any(part.has(*_UNFINISHED) for part in (t, a)) or t.free_symbols != a.free_symbols:
        return False
    if t.free_symbols:
        return _same_function(t, a)
    if t.has(sympy.oo, -sympy.oo) or a.has(sympy.oo, -sympy.oo):
        return False
    if truth.decimals or answer.decimals:
        return _same_decimal(truth, t, answer, a)
    if t.is_Rational and a.is_Rational:
        return False
    return _near(_number(t), _number(a), Fraction(1, 10 ** (DIGITS - 10))) and _is_zero(t - a)


def _same_decimal(truth: Formula, t: Any, answer: Formula, a: Any) -> bool:
    """Whether one is the other, rounded to as many digits as are shown."""
    first, second = _number(t), _number(a)
    distance = abs(first[0] - second[0])
    if first[1] != second[1] and not _near(first, second, ROUNDING):
        return False
    size = abs(first[0])
    if distance == 0:
        return _is_zero(t - a)
    rounded_truth = truth.half_unit and truth.digits >= SHOWN_DIGITS
    if t.is_Rational and _terminates(int(t.q)) and not rounded_truth:
        return False
    allowed = max(truth.half_unit if rounded_truth else Fraction(0), answer.half_unit)
    if allowed:
        return distance <= allowed and distance <= ROUNDED_LITERAL * size
    return distance <= ROUNDING * size


def _terminates(denominator: int) -> bool:
    """Whether a fraction with this denominator is a finite decimal."""
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1


def _are_numbers(*trees: Any) -> bool:
    return all(isinstance(tree, sympy.Expr) and not tree.free_symbols for tree in trees)


def _number(tree: Any) -> tuple[Fraction, Fraction]:
    """Real and imaginary part, exactly or to 50 digits.

    Raises:
        ValueError: It is no finite number, or 50 digits cannot be had.
    """
    parts = _exact(tree).as_real_imag()
    return _real(parts[0]), _real(parts[1])


def _real(tree: Any) -> Fraction:
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


def _near(
    first: tuple[Fraction, Fraction], second: tuple[Fraction, Fraction], error: Fraction
) -> bool:
    size = max(abs(part) for part in first)
    return all(abs(one - two) <= error * size for one, two in zip(first, second, strict=True))


def _is_zero(difference: Any) -> bool:
    """Whether *difference*, which 50 digits do not tell from 0, is 0.

    What is left when 1,000 digits cancel counts only where it can be shown to be nothing:
    e^{-10^6} would add itself to any answer unseen.
    """
    value = difference.evalf(15, maxn=1_000)
    if isinstance(value, sympy.Float) and value and value._prec > 40:
        return False
    return bool(sympy.simplify(difference) == 0 or difference.equals(0))


# ------------------------------------------------------------------------------ functions


def _same_function(t: Any, a: Any) -> bool:
    """Whether two formulas with the same symbols are equal: at points, then by simplification."""
    symbols = sorted(t.free_symbols, key=str)
    compared = 0
    for shift in range(len(_PROBES)):
        point = {
            symbol: sympy.Rational(_PROBES[(shift + 3 * number) % len(_PROBES)])
            for number, symbol in enumerate(symbols)
        }
        try:
            first, second = _number(t.xreplace(point)), _number(a.xreplace(point))
        except (ValueError, TypeError, ArithmeticError):
            continue
        if not _near(first, second, Fraction(1, 10**30)) and first != second:
            return False
        compared += 1
    difference = t - a
    if sympy.expand(difference) == 0 or sympy.simplify(difference) == 0:
        return True
    return compared > 0 and bool(difference.equals(0))
