"""The memory that a GPU needs, estimated before anything is loaded.

Bytes per weight while training in bfloat16 with AdamW: 2 for the weight, 4 for its float32 master
copy, 8 for Adam's two moments and 4 for the gradient, which ZeRO splits over GPUs by stage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

GIB = 1 << 30
WEIGHT, GRADIENT, OPTIMISER = 2, 4, 12
LOGIT = 4  # bytes of one float32
LOGIT_COPIES = 3  # logits, their log-probabilities and their gradient

_SIZE_IN_NAME = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*([bm])(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Estimate:
    """Memory of one GPU, in bytes.

    Attributes:
        weights: The policy's weights, and the reference model's where there is one.
        training: Gradients and optimiser.
        activations: Of one pass, with gradient checkpointing if that is on.
        engine_weights: Of vLLM, without its cache.
    """

    weights: int
    training: int
    activations: int
    engine_weights: int

    @property
    def policy(self) -> int:
        """The memory of training in all."""
        return self.weights + self.training + self.activations


def parameters_in_name(name: str) -> int | None:
    """Parameters as a model's name states them, as in ``Qwen3-1.7B-Base``; ``None`` where none."""
    found = _SIZE_IN_NAME.findall(name.rpartition("/")[2].replace("-", " ").replace("_", " "))
    if not found:
        return None
    number, unit = found[0]
    return int(float(number) * (1e9 if unit.lower() == "b" else 1e6))


def parameters_of(config: dict[str, Any]) -> int | None:
    """Parameters of a decoder of the Llama and Qwen family by its config; ``None`` for others."""
    if any("experts" in key for key in config):
        return None
    try:
        hidden, layers = config["hidden_size"], config["num_hidden_layers"]
        heads = config["num_attention_heads"]
        head = config.get("head_dim") or hidden // heads
        values = config.get("num_key_value_heads", heads) * head
        attention = 2 * hidden * heads * head + 2 * hidden * values
        gated = 3 * hidden * config["intermediate_size"]
        embeddings = config["vocab_size"] * hidden
    except (KeyError, TypeError):
        return None
    copies = 1 if config.get("tie_word_embeddings") else 2
    return int(layers * (attention + gated) + copies * embeddings)


def estimate(options: OpenRLHFOptions, parameters: int, config: dict[str, Any]) -> Estimate:
    """Memory of one GPU for a model of so many parameters.

    Args:
        options: The backend's options.
        parameters: Of the model.
        config: The model's; sizes that it lacks are left out of the activations.
    """
    gpus, stage = options.policy_gpus, options.zero_stage
    trained = parameters if options.lora is None else parameters // 100
    weights = parameters * WEIGHT // (gpus if stage == 3 else 1)
    if options.beta > 0:
        weights *= 2
    gradients = trained * GRADIENT // (gpus if stage >= 2 else 1)
    optimiser = 0 if options.adam_offload else trained * OPTIMISER // (gpus if stage >= 1 else 1)
    return Estimate(
        weights=weights,
        training=gradients + optimiser,
        activations=_activations(options, config),
        engine_weights=parameters * WEIGHT // options.tensor_parallel,
    )


def _activations(options: OpenRLHFOptions, config: dict[str, Any]) -> int:
    """Activations and logits of one pass.

    With gradient checkpointing each layer's input is kept, and the inner activations of one layer.
    """
    tokens = max(options.tokens_per_gpu or options.micro_batch * options.max_tokens, 1)
    hidden = int(config.get("hidden_size") or 0)
    layers = int(config.get("num_hidden_layers") or 0)
    inner = int(config.get("intermediate_size") or 0)
    within_layer = tokens * (8 * hidden + 3 * inner) * WEIGHT
    kept = tokens * hidden * layers * WEIGHT
    every_layer = within_layer * layers
    logits = tokens * int(config.get("vocab_size") or 0) * LOGIT * LOGIT_COPIES
    return logits + (kept + within_layer if options.gradient_checkpointing else every_layer)
