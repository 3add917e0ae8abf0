"""Faults of a model are the user's one line with the remedy, before the start and in a preview."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_plugins.backends.local import Local
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun
from tests.plugins.backends.local.families import NO_SYSTEM, WORDS, build_family

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

ALTERNATE = (
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/...') }}{% endif %}"
    "{{ message['content'] }}{% endfor %}"
)


def backend_of(model: Path, **options: Any) -> Local:
    """The backend over *model* with options of a test."""
    settings: dict[str, Any] = {"device": "cpu", "threads": 1, "max_response_tokens": 4}
    return Local(Local.Config(model=str(model), **{**settings, **options}))


def preview(backend: Local, run: FakeRun) -> None:
    backend.preview(run)


def train(backend: Local, run: FakeRun) -> None:
    feed = FakeFeed()
    try:
        backend.train(feed, run)
    finally:
        assert feed.calls == [], "nothing has begun"


both = pytest.mark.parametrize("start", [preview, train])
Start = Callable[[Local, FakeRun], None]


def with_template(model: Path, folder: Path, template: str) -> Path:
    """A copy of *model* with another chat template."""
    shutil.copytree(model, folder)
    (folder / "chat_template.jinja").write_text(template)
    return folder


@both
@pytest.mark.parametrize("template", [NO_SYSTEM, ALTERNATE])
def test_a_template_that_takes_no_system_message_names_the_setting_that_leaves_it_out(
    micro_model: Path, tmp_path: Path, template: str, start: Start
) -> None:
    folder = with_template(micro_model, tmp_path / "model", template)
    run = FakeRun(tmp_path / "run", prompt=PromptSection(style="paper"))
    with pytest.raises(UsageError, match=r"the chat template of .* fails") as caught:
        start(backend_of(folder), run)
    assert 'prompt.system = ""' in caught.value.hint
    assert "\n" not in str(caught.value)
    lines = backend_of(folder).preview(
        FakeRun(tmp_path / "run", prompt=PromptSection(style="paper", system=""))
    )
    assert any(line.startswith("memory: ") for line in lines)


@both
@pytest.mark.parametrize("template", ["{% if %}", "{{ nothing.there.at }}", "{{ 1 / 0 }}"])
def test_a_template_that_fails_is_told_with_where_to_give_another(
    micro_model: Path, tmp_path: Path, template: str, start: Start
) -> None:
    folder = with_template(micro_model, tmp_path / "model", template)
    with pytest.raises(UsageError, match=r"the chat template of .* fails") as caught:
        start(backend_of(folder), FakeRun(tmp_path / "run"))
    assert "prompt.chat_template" in caught.value.hint
    assert "\n" not in str(caught.value)


@both
def test_a_template_that_makes_nothing_is_refused(
    micro_model: Path, tmp_path: Path, start: Start
) -> None:
    run = FakeRun(tmp_path / "run", prompt=PromptSection(chat_template="{# #}", style="compact"))
    with pytest.raises(UsageError, match="makes an empty prompt"):
        start(backend_of(micro_model), run)


@both
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_truncated_file_is_told_in_one_line(
    micro_model: Path, tmp_path: Path, name: str, start: Start
) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(micro_model, folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match=r"backend\.model: cannot (load|read) .*cut") as caught:
        start(backend_of(folder), FakeRun(tmp_path / "run"))
    assert "\n" not in str(caught.value)


def test_a_preview_finds_weights_that_are_missing(micro_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "half"
    shutil.copytree(micro_model, folder)
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layers.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match="half is not whole"):
        backend_of(folder).preview(FakeRun(tmp_path / "run"))


@pytest.fixture(scope="module")
def checkpoint(micro_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the micro model, after a step."""
    folder = tmp_path_factory.mktemp("checkpoint")
    backend_of(micro_model).train(FakeFeed(), FakeRun(folder, steps=1))
    return folder / "step-1"


