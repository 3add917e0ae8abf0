"""A training run of the ``local`` backend: from a model's name to the trained model's folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import datasets
import torch
from trl import GRPOConfig

from scaler_core.errors import UsageError
from scaler_core.interfaces import FeedLike, RunLike
from scaler_core.seeds import derive_seed
from scaler_plugins.backends.common import Lora, largest_divisor
from scaler_plugins.backends.local.agreement import refuse_disagreement
from scaler_plugins.backends.local.checkpoint import refuse_other_checkpoint
from scaler_plugins.backends.local.files import (
    be_quiet,
    check_vocabulary,
    example_tokens,
    load_tokenizer,
    model_files,
    template_of,
)
from scaler_plugins.backends.local.memory import Sizes, pass_budget
from scaler_plugins.backends.local.options import LocalOptions
from scaler_plugins.backends.local.trainer import FeedTrainer

# "dapo" divides the loss of a slice by the tokens of the whole generation batch: the token mean of
# the step, however it is sliced. TRL's "bnpo" takes the mean of the slices' token means instead.
LOSS_TYPES = {"token-mean": "dapo", "sequence-mean": "grpo"}


def train(model_name: str, config: LocalOptions, feed: FeedLike, run: RunLike) -> None:
    """Train *model_name* until the run's last step or a requested stop.

    A fresh run is measured before its first step, a finished one after its last, and benchmarks
    when the run says so; the finished model is then saved in ``run.directory / "model"``.

    Raises:
        UsageError: The model cannot be loaded or is not whole, or has no chat template or end
            token.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    trainer = build_trainer(model_name, config, feed, run)
    feed.measure_prompts(trainer.count_tokens, _prompt_limit(trainer.model.config, config))
    done = _train_to_the_end(trainer, run)
    run.end(trainer.ask)
    if done:
        save_model(trainer, run)


def build_trainer(
    model_name: str, config: LocalOptions, feed: FeedLike, run: RunLike
) -> FeedTrainer:
    """The trainer with its model on the device that the options name."""
    be_quiet()
    datasets.disable_progress_bars()
    files = model_files(model_name)
    tokenizer = load_tokenizer(model_name, run.prompt)
    example = example_tokens(tokenizer, model_name, config, run.prompt)
    model = files.weights(dtype=torch.float32)
    check_vocabulary(tokenizer, model, model_name, example)
    if run.resume_from is not None:
        refuse_other_checkpoint(run.resume_from, model, adapters=config.lora is not None)
    restore_config = without_dropout(model)
    trainer = FeedTrainer(
        model=model,
        args=grpo_config(config, run),
        tokenizer=tokenizer,
        feed=feed,
        run=run,
        scheme=config.reward,
        rollout_batch=config.rollout_batch,
        verify_threads=config.verify_threads,
        pass_tokens=_pass_tokens(model, config),
        template=lambda values: template_of(tokenizer, model_name, values),
        adapters=_adapters(config.lora) if config.lora else None,
    )
    trainer.restore_config = restore_config
    refuse_disagreement(trainer, model_name)
    return trainer


def grpo_config(config: LocalOptions, run: RunLike) -> GRPOConfig:
    """TRL's arguments for *config*: one generation batch is one optimiser step."""
    on_gpu = config.device != "cpu" and torch.cuda.is_available()
    auto_bfloat16 = config.dtype == "auto" and on_gpu and torch.cuda.is_bf16_supported()
    responses = run.prompts * run.responses
    micro_batch = largest_divisor(responses, config.micro_batch)
    args = GRPOConfig(
        output_dir=str(run.directory),
        max_steps=run.steps,
        seed=derive_seed(run.seed, "local", "trainer") % 2**32,
        use_cpu=not on_gpu,
        bf16=config.dtype == "bfloat16" or auto_bfloat16,
        gradient_checkpointing=config.gradient_checkpointing,
        disable_dropout=True,
        # the step
        num_generations=run.responses,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=responses // micro_batch,
        num_iterations=1,
        max_completion_length=config.max_response_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=0,
        chat_template_kwargs={"enable_thinking": run.prompt.thinking, **config.template_options},
        generation_kwargs={"stop_strings": list(run.prompt.stop) or None},
        # the loss
        loss_type=LOSS_TYPES[config.loss],
        scale_rewards=config.scale_rewards,
        epsilon=config.clip_low,
        epsilon_high=config.clip_high,
        delta=config.clip_dual,
        beta=config.beta,
        # the optimiser
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        # files, logs and data are ours
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        ignore_data_skip=True,
    )
    if args.world_size > 1:
        raise UsageError(
            f"the local backend trains in one process, not in {args.world_size}",
            hint="start it without torchrun or accelerate launch",
        )
    # with several GPUs in sight HF would split each batch among copies of the model
    args._n_gpu = min(args.n_gpu, 1)
    return args


def _prompt_limit(model_config: Any, config: LocalOptions) -> int:
    """Most tokens of a prompt: the option, or what the model's context leaves beside a response."""
    context = getattr(model_config, "max_position_embeddings", None)
    room = context - config.max_response_tokens if context else config.max_prompt_tokens
    if room < 1:
        raise UsageError(
            f"backend.max_response_tokens is {config.max_response_tokens}, but the model reads "
            f"{context} tokens in all",
            hint="lower it",
        )
    return min(config.max_prompt_tokens, room)


def _train_to_the_end(trainer: FeedTrainer, run: RunLike) -> bool:
    """Train; return whether the last step was reached, and no stop came before it."""
    resume_from = str(run.resume_from) if run.resume_from else None
    if run.first_step > run.steps:
        # only the measuring and saving were left undone; HF's loop would take one step more
        trainer._load_from_checkpoint(str(run.resume_from))
        run.begin(trainer.ask)
        return True
    trainer.train(resume_from_checkpoint=resume_from)
    return int(trainer.state.global_step) >= run.steps


def save_model(trainer: FeedTrainer, run: RunLike) -> None:
    """Put the model with its tokenizer into the run's ``model`` folder; adapters are merged."""
    final, partial = run.directory / "model", run.directory / ".model-partial"
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    trainer.restore_config()
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    trainer.processing_class.save_pretrained(partial)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)


def _pass_tokens(model: Any, config: LocalOptions) -> int:
    on_gpu = config.device != "cpu" and torch.cuda.is_available()
    budget = pass_budget(torch.device("cuda" if on_gpu else "cpu"))
    return Sizes.of(model.config).pass_tokens(budget, config.gradient_checkpointing)


def without_dropout(model: Any) -> Callable[[], None]:
    """Set every probability of dropping something to 0; returns what undoes it in configs.

    Some families drop by a function and not by a layer, and read its probability from themselves or
    from their config, which TRL's ``disable_dropout`` does not reach: the gradient would be that of
    another network than the one that answered.
    """
    owners = list(model.modules())
    configs = {id(item.config): item.config for item in owners if hasattr(item, "config")}
    own = [
        (owner, name, value)
        for owner in (*owners, *configs.values())
        for name, value in vars(owner).items()
        if "drop" in name and isinstance(value, float)
    ]
    for owner, name, _ in own:
        setattr(owner, name, 0.0)

    def restore() -> None:
        for owner, name, value in own:
            if id(owner) in configs:
                setattr(owner, name, value)

    return restore


def _adapters(lora: Lora) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=list(lora.target_modules) or "all-linear",
        task_type="CAUSAL_LM",
    )
