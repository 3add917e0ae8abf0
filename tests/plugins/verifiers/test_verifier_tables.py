"""The tables of docs/verifiers.md are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scaler_core.judge import REWARDS
from scaler_plugins.verifiers import boxed, math_equivalence
from scaler_plugins.verifiers import typed as typed_module
from scaler_plugins.verifiers.math_equivalence import Math
from tests.plugins.verifiers.asking import outcome, typed

DOCUMENT = (Path(__file__).parents[3] / "docs" / "verifiers.md").read_text(encoding="utf-8")


def rows(*header: str) -> list[tuple[str, ...]]:
    """The cells of every table with this header."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", DOCUMENT, re.MULTILINE):
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        if tuple(lines[0]) == header:
            found += [tuple(cell.strip("`") for cell in line) for line in lines[2:]]
    return found


@pytest.mark.parametrize(
    ("truth", "kind", "answer", "expected"), rows("Truth", "Type", "Answer", "Verdict")
)
def test_a_row_of_the_typed_tables_is_true(
    truth: str, kind: str, answer: str, expected: str
) -> None:
    assert outcome(typed(None if kind == "–" else kind), truth, answer) == expected  # noqa: RUF001


@pytest.mark.parametrize(("header", "evaluated"), [("Answer", False), ("Evaluated answer", True)])
def test_the_rows_of_the_math_tables_are_true(header: str, evaluated: bool) -> None:
    verifier = Math(Math.Config(time_limit_s=2.0, workers=1, evaluated=evaluated))
    try:
        table = rows("Truth", header, "Verdict")
        found = [(truth, answer, outcome(verifier, truth, answer)) for truth, answer, _ in table]
    finally:
        verifier.close()
    assert found == table


def test_every_reason_is_documented() -> None:
    documented = {reason for reason, *_ in rows("Reason", "Verdict", "Meaning")}
    words = {
        value
        for module in (boxed, typed_module, math_equivalence)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    assert words == {reason for reason in documented if not reason.endswith("...")}


def test_every_reward_scheme_is_documented() -> None:
    table = {
        row[0].split("`")[0]: row[1:3]
        for row in rows("Scheme", "correct", "incorrect", "undecided")
    }
    assert table == {name: tuple(map(str, pair)) for name, pair in REWARDS.items()}
