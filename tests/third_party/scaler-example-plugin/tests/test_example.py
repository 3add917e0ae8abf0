"""The contracts of SCALER hold for every part of the example."""

from __future__ import annotations

import pytest
from scaler_example import plugin
from scaler_example.environments import Clock, Factors
from scaler_example.rotation import Rotation
from scaler_example.staircase import Staircase

from scaler_core.interfaces import EnvironmentPack
from scaler_core.models import Response, Ticket
from scaler_core.testing.contracts import (
    ControllerContract,
    CuratorContract,
    NativeEnvironmentContract,
)
from scaler_core.testing.fakes import FakeCuratorView, FakeRecord
from scaler_core.testing.plugins import load_one


class TestStaircase(ControllerContract):
    def make(self):
        return Staircase()


class TestRotation(CuratorContract):
    def make(self):
        return Rotation(Rotation.Config(size=3, turn=2))


class TestClock(NativeEnvironmentContract):
    def make(self):
        return Clock()


class TestFactors(NativeEnvironmentContract):
    def make(self):
        return Factors()


def test_the_host_takes_the_whole_plugin():
    host = load_one(plugin)
    assert host.warnings() == []
    assert host.plugins[0].kinds == {
        "environments": ("example-pack",),
        "controller": ("staircase",),
        "curator": ("rotation",),
    }
    assert set(host.classes(EnvironmentPack)["example-pack"]().open().ids()) == {
        "example-clock",
        "example-factors",
    }


def test_an_environment_leaves_when_its_turn_is_over():
    view = FakeCuratorView(
        active=[FakeRecord("old", difficulties=(0.0,) * 4), FakeRecord("new")],
        candidates=["next"],
    )
    assert [item.environment_id for item in Rotation().retire(view)] == ["old"]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("\\boxed{3 x 4}", "correct"),
        ("\\boxed{2*6}", "correct"),
        ("first \\boxed{1 x 12}, no: \\boxed{4, 3}", "correct"),
        ("\\boxed{1 x 12}", "incorrect"),
        ("\\boxed{-3 x -4}", "incorrect"),
        ("\\boxed{5 x 5}", "incorrect"),
        ("3 x 4", "incorrect"),
    ],
)
def test_any_two_factors_are_right_and_nothing_else(answer, result):
    ticket = Ticket.model_validate(
        {
            "id": "1",
            "step": 1,
            "environment_id": "example-factors",
            "level": 0,
            "seed": 0,
            "messages": [],
            "truth": "2 x 6",
            "verifier": {"use": "self"},
        }
    )
    assert Factors().score(Response(text=answer), ticket).result == result
