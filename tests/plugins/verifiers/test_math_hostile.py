"""The verifier ``math`` pays for the truth in any writing, and for nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from scaler_core.models import Response
from scaler_plugins.verifiers.math_equivalence import NOT_EVALUATED, Math
from scaler_plugins.verifiers.math_evaluated import _COMPOSED, _HALF_POWER, is_evaluated
from scaler_plugins.verifiers.math_notation import _SCALED, quantity, truth_of, uniform
from scaler_plugins.verifiers.math_size import is_too_large
from tests.plugins.verifiers.asking import outcome, ticket

TRUTHS = {
    "204": "203",
    "-7": "7",
    "\\frac{3}{8}": "\\frac{5}{8}",
    "2.5": "2.4",
    "\\sqrt{51}": "\\sqrt{52}",
    "12\\pi": "12",
    "(3, 4]": "(3, 4)",
    "\\{1, 2\\}": "\\{1, 3\\}",
    "6+9i": "9+6i",
    "x^2+2x+1": "x^2+2x+2",
}
CANCELLATIONS = (
    "0.1+10^{40}-10^{40}",
    "10^{-30}",
    "10^{20}-10^{20}",
    "1.0+10^{30}-10^{30}",
    "\\frac{1}{2^{200}}",
    "e^{-100}",
    "\\lim_{n \\to \\infty} \\frac{1}{n}",
    "0.5 \\cdot 10^{-20}",
    "\\sin(10^{-40})",
    "\\frac{10^{40}+0.1-10^{40}}{10^{9}}",
)
few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def math() -> Iterator[Math]:
    verifier = Math(Math.Config(workers=1, time_limit_s=10.0, evaluated=False))
    yield verifier
    verifier.close()


@pytest.fixture(scope="module")
def evaluating_math() -> Iterator[Math]:
    """Pays only for what is evaluated; one for all, for to start its worker takes a second."""
    verifier = Math(Math.Config(workers=1))
    yield verifier
    verifier.close()


@pytest.mark.parametrize("truth", TRUTHS)
def test_nothing_that_cancels_is_every_truth(math: Math, truth: str) -> None:
    for answer in CANCELLATIONS:
        assert outcome(math, truth, answer) != "correct", answer
    for answer in CANCELLATIONS[:4]:
        pair = f"({answer}, {answer})"
        assert outcome(math, truth, pair) != "correct", pair


@pytest.mark.parametrize(("truth", "wrong"), TRUTHS.items())
def test_an_answer_of_two_values_is_not_correct(math: Math, truth: str, wrong: str) -> None:
    for both in ("{} = {}", "{}, {}", "{} \\lor {}", "{} \\cup {}", "{} \\text{{ or }} {}",
                 "{} \\text{{, maybe }} {}", "{} \\approx {}", "{} or {}"):  # fmt: skip
        for pair in ((truth, wrong), (wrong, truth)):
            answer = both.format(*pair)
            assert outcome(math, truth, answer) != "correct", answer


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        ("\\frac{2^{100}-1}{2^{100}}", "\\frac{1}{2^{100}}"),
        ("1.6e-19", "3.2e-19"),
        ("1.6 \\times 10^{-19}", "3.2 \\times 10^{-19}"),
        ("e^{-50}", "e^{-51}"),
        (".0000672", "0.0000668"),
        ("7", "7+\\pi \\cdot 10^{-60}"),
        ("7", "7+e^{-10^{10}}"),
        ("x", "x+10^{-60}"),
        ("0", "10^{-60}"),
        ("0", "5x-7y=0"),
        ("7", "12x=7"),
        ("7", "0, 1, \\ldots, 7"),
        ("7", "7 \\text{ or not}"),
        ("7", "7_9"),
        ("-2,1", "(-2,1)"),
        ("(-2,1)", "\\{-2,1\\}"),
        ("x=5", "y=5"),
        ("5 \\text{ cm}", "5 \\text{ m}"),
        ("\\$5", "5 \\text{ cents}"),
        ("90^\\circ", "90 \\text{ cm}"),
        ("60 \\text{ mph}", "60 \\text{ km/h}"),
        ("3R^2", "3r^2"),
        ("Mm", "mM"),
        ("aB", "AB"),
        ("xyz", "XYZ"),
        ("234", "1\\,234"),
        ("12", "2 6"),
        ("7", "7..."),
        ("(1,2)", "[1,2["),
        ("(1,3)", "x < 1 \\text{ or } x > 3"),
        ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 2 \\\\ 1 \\end{pmatrix}"),
    ],
)
def test_near_is_not_right(math: Math, truth: str, answer: str) -> None:
    assert outcome(math, truth, answer) != "correct"


@pytest.mark.parametrize(
    ("truth", "decimal"),
    [
        ("1.25", "1.25"),
        ("1.414214", "1.414214"),
        ("\\frac13", "0.333333"),
        ("\\sqrt2", "1.4142136"),
        ("\\frac{20000}{\\pi}", "6366.19772"),
    ],
)
def test_a_sum_whose_terms_a_tolerance_would_hide_is_not_a_rounded_number(
    math: Math, truth: str, decimal: str
) -> None:
    for hidden in ("({})+e^{{-200}}", "{}+10^{{-40}}", "{}(1+10^{{-30}})", "{}+0.0000000001",
                   "10^{{40}}+{}1-10^{{40}}", "{}+\\frac{{1}}{{3^{{100}}}}"):  # fmt: skip
        assert outcome(math, truth, hidden.format(decimal)) == "not equivalent", hidden
    assert outcome(math, truth, decimal) == "correct"


@pytest.mark.parametrize(
    ("truth", "paid", "refused"),
    [
        ("\\frac13", ("0.33333", "0.3333333333333333"), ("0.333", "0.33335")),
        ("\\sqrt2", ("1.41421", "1.414213", "1.4142135623730951"), ("1.414", "1.41424")),
        ("\\frac{2000001}{7}", ("285714.43", "285714.4"), ("285713.4", "285714")),
        ("10080.5", ("10080.50",), ("10080.6", "10080.4", "10081")),
        ("204", ("204.0",), ("204.0001", "203.9999999")),
        ("3.141593", ("\\pi", "3.1415927"), ("3.142", "3.14")),
        ("2.5i", ("\\frac{5i}{2}",), ("2.500001i", "2.5")),
        ("(\\sqrt2, \\frac13)", ("(1.41421, 0.333333)",), ("(1.41421, 0.333)",)),
    ],
)
def test_a_decimal_is_right_to_the_digits_it_shows(
    math: Math, truth: str, paid: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    for answer in paid:
        assert outcome(math, truth, answer) == "correct", answer
    for answer in refused:
        assert outcome(math, truth, answer) == "not equivalent", answer


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        ("\\frac{2^{100}-1}{2^{100}}", "1-2^{-100}"),
        ("1.6 \\times 10^{-19}", "16 \\cdot 10^{-20}"),
        ("\\frac13", "0.333333"),
        ("\\frac13", "\\frac{1}{3} \\approx 0.333"),
        ("\\sqrt2", "1.414214"),
        ("\\frac{20000}{\\pi}", "6366.198"),
        ("\\sqrt{2}+\\sqrt{3}", "\\sqrt{5+2\\sqrt{6}}"),
        ("\\cot x", "\\frac{\\cos x}{\\sin x}"),
        ("e^{i\\pi}", "-1"),
        ("5x - 7y + 11z + 4 = 0", "10x - 14y + 22z + 8 = 0"),
        ("y = 2x + 3", "2x + 3"),
        ("x \\in [-2,7]", "-2 \\le x \\le 7"),
        ("(-\\infty, 2) \\cup (3, \\infty)", "(3, \\infty) \\cup (-\\infty, 2)"),
        ("\\{1\\pm\\sqrt{5},-2\\}", "-2, 1+\\sqrt5, 1-\\sqrt5"),
        ("1, -2", "x = 1 \\text{ or } x = -2"),
        ("x=5", "x = 5.0"),
        ("-\\frac94", "-2 1/4"),
        ("2500000", "2.5 \\text{ million}"),
        ("15\\mbox{ cm}^2", "15 \\text{ square centimeters}"),
        ("864 \\mbox{ inches}^2", "864"),
        ("\\$32,\\!348", "32348 \\text{ dollars}"),
        ("\\$18.90", "18.9"),
        ("5\\%", "0.05"),
        ("145^\\circ", "145 \\text{ degrees}"),
        ("\\text{(B)}", "B"),
        ("\\text{No}", "no"),
        ("7", "7_{10}"),
        ("12\\pi", "12 \u03c0"),
        ("-5", "\u22125"),
        ("6000000", "6\\,000\\,000"),
        ("1.6e-19", "1.6 \\times 10^{-19}"),
        ("\\frac13", "0.\\overline{3}"),
        ("\\frac{37}{30}", "1.2\\bar{3}"),
        ("3+4i", "3+4\\mathrm{i}"),
        ("60 \\text{ mph}", "60 \\text{ miles per hour}"),
        ("\\{1, 2\\}", "\\lbrace 2, 1 \\rbrace"),
        ("73", "***73.***"),
        ("73", "= 73"),
        ("11,\\! 111,\\! 100", "11,\\!111,\\!100"),
        ("12 \\text{ km/h}", "12 km/h"),
        ("\\mathbb{R}", "\\R"),
        ("\\emptyset", "\\{ \\}"),
        ("(-\\infty, 3)", "\\{x \\in \\mathbb{R} \\mid x < 3\\}"),
        ("(-\\infty, 3)", "]-\\infty, 3["),
        ("[2, 5)", "x \\ge 2 \\text{ and } x < 5"),
        ("(-\\infty, -1) \\cup (2, \\infty)", "x < -1 \\text{ or } x > 2"),
        ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
    ],
)
def test_the_truth_is_right_in_another_writing(math: Math, truth: str, answer: str) -> None:
    assert outcome(math, truth, answer) == "correct"


numbers = st.fractions(min_value=-1000, max_value=1000, max_denominator=500)


@few
@given(numbers, numbers, st.integers(10, 60))
def test_a_number_equals_another_only_where_it_is_that_number(
    math: Math, truth: object, other: object, power: int
) -> None:
    assume(truth != other)
    wrong = f"{other}+10^{{{power}}}-10^{{{power}}}"
    right = f"10^{{{power}}}+({truth})-10^{{{power}}}"
    assert outcome(math, f"{truth}", wrong) == "not equivalent"
    assert outcome(math, f"{truth}", right) == "correct"


@few
@given(st.lists(numbers, min_size=2, max_size=5, unique=True), st.randoms())
def test_the_order_of_a_set_does_not_count_and_that_of_a_tuple_does(
    math: Math, members: list[object], random: object
) -> None:
    mixed = [*members[1:], members[0]]
    braces, brackets = "\\{%s\\}", "(%s)"
    first, second = (", ".join(map(str, order)) for order in (members, mixed))
    assert outcome(math, braces % first, braces % second) == "correct"
    assert outcome(math, brackets % first, brackets % second) == "not equivalent"
    assert outcome(math, braces % first, brackets % second) == "not equivalent"


# ---------------------------------------------------------------------------------- evaluated


@pytest.mark.parametrize(
    ("question", "truth", "answer"),
    [
        ("Simplify $\\sqrt{242}$.", "11\\sqrt2", "\\sqrt{242}"),
        ("Simplify $\\sqrt{242}$.", "11\\sqrt2", "\\sqrt{242} + 0"),
        ("Compute $(1+2i)6-3i$.", "6+9i", "(1+2i)6 - 3i"),
        ("Expand $(x+1)^2$.", "x^2+2x+1", "(x+1)^{2}"),
        ("Simplify $\\frac{12}{18}$.", "\\frac{2}{3}", "\\dfrac{12}{18}"),
        ("What is $17^{2023} \\mod 10$?", "3", "17^{2023} \\mod 10"),
        ("What is $5!$?", "120", "5!"),
        ("Simplify $\\sqrt{242}$.", "11\\sqrt2", "242^{1/2}"),
        ("Simplify $\\sqrt{242}$.", "11\\sqrt2", "\\sqrt{2 \\cdot 121}"),
        ("Simplify $\\sqrt{242}$.", "11\\sqrt2", "\\sqrt{242.0}"),
        ("Compute $(1+2i)6-3i$.", "6+9i", "6(1+2i)-3i"),
        ("Expand $(x+1)^2$.", "x^2+2x+1", "(1+x)(1+x)"),
        ("Simplify $\\frac{12}{18}$.", "\\frac{2}{3}", "12/18"),
        ("Write $\\frac{3}{20}$ as a decimal.", "0.15", "\\frac{3}{20}"),
        ("Write 0.15 as a fraction.", "\\frac{3}{20}", "0.15"),
        ("What is $\\log_2 8$?", "3", "\\log_2 8"),
    ],
)
def test_an_answer_that_restates_the_question_is_not_evaluated(
    evaluating_math: Math, question: str, truth: str, answer: str
) -> None:
    asked = ticket(truth).model_copy(update={"messages": ({"role": "user", "content": question},)})
    verdict = evaluating_math.verify(Response(text=f"\\boxed{{{answer}}}"), asked)
    assert (verdict.result, verdict.reason) == ("incorrect", NOT_EVALUATED)


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        ("\\frac{2}{3}", "\\frac{2}{3}"),
        ("\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}"),
        ("10080", "10,080"),
        ("10080", "1.008 \\times 10^4"),
        ("x=5", "5"),
        ("5", "x = 5"),
        ("(-\\infty, 3)", "x < 3"),
        ("(-1, 6)", "(-1.0, 6)"),
        ("1, -2", "\\{-2, 1\\}"),
        ("\\frac{9}{4}", "2\\frac14"),
        ("2k+2", "2(k+1)"),
        ("6+9i", "(9i+6)"),
        ("\\sqrt{2}", "2^{1/2}"),
        ("\\frac{\\sqrt6}{3}", "\\sqrt{\\frac{2}{3}}"),
        ("5", "f(2) = 5"),
        ("(1, 2)", "(x, y) = (1, 2)"),
        ("[2, 5)", "x \\ge 2, x < 5"),
        ("e^{-50}", "\\exp(-50)"),
        ("2^{100}-1", "-1 + 2^{100}"),
        ("\\{1\\pm\\sqrt{5},-2\\}", "\\{-2, 1-\\sqrt{5}, 1+\\sqrt{5}\\}"),
    ],
)
def test_a_right_answer_is_evaluated_in_any_writing(truth: str, answer: str) -> None:
    assert is_evaluated(answer, truth, "What is it, if $x^2 = 3$ and $y = 4$?")


# ---------------------------------------------------------------------------------- notation


def test_a_truth_of_several_boxes_states_all_their_values() -> None:
    assert truth_of("\\boxed{1} \\text{ and } \\boxed{-2}") == "1 \\text{ and } -2"
    assert truth_of("so \\boxed{\\frac{1}{2}}.") == "\\frac{1}{2}"
    assert truth_of("\\boxed{1} and \\boxed{\\boxed{2}}") == "1 and 2"


@few
@given(st.text(alphabet="\\boxed{}1 ,.$^_%/*-abctext()\n", max_size=80))
def test_any_text_is_read_without_an_error(text: str) -> None:
    truth_of(text)
    read = quantity(uniform(text))
    is_evaluated(read.formula, uniform(text), text)


@pytest.mark.parametrize(
    ("text", "formula", "unit"),
    [
        ("5 \\text{ cm}", "5", "cm"),
        ("5 centimeters", "5", "cm"),
        ("15\\mbox{ cm}^2", "15", "cm2"),
        ("15 \\text{ square inches}", "15", "inch2"),
        ("\\$18.90", "18.90", "$"),
        ("18.90 dollars", "18.90", "$"),
        ("5\\%", "5", "%"),
        ("90^\\circ", "90", "degree"),
        ("\\frac{270}7\\text{ degrees}", "\\frac{270}7", "degree"),
        ("7 \\text{ or not}", "7 \\text{ or not}", ""),
        ("2x", "2x", ""),
        ("5 m", "5 m", ""),
    ],
)
def test_a_unit_is_told_from_its_number(text: str, formula: str, unit: str) -> None:
    read = quantity(text)
    assert (read.formula, read.unit) == (formula, unit)


LONG = (
    "7" * 4900,
    "0" * 4900,
    f"\\frac{{{'1' * 2400}}}{{{'3' * 2400}}}",
    "(" * 2400 + "7" + ")" * 2400,
    "{" * 2400 + "7" + "}" * 2400,
    "\\left(" * 400 + "1" + "\\right)" * 400,
    "-" * 4900,
    "1," * 2400,
    "111," * 1200,
    "9^" * 2400,
    "A" * 4900,
)


@pytest.mark.parametrize("answer", LONG, ids=lambda text: text[:8])
def test_to_look_at_a_long_answer_takes_a_small_part_of_what_a_walk_from_each_place_would(
    answer: str,
) -> None:
    began = time.process_time()
    formula = quantity(uniform(answer)).formula
    is_too_large(formula)
    for truth in ("7", "x^2+1"):
        is_evaluated(formula, truth, "What is it?")
    assert time.process_time() - began < 0.5, "a linear look takes a tenth of it"


def anywhere(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The pattern without the conditions on where a number may begin."""
    source = re.sub(r"\(\?:\(\?<!\[0-9\]\)\|\(\?<=.*?\)\)", "", pattern.pattern)
    source = source.replace("(?<![0-9])[0-9]+", "[0-9]+")
    assert source != pattern.pattern
    return re.compile(source)


@settings(max_examples=500)
@given(
    st.sampled_from([_SCALED, _HALF_POWER, _COMPOSED]),
    st.lists(
        st.sampled_from(
            [
                "1",
                "2",
                "12",
                "25",
                ".",
                ",",
                ",345",
                " ",
                "^",
                "{",
                "}",
                "{1/2}",
                "{0.5}",
                "(",
                ")",
                "\\frac12",
                "\\frac{1}{2}",
                "\\frac1 2",
                "million",
                " hundred",
                "\\text{",
                "x",
                "\\sqrt{",
                "2^3",
                "4^5",
                "^\\frac12",
            ]
        ),
        max_size=14,
    ),
)
def test_a_number_is_found_from_its_first_digit_as_from_each(
    pattern: re.Pattern[str], parts: list[str]
) -> None:
    text = "".join(parts)
    found = [(match.span(), match.groups()) for match in pattern.finditer(text)]
    assert found == [(match.span(), match.groups()) for match in anywhere(pattern).finditer(text)]
