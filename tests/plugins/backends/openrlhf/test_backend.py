"""What the openrlhf backend refuses before anything heavy is loaded."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from scaler_core.errors import DataError, UsageError, manual
from scaler_core.interfaces import RayConnection
from scaler_plugins.backends.openrlhf import OpenRLHF
from scaler_plugins.backends.openrlhf.backend import RAY_ENVIRONMENT, refuse_broken_checkpoint
from scaler_plugins.backends.openrlhf.model_facts import refuse_model
from tests.plugins.backends.local.fakes import FakeRun
from tests.plugins.backends.openrlhf.making import model_folder, options


def backend(**given: Any) -> OpenRLHF:
    return OpenRLHF(options(**given))


def install(monkeypatch: pytest.MonkeyPatch, version: str = "0.11.2", *absent: str) -> None:
    """A machine that has everything of some version but what is absent."""

    def find(name: str) -> ModuleSpec | None:
        return None if name in absent else ModuleSpec(name, None)

    def version_of(name: str) -> str:
        assert name == "openrlhf"
        return version

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(importlib.metadata, "version", version_of)


# ------------------------------------------------------------------ the machine


def test_a_machine_that_has_everything_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert OpenRLHF.missing() == ""


def test_what_is_not_installed_is_named_with_the_page_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "0.11.2", "flash_attn")
    assert OpenRLHF.missing() == (
        f"flash_attn is not installed: {manual('openrlhf')} says how to install it"
    )
    install(monkeypatch, "0.11.2", "openrlhf", "deepspeed", "vllm")
    assert OpenRLHF.missing().startswith("openrlhf, deepspeed, vllm are not installed")


@pytest.mark.parametrize(
    "version", ["0.11.1", "0.11.3", "0.11.2.post1", "0.11.20", "0.10.9", "0.12.0", "1.0", "0.11"]
)
def test_other_versions_are_refused_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    install(monkeypatch, version)
    line = OpenRLHF.missing()
    assert line.startswith(f"OpenRLHF {version} is installed")
    assert "this SCALER works with 0.11.2: pip install 'openrlhf==0.11.2'" in line
    assert "\n" not in line


def test_tokens_cannot_be_counted_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "0.11.2", "vllm")
    with pytest.raises(UsageError, match="cannot count tokens here: vllm is not installed"):
        OpenRLHF.token_counter("tiny")


# ------------------------------------------------------------------ the model


def test_a_prompt_and_its_response_must_fit_into_the_models_context(tmp_path: Path) -> None:
    folder = str(model_folder(tmp_path / "model", max_position_embeddings=1000))
    backend(model=folder, max_prompt_tokens=400, max_response_tokens=600).check()
    with pytest.raises(UsageError, match="is 1001, but the model reads 1000 tokens in all"):
        backend(model=folder, max_prompt_tokens=401, max_response_tokens=600).check()


def test_a_model_that_does_not_tell_its_context_is_accepted(tmp_path: Path) -> None:
    backend(model=str(model_folder(tmp_path / "model"))).check()


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no config\.json"):
        backend(model=str(tmp_path)).check()


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_model_with_code_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    """OpenRLHF would run it on every machine, and not ask."""
    folder = model_folder(tmp_path / "model")
    backend(model=str(folder)).check()
    (folder / name).write_text('{"auto_map": {"AutoConfig": "own.py"}}')
    with pytest.raises(UsageError, match="brings code of its own") as caught:
        backend(model=str(folder)).check()
    assert f"({name} has an auto_map)" in str(caught.value)


def test_a_model_in_the_hubs_cache_is_looked_at_as_one_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="a test of the hub's cache")
    folder = model_folder(tmp_path / "model", max_position_embeddings=1000)
    asked: list[tuple[str, str]] = []

    def download(model: str, name: str) -> str:
        asked.append((model, name))
        if not (folder / name).is_file():
            raise FileNotFoundError(name)
        return str(folder / name)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    given = options(model="some/model", max_prompt_tokens=400, max_response_tokens=600)
    refuse_model(given)
    assert set(asked) == {("some/model", "config.json"), ("some/model", "tokenizer_config.json")}
    with pytest.raises(UsageError, match="the model reads 1000 tokens in all"):
        refuse_model(given.model_copy(update={"max_prompt_tokens": 401}))
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": "own.py"}}')
    with pytest.raises(UsageError, match="some/model brings code of its own"):
        refuse_model(given)


def test_a_hub_id_is_accepted_without_a_look_at_the_network() -> None:
    backend(model="Qwen/Qwen3-1.7B-Base").check()


# ------------------------------------------------------------------ what a run asks it


def test_held_out_instances_are_sampled_as_in_training() -> None:
    assert backend(temperature=0.7, top_p=0.9).sampling() == (0.7, 0.9)
    assert backend(model="Qwen/Qwen3-0.6B", max_prompt_tokens=99).prompt_limit() == (
        "Qwen/Qwen3-0.6B",
        99,
    )


def test_the_factory_shares_the_backends_cluster() -> None:
    assert backend(address="10.0.0.1:6379").ray_connection() == RayConnection(
        address="10.0.0.1:6379", environment=RAY_ENVIRONMENT, object_store_bytes=None
    )


# ------------------------------------------------------------------ checkpoints


def run_from(folder: Path | None, directory: Path) -> FakeRun:
    return FakeRun(directory / "run", resume_from=folder)


def saved(folder: Path, tag: str | None = "global_step4", weights: bool = True) -> Path:
    """A checkpoint as DeepSpeed leaves it: a file that names a folder, and the folder."""
    actor = folder / "checkpoints" / "step-4" / "backend" / "_actor"
    actor.mkdir(parents=True)
    if tag is not None:
        (actor / "latest").write_text(tag)
    (actor / "global_step4").mkdir()
    if weights:
        (actor / "global_step4" / "mp_rank_00_model_states.pt").write_bytes(b"weights")
    return actor.parent


def test_a_fresh_run_has_no_checkpoint_to_refuse(tmp_path: Path) -> None:
    refuse_broken_checkpoint(run_from(None, tmp_path))


def test_a_whole_checkpoint_is_accepted(tmp_path: Path) -> None:
    refuse_broken_checkpoint(run_from(saved(tmp_path), tmp_path))
    refuse_broken_checkpoint(run_from(saved(tmp_path / "b", "global_step4\n"), tmp_path))


@pytest.mark.parametrize(
    ("tag", "weights"),
    [(None, True), ("", True), ("global_step3", True), ("global_step4", False), ("global_", True)],
    ids=["no latest", "empty latest", "dangling latest", "empty folder", "half a name"],
)
def test_what_deepspeed_would_only_warn_of_is_refused(
    tmp_path: Path, tag: str | None, weights: bool
) -> None:
    """It would go on with the starting model, and lose the training without a word."""
    folder = saved(tmp_path, tag, weights)
    with pytest.raises(DataError, match="holds no model to resume from") as caught:
        refuse_broken_checkpoint(run_from(folder, tmp_path))
    assert caught.value.hint == f"remove {folder.parent} to go on from the checkpoint before it"


def test_a_checkpoint_without_the_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "backend").mkdir()
    with pytest.raises(DataError, match="holds no model to resume from"):
        refuse_broken_checkpoint(run_from(tmp_path / "backend", tmp_path))
