"""Undecided responses take no part: asserted on the tensors of OpenRLHF's own experience maker."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of OpenRLHF's experience maker")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from openrlhf.models.loss import PolicyLoss
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker

from scaler_core.models import Verdict
from scaler_plugins.backends.openrlhf.experience import (
    DecidedExperienceMaker,
    are_idle,
    group_advantage,
    has_gradient,
)
from tests.openrlhf.making import arguments, judged, maker, response, with_log_probs

REWARDS = {"correct": 1.0, "incorrect": -1.0, "undecided": 0.0}
C, X, U = "correct", "incorrect", "undecided"


@cache
def cached_arguments(prompts: int, responses: int, scale: str, packed: bool) -> Any:
    given: dict[str, Any] = {"scale_rewards": scale, "micro_batch": 3}
    if packed:
        given |= {"packing": True, "attention": "flash_attention_2", "tokens_per_gpu": 24}
    return arguments(prompts=prompts, responses=responses, **given)


@dataclass(frozen=True)
class Step:
    """A step's verdicts, ticket by ticket, and how its responses are batched.

    Attributes:
        groups: The verdict of each response to each ticket.
        scale: As ``backend.scale_rewards``.
        packed: Whether batches are made by counting tokens, which mixes the groups.
        seed: Of lengths, and of the order in which the responses to a ticket end.
        rewards: A reward per verdict.
    """

    groups: Sequence[Sequence[str]]
    scale: str = "group"
    packed: bool = False
    seed: int = 0
    rewards: dict[str, float] = field(default_factory=lambda: REWARDS)

    @property
    def arguments(self) -> Any:
        return cached_arguments(len(self.groups), len(self.groups[0]), self.scale, self.packed)

    def responses(self) -> list[Experience]:
        """As they come from the engines: the responses to a ticket together, in any order."""
        rng = random.Random(self.seed)
        made = []
        for number, group in enumerate(self.groups):
            prompt, order = rng.randint(1, 5), list(enumerate(group))
            rng.shuffle(order)
            made += [
                response(
                    judged(f"t{number}", sample, result),
                    self.rewards[result],
                    prompt,
                    rng.randint(1, 6),
                )
                for sample, result in order
            ]
        return made

    def experiences(self, kind: type) -> list[Experience]:
        """What an experience maker makes of the step."""
        made = maker(kind, self.arguments)
        batches = with_log_probs(made.split_rollout_samples(self.responses()))
        result: list[Experience] = made.compute_advantages_and_returns(batches)
        return result

    def advantages_of_the_decided(self) -> dict[str, float]:
        """OpenRLHF's own advantages, each group alone and without its undecided responses."""
        known = {}
        for number, group in enumerate(self.groups):
            left = [(sample, result) for sample, result in enumerate(group) if result != U]
            names = [f"t{number} {sample}" for sample, _ in left]
            if len(left) < 2:
                known |= dict.fromkeys(names, 0.0)
                continue
            smaller = Step([[result for _, result in left]], self.scale, rewards=self.rewards)
            made = maker(RemoteExperienceMaker, smaller.arguments)
            items = [
                response(judged(f"t{number}", sample, result), self.rewards[result])
                for sample, result in left
            ]
            batches = with_log_probs(made.split_rollout_samples(items))
            done = made.compute_advantages_and_returns(batches)
            values = [float(row[-1]) for item in done for row in item.advantages]
            known |= dict(zip(names, values, strict=True))
        return known


def names_of(step: Step) -> list[str]:
    """``ticket sample`` of each response by its place in the step."""
    labels = [item.labels[0] for item in step.responses()]
    return [f"{label.ticket.id} {label.response.sample}" for label in labels]


def rows(experiences: Sequence[Experience], name: str) -> dict[int, torch.Tensor]:
    """A field of each response by its place in the step, without padding on the right."""
    return {
        place: getattr(item, name)[row][: int(item.total_length[row]) - 1]
        for item in experiences
        for row, place in enumerate(item.index)
    }


