"""Engines are given whole weights, whatever is trained."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of adapters on their way to OpenRLHF's engines")

import torch

from scaler_plugins.backends.openrlhf.policy import MergedPolicy, broadcast_merged
from tests.openrlhf.adapters import adapted_model, plain_model

TARGETS = ["all-linear", ["q_proj", "v_proj"], ["down_proj"]]


@pytest.fixture(params=TARGETS, ids=str)
def adapted(request: pytest.FixtureRequest) -> Any:
    return adapted_model(request.param)


def test_the_names_are_those_that_an_engine_loaded(adapted: Any) -> None:
    sent = [name for name, _ in MergedPolicy(adapted).named_parameters()]
    assert sent == [name for name, _ in plain_model().named_parameters()]


def test_the_weights_are_those_of_the_merged_model(adapted: Any) -> None:
    sent = dict(MergedPolicy(adapted).named_parameters())
    before = dict(plain_model().named_parameters())
    merged = dict(deepcopy(adapted).merge_and_unload().named_parameters())
    assert sent.keys() == merged.keys()
    changed = 0
    for name, weight in sent.items():
        assert (weight.dtype, weight.shape) == (torch.bfloat16, before[name].shape)
        # one rounding to bfloat16 apart, which keeps 8 bits
        torch.testing.assert_close(weight, merged[name], rtol=2**-7, atol=1e-3)
        changed += not torch.equal(weight, before[name])
    assert changed > 0, "a weak test: the adapters add nothing"


def test_the_adapted_model_is_untouched_bit_for_bit(adapted: Any) -> None:
    before = {name: value.clone() for name, value in adapted.state_dict().items()}
    trained = {name for name, value in adapted.named_parameters() if value.requires_grad}
    for _, weight in MergedPolicy(adapted).named_parameters():
        assert weight.data_ptr()
    after = adapted.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert trained == {name for name, value in adapted.named_parameters() if value.requires_grad}
    assert all(".lora_" in name for name in trained)


def test_sending_twice_sends_the_same() -> None:
    policy = MergedPolicy(adapted_model())
    first, second = (dict(policy.named_parameters()) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_every_weight_is_sent_though_most_are_not_trained() -> None:
    """OpenRLHF leaves out what has no gradient where a model has eyes."""
    assert all(value.requires_grad for _, value in MergedPolicy(adapted_model()).named_parameters())


class FakeTrainer:
    """OpenRLHF's trainer of the policy, as far as sending weights goes."""

    def __init__(self, model: Any, fails: bool = False) -> None:
        self.actor = SimpleNamespace(model=SimpleNamespace(module=model))
        self.fails = fails
        self.sent: list[str] = []

    def broadcast_to_vllm(self) -> None:
        if self.fails:
            raise RuntimeError("an engine is gone")
        self.sent = [name for name, _ in self.actor.model.module.named_parameters()]


@pytest.mark.parametrize("fails", [False, True])
def test_openrlhfs_own_sending_is_given_the_merged_weights_for_that_time_only(fails: bool) -> None:
    trainer = FakeTrainer(adapted_model(), fails)
    theirs = trainer.actor
    if fails:
        with pytest.raises(RuntimeError, match="an engine is gone"):
            broadcast_merged(SimpleNamespace(trainer=trainer))
    else:
        broadcast_merged(SimpleNamespace(trainer=trainer))
        assert trainer.sent == [name for name, _ in plain_model().named_parameters()]
    assert trainer.actor is theirs
