"""Passes in which no response is decided, and passes of responses without an advantage."""

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


class TokenPolicy(Policy):
    """A log-probability for every token of the vocabulary; counts the tokens that it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-0.9, -0.5, 64))
        self.read = 0

    def forward(self, sequences: Any, action_mask: Any, **options: Any) -> tuple[Any, Any]:
        self.read += int(options["attention_mask"].sum())
        return self.weight[sequences[:, 1:]] * action_mask, SimpleNamespace()


class Making(DecidedExperienceMaker):
    """Ours, without the models' passes."""

    def make_experience(self, samples: Any) -> Any:
        made = with_log_probs(samples)
        for item in made:
            # as OpenRLHF has it for rows without a token
            item.info["kl"] = torch.zeros(len(item.action_mask)) / item.action_mask.sum(1)
            item.base_action_log_probs = item.action_log_probs - 0.2
        return made


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
        return float(policy.weight.grad.abs().sum())


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


def trained_on_tokens(
    groups: list[list[str]],
    micro_batch: int,
    loss: str,
    *,
    cut: bool,
    filtered: bool = False,
    beta: float = 0.0,
) -> tuple[dict[str, float], Any, int]:
    """A step's figures, its gradient, and the tokens read; idle responses whole or cut short."""
    args = arguments(
        prompts=len(groups),
        responses=len(groups[0]),
        micro_batch=micro_batch,
        loss=loss,
        beta=beta,
    )
    made = maker(Making, args)
    made.only_informative = filtered
    rewards = {C: 1.0, X: -1.0, U: 0.0}
    items = [
        response(judged(f"t{number}", sample, result), rewards[result], 3, 2 + 2 * sample + number)
        for number, group in enumerate(groups)
        for sample, result in enumerate(group)
    ]
    if cut:
        experiences = made.make_experience_batch(items)
    else:
        batches = with_log_probs(made.split_rollout_samples(items))
        experiences = made.compute_advantages_and_returns(batches)
    trainer = trainer_of(groups, micro_batch)
    trainer.args, trainer.actor = args, TokenPolicy()
    trainer.actor_loss_fn = PolicyLoss(0.2, 0.2, 10.0, token_level_loss=loss == "token-mean")
    trainer.replay_buffer.clear()
    for item in experiences:
        trainer.replay_buffer.append(item)
    allow_empty_passes(SimpleNamespace(trainer=trainer))
    return trainer.ppo_train(beta), trainer.actor.weight.grad, trainer.actor.read


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


@pytest.mark.parametrize("loss", ["token-mean", "sequence-mean"])
@pytest.mark.parametrize("micro_batch", [1, 4, 16])
def test_responses_without_an_advantage_are_cut_short_and_the_gradient_stays(
    micro_batch: int, loss: str
) -> None:
    groups = [[C, C, C, C], [C, X, U, C], [X, X, U, X], [U, U, U, C]]
    figures, gradient, read = trained_on_tokens(groups, micro_batch, loss, cut=True)
    _, expected, whole = trained_on_tokens(groups, micro_batch, loss, cut=False)
    torch.testing.assert_close(gradient, expected, atol=2e-6, rtol=0)
    assert expected.abs().max() > 0.01
    assert read < whole / 2
    assert all(math.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("beta", [0.0, 0.5])
@pytest.mark.parametrize("loss", ["token-mean", "sequence-mean"])
def test_with_a_group_filter_the_gradient_is_that_of_the_informative_groups_alone(
    loss: str, beta: float
) -> None:
    groups = [[C, X, U, C], [X, C, C, C], [C, C, C, C], [X, X, U, X]]
    options: dict[str, Any] = {"loss": loss, "cut": True, "filtered": True, "beta": beta}
    _, expected, _ = trained_on_tokens(groups[:2], 1, **options)
    assert expected.abs().max() > 0.01
    for micro_batch in (1, 4):
        figures, gradient, _ = trained_on_tokens(groups, micro_batch, **options)
        torch.testing.assert_close(gradient, expected, atol=2e-6, rtol=0)
        assert all(math.isfinite(value) for value in figures.values())


def test_a_kl_term_reads_every_response_whole() -> None:
    args = arguments(prompts=1, responses=2, beta=0.1)
    items = [response(judged("a", sample), 1.0, tokens=5) for sample in range(2)]
    made = maker(Making, args).make_experience_batch(items)
    assert all(item.attention_mask.sum(1).min() == 7 for item in made)


def test_what_is_reported_of_a_response_that_is_cut_short_stays() -> None:
    args = arguments(prompts=1, responses=2)
    items = [response(judged("a", sample), 1.0, tokens=5) for sample in range(2)]
    for item in items:
        item.rollout_log_probs = torch.zeros(1, 6)
    (made,) = maker(Making, args).make_experience_batch(items)
    assert made.response_length.tolist() == [5, 5]
    assert made.sequences.shape == (2, 2)
    assert made.rollout_log_probs.shape == made.action_mask.shape == (2, 1)
