"""Bounds are read where they can be read for certain, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.synthesis.checks.bounds import Bound, read_bounds
from scaler_core.synthesis.checks.constraints import entries_of, values_of


def shown(text: str) -> list[str]:
    return [bound.about(name) for name, bound in read_bounds(text).items()]


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("one integer n (1 ≤ n ≤ 300) — the number", ["1 <= n <= 300"]),
        ("1 ≤ n, m ≤ 2·10^5", ["1 <= n <= 200000", "1 <= m <= 200000"]),
        ("(2 <= a_i <= 10^9 and 0 <= b[i] < 10)", ["2 <= a_i <= 1000000000", "0 <= b_i <= 9"]),
        ("1 ≤ k ≤ n ≤ 100", ["1 <= k <= 100", "1 <= n <= 100"]),
        ("$1 \\le n \\leq 2 \\cdot 10^{5}$", ["1 <= n <= 200000"]),
        ("$0 \\leq x_{i}, y_i \\lt 10^9$", ["0 <= x_i <= 999999999", "0 <= y_i <= 999999999"]),
        ("1 ≤ |s| ≤ 100,000", ["1 <= |s| <= 100000"]),
        ("( - 1000 ≤ ti ≤ 1000)", ["-1000 <= ti <= 1000"]),
        ("-10^3 ≤ t < 2^31", ["-1000 <= t <= 2147483647"]),
        (
            "(4 ≤ n ≤ 33) ... (1 ≤ x, y ≤ n, x ≠ y, 1 ≤ w ≤ 99)",
            ["1 <= n <= 33", "1 <= x", "1 <= y", "1 <= w <= 99"],
        ),
        ("0 ≤ i < j ≤ 7", ["0 <= i <= 6", "1 <= j <= 7"]),
        ("1 ≤ x ≤ 10**6", ["1 <= x <= 1000000"]),
    ],
)
def test_bounds_are_read(text: str, bounds: list[str]):
    assert shown(text) == bounds


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("1 ≤ n ≤ 3·105", ["1 <= n"]),  # 3 * 10^5, which lost its exponent
        ("n ≤ 1018", []),
        ("n ≤ 10 000", []),
        ("1 ≤ n ≤ 10^9+7", ["1 <= n"]),
        ("1 ≤ n·m ≤ 10^5", []),
        ("|a - b| ≤ 5", []),
        ("0.5 <= x <= 7", ["x <= 7"]),
        ("n ≤ 0.5", []),
        ("1≤n≤40,200≤p≤1000", []),
        ("1 ≤ m ≤ n(n-1)/2", ["1 <= m"]),
        ("n ≤ 2n", []),
        ("n is small, at most a hundred", []),
        ("a ^ b is the exclusive or; 1 ≤ n ≤ 105", ["1 <= n"]),  # its ^ is no exponent
        ("0 ≤ a_i < 230", ["0 <= a_i"]),  # 2^30, which lost its exponent
        ("1 ≤ n ≤ 1'000", ["1 <= n"]),
        ("1 ≤ s.length ≤ 50", []),
        ("1 ≤ max a_i ≤ 10, the sum of b_i ≤ 10", ["1 <= max"]),
        ("a query may be undone if t_i < 0 holds", []),
        ("When 1 ≤ x ≤ 5, the answer is 0.", []),
        ("then n - 1 lines; line i (1 ≤ i < n) holds p_i", ["1 <= i"]),  # none where n is 1
        ("1 ≤ k ≤ n, m ≤ 7", []),  # n alone may have no bound
    ],
)
def test_what_is_not_certain_is_not_stated(text: str, bounds: list[str]):
    assert shown(text) == bounds


def test_an_exponent_is_not_lost_where_others_are_kept():
    assert shown("1 ≤ n ≤ 105, 1 ≤ m ≤ 10^5") == ["1 <= n <= 105", "1 <= m <= 100000"]


def test_of_several_bounds_the_widest_counts():
    text = "1 ≤ n ≤ 1000\nSubtask 1: 2 ≤ n ≤ 10"
    assert read_bounds(text) == {"n": Bound(1, 1000)}


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("1 ≤ n ≤ 105\nSubtask 1: n ≤ 100", ["1 <= n"]),
        ("1 ≤ n ≤ 2e5\nin half of the tests n ≤ 100", ["1 <= n"]),
        ("1 ≤ n ≤ 100 (in a third of the tests n ≤ 10)", ["1 <= n"]),
        ("1 ≤ n ≤ 10^9+7\nSubtask 1: 5 ≤ n ≤ 10", ["1 <= n"]),
    ],
)
def test_the_bound_of_a_subtask_does_not_stand_for_one_that_cannot_be_read(text, bounds):
    assert shown(text) == bounds


@given(st.text(alphabet="nma_i[]{}|<=≤1205^*·,.- +$\\le\n", max_size=200))
def test_any_text_is_read_without_an_error(text: str):
    for bound in read_bounds(text).values():
        assert bound.low is not None or bound.high is not None


@given(
    low=st.integers(-(10**9), 10**9),
    span=st.integers(0, 10**9),
    name=st.sampled_from(["n", "a_i", "k", "|s|"]),
    sign=st.sampled_from(["<=", " <= ", " ≤ ", "≤", " \\le "]),
)
def test_a_bound_that_was_written_is_read(low: int, span: int, name: str, sign: str):
    text = f"it holds ({low}{sign}{name}{sign}{low + span}), and 10^2 is kept"
    assert read_bounds(text) == {name: Bound(low, low + span)}


def grouped(value: int, mark: str) -> str:
    return f"{value:,}".replace(",", mark)


def powered(value: int, form: str) -> str:
    """*value* with its zeros as a power of ten; as it is, where it has none."""
    bare = str(value).rstrip("0")
    zeros = len(str(value)) - len(bare)
    return form.format(bare, zeros) if value and zeros else str(value)


NUMBER_STYLES = {
    "digits": str,
    "commas": lambda value: grouped(value, ","),
    "TeX commas": lambda value: grouped(value, "{,}"),
    "TeX thin spaces": lambda value: grouped(value, r"\,"),
    "blanks": lambda value: grouped(value, " "),
    "narrow blanks": lambda value: grouped(value, "\u202f"),
    "apostrophes": lambda value: grouped(value, "'"),
    "underscores": lambda value: grouped(value, "_"),
    "full stops": lambda value: grouped(value, "."),
    "TeX power": lambda value: powered(value, r"{} \cdot 10^{{{}}}"),
    "times": lambda value: powered(value, r"{}\times 10^{}"),
    "stars": lambda value: powered(value, "{} * 10 ** {}"),
    "middle dot": lambda value: powered(value, "{}·10^{}"),
    "letter x": lambda value: powered(value, "{} x 10^{}"),
    "raised in HTML": lambda value: powered(value, "{} &times; 10<sup>{}</sup>"),
    "e notation": lambda value: powered(value, "{}e{}"),
}
LINE_STYLES = (
    "{low} {le} {name} {le} {high}",
    "({low}{le}{name}{le}{high})",
    "* {low} {le} {name} {le} {high}",
    "*{low} {le} {name} {le} {high}",
    "- {low} {le} {name} {le} {high}",
    "\N{EN DASH} {low} {le} {name} {le} {high}",
    "• {low} {le} {name} {le} {high}",
    "· {low} {le} {name} {le} {high}",
    "+ {low} {le} {name} {le} {high}",
    "1. {low} {le} {name} {le} {high}",
    "<li>{low} {le} {name} {le} {high}</li>",
    "<li><var>{low} {le} {name} {le} {high}</var></li>",
    "${low} {le} {name} {le} {high}$",
    "* ${low} {le} {name} {le} {high}$.",
    "the integers satisfy {low} {le} {name} {le} {high};",
    "{low} {le} {name}\n{le} {high}",
    "{low} {le}\n{name} {le} {high}, all of them",
    "> {low} {le} {name} {le} {high} - see below",
    "\t{low}  {le}  {name}  {le}  {high}",
    "| {low} {le} {name} {le} {high} |",
)
RELATIONS = ("<=", "≤", "&le;", r"\le", r"\leq", r"\leqq", r"\leqslant")


@given(
    limits=st.lists(
        st.tuples(st.integers(-(10**7), 10**9), st.integers(1, 10**9)), min_size=2, max_size=4
    ),
    line=st.sampled_from(LINE_STYLES),
    style=st.sampled_from(sorted(NUMBER_STYLES)),
    relation=st.sampled_from(RELATIONS),
    rounded=st.booleans(),
)
def test_in_any_list_a_bound_is_read_whole_or_not_at_all(limits, line, style, relation, rounded):
    shown_as = NUMBER_STYLES[style]
    true: dict[str, Bound] = {}
    lines = ["and 10^2 is kept"]
    for name, (low, span) in zip(("n", "a_i", "|s|", "Q"), limits, strict=False):
        if rounded:
            low, span = round(low, -3), -(-span // 1000) * 1000
        true[name] = Bound(low, low + span)
        ends = [("-" if end < 0 else "") + shown_as(abs(end)) for end in (low, low + span)]
        lines.append(line.format(low=ends[0], high=ends[1], name=name, le=f" {relation} "))
    for name, bound in read_bounds("\n".join(lines)).items():
        assert bound.low in (None, true[name].low), lines
        assert bound.high in (None, true[name].high), lines


@given(
    limits=st.lists(
        st.tuples(st.integers(-(10**7), 10**9), st.integers(1, 10**9)), min_size=2, max_size=4
    ),
    line=st.sampled_from(LINE_STYLES[:-1]),  # beside a bar a minus may be that of a difference
    style=st.sampled_from(["digits", "commas", "TeX commas", "TeX power", "stars", "letter x"]),
    relation=st.sampled_from(RELATIONS),
)
def test_in_a_list_of_a_usual_form_every_bound_is_read(limits, line, style, relation):
    names = ("n", "a_i", "|s|", "Q")[: len(limits)]
    true = {name: Bound(low, low + span) for name, (low, span) in zip(names, limits, strict=False)}
    lines = ["and 10^2 is kept"]
    for name, bound in true.items():
        ends = [
            ("-" if end < 0 else "") + NUMBER_STYLES[style](abs(end))
            for end in (bound.low or 0, bound.high or 0)
        ]
        lines.append(line.format(low=ends[0], high=ends[1], name=name, le=f" {relation} "))
    assert read_bounds("\n".join(lines)) == true


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        (
            "* 1 \\leq N \\leq 200,000\n* -10,000 \\leq p_i \\leq 10,000\n* 1 ≤ k",
            ["1 <= N <= 200000", "-10000 <= p_i <= 10000", "1 <= k"],
        ),
        ("- 1 ≤ N ≤ 200\n- -5 ≤ x ≤ 5", ["1 <= N <= 200", "-5 <= x <= 5"]),
        ("- 1 ≤ N ≤ 200", ["1 <= N <= 200"]),  # no number is given as -1 with a blank in it
        ("- 10 ≤ x ≤ 20", ["x <= 20"]),  # a sign, or the mark of a list of one item
        ("- 1000 ≤ x ≤ 1000\n- 1000 ≤ y ≤ 1000", ["x <= 1000", "y <= 1000"]),
        ("* - 5 ≤ x ≤ 5", ["-5 <= x <= 5"]),
        ("x - 1 ≤ y ≤ 5", ["y <= 5"]),
        ("1≤n≤5,1≤m≤7", ["1 <= n <= 5", "1 <= m <= 7"]),
        ("1 ≤ n ≤ 1,00,000", ["1 <= n"]),
        ("1 ≤ n ≤ 10,0000", ["1 <= n"]),
        ("1 ≤ n ≤ 10 million", ["1 <= n"]),
        ("1 ≤ n ≤ 5 x 4", ["1 <= n"]),
        ("1 ≤ n ≤ 10\n5\n", ["1 <= n"]),  # a raised 5 that became a line of its own
        ("1 ≤ n ≤ 2\n· 10^5", ["1 <= n <= 200000"]),
        ("1 ≤ n ≤ 10⁵", ["1 <= n <= 100000"]),
        ("* 1 ≤ N ≤ 200,000 * 1 ≤ A ≤ 3", ["1 <= N", "A <= 3"]),  # a product, or a list
    ],
)
def test_items_of_lists_and_numbers_in_parts_are_read_whole_or_not_at_all(text, bounds):
    assert shown(text) == bounds


@given(st.integers(), st.integers(), st.integers())
def test_a_value_breaks_a_bound_exactly_outside_of_it(low: int, high: int, value: int):
    assert Bound(low, high).breaks(value) == (not low <= value <= high)
    assert not Bound().breaks(value)


@pytest.mark.parametrize(
    "text",
    [
        "a," * 5000,
        "1<=" * 4000,
        "a, " * 3000 + "<=",
        "[a" * 5000,
        "1," * 4000,
        "- 1" * 2000,
        "1 " * 4000,
        "\n1" * 4000,
    ],
)
@pytest.mark.timeout(20)
def test_a_hostile_statement_is_read_in_time(text: str):
    read_bounds(text)


@pytest.mark.parametrize(
    ("name", "testcase", "values"),
    [
        ("n", {"n": 3, "a": [1, 2]}, [3]),
        ("N", {"n": 3}, [3]),
        ("a_i", {"a": [1, [2, 3]]}, [1, 2, 3]),
        ("ai", {"a": [4, 5]}, [4, 5]),
        ("X_i", {"rings": [{"X": 1}, {"X": 2}]}, [1, 2]),
        ("|s|", {"s": "abc"}, [3]),
        ("|s_i|", {"s": ["a", "bc"]}, [1, 2]),
        ("n", {"m": 3}, None),
        ("n", {"n": "3"}, None),
        ("n", {"n": True}, None),
        ("a_i", {"a": 7}, None),
        ("ai", {"a": 7}, None),
        ("|s|", {"s": 3}, None),
    ],
)
def test_a_name_means_what_stands_under_its_key(name, testcase, values):
    assert values_of(name, entries_of(testcase)) == values


def test_a_name_in_another_case_belongs_to_the_name_that_is_stated():
    assert values_of("n", entries_of({"N": 3}), ("n", "N")) is None
