"""Sampling with Hugging Face's ``generate``, where each row has a seed of its own.

A response depends on its prompt, its sampling and its seed, not on its batch: every
row gets its own random numbers, one for each token, and picks the token at which the cumulated
probability passes the number. Nothing of torch's global randomness is read or written. What remains
is rounding: other companions mean other padding, and a probability may differ in its last bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    StopStringCriteria,
)

from scaler_core.errors import InfrastructureError


class SamplingRequest(NamedTuple):
    """A response to be sampled.

    Attributes:
        prompt: Token ids.
        temperature: Sampling temperature; 0 takes the likeliest token.
        top_p: Share of probability that is sampled from.
        seed: Root of its random numbers.
    """

    prompt: Sequence[int]
    temperature: float
    top_p: float
    seed: int


class SamplingLimits(NamedTuple):
    """Where responses end.

    Attributes:
        max_tokens: Most tokens of a response.
        context: Most tokens of prompt and response together; ``None`` for no end.
        end_tokens: Ids that end a response.
        pad_token: The id to fill rows with.
        stop: Texts that end a response.
    """

    max_tokens: int
    context: int | None
    end_tokens: Sequence[int]
    pad_token: int
    stop: Sequence[str] = ()

    def room(self, prompt: Sequence[int]) -> int:
        """Tokens that a response to *prompt* may have; 0 or less where the prompt is too long."""
        return (
            self.max_tokens
            if self.context is None
            else min(self.max_tokens, self.context - len(prompt))
        )


class RowSampler:
    """Samples responses in batches of like rows.

    Args:
        limits: Where responses end.
        batch: Most rows side by side; halved whenever the GPU runs out of memory.
        tokenizer: The tokenizer, which spells the tokens where texts end a response.
    """

    def __init__(self, limits: SamplingLimits, batch: int, tokenizer: Any) -> None:
        self.limits = limits
        self.batch = batch
        self.tokenizer = tokenizer

    def sample(
        self, model: Any, requests: Sequence[SamplingRequest]
    ) -> Iterator[tuple[int, list[int]]]:
        """Yields index and token ids of each response, batch by batch.

        A response ends with its end token, or without one where it was cut off; one whose prompt
        leaves no room is empty. Rows of one batch have the same sampling and the same room, and
        prompts of like length, so that little is spent on padding.
        """

        def kind(index: int) -> tuple[int, float, float]:
            request = requests[index]
            return self.limits.room(request.prompt), request.temperature, request.top_p

        order = sorted(range(len(requests)), key=lambda i: (kind(i), len(requests[i].prompt)))
        for (room, _, _), group in groupby(order, key=kind):
            indices = list(group)
            if room < 1:
                yield from ((index, []) for index in indices)
                continue
            while indices:
                chosen = indices[: self.batch]
                rows = self._sample_batch(model, [requests[index] for index in chosen], room)
                if rows is None:
                    self.batch = max(1, len(chosen) // 2)
                    continue
                indices = indices[len(chosen) :]
                yield from zip(chosen, rows, strict=True)

    def _sample_batch(
        self, model: Any, requests: Sequence[SamplingRequest], room: int
    ) -> list[list[int]] | None:
        """The responses to *requests*; ``None`` where memory is too small for so many."""
        try:
            with torch.no_grad():
                return self._generate(model, requests, room)
        except torch.OutOfMemoryError as error:
            if len(requests) == 1:
                raise InfrastructureError(
                    f"the GPU's memory is too small for one response of {room} tokens",
                    hint="lower the most tokens of a response, or take a larger GPU",
                ) from error
        torch.cuda.empty_cache()
        return None

    def _generate(
        self, model: Any, requests: Sequence[SamplingRequest], room: int
    ) -> list[list[int]]:
        limits, first = self.limits, requests[0]
        ids, mask = pad_left([request.prompt for request in requests], limits.pad_token)
        ids, mask = ids.to(model.device), mask.to(model.device)
        numbers = torch.stack([_numbers(request.seed, room) for request in requests])
        choice = _Choice(numbers.to(model.device), ids.shape[1], first.temperature, first.top_p)
        # greedy, because the processor leaves one token of each row
        config = GenerationConfig(
            do_sample=False,
            max_new_tokens=room,
            pad_token_id=limits.pad_token,
            eos_token_id=list(limits.end_tokens),
        )
        ends = RowEnds(ids.shape[1], limits.end_tokens, limits.stop, self.tokenizer)
        with without_own_settings(model):
            output = model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=config,
                logits_processor=LogitsProcessorList([choice]),
                stopping_criteria=StoppingCriteriaList([ends]),
            )
        return ends.cut(output)


@contextmanager
def without_own_settings(model: Any) -> Iterator[None]:
    """Keeps ``generation_config.json`` out of ``generate``, which fills in whatever is not set.

    A model's own penalties, minimal lengths or suppressed tokens would change what is sampled, and
    make it another policy than the one that is trained or measured.
    """
    own = getattr(model, "generation_config", None)
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own


class _Choice(LogitsProcessor):  # type: ignore[misc]
    """Leaves one token of each row, chosen by the row's own number for this place."""

    def __init__(self, numbers: torch.Tensor, width: int, temperature: float, top_p: float) -> None:
        self.numbers = numbers
        self.width = width
        self.temperature = temperature
        self.top_p = top_p

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        place = input_ids.shape[1] - self.width
        chosen = choose(scores, self.numbers[:, place], self.temperature, self.top_p)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen.unsqueeze(1), 0.0)


