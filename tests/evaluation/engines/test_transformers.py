"""The engine ``transformers`` with the tiny model, on a few rows of each benchmark."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytestmark = pytest.mark.local

from scaler_core.config import PromptSection  # noqa: E402
from scaler_core.errors import UsageError  # noqa: E402
from scaler_core.evaluation import Plan, evaluate  # noqa: E402
from scaler_core.evaluation.engines import open_engine  # noqa: E402
from scaler_core.evaluation.engines.transformers import TransformersEngine  # noqa: E402
from scaler_core.evaluation.model import model_in_folder  # noqa: E402
from scaler_core.models import Question  # noqa: E402
from scaler_core.plugins import load_plugins  # noqa: E402
from scaler_core.plugins.choosing import build_benchmarks  # noqa: E402
from scaler_plugins.backends.local import Local  # noqa: E402
from tests.evaluation.questions import FILES, write_questions  # noqa: E402

TINY = Local.models["tiny"]
COUNT = "count-target target=3 values=1 3 3"


@pytest.fixture(scope="module")
def engine() -> Iterator[TransformersEngine]:
    import torch

    torch.set_num_threads(1)
    with TransformersEngine(model_in_folder("tiny", TINY), PromptSection(), 16) as made:
        yield made


def ask(engine: TransformersEngine, *texts: str, **sampling: Any) -> list[str]:
    questions = [
        Question(messages=({"role": "user", "content": text},), **sampling) for text in texts
    ]
    answers = dict(engine.ask(questions))
    return [answers[index].text for index in range(len(texts))]


def test_the_tiny_model_answers_what_it_was_warmed_up_on(engine: TransformersEngine) -> None:
    assert ask(engine, COUNT, temperature=0.0)[0].startswith("\\boxed{")


def test_seeds_decide_and_companions_do_not(engine: TransformersEngine) -> None:
    alone = ask(engine, COUNT, seed=3)
    assert ask(engine, COUNT, "max-of 1 2 3", "x" * 50, seed=3)[0] == alone[0]
    assert len({ask(engine, COUNT, seed=seed)[0] for seed in range(8)}) > 1


@pytest.mark.thorough
def test_every_benchmark_goes_from_file_to_score(
    engine: TransformersEngine, tmp_path: Path
) -> None:
    paths = write_questions(tmp_path)
    names = list(FILES)
    options = {name: {"path": str(paths[name]), "partial": True} for name in names}
    built = build_benchmarks(load_plugins(), names, options, where="options")
    plan = Plan.of(built, model="tiny", identity="1", engine="transformers")
    summary = evaluate(plan, engine.ask, tmp_path / "out")
    samples = {item.benchmark: (item.questions, item.samples) for item in summary.scores}
    assert samples == {
        "math-500": (2, 2),
        "amc23": (2, 32),
        "aime24": (2, 32),
        "mmlu-pro": (2, 32),
        "bbeh": (2, 2),
        "gpqa-diamond": (2, 2),
    }
    assert summary.paper_average is not None
    assert all(item.tokens and item.undecided == 0 for item in summary.scores)


def test_a_model_without_a_chat_template_needs_one(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    shutil.copytree(TINY, folder)
    (folder / "chat_template.jinja").unlink()
    model = model_in_folder("bare", folder)
    with pytest.raises(UsageError, match="bare has no chat template"):
        open_engine("transformers", model, PromptSection(), 4)
    prompt = PromptSection(chat_template="{{ messages[0]['content'] }}")
    with open_engine("transformers", model, prompt, 4) as engine:
        assert len(list(engine.ask([Question(messages=({"role": "user", "content": "1"},))]))) == 1


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot load broken") as caught:
        open_engine("transformers", model_in_folder("broken", tmp_path), PromptSection(), 4)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('no system role') }}", "{% if %}", "{{ nothing.there.at }}"]
)
def test_a_chat_template_that_fails_is_told_in_one_line(tmp_path: Path, template: str) -> None:
    prompt = PromptSection(chat_template=template)
    with open_engine("transformers", model_in_folder("tiny", TINY), prompt, 4) as engine:
        with pytest.raises(UsageError, match="the chat template of tiny fails") as error:
            list(engine.ask([Question(messages=({"role": "user", "content": "1"},))]))
        assert "messages of user" in error.value.hint


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_damaged_weights_are_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(TINY, folder)
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match="cannot load broken"):
        open_engine("transformers", model_in_folder("broken", folder), PromptSection(), 4)


def test_a_model_that_lacks_weights_is_not_filled_up_with_random_ones(tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(TINY, folder)
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(UsageError, match=r"half is not whole: \d+ weights are missing"):
        open_engine("transformers", model_in_folder("half", folder), PromptSection(), 4)


def test_a_tokenizer_without_end_and_padding_takes_the_models_end_token(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    shutil.copytree(TINY, folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(
        json.dumps({key: settings[key] for key in settings.keys() - {"eos_token", "pad_token"}})
    )
    with open_engine("transformers", model_in_folder("bare", folder), PromptSection(), 4) as engine:
        question = Question(messages=({"role": "user", "content": "1"},))
        assert len(list(engine.ask([question, question]))) == 2
