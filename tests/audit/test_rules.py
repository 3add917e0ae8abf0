"""The rules are data: one table in the code, the same in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scaler_core.audit.config import check_levels, chosen_levels
from scaler_core.audit.rules import RULES, Measure, find, verdict_on
from scaler_core.errors import UsageError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "audit.md"


def test_the_documentation_shows_the_rules_as_they_are():
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (\S*) \| (\S*) \|$", DOCS.read_text(), re.MULTILINE)
    written = {name: (measures, warn, bad) for name, measures, warn, bad in rows}
    assert written == {
        rule.name: (rule.measures, _threshold(rule.warn_above), _threshold(rule.bad_above))
        for rule in RULES.values()
    }


def _threshold(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def test_the_worst_figure_of_a_rule_is_told_and_bad_things_come_first():
    findings = find(
        [
            Measure("common_answer", 0.85, "level 0"),
            Measure("common_answer", 0.95, "level 1"),
            Measure("duplicates", 0.5, "at the threshold"),
            Measure("generator_fails", 0.2, "often"),
        ]
    )
    assert [(item.rule, item.severity, item.detail) for item in findings] == [
        ("generator_fails", "bad", "often"),
        ("common_answer", "warning", "level 1"),
    ]
    assert verdict_on(findings) == "bad"
    assert verdict_on(findings[1:]) == "usable"
    assert verdict_on(()) == "good"


def test_a_bad_threshold_never_lies_below_its_warning():
    for rule in RULES.values():
        assert rule.warn_above is not None or rule.bad_above is not None
        if rule.warn_above is not None and rule.bad_above is not None:
            assert rule.warn_above < rule.bad_above


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("min", "mid", "max"), (0, 2, 5)),
        (("max", "0", "0", "min"), (0, 5)),
        (("3", "99"), (3, 5)),
        (("all",), (0, 1, 2, 3, 4, 5)),
    ],
)
def test_levels_are_words_or_numbers(given, expected):
    check_levels(given)
    assert chosen_levels(given, 5) == expected


@pytest.mark.parametrize("given", ["", "top", "-1", "1.5", "²"])
def test_other_levels_are_refused(given):
    with pytest.raises(UsageError, match="unknown level"):
        check_levels([given])