@both
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_checkpoint_of_another_model_is_refused(
    checkpoint: Path, tmp_path: Path, family: str, start: Start
) -> None:
    from tools.tiny_model.tokenizer import build_tokenizer

    other = build_family(family, tmp_path / "other", build_tokenizer(WORDS))
    run = FakeRun(tmp_path / "run", steps=2, first_step=2, resume_from=checkpoint)
    with pytest.raises(UsageError, match=r"is of another model .* than backend\.model") as caught:
        start(backend_of(other), run)
    assert "\n" not in str(caught.value)


@both
def test_a_checkpoint_that_cannot_be_read_is_told_with_how_to_go_on_from_an_older_one(
    micro_model: Path, checkpoint: Path, tmp_path: Path, start: Start
) -> None:
    shutil.copytree(checkpoint, tmp_path / "cut")
    (tmp_path / "cut" / "config.json").write_text("{")
    run = FakeRun(tmp_path / "run", steps=2, first_step=2, resume_from=tmp_path / "cut")
    with pytest.raises(UsageError, match=r"cannot load the checkpoint .*cut") as caught:
        start(backend_of(micro_model), run)
    assert "the checkpoint before it" in caught.value.hint
    assert "\n" not in str(caught.value)


@both
def test_a_checkpoint_of_all_weights_is_not_that_of_adapters(
    micro_model: Path, checkpoint: Path, tmp_path: Path, start: Start
) -> None:
    run = FakeRun(tmp_path / "run", steps=2, first_step=2, resume_from=checkpoint)
    with pytest.raises(UsageError, match="holds all weights, but the recipe trains adapters"):
        start(backend_of(micro_model, lora={"rank": 2}), run)


def test_adapters_of_another_rank_are_told_in_one_line(micro_model: Path, tmp_path: Path) -> None:
    first = FakeRun(tmp_path / "first", steps=1)
    backend_of(micro_model, lora={"rank": 2}).train(FakeFeed(), first)
    run = FakeRun(
        tmp_path / "run", steps=2, first_step=2, resume_from=tmp_path / "first" / "step-1"
    )
    with pytest.raises(UsageError, match=r"the checkpoint .* other adapters") as caught:
        backend_of(micro_model, lora={"rank": 4}).train(FakeFeed(step=1), run)
    assert "\n" not in str(caught.value)


def test_a_preview_estimates_memory_and_loads_no_weight(micro_model: Path, tmp_path: Path) -> None:
    lines = backend_of(micro_model).preview(FakeRun(tmp_path / "run"))
    (line,) = [line for line in lines if line.startswith("memory: up to ")]
    assert "gradients and optimiser" in line
    assert "a pass of" in line


def test_counting_tokens_tells_a_template_that_fails(micro_model: Path, tmp_path: Path) -> None:
    folder = with_template(micro_model, tmp_path / "model", NO_SYSTEM)
    count = Local.token_counter(str(folder))
    messages = ({"role": "system", "content": "a"}, {"role": "user", "content": "b"})
    assert count(messages[1:]) > 0
    with pytest.raises(UsageError, match="fails") as caught:
        count(messages)
    assert 'prompt.system = ""' in caught.value.hint


def test_openrlhf_tells_a_template_that_fails_in_the_same_words(
    micro_model: Path, tmp_path: Path
) -> None:
    from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions
    from scaler_plugins.backends.openrlhf.prompts import PromptRenderer

    folder = with_template(micro_model, tmp_path / "model", NO_SYSTEM)
    options = OpenRLHFOptions(model=str(folder))
    PromptRenderer(options, PromptSection(style="paper", system="")).check()
    with pytest.raises(UsageError, match=r"the chat template of .* fails") as caught:
        PromptRenderer(options, PromptSection(style="paper")).check()
    assert 'prompt.system = ""' in caught.value.hint


def test_a_model_of_an_unknown_kind_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing-known"}))
    with pytest.raises(UsageError, match="cannot load") as caught:
        backend_of(tmp_path).preview(FakeRun(tmp_path / "run"))
    assert "\n" not in str(caught.value)
