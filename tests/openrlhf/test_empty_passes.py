"""A pass in which no response is decided: it happens with few responses to a pass."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of OpenRLHF's training of the policy")

import torch
from openrlhf.models.loss import PolicyLoss
from openrlhf.trainer.ppo_utils.replay_buffer import NaiveReplayBuffer
from openrlhf.trainer.ray.ppo_actor import ActorPPOTrainer

from scaler_plugins.backends.openrlhf.experience import DecidedExperienceMaker
from scaler_plugins.backends.openrlhf.policy import allow_empty_passes
from tests.openrlhf.making import arguments, judged, maker, response, with_log_probs

C, X, U = "correct", "incorrect", "undecided"


class Policy(torch.nn.Module):
    """A policy of one number: the log-probability of every token."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(-0.7))

    def forward(self, sequences: Any, action_mask: Any, **_: Any) -> tuple[Any, Any]:
        return self.weight * action_mask.float(), SimpleNamespace()


class Strategy(SimpleNamespace):
    """One rank without DeepSpeed: gradients of a step add up in the weight."""

    ring_attn_group = None

    def is_rank_0(self) -> bool:
        return False

    def all_reduce(self, data: dict[str, Any]) -> dict[str, Any]:
        return {name: float(value) for name, value in data.items()}

    def backward(self, loss: Any, policy: Policy, optimiser: Any) -> None:
        (loss / self.accumulated_gradient).backward()

    def optimizer_step(self, *_: Any, **named: Any) -> None:
        return None

    def get_grad_norm(self, policy: Policy) -> float:
        return float(policy.weight.grad.abs())


def trainer_of(groups: list[list[str]], micro_batch: int) -> ActorPPOTrainer:
    """OpenRLHF's trainer of the policy with a step's experiences in its buffer."""
    size = len(groups[0])
    args = arguments(prompts=len(groups), responses=size, micro_batch=micro_batch)
    rewards = {C: 1.0, X: -1.0, U: 0.0}
    made = maker(DecidedExperienceMaker, args)
    items = [
        response(judged(f"t{number}", sample, result), rewards[result], tokens=1 + sample)
        for number, group in enumerate(groups)
        for sample, result in enumerate(group)
    ]
    batches = with_log_probs(made.split_rollout_samples(items))
    trainer = ActorPPOTrainer.__new__(ActorPPOTrainer)
    trainer.args = args
    trainer.actor = Policy()
    trainer.actor_optim = trainer.ema_model = None
    trainer.actor_scheduler = SimpleNamespace(get_last_lr=lambda: [1e-6])
    passes = len(items) // micro_batch
    trainer.strategy = Strategy(args=args, accumulated_gradient=passes)
    trainer.max_epochs, trainer.aux_loss, trainer.dataloader_pin_memory = 1, False, False
    trainer.actor_loss_fn = PolicyLoss(0.2, 0.2, 10.0)
    trainer.replay_buffer = NaiveReplayBuffer(micro_batch)
    for item in made.compute_advantages_and_returns(batches):
        trainer.replay_buffer.append(item)
    return trainer


def trained(groups: list[list[str]], micro_batch: int) -> tuple[dict[str, float], float]:
    """A step's figures and gradient, with empty passes allowed."""
    trainer = trainer_of(groups, micro_batch)
    allow_empty_passes(SimpleNamespace(trainer=trainer))
    return trainer.ppo_train(0.0), float(trainer.actor.weight.grad)


def test_openrlhf_itself_cannot_do_a_pass_without_any_token_in_the_loss() -> None:
    with pytest.raises(ZeroDivisionError):
        trainer_of([[C, X, U, U]], micro_batch=1).ppo_train(0.0)


@pytest.mark.parametrize("micro_batch", [1, 2, 4, 8])
def test_an_empty_pass_changes_neither_gradient_nor_figures(micro_batch: int) -> None:
    groups = [[C, X, U, U], [X, C, C, X]]
    whole, gradient = trained(groups, micro_batch=8)
    figures, split = trained(groups, micro_batch)
    assert split == pytest.approx(gradient, rel=1e-5)
    assert gradient != 0
    for name in ("ppo_clip_ratio", "ppo_kl"):
        assert figures[name] == pytest.approx(whole[name], rel=1e-4)
    assert all(math.isfinite(value) for value in figures.values())


def test_a_pass_with_tokens_is_left_as_it_is() -> None:
    groups = [[C, X, C, X], [X, C, C, C]]
    theirs = trainer_of(groups, 4)
    torch.manual_seed(0)
    expected = theirs.ppo_train(0.0)
    torch.manual_seed(0)
    figures, gradient = trained(groups, 4)
    assert figures == expected
    assert gradient == float(theirs.actor.weight.grad)
