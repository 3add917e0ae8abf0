"""How large models are, and what a GPU must hold for them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scaler_plugins.backends.openrlhf.memory import (
    GIB,
    Estimate,
    estimate,
    parameters_in_name,
    parameters_of,
)
from tests.plugins.backends.openrlhf.making import options

ONE_BILLION = 10**9


def config(**changed: Any) -> dict[str, Any]:
    """The published config of Qwen3-1.7B, as far as it matters here."""
    known = {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    }
    return known | changed


QWEN3 = {
    # parameters as the published weights have them, embeddings counted once where they are tied
    "0.6B": (596_049_920, config(hidden_size=1024, intermediate_size=3072)),
    "1.7B": (1_720_574_976, config()),
    "4B": (
        4_022_468_096,
        config(
            hidden_size=2560, intermediate_size=9728, num_hidden_layers=36, num_attention_heads=32
        ),
    ),
    "8B": (
        8_190_735_360,
        config(
            hidden_size=4096,
            intermediate_size=12288,
            num_hidden_layers=36,
            num_attention_heads=32,
            tie_word_embeddings=False,
        ),
    ),
}


@pytest.mark.parametrize("name", QWEN3)
def test_the_parameters_of_known_models_are_counted_to_a_thousandth(name: str) -> None:
    published, known = QWEN3[name]
    assert parameters_of(known) == pytest.approx(published, rel=1e-3)


def test_a_model_without_grouped_heads_has_as_many_keys_as_queries() -> None:
    llama = config(
        vocab_size=32000,
        hidden_size=4096,
        intermediate_size=11008,
        num_hidden_layers=32,
        num_attention_heads=32,
        tie_word_embeddings=False,
    )
    del llama["num_key_value_heads"], llama["head_dim"]
    assert parameters_of(llama) == pytest.approx(6_738_415_616, rel=1e-3), "Llama-2-7B"


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"hidden_size": 2048},
        config(hidden_size=None),
        {"text_config": config()},
        config(num_experts=128, moe_intermediate_size=768),
        config(num_local_experts=8),
        config(n_routed_experts=64),
    ],
)
def test_of_other_kinds_of_models_nothing_is_claimed(other: dict[str, Any]) -> None:
    assert parameters_of(other) is None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen/Qwen3-1.7B-Base", 1.7e9),
        ("Qwen/Qwen3-0.6B", 0.6e9),
        ("/models/qwen3_4b", 4e9),
        ("meta-llama/Llama-3.2-1B-Instruct", 1e9),
        ("HuggingFaceTB/SmolLM2-135M", 135e6),
        ("Qwen/Qwen3-30B-A3B", 30e9),
        ("google/gemma-2-9b-it", 9e9),
        ("7b", 7e9),
        ("Qwen/Qwen3", None),
        ("tiny", None),
        ("my-3-models", None),
        ("version-4-base", None),
        ("/runs/10b-steps/model", None),
        ("llama-v2b", None),
    ],
)
def test_a_name_says_how_large_a_model_is_or_nothing(name: str, parameters: float | None) -> None:
    assert parameters_in_name(name) == parameters


# ------------------------------------------------------------------ estimates


def of(parameters: int = ONE_BILLION, known: dict[str, Any] | None = None, **given: Any) -> Any:
    return estimate(options(**given), parameters, config() if known is None else known)


def test_all_weights_on_one_gpu_take_18_bytes_a_parameter() -> None:
    made = of()
    assert (made.weights, made.training) == (2 * ONE_BILLION, 16 * ONE_BILLION)
    assert made.engine_weights == 2 * ONE_BILLION
    assert made.policy == made.weights + made.training + made.activations


@pytest.mark.parametrize(
    ("stage", "weights", "training"), [(0, 2.0, 16.0), (1, 2.0, 7.0), (2, 2.0, 4.0), (3, 0.5, 4.0)]
)
def test_each_stage_splits_one_thing_more_over_the_gpus(
    stage: int, weights: float, training: float
) -> None:
    made = of(gpus_per_node=4, zero_stage=stage)
    assert made.weights == weights * ONE_BILLION
    assert made.training == training * ONE_BILLION


stages = st.integers(0, 3)
gpus = st.integers(1, 16)


@given(stage=stages, higher=stages, count=gpus)
def test_a_higher_stage_never_needs_more(stage: int, higher: int, count: int) -> None:
    assume(stage <= higher)
    low, high = (of(gpus_per_node=count, zero_stage=value) for value in (stage, higher))
    assert high.policy <= low.policy


@given(stage=stages, count=gpus, more=gpus)
def test_more_gpus_never_need_more_each(stage: int, count: int, more: int) -> None:
    assume(count <= more)
    few, many = (of(gpus_per_node=value, zero_stage=stage) for value in (count, more))
    assert many.policy <= few.policy


@given(stage=stages, count=gpus, size=st.integers(10**6, 10**11), larger=st.integers(0, 10**11))
def test_a_larger_model_never_needs_less(stage: int, count: int, size: int, larger: int) -> None:
    one = of(size, gpus_per_node=count, zero_stage=stage)
    two = of(size + larger, gpus_per_node=count, zero_stage=stage)
    assert two.policy >= one.policy
    assert two.engine_weights >= one.engine_weights


def less(one: Estimate, other: Estimate) -> bool:
    return one.policy < other.policy


def test_what_saves_memory_saves_memory() -> None:
    assert of(adam_offload=True).training == 4 * ONE_BILLION
    assert of(lora={}).training < of().training / 50
    assert of(beta=0.1).weights == 2 * of().weights, "a reference model"
    assert less(of(), of(gradient_checkpointing=False))
    assert less(of(tokens_per_gpu=4096), of(tokens_per_gpu=8192))
    assert less(of(tokens_per_gpu=0, micro_batch=2), of(tokens_per_gpu=0, micro_batch=4))
    assert of(tensor_parallel=2, gpus_per_node=2).engine_weights == ONE_BILLION


def test_the_papers_runs_fit_into_80_gib_as_estimated() -> None:
    """Paper section 6: one node of 4 to 8 GPUs."""
    for name, count in (("1.7B", 4), ("4B", 8)):
        parameters, known = QWEN3[name]
        made = of(parameters, known, gpus_per_node=count)
        assert 8 * GIB < made.policy < 80 * GIB


def test_without_a_config_only_weights_and_optimiser_are_told() -> None:
    made = of(known={})
    assert made.activations == 0
    assert made.policy == 18 * ONE_BILLION
