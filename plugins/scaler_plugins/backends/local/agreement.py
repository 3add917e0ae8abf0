"""Whether a model answers as it is trained: a look at a few tokens before anything starts.

Prompts of a batch are padded on the left, and responses are sampled over a shared cache. Not every
family reads such rows as it reads the same tokens alone; those whose positions, attention or output
layer come out otherwise would be trained on probabilities that they never sampled from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from scaler_core.errors import UsageError, one_line
from scaler_core.evaluation.engines.sampling import pad_left

PROMPTS = (3, 6, 2)  # tokens of the prompts: two of three are padded
RESPONSE = 4
COPIES = 2
# nats, for logits that are up to 1 apart; rounding grows with their range
TOLERANCE = 1e-5
GPU_FACTOR = 10


def refuse_disagreement(trainer: Any, label: str) -> None:
    """Refuse a model whose probabilities depend on padding, caches or the mode.

    Args:
        trainer: A ``FeedTrainer`` before its first step.
        label: The user's name of the model.

    Raises:
        UsageError: Log-probabilities of sampling or of training are not those of the tokens alone.
    """
    kind = trainer.model.config.model_type
    try:
        worst, where, allowed = _largest_difference(trainer)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise UsageError(
            f"backend.model: {label} cannot be trained: a model of the kind {kind!r} fails at "
            f"padded prompts or a shared cache ({one_line(error)})",
            hint="take a model of another family, such as Llama, Qwen or Gemma",
        ) from error
    if not worst <= allowed:
        raise UsageError(
            f"backend.model: {label} cannot be trained: in {where} a model of the kind {kind!r} "
            f"gives tokens of padded prompts other log-probabilities (by {worst:.2g} nats)",
            hint="take a model of another family, such as Llama, Qwen or Gemma",
        )


def _largest_difference(trainer: Any) -> tuple[float, str, float]:
    """The largest difference in nats, where it arises, and how much of it may be rounding."""
    prompts = _prompts(trainer)
    temperature = trainer.temperature
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        with trainer.without_autocast(), trainer.answering_model() as model:
            rows, sampled = trainer.sampler.sample_scored(model, prompts, COPIES, RESPONSE)
            alone, span = _alone(model, prompts, rows, temperature)
        with trainer.without_autocast():
            trained = _trained(trainer, prompts, rows)
    allowed = TOLERANCE * max(1.0, span) * (GPU_FACTOR if alone.is_cuda else 1)
    differences = {
        "sampling": float((sampled - alone).abs().max()),
        "training": float((trained - alone).abs().max()),
    }
    where = max(differences, key=lambda name: differences[name])
    return differences[where], where, allowed


def _prompts(trainer: Any) -> list[list[int]]:
    """Prompts of tokens from all over the vocabulary, none of them special."""
    special = {*trainer.eos_token_ids, *trainer.processing_class.all_special_ids}
    usual = [token for token in range(len(trainer.processing_class)) if token not in special]
    step = max(1, len(usual) // sum(PROMPTS))
    tokens = iter((usual * sum(PROMPTS))[::step])
    return [[next(tokens) for _ in range(length)] for length in PROMPTS]


def _alone(
    model: Any, prompts: Sequence[list[int]], rows: Sequence[list[int]], temperature: float
) -> tuple[torch.Tensor, float]:
    """Log-probabilities of each row computed by itself, and the range of its logits."""
    found, span = [], 0.0
    for index, row in enumerate(rows):
        prompt = prompts[index // COPIES]
        ids = torch.tensor([prompt + row], device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
        logits = logits / temperature
        span = max(span, float(logits.max() - logits.min()))
        chosen = torch.tensor(row, device=model.device).unsqueeze(1)
        found.append(torch.log_softmax(logits, -1).gather(1, chosen).squeeze(1))
    return torch.stack(found), span


def _trained(trainer: Any, prompts: Sequence[list[int]], rows: Sequence[list[int]]) -> torch.Tensor:
    """Log-probabilities as a step computes them, in training mode."""
    model = trainer.model
    ids, mask = pad_left(
        [prompts[index // COPIES] + row for index, row in enumerate(rows)],
        trainer.processing_class.pad_token_id,
    )
    training = model.training
    model.train()
    try:
        given: torch.Tensor = trainer._get_per_token_logps_and_entropies(
            model, ids.to(model.device), mask.to(model.device), RESPONSE
        )[0]
    finally:
        model.train(training)
    return given
