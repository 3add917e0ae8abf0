"""Patches inside the policy's actors: passes without a decided response, and merged adapters.

OpenRLHF divides the figures of a pass by its tokens in the loss. Where ``experience.py`` has masked
all of them it would stop with a division by zero, or report NaN. The loss itself is divided by the
tokens of the whole step, and ``trainer.py`` trains on no step without any.
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
    """Patch the training step of *actor*; run in each actor of the policy before its first step."""
    actor.trainer.training_step = partial(_step, actor.trainer.training_step)


def _step(training_step: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    """OpenRLHF's ``training_step``; the figures of an empty pass get next to no weight."""
    status: dict[str, Any] = training_step(*arguments, **named)
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
    """Send merged weights by OpenRLHF's ``broadcast_to_vllm``; run in each actor of the policy.

    OpenRLHF alone would send the adapters' own parameters, which vLLM does not know.
    """
    trainer = actor.trainer
    policy = trainer.actor
    trainer.actor = MergedPolicy(policy.model.module)
    try:
        trainer.broadcast_to_vllm()
    finally:
        trainer.actor = policy


class MergedPolicy:
    """The part of a policy that sending weights uses: ``.model.module.named_parameters()``.

    The adapted model itself is not changed: merging and unmerging it would round its weights.
    """

    def __init__(self, adapted: Any) -> None:
        self._adapted = adapted
        self.model = self.module = self

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Names and weights of the plain model, with the adapters added to the weights."""
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
