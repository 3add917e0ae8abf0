"""The memory that training takes, and how many tokens a forward pass may have.

Activations and logits grow with rows x tokens, and logits with the vocabulary too: 32 responses of
90 tokens take 10 GB with a model of 135M parameters and 49,000 tokens, 20 times its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FLOAT = 4  # bytes; weights, gradients and optimiser are float32
MIB = 1 << 20
GIB = 1 << 30
CPU_PASS = 768 * MIB
GPU_SHARE = 6  # of a GPU's memory a pass gets one part of so many
LOGIT_COLUMNS = 32768  # TRL computes logits in blocks of so many tokens of the vocabulary
LOGIT_COPIES = 6  # of a block while its log-probabilities or their gradient are computed


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model that its memory depends on.

    Attributes:
        layers: Layers.
        hidden: Width of a layer.
        inner: Width within its feed-forward part.
        vocabulary: Tokens.
        cached: Numbers that a layer keeps for each token of a response.
    """

    layers: int
    hidden: int
    inner: int
    vocabulary: int
    cached: int

    @classmethod
    def of(cls, config: Any) -> Sizes:
        """The sizes in a config of transformers; what it lacks is what most families have."""
        config = config.get_text_config()
        hidden = int(_first(config, "hidden_size", "n_embd", "d_model") or 1)
        heads = int(_first(config, "num_attention_heads", "n_head", "n_heads") or 1)
        head = int(_first(config, "head_dim") or hidden // heads)
        layers = _first(config, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
        inner = _first(config, "intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size")
        return cls(
            layers=int(layers or 1),
            hidden=hidden,
            inner=int(inner or 4 * hidden),
            vocabulary=int(_first(config, "vocab_size") or 1),
            cached=2 * head * int(_first(config, "num_key_value_heads") or heads),
        )

    def token_bytes(self, checkpointing: bool) -> int:
        """Bytes of a token in a pass forward and backward.

        With gradient checkpointing each layer's input is kept, and the activations of one layer.
        """
        within = 12 * self.hidden + 5 * self.inner
        kept = self.layers * self.hidden + within if checkpointing else self.layers * within
        return FLOAT * (kept + LOGIT_COPIES * min(self.vocabulary, LOGIT_COLUMNS))

    def pass_tokens(self, budget: int, checkpointing: bool) -> int:
        """Most tokens of a pass that takes at most *budget* bytes; a pass has one at least."""
        return max(1, budget // self.token_bytes(checkpointing))


def pass_budget(device: Any) -> int:
    """Bytes that activations and logits of one pass may take on a torch device."""
    if device.type == "cpu":
        return CPU_PASS
    import torch

    return int(torch.cuda.get_device_properties(device).total_memory) // GPU_SHARE


def _first(config: Any, *names: str) -> Any:
    """The first of these settings that the config has."""
    return next((value for name in names if (value := getattr(config, name, None))), None)
