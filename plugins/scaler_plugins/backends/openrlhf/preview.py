"""The backend's part of ``scaler run --dry-run``: command, machines, lengths, memory."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from scaler_core.interfaces import RunLike
from scaler_plugins.backends.common import model_folder
from scaler_plugins.backends.openrlhf.flags import RunFacts, build_flags
from scaler_plugins.backends.openrlhf.memory import GIB, estimate, parameters_in_name, parameters_of
from scaler_plugins.backends.openrlhf.model_facts import model_config, within_reach
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions
from scaler_plugins.backends.openrlhf.parser import COMMAND, parse_flags
from scaler_plugins.backends.openrlhf.prompts import PromptRenderer


def preview(options: OpenRLHFOptions, run: RunLike) -> list[str]:
    """The lines of the preview.

    Raises:
        UsageError: OpenRLHF refuses the flags, or the chat template the recipe's messages.
    """
    if model_folder(options.model) is not None:
        PromptRenderer(options, run.prompt).check()
    flags = build_flags(options, RunFacts.of(run))
    parsed = parse_flags(flags)
    return [
        f"command: python -m {COMMAND} {shlex.join(flags)}",
        *(f"OpenRLHF: {remark}" for remark in parsed.remarks),
        *_machines(options),
        *_lengths(options),
        *_memory(options),
    ]


def _machines(options: OpenRLHFOptions) -> Iterator[str]:
    place = "on the same GPUs" if options.colocate else "on GPUs of their own"
    yield (
        f"machines: {options.gpus} GPUs; policy on {options.nodes} x {options.gpus_per_node}, "
        f"{options.engine_count} vLLM engines of {options.tensor_parallel} {place}; "
        f"Ray {options.address or 'as RAY_ADDRESS says, else on this machine'}"
    )


def _lengths(options: OpenRLHFOptions) -> Iterator[str]:
    yield (
        f"lengths: responses up to {options.max_response_tokens} tokens; levels with prompts over "
        f"{options.max_prompt_tokens} are capped when they are drawn, no prompt is cut"
    )


def _memory(options: OpenRLHFOptions) -> Iterator[str]:
    config = model_config(options.model) if within_reach(options.model) else {}
    parameters = parameters_of(config) or parameters_in_name(options.model)
    if parameters is None:
        yield f"memory: not estimated, nothing here says how large {options.model} is"
        return
    needed = estimate(options, parameters, config)
    yield (
        f"memory: {'about' if config else 'at least'} {_gib(needed.policy)} GiB a GPU for training "
        f"(weights {_gib(needed.weights)}, gradients and optimiser {_gib(needed.training)}, "
        f"activations {_gib(needed.activations) if config else 'not known'}), and "
        f"{options.engine_memory:.0%} of the GPU for vLLM "
        f"(weights {_gib(needed.engine_weights)} GiB, the rest is cache)"
        + ("; they take turns" if options.sleeps else "")
    )


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}"
