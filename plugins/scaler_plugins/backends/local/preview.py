"""The backend's part of ``scaler run --dry-run``: whether the model can be trained, and its memory.

The files of a model on this machine are looked at without loading a weight. Of a model of the hub
only the tokenizer is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from scaler_core.errors import UsageError
from scaler_core.interfaces import RunLike
from scaler_plugins.backends.common import model_folder
from scaler_plugins.backends.local.checkpoint import refuse_other_checkpoint
from scaler_plugins.backends.local.files import (
    be_quiet,
    check_vocabulary,
    example_tokens,
    load_tokenizer,
    model_files,
)
from scaler_plugins.backends.local.memory import FLOAT, GIB, Sizes, pass_budget
from scaler_plugins.backends.local.options import LocalOptions


def preview(model_name: str, config: LocalOptions, run: RunLike) -> Iterator[str]:
    """The lines of the preview.

    Raises:
        UsageError: Training cannot start: files are damaged or missing, the chat template refuses
            what the recipe asks, or the checkpoint is of another model.
    """
    be_quiet()
    folder = model_folder(model_name)
    if folder is None:
        yield f"model: {model_name} is fetched from the hub, its weights were not looked at"
        try:
            tokenizer = load_tokenizer(model_name, run.prompt)
        except UsageError as error:
            yield f"model: not looked at: {error.message}"
            return
        example_tokens(tokenizer, model_name, config, run.prompt)
        return
    tokenizer = load_tokenizer(model_name, run.prompt)
    example = example_tokens(tokenizer, model_name, config, run.prompt)
    model = model_files(model_name).weights(device_map="meta")
    check_vocabulary(tokenizer, model, model_name, example)
    if run.resume_from is not None:
        refuse_other_checkpoint(run.resume_from, model, adapters=config.lora is not None)
    yield from _memory(model, config, run)


def _memory(model: Any, config: LocalOptions, run: RunLike) -> Iterator[str]:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    trained = parameters if config.lora is None else parameters // 100
    copies = 2 if config.beta > 0 and config.lora is None else 1
    weights, training = copies * FLOAT * parameters, 3 * FLOAT * trained
    sizes = Sizes.of(model.config)
    context = getattr(model.config, "max_position_embeddings", None)
    longest = config.max_prompt_tokens + config.max_response_tokens
    longest = min(longest, context) if context else longest
    on_gpu = config.device != "cpu" and torch.cuda.is_available()
    budget = pass_budget(torch.device("cuda" if on_gpu else "cpu"))
    token = sizes.token_bytes(config.gradient_checkpointing)
    responses = run.prompts * run.responses
    most = max(longest, sizes.pass_tokens(budget, config.gradient_checkpointing))
    tokens = min(most, longest * min(config.micro_batch, responses))
    side_by_side = min(config.rollout_batch, responses)
    cache = side_by_side * longest * sizes.layers * sizes.cached * FLOAT
    yield (
        f"memory: up to {_gib(weights + training + max(tokens * token, cache))} GiB "
        f"{'on the GPU' if on_gpu else 'beside the libraries'}: weights {_gib(weights)}, gradients "
        f"and optimiser {_gib(training)}; then in turns a pass of {tokens} tokens "
        f"{_gib(tokens * token)}, and the cache of {side_by_side} responses of {longest} tokens "
        f"{_gib(cache)}"
    )


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}"
