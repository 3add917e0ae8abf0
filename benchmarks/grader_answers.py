r"""Answers that ``grader_rates.py`` puts to graders: right ones in many writings, and wrong ones.

A right answer is the truth in one of :data:`RESPONSES`, or in a writing of :func:`writings`. A
wrong one is made so that it cannot be the truth, however near it comes: :func:`wrong_values`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Final

from scaler_core.interfaces import BenchmarkRow
from scaler_plugins.verifiers.math_notation import quantity, uniform

Answers = Iterator[tuple[str, str]]
"""Kinds of answers, with a text of each."""

RESPONSES: Final = (
    "\\boxed{%s}", "$\\boxed{%s}$", "$$\\boxed{%s}$$", "\\[\\boxed{%s}\\]", "\\(\\boxed{%s}\\)",
    "**\\boxed{%s}**", "\\boxed {%s}", "\\boxed{ %s }", "\\boxed{\n%s\n}", "\\boxed{{%s}}",
    "\\boxed{\\boxed{%s}}", "\\boxed{$%s$}", "\\boxed{\\(%s\\)}", "\\boxed{\\text{%s}}",
    "\\boxed{\\mathbf{%s}}", "\\boxed{\\mathrm{%s}}", "\\boxed{\\textbf{%s}}", "\\boxed{\\bm{%s}}",
    "\\boxed{\\boldsymbol{%s}}", "\\boxed{{\\bf %s}}", "\\boxed{\\underline{%s}}",
    "\\boxed{\\textcolor{red}{%s}}", "\\boxed{\\color{blue}{%s}}", "\\boxed{\\displaystyle %s}",
    "\\boxed{\\large %s}", "\\boxed{\\,%s\\,}", "\\boxed{\\quad %s}", "\\boxed{~%s}",
    "\\boxed{%s\\ }", "\\boxed{%s.}", "\\boxed{\\mbox{%s}}", "\\boxed{**%s**}",
    "So $x = 1$, hence the answer is\n\\[\\boxed{%s}\\]\nwhich was to be found.",
    "<think>\\boxed{0}</think> \\boxed{%s}", "<think>no box</think>\n\n## Answer\n\\boxed{%s}",
    "\\boxed{0} is wrong, so it is \\boxed{%s}.", "\\begin{align*} x &= \\boxed{%s} \\end{align*}",
    "Final answer: \\boxed{%s}<|im_end|>", "\\boxed{%s}\n\nI hope it is correct.", "\\boxed{%s}!",
)  # fmt: skip
"""Responses that hold an answer."""

OPTION_WRITINGS: Final = (
    "(%s)",
    "%s)",
    "\\textbf{(%s)}",
    "\\text{Option %s}",
    "\\text{(%s)}",
    "%s:",
)
"""Writings of a letter that names an option."""

CONSTANTS: Final = (
    "0.1+10^{40}-10^{40}", "10^{20}-10^{20}", "1.7+10^{25}-10^{25}", "10^{-30}", "e^{-100}",
    "\\frac{1}{2^{200}}", "\\sin(10^{-40})", "\\frac{10^{40}+0.1-10^{40}}{10^{9}}", "0^{0^0}",
    "\\sqrt{10^{-80}}", "\\lim_{n \\to \\infty} \\frac{1}{n}", "\\int_0^1 10^{-20} \\, dx",
    "\\infty-\\infty", "\\frac{0}{0}", "\\infty", "\\emptyset", "\\ldots", "x", "?", "\\{\\}",
    "\\mathbb{R}",
)  # fmt: skip
"""Answers that a rounding error or a lenient reading may take for many truths."""

ZEROS: Final = ("10^{20}-10^{20}", "\\lim_{n \\to \\infty} \\frac{1}{n}", "0^{0^0}")
"""Those of them that are 0."""

ENDLESS: Final = (
    "9^{9^{9^{9}}}", "10^{10^{10}}", "(" * 4_900, "\\frac{1}{" * 400 + "2" + "}" * 400,
    "1+" * 2_000 + "1", "(x+1)^{9999}", "1000000!", "\\binom{1000000}{500000}",
)  # fmt: skip
"""Answers that cost a grader without limits all of its time."""

_FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?")
_SHORT = re.compile(r"\\frac\{(\d)\}\{(\d)\}")
_SUM = re.compile(r"([^-+,={}()\\]+)\+((?:[^-+,=()]|\\sqrt\{\d+\})+)")
_PLAIN_LIST = re.compile(r"(?!\d{1,3}(?:,\d{3})+$)[^,(){}\[\]]+(?:,(?!\\!)[^,(){}\[\]]+)+")
_FORMULAS = re.compile(r"\\\[(.+?)\\\]|(?<!\\)\$\$?([^$]+?)(?<!\\)\$", re.DOTALL)


def number(truth: str) -> Fraction | None:
    """The value of *truth*, where it is one number or fraction."""
    if match := _FRACTION.fullmatch(truth):
        return Fraction(int(match[1] + match[2]), int(match[3]))
    return Fraction(truth) if _NUMBER.fullmatch(truth) else None


def _replaced(pattern: str, replacement: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, replacement, text)


_RESPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "\\dfrac": _replaced(r"\\[dt]?frac", r"\\dfrac"),
    "\\tfrac": _replaced(r"\\[dt]?frac", r"\\tfrac"),
    "\\frac12": lambda text: _SHORT.sub(r"\\frac\1\2", text),
    "a/b": lambda text: _FRACTION.sub(r"\1\2/\3", text) if _FRACTION.fullmatch(text) else text,
    "minus above": lambda text: _FRACTION.sub(r"\\frac{\1\2}{\3}", text),
    "no blanks": _replaced(r"(?<![A-Za-z]) | (?![A-Za-z])", ""),
    "thin spaces": _replaced(r"(?<=[0-9a-z}])([-+=])(?=[0-9a-z\\])", r"\\,\1\\,"),
    "wide blanks": _replaced(r"(?<=[0-9a-z}])\s*([-+=])\s*(?=[0-9a-z\\])", r" \1 "),
    "\\left \\right": lambda text: text.replace("(", "\\left(").replace(")", "\\right)"),
    "\\bigl \\bigr": lambda text: text.replace("(", "\\bigl(").replace(")", "\\bigr)"),
    "dot of a product": _replaced(r"(?<=\d)(?=\\(?:sqrt|pi))", r" \\cdot "),
    "cross of a product": _replaced(r"(?<=\d)(?=\\(?:sqrt|pi))", r" \\times "),
    "\u03c0": _replaced(r"\\pi(?![a-z])", "\u03c0"),
    "minus sign": lambda text: text.replace("-", "\u2212"),
    "\\sqrt2": _replaced(r"\\sqrt\{(\d)\}", r"\\sqrt\1"),
    "x^{2}": _replaced(r"\^(\d)(?!\d)", r"^{\1}"),
    "+\\infty": _replaced(r"(?<![-+])\\infty", r"+\\infty"),
    "turned sum": lambda text: _SUM.sub(r"\2+\1", text) if _SUM.fullmatch(text) else text,
    "and": lambda text: (
        text.replace(",", " \\text{ and }") if _PLAIN_LIST.fullmatch(text) else text
    ),
    "braces of a set": lambda text: f"\\{{{text}\\}}" if _PLAIN_LIST.fullmatch(text) else text,
    "degrees": _replaced(r"\^\\circ$|\^\{\\circ\}$", r" \\text{ degrees}"),
    "degree sign": _replaced(r"\^\\circ$|\^\{\\circ\}$", "\u00b0"),
    "percent": _replaced(r"\\%$", r" \\text{ percent}"),
    "dollars": _replaced(r"^\\\$(.+)$", r"\1 \\text{ dollars}"),
    "without its unit": lambda text: quantity(uniform(text)).formula,
}


def writings(truth: str) -> Answers:
    """The *truth* of a formula in other writings of the same value."""
    for kind, respelled in _RESPELLINGS.items():
        if (text := respelled(truth)) != truth:
            yield kind, text
    value = number(truth)
    if value is not None:
        yield from _writings_of_a_number(truth, value)
    if value is not None or re.fullmatch(r"\d*\\(?:sqrt\{\d+\}|pi)", truth):
        yield from (
            (kind, form % truth)
            for kind, form in {
                "name": "x = %s", "name of a value": "f(2) = %s", "equals": "= %s",
                "= name": "%s = x",
                "unit": "%s \\text{ cm}", "area": "%s \\text{ square units}", "brackets": "(%s)",
            }.items()
        )  # fmt: skip


def _writings_of_a_number(truth: str, value: Fraction) -> Answers:
    if value.denominator == 1 and abs(value) >= 1000:
        for mark in (",", "{,}", ",\\!", "\\,"):
            yield f"thousands {mark}", f"{int(value):,}".replace(",", mark)
    if value.denominator == 1:
        yield "decimal", f"{int(value)}.0"
        yield "over one", f"\\frac{{{int(value)}}}{{1}}"
        return
    whole, rest = divmod(abs(value), 1)
    if whole and "frac" in truth:
        sign = "-" if value < 0 else ""
        yield "mixed", f"{sign}{whole}\\frac{{{rest.numerator}}}{{{rest.denominator}}}"
        yield "mixed a/b", f"{sign}{whole} {rest.numerator}/{rest.denominator}"
    yield "decimal", f"{float(value):.7g}"
    yield "fraction", f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


def wrong_values(truth: str, others: Sequence[str]) -> Answers:
    """Answers to a question with a formula as *truth*; *others* are truths of other questions."""
    other = others[0]
    for kind, form in {
        "negligible term": "(%s)+e^{-200}", "negligible decimal": "(%s)+10^{-40}",
        "negligible factor": "(%s)(1+10^{-30})", "one more": "(%s)+1", "doubled": "2(%s)",
        "plus or minus": "%s \\pm 1", "not": "\\neq %s", "more": "> %s", "question mark": "%s?",
        "list": "0, 1, \\ldots, %s", "or not": "%s \\text{ or not}",
        "not in words": "\\text{not } %s",
    }.items():  # fmt: skip
        if number(truth) != 0 or kind not in {"doubled", "negligible factor"}:
            yield kind, form % truth
    for kind, form in {
        "two values": "%s, %s", "or": "%s \\lor %s", "or in words": "%s \\text{ or } %s",
        "equation": "%s = %s", "union": "%s \\cup %s", "approximately": "%s \\approx %s",
        "pair": "(%s, %s)", "set": "\\{%s, %s\\}",
    }.items():  # fmt: skip
        yield f"{kind}, right first", form % (truth, other)
        yield f"{kind}, right last", form % (other, truth)
    for text in CONSTANTS:
        if number(truth) != 0 or text not in ZEROS:
            yield "constant", text
    yield from (("another truth", text) for text in others)
    yield from _wrong_numbers(truth)
    if unit := quantity(uniform(truth)).unit:
        yield "another unit", f"{quantity(uniform(truth)).formula} \\text{{ {unit}s per furlong}}"


def _wrong_numbers(truth: str) -> Answers:
    value = number(truth)
    if value is None:
        return
    near = {
        "next": value + 1, "one less": value - 1, "other sign": -value,
        "inverse": 1 / (value or Fraction(3)),
        "ten times": 10 * value, "thousandth more": value + Fraction(1, 1000),
        "part in a thousand": value * Fraction(1001, 1000), "half": value / 2,
        "part in 50,000": value * Fraction(50_001, 50_000), "cancelled": value + Fraction(1, 8),
    }  # fmt: skip
    for kind, wrong in near.items():
        if wrong != value:
            text = f"\\frac{{{wrong.numerator}}}{{{wrong.denominator}}}"
            yield kind, text if wrong.denominator > 1 else str(wrong)
            yield f"{kind}, cancelling", f"10^{{30}}+({text})-10^{{30}}"


def restated(row: BenchmarkRow) -> Answers:
    """The formulas that the question of *row* holds, which are no answer to it."""
    question = row.messages[-1]["content"]
    for formula in {(one or two).strip() for one, two in _FORMULAS.findall(question)}:
        if any(sign in formula for sign in "+^*/!\\") and formula not in row.truth:
            yield "restated", formula


def wrong_words(truth: str, others: Sequence[str]) -> Answers:
    """Answers to a question with words, a number or a list as *truth*."""
    for form in ("%s, %s", "%s or %s", "%s \\text{ or } %s", "%s = %s", "%s and %s", "(%s)(%s)"):
        yield "two answers, right first", form % (truth, others[0])
        yield "two answers, right last", form % (others[0], truth)
    for form in ("not %s", "%s \\pm 1", "%s+1", "\\text{not } %s", "%s%%", "\\neq %s"):
        yield "something beside it", form % truth
    yield from (("another truth", text) for text in others)
    yield from (("constant", text) for text in CONSTANTS)


def wrong_options(row: BenchmarkRow) -> Answers:
    """Every other option of *row* in several forms, and two at once."""
    right = row.options[ord(row.truth) - ord("A")]
    for index, text in enumerate(row.options):
        letter = chr(ord("A") + index)
        if letter == row.truth:
            continue
        yield "another letter", letter
        yield "another letter in brackets", f"\\text{{({letter})}}"
        yield "another letter and its text", f"{letter}. {text}"
        for form in ("%s, %s", "%s or %s", "(%s)(%s)", "%s \\lor %s", "%s = %s"):
            yield "both letters", form % (row.truth, letter)
        if text != right:
            yield "another text", f"\\text{{{text}}}"
            yield "another letter, right text", f"{letter}. {right}"
            yield "right letter, another text", f"{row.truth}. {text}"
