"""Undecided responses take no part: asserted on the tensors of the real trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scaler_core.models import Response, Ticket, Verdict
from scaler_plugins.backends.local import Local
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun, Judge, by_hash

torch = pytest.importorskip("torch")
pytest.importorskip("trl")


def trainer_of(model: Path, folder: Path, judge: Judge, **options: Any) -> Any:
    """The backend's trainer before its first step: 6 tickets, 4 responses each."""
    from scaler_plugins.backends.local.training import build_trainer

    config = Local.Config(
        model=str(model), device="cpu", threads=1, max_response_tokens=4, **options
    )
    run = FakeRun(folder, prompts=6, responses=4)
    return build_trainer(str(model), config, FakeFeed(prompts=6, judge=judge), run)


def generation_batch(trainer: Any) -> dict[str, Any]:
    """What TRL makes of one step: advantages, masks, count of tokens."""
    trainer.model.train()
    batch: dict[str, Any] = trainer.generation_batch()
    return batch


def verdicts_of(trainer: Any) -> list[list[str]]:
    """The results the feed was told, group by group."""
    return [[item.result for item in group.verdicts] for group in trainer.feed.groups]


@pytest.mark.parametrize(("scheme", "values"), [("signed", (1.0, -1.0)), ("binary", (1.0, 0.0))])
def test_advantages_are_those_of_the_group_without_its_undecided_responses(
    micro_model: Path, tmp_path: Path, scheme: str, values: tuple[float, float]
) -> None:
    trainer = trainer_of(micro_model, tmp_path, by_hash, reward=scheme)
    advantages = generation_batch(trainer)["advantages"].view(6, 4)
    groups = verdicts_of(trainer)
    rewards = {"correct": values[0], "incorrect": values[1]}
    assert any("undecided" in group and len(set(group)) == 3 for group in groups), "a weak test"
    for row, group in zip(advantages, groups, strict=True):
        decided = [index for index, result in enumerate(group) if result != "undecided"]
        undecided = [index for index in range(4) if index not in decided]
        assert row[undecided].eq(0).all()
        if len(decided) < 2:
            assert row.eq(0).all()
            continue
        smaller = torch.tensor([rewards[group[index]] for index in decided])
        expected = (smaller - smaller.mean()) / (smaller.std() + 1e-4)
        torch.testing.assert_close(row[decided], expected)


def test_a_lone_decided_response_has_no_advantage(micro_model: Path, tmp_path: Path) -> None:
    seen: set[str] = set()

    def first_only(ticket: Ticket, response: Response) -> Verdict:
        if ticket.id in seen:
            return Verdict.undecided("lost")
        seen.add(ticket.id)
        return Verdict.correct()

    trainer = trainer_of(micro_model, tmp_path, first_only, verify_threads=1)
    assert generation_batch(trainer)["advantages"].eq(0).all()


def test_tokens_of_undecided_responses_are_not_counted(micro_model: Path, tmp_path: Path) -> None:
    trainer = trainer_of(micro_model, tmp_path, by_hash)
    batch = generation_batch(trainer)
    results = [result for group in verdicts_of(trainer) for result in group]
    tokens = [response.tokens for response in trainer._now.responses]
    expected = [
        0 if result == "undecided" else count for result, count in zip(results, tokens, strict=True)
    ]
    assert batch["completion_mask"].sum(1).tolist() == expected
    assert batch["num_items_in_batch"].item() == sum(expected)


@pytest.mark.parametrize("loss_kind", ["token-mean", "sequence-mean"])
def test_loss_and_gradient_are_those_of_the_batch_without_undecided_responses(
    micro_model: Path, tmp_path: Path, loss_kind: str
) -> None:
    trainer = trainer_of(micro_model, tmp_path, by_hash, loss=loss_kind)
    batch = generation_batch(trainer)
    trainer.current_gradient_accumulation_steps = trainer.args.steps_per_generation
    decided = batch["completion_mask"].sum(1) > 0
    assert not decided.all()
    smaller = {name: value[decided] if value.ndim else value for name, value in batch.items()}
    losses, gradients = [], []
    for rows in (batch, smaller):
        trainer.model.zero_grad()
        loss = trainer.compute_loss(trainer.model, rows)
        loss.backward()
        losses.append(loss.detach())
        gradients.append([item.grad.clone() for item in trainer.model.parameters()])
    torch.testing.assert_close(losses[0], losses[1])
    torch.testing.assert_close(gradients[0], gradients[1])
    assert any(gradient.abs().sum() > 0 for gradient in gradients[0])


def test_the_mean_over_sequences_is_one_over_decided_responses(
    micro_model: Path, tmp_path: Path
) -> None:
    trainer = trainer_of(micro_model, tmp_path, by_hash, loss="sequence-mean")
    batch = generation_batch(trainer)
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, batch).backward()
    found = [item.grad.clone() for item in trainer.model.parameters()]
    trainer.model.zero_grad()
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    width = batch["completion_ids"].shape[1]
    shares = trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, width)[0]
    counted = batch["completion_mask"]
    decided = counted.sum(1) > 0
    # at a ratio of 1 the gradient of a token's loss is that of its log-probability
    means = (shares * counted).sum(1)[decided] / counted.sum(1)[decided]
    (-(means * batch["advantages"][decided]).sum() / decided.sum()).backward()
    torch.testing.assert_close(found, [item.grad for item in trainer.model.parameters()])
