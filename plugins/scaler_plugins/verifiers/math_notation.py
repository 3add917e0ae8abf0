r"""Reads what the verifier ``math`` must know about a text before anything is computed.

Units, percent and degrees are set apart from formulas; words for numbers (``6 \text{ million}``)
and mixed numbers (``2 1/4``) become numbers; marks of bold type go. Each step is one pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from scaler_plugins.verifiers.boxed import unboxed
from scaler_plugins.verifiers.latex import bare, peel, squeeze, unquote

PERCENT: Final = "%"
DEGREE: Final = "degree"

_SAME_SIGN = str.maketrans({
    "\u2212": "-", "\u2013": "-", "\u00d7": "\\times ", "\u00b7": "\\cdot ", "\u00f7": "/",
    "\u03c0": "\\pi ", "\u221e": "\\infty ", "\u2264": "\\le ", "\u2265": "\\ge ",
    "\u222a": "\\cup ", "\u2205": "\\emptyset ", "\u00b0": "^\\circ ", "\u00bd": "\\frac12 ",
    "\u00b2": "^2", "\u00b3": "^3",
})  # fmt: skip
_COMMANDS = (
    (re.compile(r"\\(?:varnothing|O)(?![A-Za-z])"), r"\\emptyset "),
    (re.compile(r"\\(?:lor|vee)(?![A-Za-z])"), ","),
    (re.compile(r"\\approx(?![A-Za-z])|\\simeq(?![A-Za-z])"), "="),
    (re.compile(r"\\(?:leqslant|leqq)(?![A-Za-z])"), r"\\le "),
    (re.compile(r"\\(?:geqslant|geqq)(?![A-Za-z])"), r"\\ge "),
    (re.compile(r"\\lt(?![A-Za-z])"), "<"),
    (re.compile(r"\\gt(?![A-Za-z])"), ">"),
    (re.compile(r"\\degree(?![A-Za-z])"), r"^\\circ "),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\lbrace(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\rbrace(?![A-Za-z])"), r"\\}"),
    (re.compile(r"\\(?:mathrm|text|operatorname)\{([ei])\}"), r"\1"),
    (re.compile(r"\\(?:quad|qquad)(?![A-Za-z])|(?<!\\)\\[,;:> ]|~"), " "),
    (re.compile(r"(?<!\\)\\!\s*"), ""),
    (re.compile(r",?\s*\\(?:text|mbox|textrm)\s*\{\s*,?\s*(?:and|or)\s*\}\s*|"
                r",?\s+(?:and|or)\s+"), ", "),
    (re.compile(r"\\frac\s+([0-9])\s+([0-9])"), r"\\frac{\1}{\2}"),
    (re.compile(r"^\]([^][]+)\[$"), r"(\1)"),
    (re.compile(r"^\]([^][]+)\]$"), r"(\1]"),
    (re.compile(r"^\[([^][]+)\[$"), r"[\1)"),
    (re.compile(r"^=\s*"), ""),
    (re.compile(r"\\mathbb\s*([A-Z])|\\(R)(?![A-Za-z])"), r"\\mathbb{\1\2}"),
    (re.compile(r"\\\{\s*\\\}"), r"\\emptyset "),
)  # fmt: skip
_SET_OF_SOLUTIONS = re.compile(
    r"^\\\{\s*[a-z]\s*(?:\\in\s*\\mathbb\s*\{?R\}?)?\s*(?:\\mid|\\vert|\||:)"
    r"([^{}|]*(?:[<>]|\\(?:le|ge))[^{}|]*)\\\}$"
)
_STOP = re.compile(r"(?<!\.)\.$")
_GROUPED = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:(?:\\[,;:! ]|~|\{,\})[0-9]{3})+(?![0-9])")
_EXPONENT = re.compile(
    r"(?<![A-Za-z0-9.])([0-9]*\.[0-9]+|[0-9]+(?=[eE](?:\+|[0-9]|-[0-9]{2})))[eE]([+-]?[0-9]{1,9})(?![0-9.])"
)
_REPEATING = re.compile(
    r"([0-9]{0,9})\.([0-9]{0,9})\\(?:overline|bar|dot)\s*(?:\{([0-9]{1,9})\}|([0-9]))"
)
_NUMBER = r"((?<![0-9])[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+)"
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_SCALED = re.compile(rf"{_NUMBER}\s*(?:\\text\s*\{{)?\s*({'|'.join(_SCALES)})\b\s*(\}}?)")
_MIXED = re.compile(r"(?<![0-9./^_{])([0-9]{1,9})\s+([0-9]{1,9})\s*/\s*([0-9]{1,9})(?![0-9.])")

_WORDS = r"[A-Za-z](?:[A-Za-z./ ]|\^\{?[0-9]\}?)*"
_UNIT_TEXT = re.compile(
    rf"\s*\\(?:text|mbox|textrm|mathrm|textnormal|textit|mathit|operatorname)\s*"
    rf"\{{\s*({_WORDS})\s*\}}(\s*\^\s*\{{?[0-9]\}}?)?\s*\.?\s*$"
)
_UNIT_WORD = re.compile(
    r"(?:(?<=[0-9}])|\s)\s*([A-Za-z]+(?:[\s/][A-Za-z]+)?)(\s*\^\s*\{?[0-9]\}?)?$"
)
_PERCENT = re.compile(
    r"\s*(?:\\?%|\\(?:text|mathrm|mbox)\s*\{\s*(?:\\?%|percent)\s*\}|\bpercent)\s*$"
)
_DEGREE = re.compile(
    r"\s*\^\s*(?:\\circ|\{\s*\\circ\s*\})\s*(?:[CF]|\\(?:text|mathrm)\{\s*[CF]\s*\})?\s*$"
)
_CURRENCY = re.compile(r"^(-?)\s*(?:\\text\{\s*)?\\?(\$|€|£)(?:\s*\})?\s*")
# Words that say something about the answer, and so are no unit of it.
_NO_UNIT = re.compile(
    r"and|or|not?|maybe|but|to|if|is|are|either|both|n?either|nor|than|then|else|from|with|for|least"
    r"|most|more|less|about|approximately|undefined|none|infinity|impossible|where|when|mod|choose"
    r"|plus|minus|times|over|answer|option",
    re.IGNORECASE,
)
_SYNONYMS = {
    name: unit
    for unit, names in {
        DEGREE: "degree deg", "inch": "in inch inche", "foot": "ft foot feet", "yard": "yd yard",
        "mile": "mi mile", "mm": "mm millimeter millimetre", "cm": "cm centimeter centimetre",
        "m": "m meter metre", "km": "km kilometer kilometre", "second": "s sec second",
        "minute": "min minute", "hour": "h hr hour", "day": "day", "week": "week",
        "year": "yr year", "month": "month", "gram": "g gram", "kg": "kg kilogram",
        "liter": "l L liter litre",
        "ml": "ml mL milliliter millilitre", "pound": "lb lbs pound", "ounce": "oz ounce",
        "$": "dollar USD", "cent": "cent", "unit": "unit", "radian": "rad radian",
        "mile/hour": "mph", "km/hour": "kmh kph kmph",
    }.items()
    for name in names.split()
}  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """A formula and its unit.

    Attributes:
        formula: What is left of the text without its unit.
        unit: The unit in one spelling, ``%``, ``degree``, or empty.
    """

    formula: str
    unit: str = ""

    def fits(self, other: Quantity) -> bool:
        """Whether the units agree; one that is left out agrees with every other."""
        return not self.unit or not other.unit or self.unit == other.unit


def truth_of(text: str) -> str:
    r"""The truth that *text* states, in a box perhaps, without what wraps it."""
    return without_stop(unboxed(text))


def without_stop(text: str) -> str:
    """*text* without what wraps it, and without the full stop that ends it."""
    return peel(_STOP.sub("", peel(text)))


def uniform(text: str) -> str:
    """*text* in the notation that the grammar reads, without bold type around it."""
    text = _without_marks(squeeze(text)).translate(_SAME_SIGN)
    text = _GROUPED.sub(lambda match: re.sub(r"[^0-9]", "", match[0]), text)
    for pattern, replacement in _COMMANDS:
        text = pattern.sub(replacement, text)
    text = _SET_OF_SOLUTIONS.sub(r"\1", text)
    text = _EXPONENT.sub(lambda match: f"{match[1]} \\times 10^{{{int(match[2])}}}", text)
    text = _REPEATING.sub(_repeating, text)
    text = _SCALED.sub(_scaled, text)
    text = _MIXED.sub(_mixed, squeeze(text))
    return peel(text)


def _without_marks(text: str) -> str:
    """*text* without marks of bold type, code and quotation, and a full stop inside them."""
    while True:
        inner = unquote(_STOP.sub("", bare(text)))
        for mark in ("__", "*"):
            if _is_around(inner, mark):
                inner = inner[len(mark) : -len(mark)].strip()
        if inner == text:
            return text
        text = inner


def _is_around(text: str, mark: str) -> bool:
    inner = text[len(mark) : -len(mark)]
    return text == mark + inner + mark and mark not in inner and bool(inner)


def _scaled(match: re.Match[str]) -> str:
    opened = "\\text" in match[0]
    rest = ("" if match[3] else " \\text{") if opened else match[3]
    return f"{match[1]} \\times 10^{{{_SCALES[match[2]]}}}{rest}"


def _repeating(match: re.Match[str]) -> str:
    whole, fixed, period = match[1] or "0", match[2], match[3] or match[4]
    above = int(whole + fixed + period) - int(whole + fixed)
    return f"\\frac{{{above}}}{{{'9' * len(period)}{'0' * len(fixed)}}}"


def _mixed(match: re.Match[str]) -> str:
    whole, above, below = (int(part) for part in match.groups())
    if not below or above >= below:
        return match[0]
    return f"\\frac{{{whole * below + above}}}{{{below}}}"


def quantity(text: str, *, letters: bool = True) -> Quantity:
    """The formula and the unit that *text* is.

    Args:
        text: A text in :func:`uniform` notation.
        letters: Whether a letter behind a number may be an unknown rather than a unit.
    """
    if match := _CURRENCY.match(text):
        rest = text[match.end() :]
        if rest[:1].isdigit() or rest[:1] == ".":
            return Quantity(match[1] + rest, match[2])
    for pattern, unit in ((_PERCENT, PERCENT), (_DEGREE, DEGREE)):
        if (match := pattern.search(text)) and match.start():
            return Quantity(text[: match.start()].strip(), unit)
    match = _UNIT_TEXT.search(text)
    if match is None and (named := _UNIT_WORD.search(text)):
        known = all(_singular(word) in _SYNONYMS for word in re.split(r"[\s/]", named[1]))
        match = named if known and (len(named[1]) > 1 or not letters) else None
    if match is None or not match.start():
        return Quantity(text)
    words = match[1].replace(".", "").split()
    formula = text[: match.start()].strip().removesuffix("\\").strip()
    if not formula or any(_NO_UNIT.fullmatch(word) for word in words):
        return Quantity(text)
    power = re.sub(r"[^0-9]", "", match[2] or "")
    return Quantity(formula, _unit(words) + power)


def _singular(word: str) -> str:
    word = word if len(word) < 3 else word.casefold()
    return word if len(word) < 3 or word in _SYNONYMS else word.removesuffix("s")


def _unit(words: list[str]) -> str:
    """One spelling for what *words* say: ``mile/hour`` for miles per hour."""
    parts = " ".join(words).replace(" per ", "/").split("/")
    return "/".join(_one_unit(part.split()) for part in parts)


def _one_unit(words: list[str]) -> str:
    names, power = [], ""
    for word in words:
        if word.casefold() in {"square", "sq", "squared"}:
            power = "2"
        elif word.casefold() in {"cubic", "cubed"}:
            power = "3"
        else:
            name = _singular(re.sub(r"[\^{}]", "", word))
            names.append(_SYNONYMS.get(name, name))
    return " ".join(names) + power


def readings(truth: Quantity, answer: Quantity) -> list[tuple[str, str]]:
    """Truth and answer as they are and, where one has a sign for it, as shares or radians."""
    plain_pair = (truth.formula, answer.formula)
    scale = {PERCENT: "\\frac{%s}{100}", DEGREE: "\\frac{%s}{180}\\pi"}
    if not truth.unit and answer.unit in scale:
        return [plain_pair, (truth.formula, scale[answer.unit] % answer.formula)]
    if not answer.unit and truth.unit in scale:
        return [plain_pair, (scale[truth.unit] % truth.formula, answer.formula)]
    return [plain_pair]
