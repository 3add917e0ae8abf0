"""Masking and slicing of a generation batch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

LENGTHS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), min_size=1, max_size=12)


def batch_of(lengths: list[tuple[int, int]]) -> dict[str, Any]:
    """Rows of (prompt, completion) lengths; each row's ids name the row."""
    rows = len(lengths)
    prompt_mask = torch.zeros(rows, 6, dtype=torch.long)
    completion_mask = torch.zeros(rows, 5, dtype=torch.long)
    for row, (prompt, completion) in enumerate(lengths):
        prompt_mask[row, 6 - prompt :] = 1
        completion_mask[row, :completion] = 1
    names = torch.arange(1, rows + 1).unsqueeze(1)
    return {
        "prompt_ids": prompt_mask * names,
        "prompt_mask": prompt_mask,
        "completion_ids": completion_mask * names,
        "completion_mask": completion_mask,
        "ref_per_token_logps": completion_mask * names.float(),
        "advantages": torch.arange(rows) + 0.5,
        "num_items_in_batch": completion_mask.sum(),
        "num_responses_in_batch": torch.tensor(rows),
    }


@given(LENGTHS, st.integers(1, 4))
def test_slices_hold_every_token_of_every_row_once(
    lengths: list[tuple[int, int]], size: int
) -> None:
    from scaler_plugins.backends.local.rollout import slice_by_length

    lengths = lengths * size
    slices = slice_by_length(batch_of(lengths), size)
    assert len(slices) == size
    assert len({len(part["advantages"]) for part in slices}) == 1
    seen = {}
    for part in slices:
        assert part["num_items_in_batch"] == sum(completion for _, completion in lengths)
        for row, advantage in enumerate(part["advantages"].tolist()):
            name = int(advantage + 0.5)
            prompt, completion = lengths[name - 1]
            seen[name] = True
            assert part["prompt_ids"][row].tolist().count(name) == prompt
            assert part["completion_ids"][row].tolist().count(name) == completion
            assert part["ref_per_token_logps"][row].tolist().count(name) == completion
            assert part["prompt_mask"][row].sum() == prompt
            assert part["completion_mask"][row].sum() == completion
    assert len(seen) == len(lengths)


@given(LENGTHS)
def test_a_slice_is_as_narrow_as_its_longest_row(lengths: list[tuple[int, int]]) -> None:
    from scaler_plugins.backends.local.rollout import slice_by_length

    (part,) = slice_by_length(batch_of(lengths), 1)
    assert part["prompt_ids"].shape[1] == max(prompt for prompt, _ in lengths)
    assert part["completion_ids"].shape[1] == max(1, *(length for _, length in lengths))


@given(LENGTHS, st.integers(1, 4), st.integers(1, 60))
def test_parts_have_no_more_tokens_than_allowed_and_every_row_once(
    lengths: list[tuple[int, int]], count: int, most: int
) -> None:
    from scaler_plugins.backends.local.rollout import slice_by_length, split_by_tokens

    slices = slice_by_length(batch_of(lengths), count)
    parts = [part for some in slices for part in split_by_tokens(some, most)]
    names = [int(advantage + 0.5) for part in parts for advantage in part["advantages"].tolist()]
    assert sorted(names) == list(range(1, len(lengths) + 1))
    for part in parts:
        rows, columns = part["prompt_ids"].shape
        columns += part["completion_ids"].shape[1]
        # an empty completion still has a column
        assert rows == 1 or rows * (columns - 1) <= most


def test_fewer_rows_than_slices_leave_slices_out() -> None:
    from scaler_plugins.backends.local.rollout import slice_by_length

    nothing = {
        name: value[:0] if value.ndim else value for name, value in batch_of([(1, 1)]).items()
    }
    assert slice_by_length(nothing, 4) == []
    assert len(slice_by_length(batch_of([(1, 1), (2, 2)]), 4)) == 2


def test_rows_without_an_advantage_go_and_the_counts_of_the_step_stay() -> None:
    from scaler_plugins.backends.local.rollout import with_gradient

    batch = batch_of([(2, 3), (4, 5), (1, 0), (3, 2)])
    batch["advantages"] = torch.tensor([0.0, 1.0, 1.0, -1.0])
    kept = with_gradient(batch, by_advantage=True)
    assert kept["prompt_mask"].sum(1).tolist() == [4, 3]
    assert kept["num_items_in_batch"] == 10
    assert kept["num_responses_in_batch"] == 4
    every = with_gradient(batch, by_advantage=False)
    assert every["prompt_mask"].sum(1).tolist() == [2, 4, 3]


def test_an_undecided_row_keeps_its_prompt_and_loses_its_completion() -> None:
    from scaler_plugins.backends.local.rollout import without_undecided

    batch = without_undecided(batch_of([(2, 3), (4, 5)]), [False, True])
    assert batch["completion_mask"].sum(1).tolist() == [0, 5]
    assert batch["prompt_mask"].sum(1).tolist() == [2, 4]
    assert batch["num_items_in_batch"] == 5
    assert batch["num_responses_in_batch"] == 1
