"""New weights for the engines where low-rank adapters are trained.

OpenRLHF sends the adapters' own parameters, which no engine knows (its issue 1349). Here its
sending is given the model as the engines know it: each adapter added to the weights under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

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
