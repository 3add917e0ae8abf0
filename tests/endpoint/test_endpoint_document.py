"""The document of the endpoint says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scaler_core.endpoint import BudgetOptions, EndpointOptions
from scaler_core.testing import endpoint as testing
from scaler_plugins.extractors.llm import LlmExtractor
from scaler_plugins.generators.llm import LlmGenerator

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "endpoint.md").read_text("utf-8")


def shown(field):
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    return str(default) if isinstance(default, (int, float)) else f"`{default}`"


@pytest.mark.parametrize(
    "model", [EndpointOptions, BudgetOptions, LlmExtractor.Config, LlmGenerator.Config]
)
def test_every_option_stands_in_its_table_with_its_default(model):
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", DOCUMENT, re.MULTILINE))
    for name, field in model.model_fields.items():
        assert rows[name] == shown(field), name


def test_every_way_to_misbehave_is_listed():
    others = {"ChatRequest", "NoRecording", "RecordedEndpoint", "RecordedReplies"}
    for name in set(testing.__all__) - others:
        assert f"`{name}" in DOCUMENT or f" {name}," in DOCUMENT, name


def test_the_examples_work(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    names = {}
    exec("\n".join(blocks), names)
    names["play"](tmp_path)
    assert callable(names["ask"])
