"""Which options are refused, in which words, and what the others amount to."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.errors import UsageError
from scaler_core.options import parse_options
from scaler_core.run.recipes import recipe_from
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions
from tests.plugins.backends.openrlhf.making import options


def refused(**given: Any) -> str:
    """The line that refuses the options."""
    with pytest.raises(UsageError) as caught:
        options(**given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"clip_dual": 1.2}, "clip_dual must be above 1 + clip_high"),
        ({"clip_high": 9.0}, "clip_dual must be above 1 + clip_high"),
        ({"attention": "eager"}, "packing needs flash attention; set packing = false"),
        ({"packing": False}, "tokens_per_gpu needs packing; set tokens_per_gpu = 0"),
        ({"lora": {}, "zero_stage": 3}, "lora goes with zero_stage 0 to 2"),
        ({"zero_stage": 0}, "sleep needs zero_stage 1 to 3; set sleep = false"),
        (
            {"gpus_per_node": 3, "tensor_parallel": 2},
            "tensor_parallel must divide nodes x gpus_per_node",
        ),
        ({"tensor_parallel": 2}, "tensor_parallel must divide nodes x gpus_per_node"),
        ({"engines": 2}, "colocated engines must use exactly the policy's GPUs"),
        ({"gpus_per_node": 4, "engines": 2}, "leave engines out, or set colocate = false"),
    ],
)
def test_options_that_contradict_each_other_are_refused_with_what_to_do(
    given: dict[str, Any], line: str
) -> None:
    message = refused(**given)
    assert message.startswith("options of backend do not fit together: ")
    assert line in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nodes", 0),
        ("gpus_per_node", 0),
        ("engines", 0),
        ("tensor_parallel", 0),
        ("engine_memory", 0.0),
        ("engine_memory", 1.0),
        ("zero_stage", 4),
        ("tokens_per_gpu", -1),
        ("tokens_per_gpu", False),
        ("micro_batch", 0),
        ("learning_rate", 0.0),
        ("warmup_steps", -1),
        ("weight_decay", -0.1),
        ("max_grad_norm", 0.0),
        ("clip_low", 1.0),
        ("clip_high", 0.0),
        ("clip_dual", 1.0),
        ("beta", -0.1),
        ("loss", "mean"),
        ("scale_rewards", "batch"),
        ("reward", "shaped"),
        ("temperature", 0.0),
        ("top_p", 1.1),
        ("max_prompt_tokens", 0),
        ("max_response_tokens", 0),
        ("logs", ["mlflow"]),
        ("flags", "--use_ms"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(name: str, value: object) -> None:
    assert refused(**{name: value}).startswith(f"backend.{name}")


def test_a_model_must_be_named() -> None:
    with pytest.raises(UsageError, match=r"backend\.model is missing"):
        parse_options(OpenRLHFOptions, {}, "backend")


def test_a_misspelt_option_names_the_right_one() -> None:
    assert "did you mean 'backend.gpus_per_node'" in refused(gpu_per_node=2)


def test_every_option_is_documented() -> None:
    fields = OpenRLHFOptions.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_packing_can_be_left_out_only_where_responses_are_counted_instead_of_tokens() -> None:
    assert options().tokens_per_gpu == 16384
    made = options(tokens_per_gpu=0, packing=False, attention="eager")
    assert (made.tokens_per_gpu, made.micro_batch) == (0, 8)


def test_a_model_folder_is_known_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert options(model="mine").model == str(tmp_path / "mine")
    assert options(model="./mine/").model == str(tmp_path / "mine")


def test_the_shipped_model_is_known_by_its_folder() -> None:
    folder = Path(options(model="tiny").model)
    assert folder.is_absolute()
    assert (folder / "config.json").is_file()


@pytest.mark.parametrize("name", ["Qwen/Qwen3-1.7B-Base", "gpt2", "/nothing/here"])
def test_other_models_are_left_as_they_are(name: str) -> None:
    assert options(model=name).model == name


@pytest.mark.parametrize(
    ("given", "engines", "gpus"),
    [
        ({}, 1, 1),
        ({"gpus_per_node": 8}, 8, 8),
        ({"gpus_per_node": 8, "tensor_parallel": 2}, 4, 8),
        ({"nodes": 2, "gpus_per_node": 8, "tensor_parallel": 4}, 4, 16),
        ({"gpus_per_node": 4, "tensor_parallel": 2, "engines": 2}, 2, 4),
        ({"colocate": False}, 1, 2),
        ({"colocate": False, "gpus_per_node": 4}, 4, 8),
        ({"colocate": False, "gpus_per_node": 4, "engines": 2}, 2, 6),
        ({"colocate": False, "gpus_per_node": 4, "engines": 2, "tensor_parallel": 2}, 2, 8),
        ({"colocate": False, "tensor_parallel": 2}, 1, 3),
        ({"colocate": False, "nodes": 2, "gpus_per_node": 3, "tensor_parallel": 4}, 1, 10),
    ],
)
def test_engines_take_the_policys_gpus_or_have_their_own(
    given: dict[str, Any], engines: int, gpus: int
) -> None:
    assert (options(**given).engine_count, options(**given).gpus) == (engines, gpus)


@given(nodes=st.integers(1, 4), per_node=st.integers(1, 8), parallel=st.sampled_from([1, 2, 4]))
def test_colocated_engines_use_each_gpu_of_the_policy_once(
    nodes: int, per_node: int, parallel: int
) -> None:
    if nodes * per_node % parallel:
        return
    made = options(nodes=nodes, gpus_per_node=per_node, tensor_parallel=parallel)
    assert made.engine_count * parallel == made.gpus == made.policy_gpus == nodes * per_node


def test_only_what_is_colocated_sleeps() -> None:
    assert options().sleeps
    assert not options(sleep=False).sleeps
    assert not options(colocate=False).sleeps


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"tokens_per_gpu": 0, "packing": False, "attention": "eager"},
        {"lora": {"rank": 4}, "zero_stage": 1, "logs": ["wandb"], "flags": ["--use_ms"]},
        {"template_options": {"depth": 2}, "nodes": 2, "engines": 2, "sleep": False},
    ],
)
def test_a_runs_own_recipe_gives_the_options_it_began_with(given: dict[str, Any]) -> None:
    """A resume reads them there; a TOML file has no null."""
    first = options(**given)
    choice = {"use": "openrlhf", **first.model_dump(mode="json")}
    written = recipe_from({"backend": choice}).to_toml()
    read = tomllib.loads(written)["backend"]
    del read["use"]
    assert options(**read) == first
