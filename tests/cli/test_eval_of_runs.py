"""From a run to its evaluations: in training, afterwards, of its best checkpoint, once more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("trl")
pytestmark = pytest.mark.local

from scaler_core.plugins import load_plugins  # noqa: E402
from scaler_core.run.model import prompt_of  # noqa: E402
from tests.cli.running import Scaler  # noqa: E402
from tests.evaluation.questions import write_questions  # noqa: E402

RECIPE = """\
[run]
steps = 3
[pool]
environments = ["count-target", "largest-value", "longest-run"]
[batch]
prompts = 2
responses = 2
[prompt]
style = "compact"
[backend]
threads = 1
max_prompt_tokens = 400
max_response_tokens = 8
[evaluation]
every = 2
benchmarks = ["math-500", "bbeh"]
samples = 2
[evaluation.options.math-500]
path = "math-500.jsonl"
partial = true
[evaluation.options.bbeh]
path = "bbeh.jsonl"
partial = true
"""


@pytest.fixture
def scaler(scaler: Scaler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scaler:
    """Runs a command line in a folder of its own, with our own questions and a recipe."""
    monkeypatch.chdir(tmp_path)
    write_questions(tmp_path)
    (tmp_path / "r.toml").write_text(RECIPE)
    return scaler


@pytest.mark.thorough
def test_a_run_is_evaluated_in_training_and_afterwards(scaler: Scaler, tmp_path: Path) -> None:
    code, _, err = scaler("run", "r.toml", "--run-dir", "out")
    assert code == 0, err
    assert "step 0: asking for 4 responses to math-500" in err
    assert "step 3: math-500 " in err
    steps = json.loads((tmp_path / "out" / "evaluation" / "figures.json").read_text())["steps"]
    assert list(steps) == ["0", "2", "3"]
    best = json.loads((tmp_path / "out" / "checkpoints" / "best.json").read_text())["step"]

    code, out, err = scaler("eval", "--compare", "out", "--json")
    assert code == 0, err
    labels = [row[0] for row in json.loads(out)["comparison"]["rows"]]
    assert labels == [f"out in training, step {step}" for step in (0, 2, 3)]

    regraded = json.loads(scaler("eval", "--regrade", "out", "--json")[1])["evaluations"]
    assert [item["step"] for item in regraded] == [0, 2, 3]
    assert [item["average"] for item in regraded] == [
        steps[step]["eval/average"] for step in ("0", "2", "3")
    ]

    assert (
        json.loads((tmp_path / "out" / "evaluation" / "figures.json").read_text())["steps"] == steps
    )

    options = ["--benchmarks", "bbeh", "--path", "bbeh=bbeh.jsonl", "--set", "bbeh.partial=true"]
    options += ["--max-tokens", "8", "--json"]
    last = json.loads(scaler("eval", "out", *options)[1])
    assert (last["model"], last["directory"]) == ("out", "evaluations/out")
    named = json.loads(scaler("eval", "out", "--best", *options)[1])
    assert named["model"] == f"out step {best}"
    checkpoint = scaler("eval", f"out/checkpoints/step-{best}", *options, "-o", "again")
    assert json.loads(checkpoint[1])["scores"][0]["score"] == named["scores"][0]["score"]


@pytest.mark.parametrize("name", ["run", "run/model", "run/checkpoints/step-4"])
def test_models_and_checkpoints_of_a_run_are_asked_as_it_asks(tmp_path: Path, name: str) -> None:
    for folder in ("run/model", "run/checkpoints/step-4", "run/other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "step-4" / "COMPLETE").write_text("{}")
    (tmp_path / "run" / "recipe.toml").write_text("[prompt]\nthinking = true\n")
    host = load_plugins()
    assert prompt_of(str(tmp_path / name), host).thinking
    assert not prompt_of(str(tmp_path / "run" / "other"), host).thinking
