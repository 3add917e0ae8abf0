"""What happens to a generation batch between advantages and loss: masking and slicing."""

from __future__ import annotations

from collections.abc import Sequence

import torch

Batch = dict[str, torch.Tensor]


def without_undecided(batch: Batch, decided: Sequence[bool]) -> Batch:
    """*batch* with empty completion masks where a response was not decided.

    The count of tokens that the loss is divided by is taken anew, so that a step with undecided
    responses has the loss of the smaller step without them.
    """
    kept = torch.tensor(decided, device=batch["completion_mask"].device)
    mask = batch["completion_mask"] * kept.unsqueeze(1).to(batch["completion_mask"].dtype)
    return {**batch, "completion_mask": mask, "num_items_in_batch": mask.sum()}


def slice_by_length(batch: Batch, count: int) -> list[Batch]:
    """*batch* in *count* equal slices of rows of like length, each cut to its longest row.

    Prompts are padded on the left and completions on the right, so columns go from the outside.
    Tensors without rows, such as the count of tokens of the whole batch, go into each slice.
    """
    lengths = batch["prompt_mask"].sum(1) + batch["completion_mask"].sum(1)
    order = torch.argsort(lengths, stable=True)
    return [
        _cut({name: value[rows] if value.ndim else value for name, value in batch.items()})
        for rows in order.chunk(count)
    ]


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