def choose(
    scores: torch.Tensor, numbers: torch.Tensor, temperature: float, top_p: float
) -> torch.Tensor:
    """A token for each row of *scores*, of shape (rows, tokens).

    Args:
        scores: Logits.
        numbers: A number in [0, 1) for each row: equal numbers choose equal tokens.
        temperature: 0 takes the likeliest.
        top_p: The likeliest tokens that reach this share together are sampled from.
    """
    if temperature == 0:
        return scores.argmax(1)
    shares = torch.softmax(scores.float() / temperature, 1)
    if top_p >= 1:
        return _at(shares.cumsum(1), numbers)
    shares, order = shares.sort(dim=1, descending=True, stable=True)
    # a token stays where less than top_p stands before it, so the first always does
    before = shares.cumsum(1) - shares
    kept = torch.where(before < top_p, shares, 0.0)
    return order.gather(1, _at(kept.cumsum(1), numbers).unsqueeze(1)).squeeze(1)


def _at(cumulated: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """The first place of each row whose cumulated share is above the row's number."""
    total = cumulated[:, -1:].contiguous()
    place = torch.searchsorted(cumulated, numbers.to(cumulated).unsqueeze(1) * total, right=True)
    # rounding may put the number at the very total: then it is the last place that has a share
    last = torch.searchsorted(cumulated, total)
    return torch.minimum(place, last).squeeze(1)


def _numbers(seed: int, count: int) -> torch.Tensor:
    return torch.rand(count, generator=torch.Generator().manual_seed(seed))


def pad_left(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both of shape (rows, longest row)."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, width - len(row) :] = torch.tensor(row)
        mask[index, width - len(row) :] = 1
    return ids, mask


class RowEnds(StoppingCriteria):  # type: ignore[misc]
    """Ends rows at an end token or a text, and keeps where each ended.

    ``generate`` fills the rows that ended with padding, which no longer tells what was sampled:
    where a tokenizer pads with its end token, it would look like an end that the model chose.

    Args:
        width: Tokens of the prompts, with their padding.
        end_tokens: Ids that end a row.
        stop: Texts that end a row.
        tokenizer: Spells the tokens; needed where there are such texts.
    """

    def __init__(
        self, width: int, end_tokens: Sequence[int], stop: Sequence[str], tokenizer: Any
    ) -> None:
        self.width = width
        self.end_tokens = torch.tensor(list(end_tokens))
        self.stop = StopStringCriteria(tokenizer, list(stop)) if stop else None
        self.lengths: torch.Tensor | None = None

    def __call__(
        self, input_ids: torch.Tensor, scores: torch.Tensor, **options: Any
    ) -> torch.Tensor:
        """Which rows have ended; ``generate`` calls it after each token."""
        if self.lengths is None:
            self.lengths = torch.full_like(input_ids[:, 0], -1)
        done = torch.isin(input_ids[:, -1], self.end_tokens.to(input_ids.device))
        if self.stop is not None:
            done |= self.stop(input_ids, scores, **options)
        self.lengths[done & (self.lengths < 0)] = input_ids.shape[1] - self.width
        return self.lengths >= 0

    def cut(self, output: torch.Tensor) -> list[list[int]]:
        """The token ids that were sampled for each row of what ``generate`` gave."""
        rows: list[list[int]] = output[:, self.width :].tolist()
        assert self.lengths is not None
        return [
            row if length < 0 else row[:length]
            for row, length in zip(rows, self.lengths.tolist(), strict=True)
        ]


def is_cut_off(row: Sequence[int], room: int, end_tokens: Sequence[int]) -> bool:
    """Whether a response of these tokens reached its *room* without ending by itself."""
    return len(row) >= room and (not row or row[-1] not in end_tokens)
