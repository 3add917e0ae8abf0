"""What travels with a prompt: tickets inwards, verdicts outwards."""

from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.judge import PortableJudge
from scaler_core.models import Response, Verdict
from scaler_core.seeds import derive_seed
from scaler_plugins.backends.openrlhf.assignment import Assignment, Judged, group_by_ticket
from tests.plugins.backends.local.fakes import ticket

RESULTS = (Verdict.correct(), Verdict.incorrect("wrong"), Verdict.undecided("lost"))


def judged(name: str, sample: int, verdict: Verdict = RESULTS[0]) -> Judged:
    return Judged(ticket(name), Response(text=f"{name} {sample}", sample=sample), verdict)


@given(
    tickets=st.integers(1, 5),
    samples=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_groups_are_the_same_in_whatever_order_responses_come(
    tickets: int, samples: int, seed: int
) -> None:
    rng = random.Random(seed)
    verdicts = [[rng.choice(RESULTS) for _ in range(samples)] for _ in range(tickets)]
    items = [
        judged(f"1.{index}", sample, verdict)
        for index, group in enumerate(verdicts)
        for sample, verdict in enumerate(group)
    ]
    rng.shuffle(items)
    groups = {group.ticket_id: list(group.verdicts) for group in group_by_ticket(items)}
    assert groups == {f"1.{index}": group for index, group in enumerate(verdicts)}


def test_a_ticket_is_one_group_however_its_responses_are_spread() -> None:
    items = [judged("a", 1), judged("b", 0), judged("a", 0), judged("b", 1), judged("a", 2)]
    assert [(g.ticket_id, len(g.verdicts)) for g in group_by_ticket(items)] == [("a", 3), ("b", 2)]
    assert group_by_ticket([]) == []


def test_a_group_knows_what_its_responses_cost() -> None:
    items = [
        Judged(ticket("a"), Response(text="", sample=sample, tokens=5 + sample), RESULTS[0])
        for sample in (1, 0)
    ]
    (group,) = group_by_ticket(items)
    assert group.tokens == 11


@pytest.mark.parametrize(
    ("verdict", "decided"), [*zip(RESULTS, (True, True, False), strict=True), (None, False)]
)
def test_only_a_real_verdict_is_decided(verdict: Verdict | None, decided: bool) -> None:
    assert Judged(ticket("a"), Response(text=""), verdict).decided is decided


@given(root=st.integers(0, 2**63 - 1))
def test_each_response_has_a_seed_of_its_own_that_vllm_can_take(root: int) -> None:
    assignment = Assignment(ticket("a"), 8, seed=root)
    seeds = [assignment.response_seed(sample) for sample in range(8)]
    assert seeds == [derive_seed(root, "response", sample) % 2**31 for sample in range(8)]
    assert len(set(seeds)) == 8
    assert all(seed is not None and 0 <= seed < 2**31 for seed in seeds)


def test_without_a_root_the_engine_draws_its_own_seeds() -> None:
    assert Assignment(ticket("a"), 8).response_seed(0) is None
    assert Assignment(ticket("a"), 8, seed=0).response_seed(0) is not None


def test_all_of_it_can_be_sent_to_another_machine() -> None:
    assignment = Assignment(ticket("a"), 8, PortableJudge(("one",)), "binary", ("</s>",), 3)
    assert pickle.loads(pickle.dumps(assignment)) == assignment
    item = judged("a", 2)
    assert pickle.loads(pickle.dumps(item)) == item
