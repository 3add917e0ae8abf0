"""Sampling: every prompt is computed once and shared by the responses to it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import (
    DynamicCache,
    GenerationConfig,
    GenerationMixin,
    PreTrainedModel,
    StoppingCriteriaList,
)

from scaler_core.evaluation.engines.sampling import RowEnds, pad_left, without_own_settings


class Sampler:
    """Samples responses with Hugging Face's ``generate``.

    Args:
        config: How to sample; its ``pad_token_id`` and ``eos_token_id`` (a list) are set.
        batch: Responses sampled side by side.
        tokenizer: Spells tokens; needed where the config names texts to stop at.
    """

    def __init__(self, config: GenerationConfig, batch: int, tokenizer: Any) -> None:
        self.config = config
        self.batch = batch
        self.tokenizer = tokenizer

    def sample(
        self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], copies: int
    ) -> list[list[int]]:
        """Token ids of *copies* responses to each prompt, those to one prompt side by side.

        A response ends with its end token, or without one where it was cut off. Prompts of like
        length are sampled together, so that little is spent on padding.
        """
        order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
        chunk = max(1, self.batch // copies)
        responses: list[list[list[int]]] = [[] for _ in prompts]
        for start in range(0, len(order), chunk):
            chosen = order[start : start + chunk]
            with torch.no_grad():
                sampled = self._sample_chunk(model, [prompts[index] for index in chosen], copies)
            for place, index in enumerate(chosen):
                responses[index] = sampled[place * copies : (place + 1) * copies]
        return [response for group in responses for response in group]

    def sample_scored(
        self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], copies: int, length: int
    ) -> tuple[list[list[int]], torch.Tensor]:
        """The likeliest responses of so many tokens, and the log-probability of each token.

        They are computed as those of :meth:`sample`, and never end.
        """
        config = copy.deepcopy(self.config)
        config.update(do_sample=False, max_new_tokens=length, eos_token_id=None, stop_strings=None)
        config.update(temperature=None, top_p=None, top_k=None)
        config.update(return_dict_in_generate=True, output_logits=True)
        output, width = self._generate(model, prompts, copies, config)
        rows = output.sequences[:, width:]
        scaled = torch.stack(output.logits, 1).float() / (self.config.temperature or 1.0)
        chosen = torch.log_softmax(scaled, -1).gather(2, rows.unsqueeze(2)).squeeze(2)
        return rows.tolist(), chosen

    def _sample_chunk(
        self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], copies: int
    ) -> list[list[int]]:
        width = max(len(prompt) for prompt in prompts)
        stop = self.config.stop_strings or ()
        ends = RowEnds(width, self.config.eos_token_id, stop, self.tokenizer)
        config = copy.deepcopy(self.config)
        config.stop_strings = None  # ``ends`` knows them
        output, _ = self._generate(
            model, prompts, copies, config, stopping_criteria=StoppingCriteriaList([ends])
        )
        return ends.cut(output)

    def _generate(
        self,
        model: PreTrainedModel,
        prompts: Sequence[Sequence[int]],
        copies: int,
        config: GenerationConfig,
        **extra: Any,
    ) -> tuple[Any, int]:
        """The output of ``generate``, and the tokens of its prompts with their padding."""
        ids, mask = pad_left(prompts, self.config.pad_token_id)
        ids, mask = ids.to(model.device), mask.to(model.device)
        if copies > 1 and ids.shape[1] > 1:
            extra[_cache_name(GenerationMixin.prepare_inputs_for_generation)] = _shared_cache(
                model, ids, mask, copies
            )
        with without_own_settings(model):
            output = model.generate(
                input_ids=ids.repeat_interleave(copies, 0),
                attention_mask=mask.repeat_interleave(copies, 0),
                generation_config=config,
                **extra,
            )
        return output, ids.shape[1]


def _shared_cache(
    model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor, copies: int
) -> DynamicCache:
    """Keys and values of all prompt tokens but the last, repeated for each response.

    The last token is left to ``generate``, which starts from its logits.
    """
    cache = DynamicCache(config=model.config)
    extra: dict[str, Any] = {_cache_name(model.forward): cache}
    if accepts(model, "logits_to_keep"):
        extra["logits_to_keep"] = 1  # none is read, and all would be rows x tokens x vocabulary
    if accepts(model, "position_ids"):
        extra["position_ids"] = positions(mask[:, :-1])
    model(
        input_ids=ids[:, :-1],
        attention_mask=mask[:, :-1],
        use_cache=True,
        **extra,
    )
    cache.batch_repeat_interleave(copies)
    return cache


def _cache_name(function: Callable[..., Any]) -> str:
    """What *function* calls the argument with keys and values: transformers 5.24 renamed it."""
    return "cache" if "cache" in inspect.signature(function).parameters else "past_key_values"


def accepts(model: Any, name: str) -> bool:
    """Whether the forward pass of *model* takes an argument of that name."""
    return name in inspect.signature(model.forward).parameters


def positions(mask: torch.Tensor) -> torch.Tensor:
    """The place of each token among those of its row that are no padding."""
    return (mask.cumsum(1) - 1).clamp(min=0)


def with_positions(
    model: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Adds position ids to a forward pass of training.

    TRL leaves them to the model. One with learned absolute positions then counts padding too, and
    sees other positions than when it sampled.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    missing = options.get("fused_lm_head") and options.get("position_ids") is None
    if missing and accepts(base, "position_ids") and accepts(base.base_model, "position_ids"):
        options["position_ids"] = positions(options["attention_mask"])
    return args, options


Batch = dict[str, torch.Tensor]


def without_undecided(batch: Batch, decided: Sequence[bool]) -> Batch:
    """*batch* with empty completion masks where a response was not decided.

    The numbers of tokens and of responses, by which the loss is divided, are counted again: a step
    with undecided responses has the loss of the smaller step without them.
    """
    kept = torch.tensor(decided, device=batch["completion_mask"].device)
    mask = batch["completion_mask"] * kept.unsqueeze(1).to(batch["completion_mask"].dtype)
    counts = {"num_items_in_batch": mask.sum(), "num_responses_in_batch": kept.sum()}
    return {**batch, "completion_mask": mask, **counts}


def with_gradient(batch: Batch, *, by_advantage: bool) -> Batch:
    """The rows of *batch* that have a gradient; what the loss is divided by stays as it is.

    Args:
        batch: A generation batch.
        by_advantage: Whether a row without an advantage has none, as without a KL term.
    """
    kept = batch["completion_mask"].sum(1) > 0
    if by_advantage:
        kept &= batch["advantages"] != 0
    return _rows(batch, kept)


def slice_by_length(batch: Batch, count: int) -> list[Batch]:
    """*batch* in *count* equal slices of rows of like length, each cut to its longest row.

    There are fewer slices where the rows do not suffice. Prompts are padded on the left and
    completions on the right, so columns go from the outside. Tensors without rows, such as the
    count of tokens of the whole batch, go into each slice.
    """
    order = torch.argsort(_lengths(batch), stable=True)
    return [_cut(_rows(batch, rows)) for rows in order.chunk(count) if len(rows)]


def split_by_tokens(batch: Batch, most: int) -> list[Batch]:
    """*batch*, whose rows are sorted by length, in parts of at most *most* tokens with padding.

    A part has a row at least, however long that is.
    """
    lengths = _lengths(batch).tolist()
    parts, start = [], 0
    for end in range(1, len(lengths) + 1):
        rows = slice(start, end + 1)
        if end == len(lengths) or _width(batch, rows) * (end + 1 - start) > most:
            parts.append(_cut(_rows(batch, slice(start, end))))
            start = end
    return parts


def _lengths(batch: Batch) -> torch.Tensor:
    return batch["prompt_mask"].sum(1) + batch["completion_mask"].sum(1)


def _width(batch: Batch, rows: slice) -> int:
    """Columns that the rows have once they are cut."""
    return sum(int(batch[f"{side}_mask"][rows].sum(1).max()) for side in ("prompt", "completion"))


def _rows(batch: Batch, rows: Any) -> Batch:
    return {name: value[rows] if value.ndim else value for name, value in batch.items()}


def _cut(batch: Batch) -> Batch:
    prompt = max(1, int(batch["prompt_mask"].sum(1).max()))
    completion = max(1, int(batch["completion_mask"].sum(1).max()))
    width = batch["completion_ids"].shape[1]
    cut = dict(batch)
    for name in ("prompt_ids", "prompt_mask"):
        cut[name] = batch[name][:, -prompt:]
    for name, value in batch.items():
        # completion_ids, completion_mask and per-token log-probabilities of a reference model
        if value.ndim == 2 and not name.startswith("prompt_") and value.shape[1] == width:
            cut[name] = value[:, :completion]
    return cut
