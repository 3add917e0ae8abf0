"""Forward and backward passes in which no response is decided.

OpenRLHF divides the figures of a pass by its tokens in the loss. Where ``experience.py`` has taken
all of them out it would stop with a division by zero, or report what is no number. The loss itself
is divided by the tokens of the whole step, of which ``trainer.py`` makes sure that there are some.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

NEXT_TO_NO_TOKENS = 1e-6
"""The weight of an empty pass among the others' figures."""


def allow_empty_passes(actor: Any) -> None:
    """Run in each actor of the policy before its first step."""
    actor.trainer.training_step = partial(_step, actor.trainer.training_step)


def _step(theirs: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    """OpenRLHF's ``training_step``; what it reports of an empty pass counts for nothing."""
    status: dict[str, Any] = theirs(*arguments, **named)
    if status["num_action_tokens"]:
        return status
    weights = status["weights"]
    metrics = {
        name: 0.0 if weights[name] == "token" else value
        for name, value in status["metrics"].items()
    }
    return {**status, "metrics": metrics, "num_action_tokens": NEXT_TO_NO_TOKENS}


PREFIX = "base_model.model."
ADAPTER = "default"


def broadcast_merged(actor: Any) -> None:
    """Run in each actor of the policy: OpenRLHF's ``broadcast_to_vllm`` with merged weights."""
    trainer = actor.trainer
    theirs = trainer.actor
    trainer.actor = MergedPolicy(theirs.model.module)
    try:
        trainer.broadcast_to_vllm()
    finally:
        trainer.actor = theirs


class MergedPolicy:
    """All of a policy that sending weights asks for: ``.model.module.named_parameters()``.

    The adapted model itself is not touched: to merge and unmerge it would round its weights.
    """

    def __init__(self, adapted: Any) -> None:
        self._adapted = adapted
        self.model = self.module = self

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Names and weights of the model without adapters, what these add to them included."""
        layers = {
            name: module
            for name, module in self._adapted.named_modules()
            if isinstance(module, LoraLayer)
        }
        for name, weight in self._adapted.named_parameters():
            owner, _, rest = name.partition(".base_layer.")
            if rest == "weight" and owner in layers:
                added = layers[owner].get_delta_weight(ADAPTER).to(torch.float32)
                merged = (weight.detach().to(torch.float32) + added).to(weight.dtype)
                yield _plain(name), torch.nn.Parameter(merged, requires_grad=True)
            elif ".lora_" not in name:
                yield _plain(name), torch.nn.Parameter(weight.detach(), requires_grad=True)


def _plain(name: str) -> str:
    return name.removeprefix(PREFIX).replace(".base_layer.", ".")
