"""How options become OpenRLHF's flags, and which further flags are refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.errors import UsageError
from scaler_plugins.backends.openrlhf.flags import (
    AGENT,
    RESERVED,
    build_flags,
    slice_size,
    warmup_ratio,
)
from tests.plugins.backends.openrlhf.making import facts, options, values_of

# options that between them give every flag that an option can give
EVERY_OPTION: list[dict[str, Any]] = [
    {},
    {
        "beta": 0.01,
        "colocate": False,
        "eager": True,
        "adam_offload": True,
        "lora": {"target_modules": ["q_proj"]},
        "logs": ["tensorboard", "wandb"],
    },
]


def flags(*further: str, **changed: Any) -> list[str]:
    """The flags of the paper's batch with some options."""
    return build_flags(options(flags=further, **changed), facts())


def refused(*further: str, **changed: Any) -> str:
    """The line that refuses further flags."""
    with pytest.raises(UsageError) as caught:
        flags(*further, **changed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def names(words: list[str]) -> set[str]:
    return {word for word in words if word.startswith("--")}


# ------------------------------------------------------------------ the paper


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("--algo.advantage.estimator", ["group_norm"]),
        ("--actor.adam.lr", ["1e-06"]),
        ("--actor.adam.weight_decay", ["0.0"]),
        ("--actor.max_norm", ["1.0"]),
        ("--actor.lr_scheduler", ["constant_with_warmup"]),
        ("--rollout.batch_size", ["64"]),
        ("--rollout.n_samples_per_prompt", ["8"]),
        ("--train.batch_size", ["512"]),
        ("--train.max_epochs", ["1"]),
        ("--train.num_episodes", ["1"]),
        ("--actor.policy_loss_type", ["ppo"]),
        ("--actor.eps_clip_low_high", ["0.2", "0.2"]),
        ("--actor.dual_clip", ["10.0"]),
        ("--algo.kl.init_coef", ["0.0"]),
        ("--actor.loss_agg_mode", ["token-mean"]),
        ("--rollout.max_new_tokens", ["8192"]),
        ("--data.max_len", [str(4096 + 8192)]),
        ("--rollout.temperature", ["1.0"]),
        ("--rollout.top_p", ["1.0"]),
    ],
)
def test_the_papers_settings_are_the_defaults(name: str, values: list[str]) -> None:
    """Paper section 6."""
    assert values_of(flags(), name) == values


def test_the_papers_warm_up_is_20_steps() -> None:
    (ratio,) = values_of(flags(), "--actor.lr_warmup_ratio") or []
    assert math.ceil(400 * float(ratio)) == 20


def test_neither_kl_nor_entropy_nor_a_reference_model_is_asked_for_by_default() -> None:
    assert not names(flags()) & {
        "--algo.kl.use_loss",
        "--actor.entropy_coef",
        "--ref.num_nodes",
        "--critic.model_name_or_path",
    }


# ------------------------------------------------------------------ laws


@given(steps=st.integers(1, 100_000), warmup=st.integers(0, 200_000))
def test_openrlhf_rounds_the_ratio_up_to_exactly_the_steps_of_warm_up(
    steps: int, warmup: int
) -> None:
    """Its rule is ``ceil(steps * ratio)``; a warm-up longer than the run is simply not finished."""
    # the flag is text
    ratio = float(str(warmup_ratio(warmup, steps)))
    assert math.ceil(steps * ratio) == warmup


@given(
    prompts=st.integers(1, 200),
    responses=st.integers(2, 32),
    gpus=st.integers(1, 16),
    limit=st.integers(1, 64),
)
def test_a_slice_divides_each_gpus_share_of_the_step(
    prompts: int, responses: int, gpus: int, limit: int
) -> None:
    made = options(gpus_per_node=gpus, micro_batch=limit)
    step = facts(prompts=prompts, responses=responses)
    if prompts * responses % gpus:
        with pytest.raises(UsageError, match=f"cannot be split evenly over {gpus} GPUs"):
            slice_size(made, step)
        return
    share, size = prompts * responses // gpus, slice_size(made, step)
    assert share % size == 0
    assert 1 <= size <= limit
    assert all(share % larger for larger in range(size + 1, min(limit, share) + 1))


