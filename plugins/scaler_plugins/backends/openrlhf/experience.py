"""Advantages without the responses that nobody could judge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker

from scaler_plugins.backends.openrlhf.assignment import Judged

TINY_DEVIATION = 1e-9  # as in OpenRLHF's group_norm


class DecidedExperienceMaker(RemoteExperienceMaker):  # type: ignore[misc]
    """OpenRLHF's experience maker, with ``undecided`` responses left out.

    They take no part in their group's mean and standard deviation, and none of their tokens is in
    the loss: the siblings' advantages are those of the smaller group. A group with fewer than two
    decided responses has no gradient. Fully decided groups keep the advantages that OpenRLHF
    computes.
    """

    def compute_advantages_and_returns(self, experiences: list[Any]) -> list[Any]:
        """Compute OpenRLHF's advantages, then replace those of groups with undecided responses.

        Args:
            experiences: Batches of responses; ``labels`` hold a ``Judged`` each, ``index`` the
                place of each in the step, where the responses to a prompt stand side by side.
        """
        judged = [list(experience.labels) for experience in experiences]
        for experience in experiences:
            experience.labels = []  # nothing after this reads them, and they are large
        experiences = super().compute_advantages_and_returns(experiences)
        places = [place for experience in experiences for place in experience.index]
        decided = _in_order([item.decided for item in chain.from_iterable(judged)], places)
        if all(decided):
            return experiences
        rewards = _in_order(torch.cat([item.rewards for item in experiences]).tolist(), places)
        by_deviation = self.args.algo.advantage.estimator == "group_norm"
        size = self.args.rollout.n_samples_per_prompt
        lowest, highest = self.args.reward.clip_range
        for experience in experiences:
            for row, place in enumerate(experience.index):
                start = place - place % size
                group = decided[start : start + size]
                if not all(group):
                    advantage = group_advantage(
                        rewards[start : start + size], group, place - start, by_deviation
                    )
                    # OpenRLHF clips at this point too: the figure it calls reward is the advantage
                    _set_row(experience, row, decided[place], min(max(advantage, lowest), highest))
        return experiences


def group_advantage(
    rewards: Sequence[float], decided: Sequence[bool], place: int, by_deviation: bool
) -> float:
    """The advantage of one response among the decided ones of its group; 0 if it is undecided.

    Args:
        rewards: Of the whole group.
        decided: Which of them count.
        place: The response's place in the group.
        by_deviation: Whether to divide by the standard deviation (with Bessel's correction).
    """
    if not decided[place] or sum(decided) < 2:
        return 0.0
    counted = torch.tensor([r for r, known in zip(rewards, decided, strict=True) if known])
    advantage = rewards[place] - counted.mean()
    if by_deviation:
        advantage = advantage / (counted.std() + TINY_DEVIATION)
    return float(advantage)


def has_gradient(judged: Sequence[Judged], args: Any) -> bool:
    """Whether a step has anything to learn from.

    It has not where each group has one verdict only, among those that are decided: every advantage
    is 0. Terms of the loss that need no advantage move the policy wherever a token is decided.

    Args:
        judged: The responses of the step.
        args: OpenRLHF's arguments.
    """
    terms = args.algo.kl.init_coef, args.actor.entropy_coef, args.actor.aux_loss_coef
    results: dict[str, set[str]] = {}
    for item in judged:
        if item.decided:
            assert item.ticket is not None
            assert item.verdict is not None
            results.setdefault(item.ticket.id, set()).add(item.verdict.result)
    return bool(results) and (any(terms) or any(len(found) > 1 for found in results.values()))


def _set_row(experience: Any, row: int, decided: bool, advantage: float) -> None:
    """Give a response an advantage, or take its tokens out of the loss."""
    if not decided:
        experience.action_mask[row] = 0
    tokens = experience.action_mask[row].to(experience.advantages.dtype)
    experience.advantages[row] = advantage * tokens
    experience.returns[row] = advantage * tokens
    experience.info["return"][row] = advantage


def _in_order(values: Sequence[Any], places: Sequence[int]) -> list[Any]:
    ordered: list[Any] = [None] * len(places)
    for value, place in zip(values, places, strict=True):
        ordered[place] = value
    return ordered
