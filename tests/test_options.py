"""``--set``: one form of setting, for recipes and for the options of benchmarks."""

from __future__ import annotations

import pytest

from scaler_core.errors import UsageError
from scaler_core.options import parse_setting, parse_settings


@pytest.mark.parametrize(
    ("text", "keys", "value"),
    [
        ("run.steps=3", ["run", "steps"], 3),
        ("run.name = spring", ["run", "name"], " spring"),
        ("run.name='3'", ["run", "name"], "3"),
        ("a.b.c=[1, 2]", ["a", "b", "c"], [1, 2]),
        ("a.b=x=y", ["a", "b"], "x=y"),
        ("a.b=", ["a", "b"], ""),
    ],
)
def test_a_value_is_toml_or_else_text(text, keys, value):
    assert parse_setting(text, example="run.steps=3") == (keys, value)


def test_settings_are_gathered_by_benchmark():
    texts = ["aime.samples=4", "mmlu-pro.split=test", "aime.partial=true"]
    assert parse_settings(texts, ["aime", "mmlu-pro"]) == {
        "aime": {"samples": 4, "partial": True},
        "mmlu-pro": {"split": "test"},
    }


def test_the_name_of_a_benchmark_may_have_dots():
    assert parse_settings(["gpqa.v1.2.split=test"], ["gpqa.v1.2"]) == {
        "gpqa.v1.2": {"split": "test"}
    }


@pytest.mark.parametrize("text", ["split=test", "mmlu-pro.split", ".split=test", "mmlu-pro.=test"])
def test_a_setting_that_is_malformed_is_shown_the_form_and_an_example(text):
    with pytest.raises(UsageError) as caught:
        parse_settings([text], ["mmlu-pro"])
    assert str(caught.value) == (
        f"--set {text!r} is not of the form BENCHMARK.OPTION=VALUE (e.g. mmlu-pro.split=test)"
    )


def test_a_setting_for_a_benchmark_that_is_not_taken_names_those_that_are():
    with pytest.raises(UsageError) as caught:
        parse_settings(["mmlu.split=test"], ["mmlu-pro"])
    assert str(caught.value) == (
        "unknown benchmark 'mmlu' in --set 'mmlu.split=test'; did you mean 'mmlu-pro'?; "
        "known: mmlu-pro"
    )