@pytest.mark.parametrize(
    ("limit", "prompts", "responses", "gpus", "size"),
    [(8, 64, 8, 4, 8), (8, 10, 5, 1, 5), (100, 8, 4, 2, 16), (1, 64, 8, 1, 1), (7, 8, 8, 1, 4)],
)
def test_known_slices(limit: int, prompts: int, responses: int, gpus: int, size: int) -> None:
    made = options(micro_batch=limit, gpus_per_node=gpus)
    assert slice_size(made, facts(prompts=prompts, responses=responses)) == size


def test_a_step_smaller_than_the_gpus_is_refused() -> None:
    with pytest.raises(UsageError, match=r"a step of 1 x 4 responses cannot be split evenly"):
        slice_size(options(gpus_per_node=8), facts(prompts=1, responses=4))


def test_training_and_rollout_see_slices_of_one_size() -> None:
    made = flags(micro_batch=6)
    assert values_of(made, "--train.micro_batch_size") == ["4"]
    assert values_of(made, "--rollout.micro_batch_size") == ["4"]


def test_the_run_is_one_episode_that_ends_with_its_last_step() -> None:
    made = build_flags(options(), facts(steps=30, prompts=8, responses=4))
    assert values_of(made, "--data.max_samples") == ["240"]
    assert values_of(made, "--train.batch_size") == ["32"]


def test_the_seed_follows_the_runs() -> None:
    seeds = {
        (values_of(build_flags(options(), facts(seed=seed)), "--train.seed") or [""])[0]
        for seed in (0, 1, 2, 0)
    }
    assert len(seeds) == 3
    assert all(0 <= int(seed) < 2**31 for seed in seeds)


# ------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("changed", "name", "values"),
    [
        ({"scale_rewards": "none"}, "--algo.advantage.estimator", ["dr_grpo"]),
        ({"loss": "sequence-mean"}, "--actor.loss_agg_mode", ["seq-mean-token-mean"]),
        ({"clip_low": 0.1, "clip_high": 0.3}, "--actor.eps_clip_low_high", ["0.1", "0.3"]),
        ({"warmup_steps": 0}, "--actor.lr_warmup_ratio", ["0.0"]),
        ({"beta": 0.02}, "--algo.kl.init_coef", ["0.02"]),
        ({"beta": 0.02}, "--algo.kl.use_loss", []),
        ({"beta": 0.02}, "--algo.kl.estimator", ["k3"]),
        ({"beta": 0.02, "gpus_per_node": 2}, "--ref.num_gpus_per_node", ["2"]),
        ({"beta": 0.02}, "--train.colocate_actor_ref", None),
        ({"beta": 0.02, "colocate": False}, "--train.colocate_actor_ref", []),
        ({}, "--train.colocate_all", []),
        ({}, "--vllm.enable_sleep", []),
        ({}, "--ds.enable_sleep", []),
        ({"sleep": False}, "--vllm.enable_sleep", None),
        ({"sleep": False}, "--ds.enable_sleep", None),
        ({"colocate": False}, "--train.colocate_all", None),
        ({"colocate": False}, "--ds.enable_sleep", None),
        ({"gpus_per_node": 8, "tensor_parallel": 2}, "--vllm.num_engines", ["4"]),
        ({"nodes": 2}, "--actor.num_nodes", ["2"]),
        ({}, "--vllm.sync_backend", ["nccl"]),
        ({"eager": True}, "--vllm.enforce_eager", []),
        ({"zero_stage": 3}, "--ds.zero_stage", ["3"]),
        ({"adam_offload": True}, "--ds.adam_offload", []),
        ({}, "--actor.gradient_checkpointing_enable", []),
        ({"gradient_checkpointing": False}, "--actor.gradient_checkpointing_enable", None),
        ({}, "--ds.packing_samples", []),
        ({"packing": False, "tokens_per_gpu": 0}, "--ds.packing_samples", None),
        ({}, "--train.max_tokens_per_gpu", ["16384"]),
        ({"tokens_per_gpu": 99}, "--rollout.max_tokens_per_gpu", ["99"]),
        ({"tokens_per_gpu": 0}, "--train.dynamic_batch_enable", None),
        ({"tokens_per_gpu": 0}, "--train.max_tokens_per_gpu", None),
        ({"lora": {"rank": 8, "alpha": 4}}, "--ds.lora.rank", ["8"]),
        ({"lora": {"rank": 8, "alpha": 4}}, "--ds.lora.alpha", ["4"]),
        ({"lora": {}}, "--ds.lora.target_modules", None),
        ({"lora": {"target_modules": ["a", "b"]}}, "--ds.lora.target_modules", ["a", "b"]),
        ({}, "--ds.lora.rank", None),
    ],
)
def test_an_option_gives_its_flag(
    changed: dict[str, Any], name: str, values: list[str] | None
) -> None:
    assert values_of(flags(**changed), name) == values


