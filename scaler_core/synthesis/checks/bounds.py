r"""A statement's rules for its input: bounds, and whether several test cases come first.

A bound is read where it can be read for certain, and never guessed. Chains such as
``1 ≤ n, m ≤ 2·10^5``, ``-10^9 <= a_i <= 10^9`` and ``1 ≤ k ≤ n ≤ 100`` are read; a number to the
left of a name is its lower bound, one to the right its upper bound. Of several bounds for one name
the widest counts. A side of which one bound cannot be read counts as not stated, since the readable
one may be that of a subtask. A number is read whole or not at all: ``200,000`` is never 200, and
the mark of a list item is no sign. Numbers whose exponent may have been lost (``105`` or ``230`` in
a statement without any ``10^``), expressions, conditions and other relations count as not stated.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scaler_core.statements.spelling import PLAIN_DIGITS, RAISED_DIGITS, speller

LONGEST_TEXT = 8_000
"""Characters of a statement that are read."""

_spell = speller(
    {
        r"\leqq": "<=",
        r"\!": "",
        r"\:": " ",
        r"\|": "|",
        r"\lvert": "|",
        r"\rvert": "|",
        "≦": "<=",
        "**": "^",
    }
)
_RAISED = re.compile(rf"[{RAISED_DIGITS}]+|<sup>[ ]?(\d+)[ ]?</sup>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:var|code|i|b|em|strong|p|ul|ol)>|</li>", re.IGNORECASE)
_LINE_TAG = re.compile(r"<(?:li|br) ?/?>", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_TIMES = re.compile(r"(?<=[0-9]) ?[xX] ?(?=10 ?\^)")
_BULLET = re.compile(r"(?m)^ ?[*+•●▪◦‣∙○■] ?(- (?=[0-9]))?")
_DASH = re.compile(r"(?m)^ ?- (\S.*)")
# a relation cut in two by the end of a line, and an exponent or a factor in the next line
_CUT = re.compile(
    r" ?\n ?(?=<=?[ 0-9-])|(?:(?<=<)|(?<=<=)) ?\n ?"
    r"|(?<=[0-9]) ?\n ?(?=[0-9]{1,3} ?[.,;)]? ?(?:\n|\Z))"
    r"| ?\n ?(?=[*x] ?10 ?\^ ?\{? ?[0-9]++(?! ?\}? ?<))"
)

# A run of digits is one number or none: it takes in everything that may join digits, a blank too,
# and is never given back in part. "5,1 <= y" alone is two numbers, as no group has one digit.
_DIGITS = r"[0-9]+(?:[.'`\u2019_ ][0-9]+|,(?!(?![0-9]{3}(?![0-9]))[0-9]+ ?<)[0-9]+)*"
_FACTOR, _POWER = r" ?\* ?10", r" ?\^ ?\{? ?[0-9]+(?: ?\})?"
_NUMBER = rf"(?>(?:- ?)?{_DIGITS}(?:(?:{_FACTOR})?{_POWER})?)"
_PLAIN_NAME = r"[A-Za-z]\w*"
_NAME = rf"(?:\|{_PLAIN_NAME}\||{_PLAIN_NAME})"
_TERM = rf"(?:{_NUMBER}|{_NAME}(?: ?, ?{_NAME}){{0,20}})"
# an operator or the name of a function beside a term makes it part of an expression
_FUNCTIONS = ("max", "min", "sum", "log", "mod", "xor", "gcd", "lcm", "abs", "of", "sqrt", "number")
_BEFORE = r"(?<![\w^*/+.|-])(?<![*/+^%-] )" + "".join(
    rf"(?<!\b{word} )(?<!\b{word.capitalize()} )" for word in _FUNCTIONS
)
# not inside a run of digits, and no minus of a difference, of a dash or of a list
_WHOLE = (
    r"(?:(?<![0-9][,.'`\u2019_ ])|(?=\D)|(?<=[0-9],)(?![0-9]{3}(?![0-9]))(?=[0-9]+ ?<))"
    r"(?:(?!-)|(?=-[0-9])(?:(?<=[A-Za-z]{2} )|(?<![\w)\]}|] ))|(?=- )(?:(?<=[(,])|(?<=[(,] )))"
)
_UNITS = r"(?:hundred|thousand|million|billion|trillion|lakh|crore|[kKM]\b)"
_CHAIN = re.compile(
    rf"{_BEFORE}{_WHOLE}{_TERM}(?: ?<=? ?{_TERM}){{1,6}}"
    r"(?!\w|\.\w|['`\u2019]\d| ?[\^*/+({\[!%]| \d| ?- ?(?:\d|[A-Za-z]\b)| ?[xX] ?\d"
    rf"| {_UNITS})"
)
_NAMES = rf"{_NAME}(?: ?, ?{_NAME}){{0,20}}"
_UPPER = re.compile(rf"{_BEFORE}({_NAMES}) ?<=?")
_LOWER = re.compile(
    rf"<=? ?({_NAMES}(?= ?<)|{_NAME})(?![\w|]|\.\w| ?[\^*/+({{\[-])"  # a list ends in "<"
)
_CONDITION = re.compile(
    r"\b(?:if|when|whenever|unless|while|until|otherwise)\b[^.;:\n]*", re.IGNORECASE
)
_LOST_EXPONENT = re.compile(r"10[1-9]\d?|2[1-6]\d")
_KEPT_EXPONENT = re.compile(r"\b10\s?\^\s?\{?\d")
_INDICES = ("i", "j")
_READ = re.compile(
    r"(-?) ?([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:( ?\* ?10)? ?\^ ?\{? ?([0-9]+)(?: ?\})?)?"
)
_ENDS = re.compile(rf"({_NUMBER}) ?<[^<\n]*<=? ?({_NUMBER})")
_INDEX = re.compile(r"_\{[^{}]{1,10}\}|(?:\[ ?[a-z][^\[\]]{0,10}\])+|_[a-z]\b")
LARGEST_EXPONENT = 400

_HEADING = re.compile(
    r"(input|output|constraints?|examples?|samples?|notes?|scoring|subtasks?|explanation|limits)"
    r"(?: (?:format|specification|input|output|\d+))*",
    re.IGNORECASE,
)
_MARKS = " \t*#_-:"
_LONGEST_HEADING = 40
_TESTS = re.compile(
    r"\bnumber of (?:independent |the )?(?:test ?cases?|tests|data ?sets)\b", re.IGNORECASE
)
FIRST_WORDS = 300
"""Characters of the Input section that are searched for the meaning of the first number."""


@dataclass(frozen=True)
class Bound:
    """The stated bounds of one name; ``None`` on a side without one."""

    low: int | None = None
    high: int | None = None

    def breaks(self, value: int) -> bool:
        """Whether *value* lies outside."""
        return (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        )

    def about(self, name: str) -> str:
        """The bound as a relation, such as ``1 <= n <= 100``."""
        low = "" if self.low is None else f"{self.low} <= "
        return f"{low}{name}" + ("" if self.high is None else f" <= {self.high}")


def read_bounds(text: str) -> dict[str, Bound]:
    """The bounds that *text* states, by name; an indexed name, ``a[i]`` too, is ``a_i``."""
    text = _plain(text[:LONGEST_TEXT])
    exponents_kept = bool(_KEPT_EXPONENT.search(text))
    text = _INDEX.sub("_i", text)
    text = _CONDITION.sub(";", text)
    stated: dict[str, list[Bound]] = {}
    for match in _CHAIN.finditer(text):
        for name, bound in _chain_bounds(match[0], exponents_kept):
            stated.setdefault(name, []).append(bound)
    uppers, lowers = (_relations(side, text) for side in (_UPPER, _LOWER))
    found = {name: _widest(bounds, lowers[name], uppers[name]) for name, bounds in stated.items()}
    return {name: bound for name, bound in found.items() if bound != Bound()}


def _plain(text: str) -> str:
    """*text* with one spelling of each sign, single blanks, no list marks and no cut relations."""
    text = _TAG.sub(" ", _LINE_TAG.sub("\n", text))
    text = html.unescape(_RAISED.sub(_power, text))
    text = _spell(text.replace("\r", ""))
    text = _CUT.sub(" ", _BLANKS.sub(" ", text))
    text = _TIMES.sub("*", text)
    text = _BULLET.sub(lambda found: "-" if found[1] else "", text)
    alone = len(_DASH.findall(text)) == 1
    return _DASH.sub(lambda found: found[1] if _is_bullet(found[1], alone) else found[0], text)


def _power(raised: re.Match[str]) -> str:
    return "^" + (raised[1] or raised[0].translate(PLAIN_DIGITS))


def _is_bullet(rest: str, alone: bool) -> bool:
    """Whether a minus and a blank before *rest*, at the start of a line, mark an item of a list.

    Before a number they may be its sign instead.

    Args:
        rest: The rest of the line.
        alone: Whether no other line of the text starts so.
    """
    if not rest[0].isdecimal():
        return True
    if alone and not re.match("[01] ?<", rest):
        return False
    ends = _ENDS.match(rest)
    low, high = (read_number(end, True) for end in ends.groups()) if ends else (None, None)
    return low is None or high is None or low < high


def _relations(side: re.Pattern[str], text: str) -> Counter[str]:
    """How many relations *text* has on one side of each name, readable or not."""
    return Counter(name.strip() for match in side.finditer(text) for name in match[1].split(","))


def _chain_bounds(chain: str, exponents_kept: bool) -> Iterator[tuple[str, Bound]]:
    """Yields the bound that one chain of relations states for each name in it."""
    parts = re.split(r"(<=?)", chain)
    terms, signs = [part.strip() for part in parts[::2]], parts[1::2]
    if any(_is_number(term) and "," in term for term in terms[1:-1]):
        return  # "1 <= n <= 40,200 <= m": one number, or the end of a bound and a new one
    # "1 <= k <= n, m <= 7": k below both, or the end of a bound and a new one
    if not _is_number(terms[-1]) and not _is_number(terms[-2]):
        terms[-1] = terms[-1].partition(",")[0]
    names = [(before, term) for before, term in pairwise(terms) if not _is_number(term)]
    if any("," in term and not _is_number(before) for before, term in names):
        return
    for place, term in enumerate(terms):
        if _is_number(term):
            continue
        below, above = terms[:place][::-1], terms[place + 1 :]
        if term not in _INDICES and not {*below, *above}.isdisjoint(_INDICES):
            continue  # "1 <= i < n" where n is 1: there is no such index
        low = _nearest(below, signs[:place][::-1], exponents_kept, 1)
        high = _nearest(above, signs[place:], exponents_kept, -1)
        if low is not None or high is not None:
            for name in term.split(","):
                yield name.strip(), Bound(low, high)


def _is_number(term: str) -> bool:
    return term[0] in "-0123456789"


def _nearest(
    terms: Sequence[str], signs: Sequence[str], exponents_kept: bool, step: int
) -> int | None:
    """The nearest number of *terms*, one further in by *step* for each strict relation."""
    strict = 0
    for term, sign in zip(terms, signs, strict=True):
        strict += sign == "<"
        if _is_number(term):
            value = read_number(term, exponents_kept)
            return None if value is None else value + step * strict
    return None


def read_number(text: str, exponents_kept: bool) -> int | None:
    """The integer that *text* writes; ``None`` where that is not certain."""
    read = _READ.fullmatch(text)
    if read is None or len(text) > LARGEST_EXPONENT:
        return None
    sign, number = -1 if read[1] else 1, int(read[2].replace(",", ""))
    if read[4]:
        exponent = int(read[4])
        if exponent > LARGEST_EXPONENT:
            return None
        return int(sign * (number * 10**exponent if read[3] else number**exponent))
    if not exponents_kept and _LOST_EXPONENT.fullmatch(read[2]):
        return None
    return sign * number


def _widest(bounds: Sequence[Bound], lowers: int, uppers: int) -> Bound:
    """The bound that contains all of *bounds*; a side counts where every relation was read."""
    lows = [bound.low for bound in bounds if bound.low is not None]
    highs = [bound.high for bound in bounds if bound.high is not None]
    return Bound(
        min(lows, default=None) if len(lows) >= lowers else None,
        max(highs, default=None) if len(highs) >= uppers else None,
    )


def sections(statement: str) -> Iterator[tuple[str, str]]:
    """Yields the heading, in lower case, and the text of each section.

    The text before the first heading has the heading ``""``.
    """
    heading, lines = "", list[str]()
    for line in statement.splitlines():
        title = line.strip(_MARKS) if len(line) <= _LONGEST_HEADING else ""
        found = _HEADING.fullmatch(title)
        if not found:
            lines.append(line)
            continue
        yield heading, "\n".join(lines)
        heading, lines = found[1].lower(), []
    yield heading, "\n".join(lines)


def constraints_text(statement: str) -> str:
    """The sections that may state bounds: Input, Constraints, limits and subtasks."""
    wanted = ("input", "constraint", "subtask", "limits")
    return "\n".join(text for heading, text in sections(statement) if heading.startswith(wanted))


def counts_test_cases(statement: str) -> bool:
    """Whether the Input section says that stdin begins with the number of test cases."""
    text = next((text for heading, text in sections(statement) if heading.startswith("input")), "")
    return bool(_TESTS.search(text[:FIRST_WORDS]))
