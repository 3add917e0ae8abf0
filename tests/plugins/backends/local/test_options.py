"""What the local backend refuses before anything starts, and how options reach TRL."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from scaler_core.errors import UsageError
from scaler_core.options import parse_options
from scaler_plugins.backends.common import TINY_FOLDER
from scaler_plugins.backends.local import Local
from tests.plugins.backends.local.fakes import FakeRun


def model_folder(folder: Path, context: int = 256) -> Path:
    """A folder that looks like a model from outside."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": context}))
    return folder


def refused(**options: Any) -> str:
    """The line that refuses the options."""
    with pytest.raises(UsageError) as caught:
        Local(Local.Config(**options)).check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_model_is_accepted_as_it_is() -> None:
    Local().check()
    assert (TINY_FOLDER / "config.json").is_file()


def test_a_model_folder_is_known_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert Local.Config(model="mine").model == str(folder)
    assert Local.Config(model="tiny").model == "tiny"
    assert Local.Config(model="Qwen/Qwen3-1.7B-Base").model == "Qwen/Qwen3-1.7B-Base"


def test_a_hub_id_is_accepted_without_a_look_at_the_network() -> None:
    Local(Local.Config(model="Qwen/Qwen3-1.7B-Base")).check()


@pytest.mark.parametrize("name", ["./nothing", "/nothing/here", "a/b/c", "~/nothing-here"])
def test_a_model_folder_that_does_not_exist_is_refused(name: str) -> None:
    assert "is not a model folder" in refused(model=name)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "holds no config.json" in refused(model=str(tmp_path))


def test_a_damaged_model_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[")
    assert "cannot read" in refused(model=str(tmp_path))


def test_responses_longer_than_the_models_context_are_refused(tmp_path: Path) -> None:
    folder = str(model_folder(tmp_path / "model"))
    message = refused(model=folder, max_response_tokens=256)
    assert "max_response_tokens is 256, but the model reads 256 tokens" in message


def test_a_gpu_that_is_not_there_is_refused() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert "torch sees no GPU" in refused(device="cuda")


def test_a_dual_clip_inside_the_clip_is_refused() -> None:
    with pytest.raises(UsageError, match="clip_dual must be above 1 \\+ clip_high"):
        parse_options(Local.Config, {"clip_dual": 1.1}, "backend")


def test_a_misspelt_option_names_the_right_one() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'backend\.learning_rate'"):
        parse_options(Local.Config, {"learnig_rate": 1e-6}, "backend")


def test_every_option_is_documented() -> None:
    fields = Local.Config.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_what_is_not_installed_is_named_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find(name: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find)
    assert Local.missing().startswith("torch, transformers, trl, accelerate, safetensors are not")
    assert "pip install 'scaler-rl[local]'" in Local.missing()
    assert "peft" in refused(lora={"rank": 4})


def test_another_series_of_trl_is_named_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("trl")
    assert Local.missing() == ""

    def version(name: str) -> str:
        return "1.17.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert "trl 1.17.0 is installed" in Local.missing()
    assert "pip install 'trl==1.16.*'" in Local.missing()


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_the_papers_settings_are_the_defaults(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from scaler_plugins.backends.local.training import grpo_config

    args = grpo_config(Local.Config(), FakeRun(tmp_path, prompts=64, responses=8))
    assert args.loss_type == "dapo"
    assert args.scale_rewards == "group"
    assert (args.learning_rate, args.warmup_steps, args.weight_decay) == (1e-6, 20, 0.0)
    assert (args.max_grad_norm, args.epsilon, args.epsilon_high) == (1.0, 0.2, 0.2)
    assert (args.delta, args.beta, args.entropy_coef) == (10.0, 0.0, 0.0)
    assert (args.temperature, args.top_p, args.top_k) == (1.0, 1.0, 0)
    assert args.max_completion_length == 8192
    assert args.generation_batch_size == 64 * 8
    assert (args.num_iterations, args.steps_per_generation) == (1, args.gradient_accumulation_steps)


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
@pytest.mark.parametrize(("limit", "size"), [(64, 64), (63, 32), (100, 64), (1000, 256), (1, 1)])
def test_a_micro_batch_divides_the_step(tmp_path: Path, limit: int, size: int) -> None:
    pytest.importorskip("trl")
    from scaler_plugins.backends.local.training import grpo_config

    args = grpo_config(Local.Config(micro_batch=limit), FakeRun(tmp_path, prompts=32, responses=8))
    assert args.per_device_train_batch_size == size
    assert args.per_device_train_batch_size * args.gradient_accumulation_steps == 256
