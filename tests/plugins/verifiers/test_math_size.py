"""What is too large for the verifier ``math`` costs no worker, and nothing else is too large."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_plugins.verifiers.math_equivalence import VERIFIER_LIMIT, Math
from scaler_plugins.verifiers.math_size import is_too_large
from tests.plugins.verifiers.asking import outcome

HUGE = (
    "9^{9^{9^{9}}}", "10^{10^{10}}", "2^{2^{2^{2^{9}}}}", "(2^{9})^{9^{9}}", ")9^{9^{9}}",
    "1000000!", "((9!)!)!", "\\binom{1000000}{500000}",
    "{1000000 \\choose 500000}", "\\Gamma(10^{6})",
    "\\sum_{i=1}^{10^{9}} i", "e^{-10^{10}}", "x^{10^{9}}", "(" * 4_900, "1+" * 2_000 + "1",
    "\\frac{1}{" * 30 + "2" + "}" * 30, "\\sqrt{" * 30 + "2" + "}" * 30,
    "\\operatorname{eye}(9000)", "(" * 8 + "1" + ")" * 8, "\\sin(" * 8 + "1" + ")" * 8,
    "1.0000000001^{10^{12}}", "(2+1.000001)^{10^{6}}", "\\left(1.5\\right)^{10^{5}}",
    "|" * 10 + "x" + "|" * 10, "\\{" + ",".join(map(str, range(70))) + "\\}",
)  # fmt: skip
USUAL = (
    "2023^{2023}", "2^{\\frac{2023}{2024}}", "100!", "\\binom{2024}{1012}", "x^{2023}+1",
    "e^{-1000}", "10^{0.123456}", "1000(1.0025)^{360}", "1.05^{30}", "2.718281828^{0.05}",
    "\\sum_{i=1}^{100} i", "\\frac{2^{100}-1}{2^{100}}", "(x+1)^{10}", "3^{3^{3}}",
    "10^{40}+0.1-10^{40}", "\\sqrt{1+\\sqrt{1+\\sqrt{1+\\sqrt{2}}}}", "1,000,000^{2}", "x^{y^{z}}",
    "\\int_0^{\\infty} e^{-x^2} \\, dx", ", ".join(map(str, range(50))),
    "((((x+1)^2+1)^2+1)^2+1)^2", "|x-|y-|z|||",
)  # fmt: skip


@pytest.mark.parametrize("text", HUGE)
def test_a_huge_answer_is_refused_without_a_worker(tmp_path: Path, text: str) -> None:
    assert is_too_large(text)
    verifier = Math(Math.Config(evaluated=False), script=tmp_path / "no-such-script.py")
    assert outcome(verifier, "5", text) == VERIFIER_LIMIT


@pytest.mark.parametrize("text", USUAL)
def test_a_usual_answer_is_not_too_large(text: str) -> None:
    assert not is_too_large(text)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**12), st.integers(-99, 99), st.integers(1, 10**6))
def test_no_number_of_usual_size_is_too_large(base: int, exponent: int, divisor: int) -> None:
    assert not is_too_large(f"\\frac{{{base}^{{{exponent}}}}}{{{divisor}}}")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="\\frac{}()[]^!_0123456789x.,+-/ ", max_size=300))
def test_any_text_is_looked_at_without_an_error(text: str) -> None:
    is_too_large(text)
