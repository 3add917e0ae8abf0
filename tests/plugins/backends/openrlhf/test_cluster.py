"""What is asked of the machines of a cluster before anything is loaded on them."""

from __future__ import annotations

import pickle
import platform
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="a test of what is asked of a Ray cluster")

import ray

from scaler_core.errors import UsageError
from scaler_core.judge import PortableJudge
from scaler_plugins.backends.openrlhf.cluster import _compare, _refuse_too_little, describe_machine
from scaler_plugins.backends.openrlhf.flags import AGENT
from tests.plugins.backends.openrlhf.making import options

JUDGE = PortableJudge(())


def cluster(
    monkeypatch: pytest.MonkeyPatch, has: Mapping[str, float], free: Mapping[str, float]
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: dict(has))
    monkeypatch.setattr(ray, "available_resources", lambda: dict(free))


# ------------------------------------------------------------------ one machine


def test_a_machine_tells_its_versions_also_those_of_plugins(tmp_path: Path) -> None:
    there = describe_machine(pickle.loads(pickle.dumps(JUDGE)), str(AGENT), str(tmp_path / "mark"))
    assert there.versions["Python"] == platform.python_version()
    assert there.versions["scaler-rl"] == JUDGE.versions()["scaler-rl"]
    assert {"ray", "torch", "openrlhf", "peft"} <= there.versions.keys()
    assert (there.agent, there.mark) == (True, None)


def test_a_machine_reads_the_mark_and_looks_for_the_agent(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("of this run")
    there = describe_machine(JUDGE, str(tmp_path / "agent.py"), str(tmp_path / "mark"))
    assert (there.agent, there.mark) == (False, "of this run")


@pytest.mark.parametrize("there", [{"torch": "2.13.0"}, {"torch": "2.13.0", "vllm": "0.28.0"}])
def test_the_first_difference_is_told_with_the_machines_name(there: dict[str, str]) -> None:
    here = {"torch": "2.13.0", "vllm": "0.29.0"}
    _compare("node-2", here, here)
    known = there.get("vllm", "not installed")
    with pytest.raises(UsageError, match=rf"node-2 .* vllm is {known} there and 0\.29\.0 here"):
        _compare("node-2", here, there)


# ------------------------------------------------------------------ the whole cluster


def test_a_cluster_with_room_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"GPU": 4, "CPU": 5}, {"GPU": 4, "CPU": 5})
    _refuse_too_little(options(gpus_per_node=4))


@pytest.mark.parametrize(
    ("has", "free", "told"),
    [
        ({}, {}, "need 4 GPUs, but the Ray cluster has 0"),
        ({"GPU": 3, "CPU": 64}, {"GPU": 3, "CPU": 64}, "need 4 GPUs, but the Ray cluster has 3"),
        ({"GPU": 8, "CPU": 4}, {"GPU": 8, "CPU": 4}, "need 5 cores, but the Ray cluster has 4"),
        ({"GPU": 8, "CPU": 64}, {"GPU": 2, "CPU": 64}, "need 4 GPUs, but only 2 of the Ray"),
        ({"GPU": 8, "CPU": 64}, {"GPU": 4, "CPU": 1}, "need 5 cores, but only 1 of the Ray"),
        ({"GPU": 8, "CPU": 64}, {"CPU": 64}, "need 4 GPUs, but only 0 of the Ray"),
    ],
)
def test_what_ray_would_wait_for_without_a_word_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    has: dict[str, float],
    free: dict[str, float],
    told: str,
) -> None:
    cluster(monkeypatch, has, free)
    with pytest.raises(UsageError) as caught:
        _refuse_too_little(options(gpus_per_node=4))
    assert told in caught.value.message
    assert "ray status" in caught.value.hint
