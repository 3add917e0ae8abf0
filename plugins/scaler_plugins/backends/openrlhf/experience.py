"""Advantages without the responses that nobody could judge, and passes without idle ones.

A response is idle where it has no advantage: it is undecided, or the decided responses of its group
have one reward. DeepSpeed does a fixed number of passes, the same on every GPU, so that
no row can be left out. An idle one is cut to two tokens instead, before any pass. So are those that
fill a step in which a group filter found too few informative groups: then the loss is the mean over
what is left, as if there were no others.
"""

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

    Attributes:
        only_informative: Whether a group filter is on, so that idle responses do not count at all.
    """

    only_informative = False

    def make_experience_batch(self, rollout_samples: list[Any]) -> list[Any]:
        """OpenRLHF's experiences, with idle responses cut short.

        The gradient is the same; with a group filter it is that of the other responses alone.

        Args:
            rollout_samples: One response each; ``labels`` hold a ``Judged``.
        """
        if needs_every_response(self.args) and not self.only_informative:
            return list(super().make_experience_batch(rollout_samples))
        left = cut_idle(rollout_samples, by_token=self.args.actor.loss_agg_mode == "token-mean")
        share = 1.0 if self.only_informative else left
        experiences: list[Any] = super().make_experience_batch(rollout_samples)
        for experience in experiences:
            # the loss is divided by what was not cut
            experience.advantages *= share
            for name in ("kl", "logprobs_diff"):  # means over no token
                if name in experience.info:
                    experience.info[name] = experience.info[name].nan_to_num()
        return experiences

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


def has_gradient(judged: Sequence[Judged], args: Any, *, only_informative: bool = False) -> bool:
    """Whether a step has anything to learn from.

    Args:
        judged: The responses of the step.
        args: OpenRLHF's arguments.
        only_informative: Whether a group filter is on.
    """
    if needs_every_response(args) and not only_informative:
        return any(item.decided for item in judged)
    return not all(are_idle(judged))


def needs_every_response(args: Any) -> bool:
    """Whether the loss has terms that need no advantage: of KL, of entropy, of experts."""
    return any((args.algo.kl.init_coef, args.actor.entropy_coef, args.actor.aux_loss_coef))


def are_idle(judged: Sequence[Judged]) -> list[bool]:
    """Which of a step's responses have no advantage."""
    found: dict[str, set[float | None]] = {}
    for item in judged:
        found.setdefault(_ticket_id(item), set()).add(item.reward)
    return [item.reward is None or len(found[_ticket_id(item)] - {None}) < 2 for item in judged]


def _ticket_id(judged: Judged) -> str:
    assert judged.ticket is not None
    return judged.ticket.id


CUT = 2  # one token, and the one that is predicted from it


def cut_idle(samples: Sequence[Any], *, by_token: bool) -> float:
    """Cut idle responses of a step to two tokens, none of them in the loss.

    What is reported of them, such as their length, stays.

    Args:
        samples: The responses.
        by_token: Whether the loss is divided by tokens, and not by responses.

    Returns:
        The share of that number which is left.
    """
    labels = [sample.labels[0] for sample in samples]
    whole = left = 0
    for sample, idle in zip(samples, are_idle(labels), strict=True):
        tokens = int(sample.action_mask.sum())
        size = tokens if by_token else int(tokens > 0)
        whole += size if sample.labels[0].decided else 0
        left += 0 if idle else size
        if idle:
            sample.sequences = sample.sequences[:, :CUT]
            sample.attention_mask = sample.attention_mask[:, :CUT]
            sample.action_mask = torch.zeros_like(sample.action_mask[:, : CUT - 1])
            if sample.rollout_log_probs is not None:
                sample.rollout_log_probs = sample.rollout_log_probs[:, : CUT - 1]
            sample.total_length = torch.full_like(sample.total_length, CUT)
    return left / max(1, whole)


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
