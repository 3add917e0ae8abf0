"""OpenRLHF's own parser judges our flags, and those that a user adds."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of OpenRLHF's parser")

from scaler_core.errors import InfrastructureError, UsageError
from scaler_plugins.backends.openrlhf.flags import build_flags
from scaler_plugins.backends.openrlhf.parser import COMMAND, Parsed, parse_flags
from tests.plugins.backends.openrlhf.making import facts, options

OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "paper, 4 GPUs": {"gpus_per_node": 4, "tensor_parallel": 2},
    "many machines": {"nodes": 2, "gpus_per_node": 8, "zero_stage": 3, "adam_offload": True},
    "apart": {"colocate": False, "gpus_per_node": 4, "engines": 2, "beta": 0.01},
    "reference model": {"beta": 0.01},
    "adapters": {"lora": {"target_modules": ["q_proj", "v_proj"]}, "logs": ["tensorboard"]},
    "adapters everywhere": {"lora": {"rank": 64}},
    "cpu": {
        "packing": False,
        "tokens_per_gpu": 0,
        "attention": "eager",
        "sleep": False,
        "eager": True,
    },
    "other losses": {
        "scale_rewards": "none",
        "loss": "sequence-mean",
        "gradient_checkpointing": False,
    },
    "logs": {"logs": ["tensorboard", "wandb"]},
}


def parsed(*further: str, **changed: Any) -> Parsed:
    return parse_flags(build_flags(options(flags=further, **changed), facts()))


def refused(*further: str, **changed: Any) -> str:
    """The line that refuses further flags."""
    with pytest.raises(UsageError) as caught:
        parsed(*further, **changed)
    assert "\n" not in str(caught.value)
    assert "scaler run --dry-run shows all flags" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("changed", OPTIONS.values(), ids=OPTIONS)
def test_every_kind_of_options_is_accepted_without_a_remark(
    changed: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    assert parsed(**changed).remarks == ()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("changed", OPTIONS.values(), ids=OPTIONS)
def test_what_its_train_asserts_before_it_starts_holds(changed: dict[str, Any]) -> None:
    """``train`` itself compares machines, after the parser and after Ray is there."""
    made = parsed(**changed).arguments
    shared = made.train.colocate_all or made.train.colocate_actor_ref
    if shared and made.algo.kl.init_coef > 0:
        assert made.ref.num_nodes == made.actor.num_nodes
        assert made.ref.num_gpus_per_node == made.actor.num_gpus_per_node
    if made.train.colocate_all:
        gpus = made.actor.num_nodes * made.actor.num_gpus_per_node
        assert gpus == made.vllm.num_engines * made.vllm.tensor_parallel_size
    assert made.critic.model_name_or_path is None
    assert made.reward.model_name_or_path is None


def test_the_papers_settings_arrive_as_numbers() -> None:
    """Paper section 6."""
    made = parsed().arguments
    assert made.actor.adam.lr == 1e-6
    assert made.actor.adam.weight_decay == 0
    assert made.actor.max_norm == 1
    assert made.actor.eps_clip_low_high == [0.2, 0.2]
    assert made.actor.dual_clip == 10
    assert made.actor.loss_agg_mode == "token-mean"
    assert made.actor.lr_scheduler == "constant_with_warmup"
    assert made.actor.entropy_coef in (None, 0)
    assert made.algo.advantage.estimator == "group_norm"
    assert (made.algo.kl.init_coef, made.algo.kl.use_loss) == (0, False)
    assert (made.rollout.batch_size, made.rollout.n_samples_per_prompt) == (64, 8)
    assert made.train.batch_size == 512
    assert (made.rollout.temperature, made.rollout.top_p) == (1, 1)
    assert (made.rollout.max_new_tokens, made.data.max_len) == (8192, 12288)
    assert (made.train.max_epochs, made.train.num_episodes) == (1, 1)
    assert made.reward.remote_url == ["agent"]


def test_one_generation_batch_is_one_step() -> None:
    made = parsed().arguments
    assert made.rollout.vllm_generate_batch_size == made.rollout.batch_size
    assert not made.algo.dynamic_filtering_enable
    assert not made.train.async_enable


def test_resuming_loads_from_the_checkpoint(tmp_path: Path) -> None:
    made = parse_flags(build_flags(options(), facts(resume_from=tmp_path))).arguments
    assert made.ckpt.load_enable
    assert made.ckpt.path == str(tmp_path)


def test_adapters_go_where_openrlhf_puts_them_unless_layers_are_named() -> None:
    assert parsed(lora={}).arguments.ds.lora.target_modules == "all-linear"
    named = parsed(lora={"target_modules": ["q_proj"]}).arguments
    assert named.ds.lora.target_modules == ["q_proj"]


# ------------------------------------------------------------------ further flags


def test_a_further_flag_reaches_the_arguments() -> None:
    made = parsed("--actor.optim muon", "--vllm.sync_with_ray", "--actor.adam.betas 0.9 0.99")
    assert made.arguments.actor.optim == "muon"
    assert made.arguments.vllm.sync_with_ray
    assert made.arguments.actor.adam.betas == [0.9, 0.99]


@pytest.mark.parametrize(
    ("further", "words"),
    [
        ("--actor.optimiser muon", "unrecognized arguments: --actor.optimiser muon"),
        ("--actor.opti muon", "unrecognized arguments"),  # no abbreviations
        ("--vllm.sync_with muon", "unrecognized arguments"),
        ("stray", "unrecognized arguments: stray"),
        ("--actor.optim sgd", "invalid choice: 'sgd'"),
        ("--actor.optim", "expected one argument"),
        ("--train.ema_beta high", "invalid float value: 'high'"),
        ("--vllm.sync_with_ray=yes", "ignored explicit argument 'yes'"),
        ("--actor.adam.betas 0.9", "expected 2 arguments"),
    ],
)
def test_a_flag_that_openrlhf_does_not_take_is_refused_in_one_line(
    further: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    message = refused(further)
    assert message.startswith("OpenRLHF refuses its flags: ")
    assert words in message
    assert capfd.readouterr() == ("", "")


def test_flags_that_do_not_fit_together_are_refused() -> None:
    assert "takes HIGH or LOW HIGH" in refused("--algo.advantage.is_correction_threshold 1 2 3")
    with pytest.raises(UsageError, match="requires n_samples_per_prompt > 1"):
        parse_flags(build_flags(options(), facts(responses=1)))


def test_a_flag_whose_library_is_not_installed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "modelscope", None)
    assert "modelscope" in refused("--use_ms")


def test_help_is_no_flag_that_ends_the_process() -> None:
    assert "unrecognized arguments" in refused("--help")
    assert "unrecognized arguments" in refused("-h")


def test_what_openrlhf_remarks_is_kept_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    made = parsed("--ds.ring_attn_size 2", packing=False, tokens_per_gpu=0, gpus_per_node=2)
    assert made.remarks == ("[Warning] --ring_attn_size > 1 requires --packing_samples.",)
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------ another OpenRLHF


def pretend_command(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    """An OpenRLHF whose command is *text*."""
    file = folder / "train_ppo_ray.py"
    file.write_text(text)

    def find(name: str) -> ModuleSpec:
        assert name == COMMAND
        return ModuleSpec(name, None, origin=str(file))

    monkeypatch.setattr(importlib.util, "find_spec", find)
    return file


@pytest.mark.parametrize(
    "text",
    [
        "def train(args):\n    pass\n",
        "if __name__ == '__main__':\n    args = 1\n    launch(args)\n",
        "if __name__ == '__main__':\n    train(args, 2)\n",
        "def main():\n    train(args)\n",
    ],
)
def test_a_command_of_another_shape_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = pretend_command(tmp_path, monkeypatch, text)
    with pytest.raises(InfrastructureError) as caught:
        parse_flags([])
    assert caught.value.message == f"{file} does not end in a call of train(args)"
    assert caught.value.hint == "install a supported version of OpenRLHF"


def test_training_itself_is_never_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "def train(args):\n    raise SystemExit('trained')\n"
        "if __name__ == '__main__':\n"
        "    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--a')\n"
        "    args = parser.parse_args()\n"
        "    print('one')\n    print('two')\n"
        "    train(args)\n"
    )
    pretend_command(tmp_path, monkeypatch, text)
    made = parse_flags(["--a", "1"])
    assert made.arguments.a == "1"
    assert made.remarks == ("one", "two")


def test_where_openrlhf_is_not_installed_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(InfrastructureError, match="is not installed"):
        parse_flags([])