def check_against_the_smaller_groups(step: Step) -> None:
    ours, theirs = (step.experiences(k) for k in (DecidedExperienceMaker, RemoteExperienceMaker))
    advantages, masks = rows(ours, "advantages"), rows(ours, "action_mask")
    returns = rows(ours, "returns")
    whole_masks, whole = rows(theirs, "action_mask"), rows(theirs, "advantages")
    known = step.advantages_of_the_decided()
    for place, name in enumerate(names_of(step)):
        ticket, sample = name.split()
        group = step.groups[int(ticket[1:])]
        if group[int(sample)] == U:
            assert not masks[place].any(), "none of its tokens is in the loss"
            assert not advantages[place].any()
            continue
        assert torch.equal(masks[place], whole_masks[place]), "nobody else's tokens are touched"
        tokens = masks[place].bool()
        expected = torch.full((int(tokens.sum()),), known[name])
        torch.testing.assert_close(advantages[place][tokens], expected, rtol=1e-6, atol=1e-7)
        assert torch.equal(advantages[place], returns[place])
        if U not in group:
            assert torch.equal(advantages[place], whole[place]), "bit for bit OpenRLHF's own"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("scale", ["group", "none"])
def test_a_step_in_which_everything_is_decided_is_openrlhfs_own_bit_for_bit(
    scale: str, packed: bool
) -> None:
    step = Step([[C, X, X, C], [C, C, C, C], [X, C, X, X]], scale, packed, seed=3)
    ours, theirs = (step.experiences(k) for k in (DecidedExperienceMaker, RemoteExperienceMaker))
    assert len(ours) > 2, "a weak test: one micro-batch only"
    for one, other in zip(ours, theirs, strict=True):
        for name in ("advantages", "returns", "action_mask", "rewards", "sequences"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert one.index == other.index
        assert one.info.keys() == other.info.keys()
        assert all(torch.equal(one.info[name], other.info[name]) for name in one.info)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("scale", ["group", "none"])
def test_siblings_get_the_advantages_of_the_group_without_the_undecided(
    scale: str, packed: bool
) -> None:
    groups = [[C, X, X, U, C], [C, X, C, X, X], [U, U, X, C, C], [C, C, U, C, C], [X, U, U, U, U]]
    check_against_the_smaller_groups(Step(groups, scale, packed, seed=5))


@settings(max_examples=60)
@given(
    groups=st.integers(2, 6).flatmap(
        lambda size: st.lists(
            st.lists(st.sampled_from([C, X, U]), min_size=size, max_size=size),
            min_size=1,
            max_size=4,
        )
    ),
    scale=st.sampled_from(["group", "none"]),
    packed=st.booleans(),
    seed=st.integers(0, 1000),
    rewards=st.sampled_from([REWARDS, {C: 1.0, X: 0.0, U: 0.0}]),
)
def test_the_law_of_the_smaller_group(
    groups: list[list[str]], scale: str, packed: bool, seed: int, rewards: dict[str, float]
) -> None:
    check_against_the_smaller_groups(Step(groups, scale, packed, seed, rewards))


@pytest.mark.parametrize("scale", ["group", "none"])
def test_the_placeholder_reward_of_an_undecided_response_moves_nothing(scale: str) -> None:
    groups = [[C, U, X, C], [U, U, C, X]]
    one, other = (
        Step(groups, scale, seed=2, rewards={**REWARDS, U: placeholder}).experiences(
            DecidedExperienceMaker
        )
        for placeholder in (0.0, 7.0)
    )
    for left, right in zip(one, other, strict=True):
        assert torch.equal(left.advantages, right.advantages)
        assert torch.equal(left.action_mask, right.action_mask)
        assert torch.equal(left.info["return"], right.info["return"])


@pytest.mark.parametrize("group", [[U, U, U, U], [C, U, U, U], [U, U, X, U]])
def test_a_group_with_fewer_than_two_decided_responses_has_no_gradient(group: list[str]) -> None:
    made = Step([group, [C, X, C, X]], seed=4).experiences(DecidedExperienceMaker)
    advantages = rows(made, "advantages")
    assert all(not advantages[place].any() for place in range(4))
    assert all(advantages[place].any() for place in range(4, 8))
    assert all(torch.isfinite(item.advantages).all() for item in made)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([[U, U], [U, U]], False),
        ([[C, C], [X, X]], False),
        ([[C, U], [U, X]], False),
        ([[C, C], [X, C]], True),
        ([[U, C, X]], True),
    ],
)
def test_a_step_has_a_gradient_where_verdicts_of_a_group_differ(
    groups: list[list[str]], expected: bool
) -> None:
    made = Step(groups).experiences(DecidedExperienceMaker)
    labels = [item.labels[0] for item in Step(groups).responses()]
    assert has_gradient(labels, Step(groups).arguments) == expected
    moved = any((item.advantages * item.action_mask).any() for item in made)
    assert moved == expected, "as its advantages say"