@pytest.mark.parametrize("changed", EVERY_OPTION)
def test_no_flag_is_given_twice(changed: dict[str, Any]) -> None:
    made = [word for word in flags(**changed) if word.startswith("--")]
    assert len(made) == len(set(made))


def test_verdicts_come_from_our_own_file() -> None:
    assert values_of(flags(), "--train.agent_func_path") == [str(AGENT)]
    assert AGENT.is_file()


# ------------------------------------------------------------------ files


def test_a_fresh_run_loads_nothing_and_a_resumed_one_its_checkpoint() -> None:
    fresh = build_flags(options(), facts())
    assert "--ckpt.load_enable" not in fresh
    place = Path("/runs/one/checkpoints/step-40/backend")
    resumed = build_flags(options(), facts(resume_from=place))
    assert values_of(resumed, "--ckpt.load_enable") == []
    assert values_of(resumed, "--ckpt.path") == [str(place)]


def test_paths_are_whole_ones_since_workers_have_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = build_flags(
        options(logs=["tensorboard"]),
        facts(directory=Path("runs/x"), resume_from=Path("runs/x/checkpoints/step-1/backend")),
    )
    for name in ("--ckpt.output_dir", "--ckpt.path", "--logger.tensorboard_dir"):
        (value,) = values_of(made, name) or []
        assert value.startswith(f"{tmp_path}/runs/x/")


def test_openrlhf_writes_the_logs_that_are_asked_for_and_no_key_is_on_its_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert not any("logger.wandb" in word or "tensorboard" in word for word in flags())
    board = flags(logs=["tensorboard"])
    assert values_of(board, "--logger.tensorboard_dir") == ["/runs/one/openrlhf-tensorboard"]
    assert values_of(board, "--logger.wandb.run_name") == ["one"], "the folder of its own log"
    assert "--logger.wandb.key" not in board
    wandb = flags(logs=["wandb"])
    assert values_of(wandb, "--logger.wandb.run_name") == ["one"]
    assert "--logger.wandb.key" in wandb
    assert "secret" not in " ".join(wandb)


# ------------------------------------------------------------------ further flags


@pytest.mark.parametrize("beginning", sorted(RESERVED))
@pytest.mark.parametrize("form", ["{} 1", "{}=1", "{}"])
def test_a_reserved_flag_is_refused_with_its_reason(beginning: str, form: str) -> None:
    name = f"{beginning}path" if beginning.endswith(".") else beginning
    message = refused(form.format(name))
    assert message.startswith(f"backend.flags: {name} cannot be set: ")
    assert RESERVED[beginning] in message


@pytest.mark.parametrize("form", ["{}", "{}=1", "{} 1"])
def test_a_flag_that_an_option_gives_is_refused(form: str) -> None:
    message = refused(form.format("--ds.zero_stage"))
    assert message.startswith("backend.flags: --ds.zero_stage is set by an option of the backend")
    assert "scaler run --dry-run" in message


@pytest.mark.parametrize("changed", EVERY_OPTION)
def test_so_is_a_flag_that_an_option_could_have_given(changed: dict[str, Any]) -> None:
    """A switch behind the option's back: the backend would not know that it is on."""
    possible = set().union(*(names(flags(**one)) for one in EVERY_OPTION))
    possible |= {"--ckpt.load_enable"}
    for name in sorted(possible):
        assert refused(name, **changed).startswith(f"backend.flags: {name} ")


def test_further_flags_come_last_and_are_split_as_a_shell_does() -> None:
    made = flags("--vllm.sync_with_ray", "--logger.wandb.org 'my team' --actor.optim=muon")
    assert made[:-4] == flags()
    assert made[-4:-2] == ["--vllm.sync_with_ray", "--logger.wandb.org"]
    assert made[-2:] == ["my team", "--actor.optim=muon"]


def test_a_value_that_looks_like_one_of_ours_is_a_value() -> None:
    assert flags("--logger.wandb.org ckpt.path")[-1] == "ckpt.path"


def test_a_quote_that_is_not_closed_is_refused() -> None:
    assert "backend.flags" in refused("--logger.wandb.org 'my team")
