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
from typing import Any

import math_verify
import sympy
from latex2sympy2_extended import latex2sympy2

# math_worker.py has loaded this module under its name: no other of the package is imported there
from scaler_plugins.verifiers.math_numbers import (
    approximates,
    exact,
    near,
    same_exactly,
    same_rounded,
    value_of,
)

_IMAGINARY = re.compile(r"(?<![A-Za-z\\])i(?![A-Za-z])|(?<=[0-9])i|\\imath|\\det|\\begin|\\math")
_PROBES = ("3/7", "-11/5", "17/13", "23/9", "-5/8", "31/6", "2/11", "-41/10", "7/3", "13/4")
_INEQUALITIES = (
    sympy.StrictLessThan, sympy.StrictGreaterThan, sympy.LessThan, sympy.GreaterThan,
)  # fmt: skip
_PROBE_ERROR = Fraction(1, 10**30)
_UNFINISHED = (
    sympy.Limit, sympy.Sum, sympy.Product, sympy.Integral, sympy.Derivative,
    sympy.core.function.AppliedUndef,
)  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """A text that was read.

    Attributes:
        text: The text; empty where this is a part of another formula.
        tree: What the grammar makes of it.
        decimals: Whether it holds a decimal, so that it may have been rounded.
    """

    text: str
    tree: Any
    decimals: bool

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
    decimals = bool(getattr(tree, "has", lambda _: False)(sympy.Float))
    return Formula(text, tree, decimals)


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
    return approximates(side.tree, truth.tree)


def _same_relation(truth: Any, answer: Any) -> bool:
    """Whether two equations or inequalities say the same."""
    if _is_and(truth) or _is_and(answer):
        return bool(_as_set(truth) == _as_set(answer))
    kinds = {sympy.StrictGreaterThan: sympy.StrictLessThan, sympy.GreaterThan: sympy.LessThan}
    forms = []
    for tree in (truth, answer):
        kind, difference = type(tree), exact(tree.lhs) - exact(tree.rhs)
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


def _solved(tree: Any) -> Any:
    """The numbers that inequalities describe: those of all, or of any where no number fits all."""
    if _is_relation(tree):
        return _as_set(tree)
    if not isinstance(tree, sympy.FiniteSet) or not all(map(_is_inequality, tree.args)):
        return tree
    sets = [_as_set(one) for one in tree.args]
    common = sympy.Intersection(*sets)
    return sympy.Union(*sets) if common is sympy.S.EmptySet else common


def _as_set(tree: Any) -> Any:
    """The real numbers for which *tree* holds."""
    parts = tree._unsorted_args if _is_and(tree) else [tree]
    sets = [type(part)(exact(part.lhs), exact(part.rhs)).as_set() for part in parts]
    symbols = set().union(*(exact(part.lhs - part.rhs).free_symbols for part in parts))
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
    t, a = _solved(t), _solved(a)
    truth, answer = truth.part(t), answer.part(a)
    if isinstance(t, sympy.MatrixBase | sympy.MatrixExpr):
        return _same_matrix(truth, answer)
    if isinstance(a, sympy.FiniteSet) and len(a) == 1 and not isinstance(t, sympy.Set):
        return _same(truth, answer.part(next(iter(a))))
    if isinstance(t, sympy.FiniteSet) and len(t) == 1 and not isinstance(a, sympy.Set):
        return _same(truth.part(next(iter(t))), answer)
    if isinstance(t, sympy.Set | sympy.Tuple) or isinstance(a, sympy.Set | sympy.Tuple):
        return _same_collection(truth, answer)
    if not isinstance(t, sympy.Expr) or not isinstance(a, sympy.Expr):
        return bool(t == a)
    return _same_expression(truth, answer)


def _is_inequality(tree: Any) -> bool:
    parts = tree._unsorted_args if _is_and(tree) else [tree]
    return all(isinstance(part, _INEQUALITIES) for part in parts)


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
        return bool(exact(t) == exact(a))
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


# ------------------------------------------------------------------------------ expressions


def _are_numbers(*trees: Any) -> bool:
    return all(isinstance(tree, sympy.Expr) and not tree.free_symbols for tree in trees)


def _same_expression(truth: Formula, answer: Formula) -> bool:
    t, a = exact(truth.tree), exact(answer.tree)
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
        return same_rounded(truth.tree, t, answer.tree, a)
    return same_exactly(t, a)


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
            first, second = value_of(exact(t.xreplace(point))), value_of(exact(a.xreplace(point)))
        except (ValueError, TypeError, ArithmeticError):
            continue
        if not near(first, second, _PROBE_ERROR):
            return False
        compared += 1
    difference = t - a
    if sympy.expand(difference) == 0 or sympy.simplify(difference) == 0:
        return True
    return compared > 0 and bool(difference.equals(0))
