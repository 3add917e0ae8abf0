"""What docs/evaluation.md and docs/trackers.md say is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scaler_core.cli.eval import command
from scaler_core.config import EvaluationSection
from scaler_core.evaluation.tables import PAPER_BENCHMARKS, SETTINGS
from scaler_core.interfaces import Benchmark
from scaler_core.plugins import load_plugins
from scaler_core.run.recipes import recipe_from
from scaler_core.testing.endpoint import RecordedEndpoint
from scaler_plugins.trackers import scaler_register_trackers
from tests.evaluation.questions import write_questions

DOCS = Path(__file__).resolve().parents[2] / "docs"
EVALUATION = (DOCS / "evaluation.md").read_text(encoding="utf-8")
TRACKERS = (DOCS / "trackers.md").read_text(encoding="utf-8")


def test_every_option_of_the_command_has_its_row() -> None:
    section = EVALUATION.partition("## scaler eval")[2].partition("\n## ")[0]
    named = set(re.findall(r"(--[a-z-]+|`-o)", section.replace("`-o", "`-o")))
    for option in command.params:
        if option.name != "model":
            assert {name if name.startswith("--") else f"`{name}" for name in option.opts} & named


def test_every_key_of_the_section_has_its_row() -> None:
    section = EVALUATION.partition("## In training")[2].partition("\n## ")[0]
    for name in EvaluationSection.model_fields:
        assert f"`{name}`" in section


def test_every_option_of_a_tracker_has_its_row() -> None:
    for tracker in scaler_register_trackers():
        section = TRACKERS.partition(f"## `{tracker.name}`")[2].partition("\n## ")[0]
        for name in tracker.Config.model_fields:
            assert f"| `{name}` |" in section


def test_the_recipes_in_the_documents_can_be_read() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", EVALUATION + TRACKERS, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        recipe_from(tomllib.loads(block))


def test_the_python_of_the_document_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named, asked = re.findall(r"```python\n(.*?)```", EVALUATION, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    write_questions(tmp_path)
    with RecordedEndpoint(lambda request: "\\boxed{3}", model="my-model") as server:
        block = named.replace("http://localhost:8000/v1", server.url)
        exec(compile(block, "evaluation.md", "exec"), {})
    figures = "{'eval/math-500': 0.5, 'eval/average': 0.5}"
    assert capsys.readouterr().out == f"evaluations/my-model {figures}\n"

    def my_model(messages: Any, temperature: float) -> str:
        return "\\boxed{7}" if "3+4" in messages[-1]["content"] else "?"

    exec(compile(asked, "evaluation.md", "exec"), {"my_model": my_model})
    assert capsys.readouterr().out == "{'eval/aime24': 0.5, 'eval/average': 0.5}\n"


def test_the_setting_of_the_paper_is_that_of_our_benchmarks() -> None:
    host = load_plugins()
    for name in PAPER_BENCHMARKS:
        benchmark: Any = host.find(Benchmark, name)()
        assert (benchmark.size(), benchmark.samples()) == SETTINGS[name]
