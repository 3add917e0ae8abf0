"""The shipped model with low-rank adapters, as OpenRLHF makes them."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForCausalLM

from scaler_plugins.backends.common import TINY_FOLDER


def plain_model() -> Any:
    """The shipped model in the numbers that OpenRLHF trains."""
    return AutoModelForCausalLM.from_pretrained(TINY_FOLDER, dtype=torch.bfloat16)


def adapted_model(target_modules: Any = "all-linear") -> Any:
    """The shipped model with adapters that have learnt something."""
    config = LoraConfig(
        task_type=TaskType.CAUSAL_LM, r=4, lora_alpha=8, target_modules=target_modules, bias="none"
    )
    model = get_peft_model(plain_model(), config)
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return model
