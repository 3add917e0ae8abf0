"""The flags of OpenRLHF's command, from the options of the backend and the run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaler_core.errors import UsageError
from scaler_core.interfaces import RunLike
from scaler_core.seeds import derive_seed
from scaler_plugins.backends.common import largest_divisor
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

AGENT = Path(__file__).with_name("agent.py")
TENSORBOARD_FOLDER = "openrlhf-tensorboard"
EXPORT_FOLDER = ".model-partial"

ESTIMATORS = {"group": "group_norm", "none": "dr_grpo"}
LOSSES = {"token-mean": "token-mean", "sequence-mean": "seq-mean-token-mean"}

RESERVED = {
    "--algo.advantage.estimator": "advantages are the group's, see backend.scale_rewards",
    "--algo.dynamic_filtering": (
        'it would hide groups from the curriculum; set batch.filter = "informative" instead'
    ),
    "--ckpt.": "checkpoints are SCALER's, see [checkpoint]",
    "--critic.": "group advantages need no critic",
    "--data.": "prompts come from the pool",
    "--eval.": "evaluation is SCALER's, see [evaluation]",
    "--reward.": "verdicts come from the pool's verifiers, see backend.reward",
    "--rollout.vllm_generate_batch_size": "a step is one generation batch",
    "--train.agent_func_path": "verdicts come from the pool's verifiers",
    "--train.async_enable": "it would draw tickets before the last step was recorded",
    "--train.partial_rollout_enable": "it would mix responses of several steps",
}
"""Beginnings of flags that would break the contract with the feed, each with the reason."""

SWITCHES = {
    "--actor.gradient_checkpointing_enable",
    "--algo.kl.estimator",
    "--algo.kl.use_loss",
    "--ds.adam_offload",
    "--ds.enable_sleep",
    "--ds.lora.alpha",
    "--ds.lora.rank",
    "--ds.lora.target_modules",
    "--ds.packing_samples",
    "--logger.tensorboard_dir",
    "--logger.wandb.key",
    "--logger.wandb.project",
    "--logger.wandb.run_name",
    "--ref.num_gpus_per_node",
    "--ref.num_nodes",
    "--rollout.max_tokens_per_gpu",
    "--train.colocate_actor_ref",
    "--train.colocate_all",
    "--train.dynamic_batch_enable",
    "--train.max_tokens_per_gpu",
    "--vllm.enable_sleep",
    "--vllm.enforce_eager",
}
"""Flags that some values of the options set. ``flags`` may not set them too, or the backend would
not know which are on."""


@dataclass(frozen=True)
class RunFacts:
    """Facts of a run on which flags depend.

    Attributes:
        directory: Its folder.
        steps: Its last step.
        prompts: Tickets per step.
        responses: Responses per ticket.
        seed: Its seed.
        resume_from: The backend's part of the checkpoint to go on from.
    """

    directory: Path
    steps: int
    prompts: int
    responses: int
    seed: int
    resume_from: Path | None

    @classmethod
    def of(cls, run: RunLike) -> RunFacts:
        """The facts of *run*."""
        return cls(run.directory, run.steps, run.prompts, run.responses, run.seed, run.resume_from)

    @property
    def batch(self) -> int:
        """Responses per step."""
        return self.prompts * self.responses


def build_flags(options: OpenRLHFOptions, facts: RunFacts) -> list[str]:
    """The flags of OpenRLHF's command for a run, those of ``options.flags`` last.

    Raises:
        UsageError: A further flag is one of ours, or would break the contract with the feed.
    """
    pairs = [
        *_machine_flags(options),
        *_method_flags(options, facts),
        *_rollout_flags(options, facts),
        *_file_flags(options, facts),
    ]
    further = [word for text in options.flags for word in _words(text)]
    _refuse_reserved(further, SWITCHES | {name for name, _ in pairs})
    ours = [word for name, values in pairs for word in (name, *values)]
    return ours + further


def _machine_flags(options: OpenRLHFOptions) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "--actor.model_name_or_path", (options.model,)
    yield "--actor.num_nodes", (str(options.nodes),)
    yield "--actor.num_gpus_per_node", (str(options.gpus_per_node),)
    if options.colocate:
        yield "--train.colocate_all", ()
    if options.sleeps:
        yield "--vllm.enable_sleep", ()
        yield "--ds.enable_sleep", ()
    if options.beta > 0:
        yield "--ref.num_nodes", (str(options.nodes),)
        yield "--ref.num_gpus_per_node", (str(options.gpus_per_node),)
        if not options.colocate:
            yield "--train.colocate_actor_ref", ()
    yield "--vllm.num_engines", (str(options.engine_count),)
    yield "--vllm.tensor_parallel_size", (str(options.tensor_parallel),)
    yield "--vllm.gpu_memory_utilization", (str(options.engine_memory),)
    yield "--vllm.sync_backend", ("nccl",)
    yield "--vllm.enable_prefix_caching", ()
    if options.eager:
        yield "--vllm.enforce_eager", ()
    yield "--ds.zero_stage", (str(options.zero_stage),)
    yield "--ds.attn_implementation", (options.attention,)
    if options.packing:
        yield "--ds.packing_samples", ()
    if options.adam_offload:
        yield "--ds.adam_offload", ()
    if options.gradient_checkpointing:
        yield "--actor.gradient_checkpointing_enable", ()
    if options.lora is not None:
        yield "--ds.lora.rank", (str(options.lora.rank),)
        yield "--ds.lora.alpha", (str(options.lora.alpha),)
        if options.lora.target_modules:
            yield "--ds.lora.target_modules", options.lora.target_modules


def _method_flags(
    options: OpenRLHFOptions, facts: RunFacts
) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "--algo.advantage.estimator", (ESTIMATORS[options.scale_rewards],)
    yield "--algo.kl.init_coef", (str(options.beta),)
    if options.beta > 0:
        yield "--algo.kl.use_loss", ()
        yield "--algo.kl.estimator", ("k3",)
    yield "--actor.policy_loss_type", ("ppo",)
    yield "--actor.loss_agg_mode", (LOSSES[options.loss],)
    yield "--actor.eps_clip_low_high", (str(options.clip_low), str(options.clip_high))
    yield "--actor.dual_clip", (str(options.clip_dual),)
    yield "--actor.adam.lr", (str(options.learning_rate),)
    yield "--actor.adam.weight_decay", (str(options.weight_decay),)
    yield "--actor.max_norm", (str(options.max_grad_norm),)
    yield "--actor.lr_scheduler", ("constant_with_warmup",)
    yield "--actor.lr_warmup_ratio", (str(warmup_ratio(options.warmup_steps, facts.steps)),)


def warmup_ratio(warmup_steps: int, steps: int) -> float:
    """The share of *steps* that OpenRLHF rounds up to exactly *warmup_steps*.

    It stands for half a step less, so that no rounding error lifts it to the next integer.
    """
    return max(0.0, warmup_steps - 0.5) / steps


def _rollout_flags(
    options: OpenRLHFOptions, facts: RunFacts
) -> Iterator[tuple[str, tuple[str, ...]]]:
    micro_batch = str(slice_size(options, facts))
    yield "--rollout.batch_size", (str(facts.prompts),)
    yield "--rollout.n_samples_per_prompt", (str(facts.responses),)
    yield "--rollout.micro_batch_size", (micro_batch,)
    yield "--rollout.max_new_tokens", (str(options.max_response_tokens),)
    yield "--rollout.temperature", (str(options.temperature),)
    yield "--rollout.top_p", (str(options.top_p),)
    yield "--data.max_len", (str(options.max_tokens),)
    yield "--data.max_samples", (str(facts.prompts * facts.steps),)
    yield "--train.batch_size", (str(facts.batch),)
    yield "--train.micro_batch_size", (micro_batch,)
    yield "--train.max_epochs", ("1",)
    yield "--train.num_episodes", ("1",)
    yield "--train.seed", (str(derive_seed(facts.seed, "openrlhf") % 2**31),)
    yield "--train.agent_func_path", (str(AGENT),)
    if options.tokens_per_gpu:
        yield "--train.dynamic_batch_enable", ()
        yield "--train.max_tokens_per_gpu", (str(options.tokens_per_gpu),)
        yield "--rollout.max_tokens_per_gpu", (str(options.tokens_per_gpu),)


def slice_size(options: OpenRLHFOptions, facts: RunFacts) -> int:
    """Responses of one pass on a GPU, such that all GPUs do equally many passes.

    Raises:
        UsageError: The step cannot be split evenly over the GPUs.
    """
    share, rest = divmod(facts.batch, options.policy_gpus)
    if rest or not share:
        raise UsageError(
            f"a step of {facts.prompts} x {facts.responses} responses cannot be split evenly over "
            f"{options.policy_gpus} GPUs",
            hint="change batch.prompts, batch.responses or backend.gpus_per_node",
        )
    return largest_divisor(share, options.micro_batch)


def _file_flags(options: OpenRLHFOptions, facts: RunFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    directory = facts.directory.absolute()
    yield "--ckpt.output_dir", (str(directory / EXPORT_FOLDER),)
    # OpenRLHF only reads there: checkpoints are written by the run
    yield "--ckpt.path", (str((facts.resume_from or directory / "checkpoints").absolute()),)
    if facts.resume_from is not None:
        yield "--ckpt.load_enable", ()
    yield "--logger.logging_steps", ("1",)
    if "tensorboard" in options.logs:
        yield "--logger.tensorboard_dir", (str(directory / TENSORBOARD_FOLDER),)
    if {"tensorboard", "wandb"} & set(options.logs):
        yield "--logger.wandb.run_name", (directory.name,)
    if "wandb" in options.logs:
        # any text: OpenRLHF uses it only where WANDB_API_KEY is not set
        yield "--logger.wandb.key", ("from-the-environment",)
        yield "--logger.wandb.project", ("scaler",)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"backend.flags: {text!r} cannot be split: {error}") from None


def _refuse_reserved(further: Sequence[str], ours: set[str]) -> None:
    for word in further:
        name = word.partition("=")[0]
        if not name.startswith("--"):
            continue
        for beginning, reason in RESERVED.items():
            if name.startswith(beginning):
                raise UsageError(f"backend.flags: {name} cannot be set: {reason}")
        if name in ours:
            raise UsageError(
                f"backend.flags: {name} is set by an option of the backend",
                hint="scaler run --dry-run shows which flags the options give",
            )