@pytest.mark.parametrize("flag", ["--actor.entropy_coef 0.01", "--actor.aux_loss_coef 0.01"])
def test_terms_that_need_no_advantage_train_on_every_step_with_a_verdict(flag: str) -> None:
    args = arguments(flags=[flag])
    assert has_gradient([judged("a", 0, C), judged("a", 1, C)], args)
    assert not has_gradient([judged("a", 0, U)], args)
    assert has_gradient([judged("a", 0, C)], arguments(beta=0.1))
    assert not has_gradient([judged("a", 0, C)], arguments(flags=["--actor.entropy_coef 0"]))


def test_reported_returns_are_the_advantages_that_were_trained_on() -> None:
    made = Step([[C, X, U, C], [U, C, X, X]], seed=1).experiences(DecidedExperienceMaker)
    for item in made:
        last = item.advantages.gather(1, item.total_length.long().unsqueeze(1) - 2).squeeze(1)
        assert torch.equal(item.info["return"], last)


def test_labels_are_not_carried_into_training() -> None:
    for item in Step([[C, X, U, C]]).experiences(DecidedExperienceMaker):
        assert item.labels == []


def test_an_advantage_is_clipped_as_openrlhf_clips_it() -> None:
    """Its ``reward.clip_range``; the one right response among many would go beyond it."""
    group = [C, *[X] * 126, U]
    step = Step([group])
    known = step.advantages_of_the_decided()
    assert known["t0 0"] == 10.0
    check_against_the_smaller_groups(step)


# ------------------------------------------------------------------ the loss


def loss(experiences: Sequence[Experience], places: Sequence[int], loss_kind: str) -> float:
    """OpenRLHF's policy loss over some responses, after the weights moved a little."""
    kept = []
    for name in ("action_log_probs", "advantages", "action_mask"):
        known = rows(experiences, name)
        padded = [known[place].float() for place in places]
        kept.append(torch.nn.utils.rnn.pad_sequence(padded, batch_first=True))
    old, advantages, mask = kept
    moved = old + 0.3 * torch.sin(100 * old)  # some ratios beyond the clip
    policy_loss = PolicyLoss(0.2, 0.2, 10.0, token_level_loss=loss_kind == "token-mean")
    value = policy_loss(moved, old, advantages, action_mask=mask)[0]
    return float(value)


@pytest.mark.parametrize("loss_kind", ["token-mean", "sequence-mean"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_loss_is_that_of_the_batch_without_the_undecided_responses(
    loss_kind: str, packed: bool
) -> None:
    groups = [[C, X, U, C], [X, X, X, C], [U, C, U, X], [C, U, U, U]]
    step = Step(groups, packed=packed, seed=6)
    made = step.experiences(DecidedExperienceMaker)
    names = names_of(step)
    results = [groups[int(name[1])][int(name.split()[1])] for name in names]
    decided = [place for place, result in enumerate(results) if result != U]
    everything = loss(made, range(len(names)), loss_kind)
    assert everything == pytest.approx(loss(made, decided, loss_kind), rel=1e-6)
    theirs = step.experiences(RemoteExperienceMaker)
    assert everything != pytest.approx(loss(theirs, range(len(names)), loss_kind), rel=1e-3)


# ------------------------------------------------------------------ the formula


@given(
    rewards=st.lists(st.floats(-2, 2), min_size=2, max_size=12),
    decided=st.lists(st.booleans(), min_size=12, max_size=12),
    by_deviation=st.booleans(),
)
def test_the_advantages_of_a_group_add_up_to_nothing(
    rewards: list[float], decided: list[bool], by_deviation: bool
) -> None:
    known = decided[: len(rewards)]
    made = [group_advantage(rewards, known, place, False) for place in range(len(rewards))]
    assert sum(made) == pytest.approx(0, abs=1e-4)
    assert all(value == 0 for value, counts in zip(made, known, strict=True) if not counts)


def test_known_advantages() -> None:
    rewards, decided = [1.0, -1.0, 0.0, 1.0], [True, True, False, True]
    by_mean = [group_advantage(rewards, decided, place, False) for place in range(4)]
    assert by_mean == pytest.approx([2 / 3, -4 / 3, 0, 2 / 3])
    deviation = (4 / 3) ** 0.5  # with Bessel's correction
    by_deviation = [group_advantage(rewards, decided, place, True) for place in range(4)]
    assert by_deviation == pytest.approx([value / deviation for value in by_mean])


def test_scores_of_one_verdict_are_a_gradient_where_scores_are_the_reward() -> None:
    made = [replace(judged("a", sample), verdict=Verdict.scored(sample / 4)) for sample in (1, 2)]
    assert are_idle(made) == [True, True]
    assert are_idle([replace(item, scheme="score") for item in made]) == [False, False]
