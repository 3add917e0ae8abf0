"""What the packs of reasoning-gym do without the library; tests/adapters has it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.errors import UsageError
from scaler_core.models import ComponentChoice, Response, Ticket
from scaler_plugins.environments import reasoning_gym
from scaler_plugins.environments.reasoning_gym import ReasoningGymPack, UncertifiedPack
from scaler_plugins.environments.reasoning_gym.certificates import certificates
from scaler_plugins.environments.reasoning_gym.datasets import (
    environment_class,
    environment_id,
    read_box,
)


@pytest.fixture
def installed(monkeypatch):
    def install(version: str) -> None:
        monkeypatch.setattr(reasoning_gym, "_installed_version", lambda: version)

    reasoning_gym._open.cache_clear()
    yield install
    reasoning_gym._open.cache_clear()


def test_only_what_is_certified_opens_and_all_else_has_a_reason(installed):
    installed("0.1.25")
    opened, others = ReasoningGymPack().open(), UncertifiedPack().open()
    known = certificates()
    assert set(opened.ids()) == {environment_id(n) for n, item in known.items() if item.certified}
    assert len(opened) + len(others) == len(known)
    assert all(others.get(name).remark for name in others.ids())
    assert all(opened.left_out(name) for name in others.ids())


def test_another_version_than_the_certified_one_is_refused_with_the_way_out(installed):
    installed("9.9")
    with pytest.raises(UsageError, match=r"9\.9 is installed, but the certificates are for 0\.1"):
        ReasoningGymPack().open()


@settings(max_examples=50)
@given(st.text(alphabet="{}[]ab \n", min_size=1, max_size=12).map(str.strip).filter(bool))
def test_whatever_the_truth_its_box_is_read_as_it_stands(truth):
    response = Response(text=f"It may be \\boxed{{}}. No: \\boxed{{{truth}}}")
    assert read_box(response, truth) == (truth, "")


def test_an_answer_that_would_take_the_scorer_minutes_never_reaches_it():
    environment = environment_class("any", "1", 1)()
    fields = {"id": "t", "step": 1, "environment_id": "rg-any", "level": 0, "seed": 1}
    ticket = Ticket(**fields, messages=(), truth="7", verifier=ComponentChoice(use="native"))
    verdict = environment.score(Response(text=f"\\boxed{{{'9' * 20_000}}}"), ticket)
    assert (verdict.result, verdict.reason) == ("incorrect", "answer too long")
