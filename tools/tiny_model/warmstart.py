"""The warm start: a small model learns the starter environments on small instances.

Some things are left for reinforcement learning to find, on purpose:

- Only levels 0 to 4 are shown, of the 20 to 30 that the environments have.
- Two answers in five are written without the box that a verifier asks for, as a base model's often
  are, and nothing in the prompt says which way to write.

The same seed, steps and number of threads give the same weights on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, SmolLM3Config, SmolLM3ForCausalLM

from scaler_core.seeds import derive_random, derive_seed
from tools.tiny_model.examples import ExampleMaker
from tools.tiny_model.tokenizer import BOX

LEVELS = range(5)
BOXED_SHARE = 0.6
IGNORED = -100


@dataclass(frozen=True)
class Settings:
    """How long and how to train.

    Attributes:
        steps: Optimiser steps; the learning rates fall to 0 over the second half.
        batch: Examples per step.
        slices: Forward passes per step, of examples of like length.
        warmup: Steps over which the learning rates rise.
        matrix_rate: Learning rate of Muon, for the matrices of the layers.
        other_rate: Learning rate of AdamW, for embeddings and norms.
        seed: Of the first weights and of the examples.
    """

    steps: int = 1200
    batch: int = 128
    slices: int = 4
    warmup: int = 100
    matrix_rate: float = 0.02
    other_rate: float = 2e-3
    seed: int = 0


def new_model(tokenizer: Any, seed: int) -> SmolLM3ForCausalLM:
    """A SmolLM3 of 4 layers, 128 wide, with 0.9 million random weights.

    SmolLM3 is a Llama that may leave positions out of some layers. Here only the first layer sees
    them, to distinguish the two digits of a number or the ends of a road; counts and comparisons in
    the others then depend less on how long the list is.
    """
    torch.manual_seed(derive_seed("tiny", seed, "weights"))
    config = SmolLM3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        no_rope_layers=[1, 0, 0, 0],
        use_sliding_window=False,
        max_position_embeddings=16384,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = SmolLM3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return model


def warm_start(
    model: SmolLM3ForCausalLM,
    tokenizer: Any,
    makers: Sequence[ExampleMaker],
    settings: Settings,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train *model* in place on the answers of *makers*' examples; *report* gets step and loss."""
    optimizers = _optimizers(model, settings)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(item, lambda step: _rate(step, settings))
        for item in optimizers
    ]
    model.train()
    for step in range(1, settings.steps + 1):
        loss = 0.0
        for ids, labels in _batches(step, tokenizer, makers, settings):
            logits = model(ids).logits[:, :-1].flatten(0, 1)
            part = nn.functional.cross_entropy(
                logits, labels[:, 1:].flatten(), ignore_index=IGNORED
            )
            (part / settings.slices).backward()
            loss += part.item() / settings.slices
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for item in (*optimizers, *schedules):
            item.step()
        model.zero_grad()
        report(step, loss)


def accuracy(
    model: SmolLM3ForCausalLM, tokenizer: Any, maker: ExampleMaker, level: int, count: int = 100
) -> tuple[float, float]:
    """Probability of the right answer with its box, and of the right answer either way.

    Taken over *count* instances that the warm start does not draw, sampling at temperature 1.
    """
    examples = [maker.make(level, derive_seed("tiny", "check", index)) for index in range(count)]
    found = []
    for boxed in (True, False):
        rows = [encode(tokenizer, item.prompt, item.answer, boxed) for item in examples]
        ids, labels = pad_right(rows, tokenizer.pad_token_id)
        with torch.no_grad():
            log_probs = model(ids).logits[:, :-1].log_softmax(-1)
        targets = labels[:, 1:]
        chosen = log_probs.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        found.append(float((chosen * (targets != IGNORED)).sum(1).exp().mean()))
    return found[0], sum(found)


def _batches(
    step: int, tokenizer: Any, makers: Sequence[ExampleMaker], settings: Settings
) -> Iterator[tuple[Tensor, Tensor]]:
    """The step's examples in slices of like length."""
    rng = derive_random("tiny", settings.seed, "examples", step)
    rows = []
    for _ in range(settings.batch):
        example = rng.choice(makers).make(rng.choice(LEVELS), rng.getrandbits(62))
        rows.append(encode(tokenizer, example.prompt, example.answer, rng.random() < BOXED_SHARE))
    rows.sort(key=lambda row: len(row[0]))
    size = settings.batch // settings.slices
    for start in range(0, settings.batch, size):
        yield pad_right(rows[start : start + size], tokenizer.pad_token_id)


def _optimizers(model: SmolLM3ForCausalLM, settings: Settings) -> list[torch.optim.Optimizer]:
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, weight in model.named_parameters():
        (matrices if weight.ndim == 2 and "embed" not in name else others).append(weight)
    return [
        torch.optim.Muon(matrices, lr=settings.matrix_rate, weight_decay=0.01),
        torch.optim.AdamW(others, lr=settings.other_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _rate(step: int, settings: Settings) -> float:
    """Share of the full learning rate after *step* steps: up, level, and down to 0."""
    rising = (step + 1) / settings.warmup
    falling = 2 * (settings.steps - step) / settings.steps
    return min(1.0, rising, falling)


def encode(tokenizer: Any, prompt: str, answer: str, boxed: bool) -> tuple[list[int], list[int]]:
    """Token ids of a prompt, as the chat template renders it, and of its answer."""
    messages = [{"role": "user", "content": prompt}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    text = f"{BOX}{answer}}}" if boxed else answer
    return ids["input_ids"], [*tokenizer.encode(text), tokenizer.eos_token_id]


def pad_right(rows: Sequence[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and labels, where only answers have labels; both (rows, longest row)."""
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    ids = torch.full((len(rows), width), pad)
    labels = torch.full((len(rows), width), IGNORED)
    for index, (prompt, answer) in enumerate(rows):
        end = len(prompt) + len(answer)
        ids[index, :end] = torch.tensor(prompt + answer)
        labels[index, len(prompt) : end] = torch.tensor(answer)
    return ids, labels
