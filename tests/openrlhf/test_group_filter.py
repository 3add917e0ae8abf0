"""A group filter on OpenRLHF's samples generator: what is drawn, trained on, and kept."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of OpenRLHF's samples generator")

from hypothesis import given, settings
from hypothesis import strategies as st
from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator

from scaler_core.interfaces import Oversampling
from scaler_plugins.backends.openrlhf.assignment import Assignment, group_by_ticket
from scaler_plugins.backends.openrlhf.mailbox import Item
from scaler_plugins.backends.openrlhf.trainer import GroupSampler
from tests.openrlhf.making import judged, response
from tests.plugins.backends.local.fakes import ticket

C, X, U = "correct", "incorrect", "undecided"


class Loader:
    """The tickets of two steps and what extends them; each ticket's verdicts are known before."""

    def __init__(self, groups: list[list[str]], prompts: int) -> None:
        self.groups = groups
        self.prompts = prompts
        self.drawn = 0

    def __iter__(self) -> Iterator[Item]:
        for _ in range(2):
            yield from self.extend(self.prompts)

    def extend(self, count: int) -> list[Item]:
        self.drawn += count
        names = [str(number) for number in range(self.drawn - count, self.drawn)]
        size = len(self.groups[0])
        return [(["e"], ["p"], [Assignment(ticket(name), size)], [None]) for name in names]


def engines(groups: list[list[str]], seed: int) -> Any:
    """In place of OpenRLHF's ``_generate_vllm``: answers to prompts, in any order."""
    rng = random.Random(seed)

    def generate(
        self: Any, prompts: Iterator[Item], count: int, dynamic_filtering: bool, **_: Any
    ) -> tuple[list[Any], int, bool]:
        assert not dynamic_filtering, "OpenRLHF's own filter hides groups from the curriculum"
        items = list(prompts)
        rng.shuffle(items)
        samples = []
        for _, _, (label,), _ in items:
            name = label.ticket.id
            answers = list(enumerate(groups[int(name)]))
            rng.shuffle(answers)
            samples += [
                response(judged(name, sample, result), float(result == C))
                for sample, result in answers
            ]
        return samples, len(items), len(items) < count

    return generate


@settings(max_examples=40, deadline=None)
@given(
    groups=st.lists(
        st.sampled_from([[C, X], [C, C], [X, X], [U, C], [X, C]]), min_size=24, max_size=24
    ),
    seed=st.integers(0, 100),
    oversample=st.sampled_from([1, 1.5, 3]),
)
def test_a_step_is_full_of_the_first_groups_that_teach_and_every_drawn_one_is_kept(
    groups: list[list[str]], seed: int, oversample: float
) -> None:
    loader, plan = Loader(groups, prompts=4), Oversampling(4, oversample)
    rollout = SimpleNamespace(batch_size=4, n_samples_per_prompt=2)
    args = SimpleNamespace(
        rollout=rollout,
        vllm=SimpleNamespace(enable_sleep=False),
        algo=SimpleNamespace(dynamic_filtering_enable=False),
    )
    sampler = GroupSampler(SimpleNamespace(args=args), loader, None, None, [])
    sampler.plan = plan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SamplesGenerator, "_generate_vllm", engines(groups, seed))
        for _ in range(2):
            begin = loader.drawn
            samples, _, drawn, over = sampler.generate_samples()
            assert not over
            names = [str(number) for number in range(begin, loader.drawn)]
            assert len(names) == drawn <= plan.most
            of = {item.ticket_id: item for item in group_by_ticket(sampler.judged)}
            assert sorted(of) == sorted(names), "each of them reaches the curriculum"
            assert all(list(item.verdicts) for item in of.values())
            teaching = [name for name in names if of[name].informative]
            assert plan.more(drawn, len(teaching)) == 0
            others = [name for name in names if name not in teaching]
            trained = [sample.labels[0].ticket.id for sample in samples]
            assert trained[::2] == trained[1::2] == [*teaching, *others][:4]
        assert sampler.generate_samples() == ([], None, 0, True)
