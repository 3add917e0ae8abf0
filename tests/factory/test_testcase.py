"""What counts as a testcase."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.factory.programs import LARGEST_TESTCASE, read_testcase

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
printable = st.text(st.characters(exclude_categories=["Cs"]))


@given(printable.filter(str.strip), st.dictionaries(printable, st.integers(), min_size=1))
def test_a_text_and_a_dictionary_are_a_testcase(stdin: str, value: dict[str, int]) -> None:
    testcase = read_testcase(json.dumps([stdin, value]).encode())
    assert (testcase.stdin, testcase.value) == (stdin.encode(), value)


def test_a_comma_or_a_quote_inside_a_string_breaks_nothing() -> None:
    value = {"word": 'a, b "c" # it\'s', "n": 1}
    assert read_testcase(json.dumps(["x, 'y'", value]).encode()).value == value


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"{}", "not a pair"),
        (b'["a"]', "not a pair"),
        (b'["a", {"n": 1}, 2]', "not a pair"),
        (b'["", {"n": 1}]', "stdin is empty"),
        (b'[" \\n", {"n": 1}]', "stdin is empty"),
        (b'[1, {"n": 1}]', "stdin is empty"),
        (b'["a", {}]', "not a dictionary"),
        (b'["a", [1]]', "not a dictionary"),
        (b'["a", {"n": NaN}]', "NaN"),
        (b'["a", {"n": -Infinity}]', "Infinity"),
        (b'["\\ud800", {"n": 1}]', "surrogate"),
        (b'["a", {"n": "\\ud800"}]', "surrogate"),
        (b'["a", {"n": ' + b"1" * 5000 + b"}]", "not JSON"),
        (b'["a", ' + b"[" * 100_000, "deeply|not JSON"),
        (b" " * (LARGEST_TESTCASE + 1), "larger"),
        (b'["a", {"n": 1, "n": 2}]', "twice"),
        (b'["a", {"n": {"m": [], "m": []}}]', "twice"),
        (b'["a", {"n": 1.' + b"1" * 5000 + b"}]", "5002 characters"),
        ('["a", {"n": 1}]'.encode("utf-16"), "not JSON"),
        (b'\xef\xbb\xbf["a", {"n": 1}]', "not JSON"),
        (b'["a", {"n": 1e999}]', "not finite"),
        (b'["a", {"n": "' + b"," * 1_600_000 + b'"}]', "values"),
    ],
)
def test_anything_else_is_refused_with_the_reason(output: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_testcase(output)


@pytest.mark.parametrize(
    "part",
    [
        b"[],",
        b"{},",
        b"0,",
        b"[[[]]],",
        b'{"a":0},',
        b"1e-9,",
        b"2.2250738585072011e-308,",
        b"9" * 3990 + b",",
        b"0." + b"5" * 3900 + b"e-300,",
        b'"\\u00e9",',
    ],
)
def test_the_largest_results_are_read_or_refused_in_bounded_time(part: bytes) -> None:
    body = part * ((LARGEST_TESTCASE - 100) // len(part))
    began = time.process_time()
    with suppress(ValueError):
        read_testcase(b'["1", {"x": [' + body.rstrip(b",") + b"]}]")
    assert time.process_time() - began < 10  # a second or two on a quiet machine


@given(values)
def test_any_json_value_gives_a_testcase_or_a_reason(value: object) -> None:
    reason = ""
    try:
        read_testcase(json.dumps(value).encode())
    except ValueError as error:
        reason = str(error)
    is_pair = isinstance(value, list) and len(value) == 2
    assert reason or is_pair


@pytest.mark.parametrize(
    "output",
    [
        b'["1", {"x": 1e999}]',
        b'["1", {"x": ' + b"[" * 600 + b"]" * 600 + b"}]",
        b'["1", {"x": ' + b'{"y": ' * 200 + b"1" + b"}" * 200 + b"}]",
    ],
)
def test_what_no_instance_can_hold_is_refused(output):
    with pytest.raises(ValueError, match=r"not finite|nested"):
        read_testcase(output)
