r"""``typed``: right answers in the presentations that models write, and no door for two answers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.plugins.verifiers.asking import outcome, typed

INTEGERS = st.integers(-(10**12), 10**12)
AROUND = (
    "%s", "(%s)", "((%s))", "\\left(%s\\right)", "{%s}", "{{%s}}", "$%s$", "$$%s$$", "\\(%s\\)",
    "\\[%s\\]", "%s.", "%s,", "$%s$.", "\\text{%s}", "\\text{%s.}", "\\textbf{%s}", "\\mathrm{%s}",
    "\\mathbf{%s}", "\\boldsymbol{%s}", "{\\bf %s}", "{\\rm %s}", "\\bf{%s}", "\\bf %s",
    "{\\large %s}", "\\Large %s", "\\displaystyle %s", "\\underline{%s}", "\\emph{%s}",
    "\\fbox{%s}", "\\textcolor{red}{%s}", "{\\color{blue} %s}", "\\color{red}{%s}",
    "\\textcolor[rgb]{red}{%s}", "\\colorbox{yellow}{%s}", "\\mathbf{\\textcolor{blue}{%s}}",
    "**%s**", "`%s`", "```%s```", "\\verb|%s|", "\\texttt{%s}", "\\ensuremath{%s}", '"%s"',
    "\\ %s\\,", "\\quad %s", " %s ", "\n%s\n", "\\,%s\\;", "\\!%s",
)  # fmt: skip
JOINTS = (
    ", ", " ", " or ", "\\text{ or }", " and ", "; ", "/ ", "\\ ", "\\,", "\\quad ", " \\lor ",
    " \\cup ", " \\pm ", "\\mp ", "\\sim ", "\\to ", " = ", " \\ne ", " < ", "\\leq ", "--", "-",
    "\u2013", " \u2013 ", "\\ldots ", "...", ", \\ldots, ", ",", "\\\\", "\n", " | ", "\\mid ",
    "\\text{--}", "\\text{ to }", " to ", "~", "~~", "; \\text{maybe }", " \\text{, not } ", "&",
    "`", "``", "**", "** **", ")(", "$ $", "$, $", "\\) \\(", "\\textcolor{red}",
    "\\bf ", "\\verb|", "|", "' '", '" "', '", "', ".", ". ", "^", "_", ":", "\\div ", "\\over ",
)  # fmt: skip
CAVEATS = (
    "%s?", "%s!", "%s*", "%s+", "%s-", "\\pm %s", "\\mp %s", "~%s", "$~%s$", "\\sim %s",
    "\\approx %s", "< %s", "\\le %s", "\\neq %s", "\\text{not } %s", "%s \\text{ or so}",
    "%s \\text{ (maybe)}", "%s \\ldots", "%s...", "%s, ...", "%s \\pm 0", "%s \\pm 1", "%s, ?",
    "%s\\%%", "%s \\text{ if } x", "%s^2", "%s^\\circ", "|%s", "[%s", "(%s", "%s)", "%s]", "[%s)",
    "\\cancel{%s}", "\\phantom{%s}", "\\sout{%s}", "\\sqrt{%s}", "%s \\times 2", "-(-(%s))",
    "%s x", "x = %s", "%s = %s", "1 \\cdot %s", "\\{%s\\}", "[%s]", "\\vert %s \\vert", "%s, %s",
)  # fmt: skip


def grouped(value: int) -> list[str]:
    """*value* with its thousands set apart."""
    text = f"{value:,}"
    separators = ("{,}", "\\,", "\\ ", "\\;", "\\:", "~", ",\\!", "{\\,}", "\u202f", "\u00a0")
    return [text, *(text.replace(",", separator) for separator in separators)]


@settings(deadline=None)
@given(value=INTEGERS, around=st.sampled_from(AROUND))
def test_an_integer_is_paid_in_every_presentation(value: int, around: str) -> None:
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    signs = ["-", "\u2212", "\u2013", "{-}", "\\text{-}", "- "] if sign else ["", "+", "{+}"]
    texts = [sign_ + digits for sign_ in signs] + [f"{sign}({digits})", f"{sign}{{{digits}}}"]
    texts += grouped(value) if "verb" not in around else []
    texts += [f"{3 * value} \\div 3", f"{2 * value} \u00f7 2", f"{2 * value} \\over 2"]
    texts += [f"{sign}\\frac{{{digits}}}{{1}}", f"({2 * value})/(2)", f"{value}.0"]
    for text in texts:
        assert outcome(typed("number"), str(value), around % text) == "correct", text


@settings(deadline=None)
@given(whole=st.integers(1, 999), unit=st.sampled_from([2, 4, 5, 8]), part=st.integers(1, 7))
def test_a_mixed_number_is_its_sum_and_never_a_product(whole: int, unit: int, part: int) -> None:
    assume(part < unit)
    truth = str(float(whole + Fraction(part, unit)))
    product = str(float(whole * Fraction(part, unit)))
    for form in ("%d\\frac%d%d", "%d \\frac{%d}{%d}", "%d\\,\\dfrac{%d}{%d}", "%d %d/%d",
                 "%d\\ %d/%d", "%d\\tfrac{%d}{%d}", "%d~\\frac{%d}{%d}"):  # fmt: skip
        text = form % (whole, part, unit)
        assert outcome(typed("number"), truth, text) == "correct", text
        assert outcome(typed("number"), f"-{truth}", f"-{text}") == "correct", text
        assert outcome(typed("number"), product, text) != "correct", text
        improper = form % (whole, part + unit, unit) if part + unit < 10 else "2\\frac53"
        for value in (whole + 1 + Fraction(part, unit), whole * Fraction(part + unit, unit)):
            assert outcome(typed("number"), str(float(value)), improper) != "correct", improper


@settings(deadline=None, max_examples=300)
@given(
    first=st.integers(-999, 9999),
    second=st.integers(-999, 9999),
    joint=st.sampled_from(JOINTS),
    around=st.sampled_from(AROUND),
    each=st.sampled_from(AROUND),
)
def test_two_values_are_never_paid(
    first: int, second: int, joint: str, around: str, each: str
) -> None:
    assume(first != second)
    # These two are one number, and it is the first: 5.0, 5/1, 10^1; so is 0/7.
    assume(not (joint == "." and second == 0) and not (joint == "^" and second == 1))
    assume(joint.strip() not in {"/", "\\div", "\\over"} or (first != 0 and second != 1))
    for text in (
        around % f"{first}{joint}{second}",
        around % f"{each % first}{joint}{each % second}",
        f"{around % first}{joint}{around % second}",
    ):
        for truth in (first, second):
            result = outcome(typed("number"), str(truth), text)
            assert result != "correct", (text, truth)


@settings(deadline=None)
@given(
    value=st.integers(-9999, 9999),
    caveat=st.sampled_from(CAVEATS),
    around=st.sampled_from(AROUND),
)
def test_a_value_with_a_caveat_is_never_paid(value: int, caveat: str, around: str) -> None:
    text = caveat.replace("%%", "\\%").replace("%s", str(value))
    for truth in (str(value), f"{value}.5"):
        assert outcome(typed("number"), truth, around.replace("%s", text)) != "correct", text


LISTS_AROUND = (
    "[%s]", "(%s)", "\\{%s\\}", "%s", "[%s].", "[%s],", "(%s).", "\\left[%s\\right]",
    "\\left(%s\\right).", "\\langle %s\\rangle", "\\left\\langle %s\\right\\rangle",
    "\\lbrack %s\\rbrack",
    "\\left\\langle %s\\right\\rangle.", "\u27e8%s\u27e9", "{[%s]}", "$[%s]$", "$[%s]$.",
    "\\text{[%s]}",
    "**[%s]**", "`[%s]`", "```[%s]```", "\\verb|[%s]|", "\\textcolor{red}{[%s]}", "{\\bf [%s]}",
    "\\(%s\\)", "\\[ [%s] \\]", "\\mathbf{[%s]}", "\\big[%s\\big]", "{\\color{blue}[%s]}",
    "\\texttt{[%s]}",
)  # fmt: skip
MATRICES = (
    "\\begin{bmatrix}%s\\end{bmatrix}", "\\begin{pmatrix} %s \\end{pmatrix}",
    "\\left[\\begin{array}{ccc}%s\\end{array}\\right]",
    "\\left(\\begin{matrix}%s\\end{matrix}\\right)",
    "$\\begin{bmatrix}%s\\end{bmatrix}$",
    "\\left[\\begin{smallmatrix}%s\\end{smallmatrix}\\right].",
)  # fmt: skip


def list_forms(values: list[int]) -> list[str]:
    """Presentations of a list of integers."""
    texts = list(map(str, values))
    insides = [joint.join(texts) for joint in (", ", ",", " ", ",\\ ", "\\ ", ",~", " , ", ",\\, ")]
    insides += [", ".join(quote % text for text in texts) for quote in ('"%s"', "'%s'", "$%s$")]
    insides += [", ".join(f"\\text{{{text}}}" for text in texts)]
    return insides


@settings(deadline=None)
@given(values=st.lists(st.integers(-99, 99), min_size=2, max_size=6), data=st.data())
def test_a_list_is_paid_in_every_presentation(values: list[int], data: st.DataObject) -> None:
    truth = " ".join(map(str, values))
    around = data.draw(st.sampled_from(LISTS_AROUND))
    for inside in list_forms(values):
        if not ("$" in around and "$" in inside):
            assert outcome(typed("array"), truth, around % inside) == "correct", around % inside
    for matrix in MATRICES:
        for joint, end in (("&", ""), (" & ", "\\\\"), ("\\\\", ""), (" \\\\ ", "\\\\")):
            text = matrix % (joint.join(map(str, values)) + end)
            assert outcome(typed("array"), truth, text) == "correct", text


@settings(deadline=None)
@given(
    values=st.lists(st.integers(-9, 9), min_size=2, max_size=4),
    others=st.lists(st.integers(-9, 9), min_size=1, max_size=4),
    joint=st.sampled_from(JOINTS),
    around=st.sampled_from(LISTS_AROUND + MATRICES),
)
def test_two_lists_are_never_paid(
    values: list[int], others: list[int], joint: str, around: str
) -> None:
    # Without brackets two lists that are joined are one list, and 2/ 1 is one number.
    assume(around not in {"%s", "\\(%s\\)"})
    first, second = ("&" if "matrix" in around or "array" in around else ", ", " ")
    inside = first.join(map(str, values))
    other = first.join(map(str, others))
    truths = [" ".join(map(str, each)) for each in (values, others)]
    for text in (
        f"{around % inside}{joint}{around % other}",
        f"{around % inside}{joint}{around % inside}",
        f"{around % inside}{second}\\text{{or }}{other}",
        around % f"{inside}, \\ldots",
        around % f"{inside}, ...",
        around % f"{inside}, ?",
        around % f"~{inside}",
        around % f"{inside}{first}",
        f"{around % inside}?",
    ):
        for truth in truths:
            assert outcome(typed("array"), truth, text) != "correct", (truth, text)


@pytest.mark.parametrize(
    ("truth", "answer", "expected"),
    [
        ("[[1, 2], [3, 4]]", "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", "correct"),
        ("[[1, 2], [3, 4]]", "\\begin{bmatrix}1&2&3&4\\end{bmatrix}", "wrong length"),
        ("[[1, 2], [3, 4]]", "[[1,2],[3,4]].", "correct"),
        ("1 2 3 4", "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", "not a list"),
        ("1 2", "\\begin{vmatrix}1&2\\end{vmatrix}", "wrong length"),
        ("1 2", "[\\begin{bmatrix}1&2\\end{bmatrix}]", "wrong length"),
        ("a b", "[`a`, `b`]", "correct"),
        ("a b", "[a, b.]", "wrong value"),
        ("a b", "a, b.", "wrong value"),
        ("a b", "[a, b].", "correct"),
        ("1 2 3", "[1,2,3]..", "wrong length"),
    ],
)
def test_lists_at_their_edges(truth: str, answer: str, expected: str) -> None:
    assert outcome(typed("array"), truth, answer) == expected


STRING_AROUND = (
    "%s", "{%s}", "$%s$", "\\text{%s}", "\\texttt{%s}", "\\mathrm{%s}", "`%s`", "``%s``",
    "```%s```",
    "\\verb|%s|", "\\verb!%s!", "\\verb*+%s+", "\\lstinline|%s|", '"%s"', "'%s'", "``%s''", "`%s'",
    "\u201c%s\u201d", "\u2018%s\u2019", "**%s**", "\\textbf{%s}", "{\\bf %s}", "{\\tt %s}",
    "\\textcolor{red}{%s}", "\\texttt{`%s`}", "\\text{\"%s\"}", "\\text{`%s`}", "`\"%s\"`",
    "\\underline{%s}", "\\mathtt{%s}", " %s ", "\\ %s", "{{%s}}", "\\large %s", "\\emph{%s}",
)  # fmt: skip


@settings(deadline=None)
@given(
    truth=st.text("abXY019.:-", min_size=1, max_size=9),
    other=st.text("abXY019.:-", min_size=1, max_size=9),
    around=st.sampled_from(STRING_AROUND),
)
def test_a_string_is_paid_in_every_presentation_and_no_other_one_is(
    truth: str, other: str, around: str
) -> None:
    assert outcome(typed("string"), truth, around % truth) == "correct"
    if other != truth:
        assert outcome(typed("string"), truth, around % other) != "correct"
    for text in (f"{around % truth} or {around % other}", f"{around % truth}, {around % other}",
                 f"{around % truth}{around % other}", f"{around % truth}?"):  # fmt: skip
        assert outcome(typed("string"), truth, text) != "correct", text


@settings(deadline=None)
@given(truth=st.text("`*|ab", min_size=1, max_size=6), answer=st.text("`*|ab", max_size=6))
def test_a_string_of_marks_equals_itself_alone(truth: str, answer: str) -> None:
    if set(truth) & set("`*|"):
        expected = "correct" if truth == answer else "wrong value"
        assume(answer.strip())
        assert outcome(typed("string"), truth, answer) == expected
    assert outcome(typed("string"), truth, truth) == "correct"


@settings(deadline=None)
@given(words=st.lists(st.text("01", min_size=1, max_size=3), min_size=2, max_size=4))
def test_blanks_of_a_string_never_vanish(words: list[str]) -> None:
    for around in STRING_AROUND:
        assert outcome(typed("string"), " ".join(words), around % "".join(words)) != "correct"
        assert outcome(typed("string"), "".join(words), around % " ".join(words)) != "correct"
