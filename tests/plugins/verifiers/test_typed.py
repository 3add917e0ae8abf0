"""The verifier ``typed``: laws, and the unsound cases of the published system."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scaler_core.errors import UsageError
from scaler_core.judge import reward
from scaler_core.models import Response, Verdict
from scaler_plugins.verifiers.boxed import read_answer
from scaler_plugins.verifiers.typed import (
    ANSWER_TOO_LONG,
    LIMIT_PER_CHARACTER,
    NO_TRUTH,
    NOT_A_LIST,
    TRUTH_NOT_FINITE,
    WRONG_VALUE,
    Sequence,
    Typed,
    plain_integers,
    read_truth,
)
from tests.plugins.verifiers.asking import ask, outcome, typed

TYPES = st.sampled_from([None, "number", "string", "array"])
INTEGERS = st.integers() | st.integers(min_value=-(10**40), max_value=10**40)
WORDS = st.text("abcXYZ0189_#%&$^~+-.:", min_size=1, max_size=12)
# Pieces that mean something to the readers, so that random texts reach all of their branches.
SIGNS = "{}[]()$,.-+/\\ ~^e_\"'0123456789\u2212\u0661\x00"
COMMANDS = (
    "\\frac \\text{ \\{ \\} \\left \\right \\boxed{ \\, \\! \\quad \\( \\) \\lbrack \\rbrack"
    " \\backslash \\times 10^ {,} nan inf <think> </think>"
)
PIECES = st.sampled_from([*SIGNS, *COMMANDS.split(" ")])
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join)


# ------------------------------------------------ PAPER section 8: defects of the published system


def test_8_4_an_empty_truth_rewards_nothing() -> None:
    for truth in ("", " ", "\n"):
        for answer in ("[]", "{}", "0", " "):
            for kind in (None, "number", "string", "array"):
                verdict = ask(typed(kind), truth, f"\\boxed{{{answer}}}")
                assert (verdict.result, verdict.reason) == ("undecided", NO_TRUTH)
                assert reward(verdict) is None


def test_8_5_integers_that_floats_cannot_tell_apart_differ() -> None:
    assert outcome(typed("number"), str(10**18), str(10**18 + 1)) == WRONG_VALUE
    assert outcome(typed("array"), f"{10**18} 1", f"[{10**18 + 1}, 1]") == WRONG_VALUE


def test_8_5_nan_and_infinity_equal_nothing() -> None:
    for truth in ("nan", "-nan", "NaN", "inf", "-inf", "Infinity", "1 nan", "[1.5, inf]"):
        for answer in (truth, "5", "nan", "\\infty"):
            for kind in (None, "array"):
                assert outcome(typed(kind), truth, answer) == TRUTH_NOT_FINITE
    for answer in ("nan", "inf", "-Infinity", "NaN"):
        assert outcome(typed("number"), "5", answer) != "correct"
        assert outcome(typed("array"), "5 5", f"[{answer}, 5]") != "correct"


def test_8_5_leading_zeros_of_a_string_do_not_vanish() -> None:
    for kind in (None, "string"):
        assert outcome(typed(kind), "0110", "110") == WRONG_VALUE
        assert outcome(typed(kind), "0110", "\\text{0110}") == "correct"


def test_8_5_letters_do_not_commute() -> None:
    for kind in (None, "string", "array"):
        assert outcome(typed(kind), "east", "seat") == WRONG_VALUE


# ------------------------------------------------------------------------------------ laws: numbers


@settings(deadline=None)
@given(value=INTEGERS, kind=st.sampled_from([None, "number"]))
def test_an_integer_is_accepted_in_every_usual_form(value: int, kind: str | None) -> None:
    forms = [
        "{}", "{{{}}}", " {} ", "$ {} $", "\\text{{{}}}", "\\mathrm{{{}}}", "{{{{{}}}}}", "{}.",
        "{}.0", "{}.00", "\\left{}\\right", "\\({}\\)", "\\ {}\\,", "{}/1", "\\frac{{{}}}{{1}}",
        "{}e0", "{}\\times 10^{{0}}",
    ]  # fmt: skip
    texts = [form.format(value) for form in forms]
    texts += [f"{value:,}", f"{value:,}".replace(",", "{,}"), f"{value:,}".replace(",", "\\,")]
    texts += [f"{value * 3}/3", f"\\dfrac{{{value * -7}}}{{-7}}", f"{value}".replace("-", "\u2212")]
    for text in texts:
        assert outcome(typed(kind), str(value), text) == "correct", text


@settings(deadline=None)
@given(truth=INTEGERS, answer=INTEGERS)
def test_different_integers_are_never_equal(truth: int, answer: int) -> None:
    assume(truth != answer)
    for text in (str(answer), f"{answer:,}", f"{answer}.0", f"\\frac{{{answer * 2}}}{{2}}"):
        assert outcome(typed("number"), str(truth), text) == WRONG_VALUE


@settings(deadline=None)
@given(truth=st.integers(min_value=-(10**30), max_value=10**30), gap=st.fractions())
def test_an_integer_accepts_a_fraction_only_at_its_very_value(truth: int, gap: Fraction) -> None:
    answer = truth + gap
    expected = "correct" if gap == 0 else WRONG_VALUE
    assert outcome(typed(), str(truth), f"{answer.numerator}/{answer.denominator}") == expected


def test_integers_beyond_the_digit_limit_of_python_are_compared() -> None:
    long = "1" + "0" * 20_000
    assert outcome(typed("number"), long, long + ".0") == "correct"
    assert outcome(typed("number"), long, long[:-1] + "1") == WRONG_VALUE


@settings(deadline=None)
@given(value=st.floats(min_value=-1e12, max_value=1e12), digits=st.integers(0, 12))
def test_a_float_answers_every_truth_that_prints_it_with_six_or_more_digits(
    value: float, digits: int
) -> None:
    exact = f"{Decimal(value):f}"
    for truth in (
        repr(value),
        f"{value:.{digits + 6}f}",
        f"{value:.{digits + 5}e}",
        f"{value:.24f}",
    ):
        assert outcome(typed("number"), truth, exact) == "correct", truth


@settings(deadline=None)
@given(units=st.integers(1, 10**9), decimals=st.integers(1, 9), off=st.integers(1, 10**6))
def test_a_decimal_refuses_what_is_a_unit_of_its_last_digit_away(
    units: int, decimals: int, off: int
) -> None:
    tolerance = Fraction(1, 10**9) * max(1, Fraction(units, 10**decimals))
    assume(Fraction(off, 10**decimals) > tolerance)
    truth = str(Decimal(units).scaleb(-decimals))
    assume("E" not in truth)
    for answer in (units + off, units - off):
        text = f"{answer}/{10**decimals}"
        assert outcome(typed("number"), truth, text) == WRONG_VALUE


def test_the_tolerance_is_an_option_and_leaves_integers_exact() -> None:
    assert outcome(typed("number", tolerance=1e-2), "2.5", "2.51") == "correct"
    assert outcome(typed("number", tolerance=0), "2.5", "2.5000000001") == WRONG_VALUE
    assert outcome(typed("number", tolerance=1e-2), "1000", "1001") == WRONG_VALUE


# -------------------------------------------------------------------------- laws: lists and strings


@settings(deadline=None)
@given(values=st.lists(st.integers(-99, 99), min_size=1), order=st.randoms(use_true_random=False))
def test_a_list_is_accepted_in_its_order_and_no_other(values: list[int], order: object) -> None:
    truth = " ".join(map(str, values))
    joined = ", ".join(map(str, values))
    for text in (f"[{joined}]", joined, f"\\{{{joined}\\}}", f"({joined})", f"[{truth}]", truth):
        assert outcome(typed("array"), truth, text) == "correct", text
    shuffled = values.copy()
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    expected = "correct" if shuffled == values else WRONG_VALUE
    assert outcome(typed("array"), truth, str(shuffled)) == expected
    assert outcome(typed("array"), truth, str([*values, 0])) != "correct"
    assert outcome(typed("array"), truth, str([values])) != "correct"


@settings(deadline=None)
@given(values=st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=4))
def test_a_list_of_lists_is_accepted_only_with_its_brackets(values: list[list[int]]) -> None:
    assert outcome(typed("array"), str(values), str(values).replace(" ", "")) == "correct"
    flat = [item for part in values for item in part]
    assert outcome(typed("array"), str(values), str(flat)) != "correct"


@settings(deadline=None)
@given(truth=WORDS, answer=WORDS)
def test_a_string_equals_itself_alone(truth: str, answer: str) -> None:
    assert outcome(typed("string"), truth, truth) == "correct"
    for wrap in ("\\text{{{}}}", "{{{}}}", " {} ", '"{}"', "\\mathtt{{{}}}"):
        escaped = "".join("\\" + sign if sign in "_#%&$" else sign for sign in truth)
        escaped = escaped.replace("^", "\\textasciicircum{}").replace("~", "\\textasciitilde ")
        assert outcome(typed("string"), truth, wrap.format(escaped)) == "correct"
    assume(not set("~$_") & set(answer))
    assert outcome(typed("string"), truth, answer) == (
        "correct" if truth == answer else WRONG_VALUE
    )


@settings(deadline=None)
@given(truth=st.text("()[]{} ab", min_size=1, max_size=10).filter(str.strip))
def test_a_string_of_brackets_can_be_answered(truth: str) -> None:
    escaped = truth.replace("{", "\\{").replace("}", "\\}")
    assert outcome(typed("string"), truth, f"\\text{{{escaped}}}") == "correct"


@settings(deadline=None)
@given(truth=TEXTS, kind=TYPES)
def test_every_truth_that_fits_into_a_box_is_its_own_answer(truth: str, kind: str | None) -> None:
    text = f"\\boxed{{{truth}}}"
    assume(read_answer(Response(text=text)).answer == truth)
    assert ask(typed(kind), truth, text).result != "incorrect"


# ------------------------------------------------------------------------------------ hostile input


@settings(deadline=None)
@given(truth=TEXTS, text=TEXTS, kind=TYPES, thinking=st.booleans(), truncated=st.booleans())
def test_any_text_gets_a_verdict(
    truth: str, text: str, kind: str | None, thinking: bool, truncated: bool
) -> None:
    verifier = typed(kind, thinking=thinking)
    for response in (text, f"\\boxed{{{text}}}", f"</think>\\boxed{{{text}}}"):
        verdict = ask(verifier, truth, response, truncated=truncated)
        assert isinstance(verdict, Verdict)
        assert verdict.result == "correct" or verdict.reason
        verdict.model_dump_json()


MEGABYTE = 1 << 20
HOSTILE = [
    "\\boxed{", "\\boxed ", "\\boxed", "{", "}", "{}", "[", "[]", "(", "$", "\\", "\\\\", "\\,",
    "\\text{", "\\left", "\\frac{1}", "\\frac", "9", "-", ",", "1,", "1,234,", "1\\,", "1{,}", " ",
    "1 ", "/", "1/", "e", "1e", ".", "0.", "10^", '"', "'", "`", "~", "\n", "<think>", "</think>",
    "\\{", "\u2212", "\ud800", "\x00",
]  # fmt: skip


@pytest.mark.thorough
def test_a_hostile_megabyte_is_judged() -> None:
    for piece in HOSTILE:
        flood = piece * (MEGABYTE // len(piece))
        for text in (flood, f"\\boxed{{{flood}}}"):
            assert ask(typed(), "7", text).result == "incorrect", piece


@pytest.mark.parametrize(
    "truth",
    [
        "7" * 10_000,
        pytest.param("7 " * 5_000, marks=pytest.mark.thorough),
        pytest.param("a" * 10_000, marks=pytest.mark.thorough),
        pytest.param("7." + "7" * 10_000, marks=pytest.mark.thorough),
    ],
)
def test_the_longest_hostile_answer_that_is_read_is_judged(truth: str) -> None:
    for piece in HOSTILE:
        flood = piece * (LIMIT_PER_CHARACTER * len(truth) // len(piece))
        assert ask(typed(), truth, f"\\boxed{{{flood}}}").result == "incorrect", piece


@pytest.mark.parametrize(
    ("left", "right"), [("{", "}"), ("[", "]"), ("\\text{", "}"), ("\\{", "\\}")]
)
def test_a_megabyte_of_nested_brackets_is_judged(left: str, right: str) -> None:
    depth = MEGABYTE // (len(left) + len(right))
    for truth in ("7", "7 " * 25_000, "a" * 50_000):
        assert (
            ask(typed(), truth, f"\\boxed{{{left * depth}{right * depth}}}").result == "incorrect"
        )


def test_300_000_boxes_that_never_close_are_no_answer() -> None:
    assert ask(typed(), "7", "\\boxed{" * 300_000).reason == "box not closed"
    closed = "\\boxed{" * 300_000 + "7" + "}" * 300_000
    assert ask(typed(), "7", closed).result == "correct"


def test_an_answer_far_longer_than_its_truth_is_refused_unread() -> None:
    assert outcome(typed(), "7", "7" + " " * 9_000) == "correct"
    assert outcome(typed(), "7", "7." + "0" * 20_000) == ANSWER_TOO_LONG
    assert outcome(typed(), "7" * 5_000, "7" * 5_000 + "." + "0" * 20_000) == "correct"


def test_huge_exponents_are_refused_where_the_number_would_not_fit() -> None:
    for answer in ("1e999999999", "10^{999999999}", "1e-999999999", "1.5\\times10^{99999}"):
        assert outcome(typed("number"), "1", answer) == "not a number"
    assert outcome(typed("number"), "1", "1e9999") == WRONG_VALUE


# ------------------------------------------------------------------------------------ tolerances

KINDS = st.sampled_from(["absolute", "relative", "either"])


def stated(kind: str, value: float, answer_type: str | None = "number") -> Typed:
    """The verifier of an environment whose statement allows that error."""
    return typed(answer_type, stated_tolerance={"kind": kind, "value": value})


def allowed_error(truth: Fraction, kind: str, value: Fraction) -> Fraction:
    size = {"absolute": Fraction(1), "relative": abs(truth), "either": max(Fraction(1), abs(truth))}
    return value * size[kind]


def in_decimals(number: Fraction, places: int = 40) -> str:
    """*number* with so many digits after the point, rounded towards zero."""
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


@given(
    KINDS,
    st.integers(2, 14),
    st.decimals(-(10**9), 10**9, places=3, allow_nan=False),
    st.booleans(),
    st.sampled_from(["{}", "[{}, 7]"]),
)
def test_what_lies_within_a_stated_tolerance_is_paid_and_what_lies_beyond_is_not(
    kind: str, power: int, truth: Decimal, above: bool, form: str
) -> None:
    value, exact = Fraction(1, 10**power), Fraction(truth)
    verifier = stated(kind, float(value), "array" if "[" in form else "number")
    printed = form.format(f"{truth:f}").strip("[]").replace(",", "")
    error = allowed_error(exact, kind, value) * (1 if above else -1)
    # the printed truth is itself rounded where it shows six digits
    rounded = Fraction(1, 2000) if len(f"{abs(truth):f}".lstrip("0.").replace(".", "")) >= 6 else 0
    inside, outside = exact + error * Fraction(99, 100), exact + error * Fraction(102, 100)
    assert outcome(verifier, printed, form.format(in_decimals(inside))) == "correct"
    if abs(outside - exact) > rounded:
        assert outcome(verifier, printed, form.format(in_decimals(outside))) == WRONG_VALUE


@given(KINDS, st.integers(-(10**6), 10**6), st.booleans())
def test_a_stated_tolerance_holds_for_a_decimal_answer_where_the_truth_shows_no_point(
    kind: str, truth: int, above: bool
) -> None:
    verifier = stated(kind, 1e-4)
    error = allowed_error(Fraction(truth), kind, Fraction(1, 10**4)) * (1 if above else -1)
    inside, outside = truth + error * Fraction(99, 100), truth + error * Fraction(102, 100)
    assert outcome(verifier, str(truth), in_decimals(inside)) == "correct"
    if error:
        assert outcome(verifier, str(truth), in_decimals(outside)) == WRONG_VALUE


@given(KINDS, INTEGERS, st.integers(-9, 9).filter(bool))
def test_an_integer_is_never_paid_for_another_one(kind: str, truth: int, off: int) -> None:
    assert outcome(stated(kind, 0.09), str(truth), str(truth + off)) == WRONG_VALUE
    lists = stated(kind, 0.09, "array")
    assert outcome(lists, f"{truth} 0.5", f"[{truth + off}, 0.5]") == WRONG_VALUE


@pytest.mark.parametrize(
    "answer",
    [
        "nan",
        "inf",
        "-inf",
        "\\infty",
        "1e9999",
        "1e99999",
        "0.5 \\pm 1",
        "0.5, 0.6",
        "~0.5",
        "0.5?",
    ],
)
@pytest.mark.parametrize("truth", ["0.5", "3", "1e+18"])
def test_no_tolerance_pays_for_what_is_no_number_near_the_truth(truth: str, answer: str) -> None:
    for kind in ("absolute", "relative", "either"):
        assert outcome(stated(kind, 0.09), truth, answer) != "correct"
        assert outcome(stated(kind, 0.09, "array"), f"{truth} 1", f"[{answer}, 1]") != "correct"


def test_a_tolerance_moves_no_string_and_no_fraction() -> None:
    assert outcome(stated("either", 0.01, "string"), "0.500", "0.5001") == WRONG_VALUE
    assert outcome(stated("either", 0.01), "1/3", "0.333") == WRONG_VALUE
    assert outcome(stated("either", 0.01), "NO", "NO") == "correct"


def test_an_absurd_tolerance_is_no_option() -> None:
    for value in (0, -1e-6, 0.1, 1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="stated_tolerance"):
            stated("either", value)


# ------------------------------------------------------------------------------------ which type


@pytest.mark.parametrize(
    ("truth", "answer", "expected"),
    [
        ("7", "7.0", "correct"),
        ("1 2", "[1, 2]", "correct"),
        ("1, 2", "[1, 2]", "correct"),
        ("[a, b]", "a, b", "correct"),
        ("a b", "[a, b]", WRONG_VALUE),
        ("(a,b)", "[a, b]", WRONG_VALUE),
        ("1e3", "1000", WRONG_VALUE),
        ("1e+03", "1000", "correct"),
        ("007", "7", WRONG_VALUE),
        ("3 YES", "[3, YES]", WRONG_VALUE),
    ],
)
def test_a_truth_without_a_type_is_taken_by_its_look(
    truth: str, answer: str, expected: str
) -> None:
    assert outcome(typed(), truth, answer) == expected


def test_a_truth_that_is_not_of_its_type_is_taken_by_its_look() -> None:
    assert outcome(typed("number"), "NO", "NO") == "correct"
    assert outcome(typed("number"), "NO", "ON") == WRONG_VALUE
    assert outcome(typed("number"), "1 2", "[1, 2]") == "correct"


def test_the_empty_list_is_a_right_answer_only_where_the_truth_says_so() -> None:
    assert outcome(typed("array"), "[]", "[ ]") == "correct"
    assert outcome(typed("array"), "[]", "{ }") == NOT_A_LIST
    assert outcome(typed("array"), "0", "[]") == "wrong length"


def test_a_wrong_option_stops_before_the_run() -> None:
    for options in ({"answer_type": "graph"}, {"tolerance": -1.0}, {"tolerance": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Typed.Config.model_validate(options)


# ------------------------------------------------------------------------------------ rewards


def test_rewards_are_those_of_the_scheme() -> None:
    right, wrong = Verdict.correct(), Verdict.incorrect("wrong value")
    assert [reward(right), reward(wrong)] == [1.0, -1.0]
    assert [reward(right, "binary"), reward(wrong, "binary")] == [1.0, 0.0]
    assert reward(Verdict.undecided("lost"), "binary") is None
    with pytest.raises(UsageError, match="signed"):
        reward(right, "singed")


# ------------------------------------------------------------------------------------ integers

INTEGERS = st.lists(st.integers(-120, 120).map(str), min_size=1, max_size=6)
SEPARATORS = st.sampled_from([",", ", ", " ,", " ", "  ", "\n", ",\n", ", ,", "\\,", "\u2009"])
AROUND = st.sampled_from(["{}", "[{}]", " [ {} ] ", "({})", "[{}", "{}]", "[[{}]]", "{}.", "${}$"])


@given(
    truth=INTEGERS, given_=INTEGERS, separators=st.lists(SEPARATORS, min_size=6), around=AROUND,
    same=st.booleans(),
)  # fmt: skip
def test_lists_of_integers_get_the_verdicts_of_the_long_way(
    truth: list[str], given_: list[str], separators: list[str], around: str, same: bool
) -> None:
    elements = truth if same else given_
    inner = "".join(
        f"{element}{separator}" for element, separator in zip(elements, separators, strict=False)
    )
    for text in (inner, inner[: -len(separators[len(elements) - 1])]):
        answer = around.format(text)
        read = read_truth(" ".join(truth), "array", Typed.Config().margin)
        assert isinstance(read, Sequence)
        fast = read.differs(answer)
        slow = Sequence(read.elements)
        vars(slow)["integers"] = []
        assert fast == slow.differs(answer), (truth, answer)


@pytest.mark.parametrize("answer", ["[01, 2]", "[+1, 2]", "[-0, 2]", "[1, 2,]", "[1,, 2]", "[]"])
def test_what_is_no_plain_integer_goes_the_long_way(answer: str) -> None:
    assert plain_integers(answer) is None
