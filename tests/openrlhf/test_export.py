"""The trained model becomes a plain model folder, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of what OpenRLHF saves")

import torch
from transformers import AutoModelForCausalLM

from scaler_core.config import PromptSection
from scaler_core.errors import InfrastructureError
from scaler_plugins.backends.common import TINY_FOLDER
from scaler_plugins.backends.openrlhf.export import discard_export, publish_model
from scaler_plugins.backends.openrlhf.flags import EXPORT_FOLDER
from scaler_plugins.backends.openrlhf.prompts import PromptRenderer, load_tokenizer
from tests.openrlhf.adapters import adapted_model, plain_model
from tests.plugins.backends.openrlhf.making import options

TOKENIZER = load_tokenizer(str(TINY_FOLDER))


class FullDisk:
    """A tokenizer that cannot be saved."""

    def save_pretrained(self, folder: Path) -> None:
        raise OSError(f"no space left for {folder}")


def save(model: Any, directory: Path) -> None:
    """As OpenRLHF's ``save_model`` does with all weights or adapters."""
    folder = directory / EXPORT_FOLDER
    model.save_pretrained(folder)
    model.config.to_json_file(str(folder / "config.json"))
    TOKENIZER.save_pretrained(folder)


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def weights(folder: Path) -> dict[str, torch.Tensor]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    return dict(model.state_dict())


def test_all_weights_are_published_as_they_were_saved(tmp_path: Path) -> None:
    model = plain_model()
    torch.nn.init.ones_(model.get_input_embeddings().weight)
    save(model, tmp_path)
    assert publish_model(options(), tmp_path, TOKENIZER) == tmp_path / "model"
    assert contents(tmp_path) == ["model"]
    known = weights(tmp_path / "model")
    assert all(torch.equal(known[name], value) for name, value in model.state_dict().items())


def test_adapters_are_published_merged_into_their_model(tmp_path: Path) -> None:
    model = adapted_model()
    save(model, tmp_path)
    assert "adapter_model.safetensors" in contents(tmp_path / EXPORT_FOLDER)
    publish_model(options(lora={"rank": 4, "alpha": 8}), tmp_path, TOKENIZER)
    assert contents(tmp_path) == ["model"]
    assert not any("adapter" in name for name in contents(tmp_path / "model"))
    known, merged = weights(tmp_path / "model"), model.merge_and_unload().state_dict()
    assert known.keys() == merged.keys()
    for name, value in merged.items():
        torch.testing.assert_close(known[name], value, rtol=2**-7, atol=1e-3)


@pytest.mark.parametrize("lora", [None, {"rank": 4}])
def test_what_is_published_can_be_trained_on(tmp_path: Path, lora: dict[str, Any] | None) -> None:
    save(plain_model() if lora is None else adapted_model(), tmp_path)
    folder = publish_model(options(lora=lora), tmp_path, TOKENIZER)
    tokenizer, shipped = load_tokenizer(str(folder)), load_tokenizer(str(TINY_FOLDER))
    assert tokenizer.get_vocab() == shipped.get_vocab()
    assert tokenizer.chat_template == shipped.chat_template
    assert tokenizer.eos_token == shipped.eos_token


def test_an_older_model_of_the_run_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.safetensors").write_bytes(b"old")
    save(plain_model(), tmp_path)
    publish_model(options(), tmp_path, TOKENIZER)
    assert "old.safetensors" not in contents(tmp_path / "model")


def test_without_a_saved_model_the_run_keeps_what_it_had(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(InfrastructureError, match="OpenRLHF left no model in"):
        publish_model(options(), tmp_path, TOKENIZER)
    (tmp_path / EXPORT_FOLDER).mkdir()
    with pytest.raises(InfrastructureError, match="OpenRLHF left no model in"):
        publish_model(options(), tmp_path, TOKENIZER)
    assert (tmp_path / "model").is_dir()


def test_a_merge_that_fails_leaves_no_model_and_can_be_done_again(tmp_path: Path) -> None:
    save(adapted_model(), tmp_path)
    with pytest.raises(OSError, match="no space left"):  # after the weights are written
        publish_model(options(lora={"rank": 4}), tmp_path, FullDisk())
    assert not (tmp_path / "model").exists()
    assert (tmp_path / EXPORT_FOLDER / "adapter_model.safetensors").is_file()
    publish_model(options(lora={"rank": 4}), tmp_path, TOKENIZER)
    assert contents(tmp_path) == ["model"]


@pytest.mark.parametrize("lora", [None, {"rank": 4}])
def test_the_chat_template_of_the_recipe_is_published(
    tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    save(plain_model() if lora is None else adapted_model(), tmp_path)
    used = PromptRenderer(options(), PromptSection(chat_template="Q: {{ messages }}")).tokenizer
    folder = publish_model(options(lora=lora), tmp_path, used)
    assert load_tokenizer(str(folder)).chat_template == "Q: {{ messages }}"


def test_what_a_stopped_run_saved_is_no_model(tmp_path: Path) -> None:
    save(plain_model(), tmp_path)
    discard_export(tmp_path)
    assert contents(tmp_path) == []
    discard_export(tmp_path)
