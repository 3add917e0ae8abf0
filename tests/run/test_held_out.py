"""Held-out environments: never drawn, measured apart, the same however the pool grows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core import read_events
from scaler_core.errors import UsageError
from scaler_core.run.held_out import is_held_out
from scaler_core.run.summary import summarize
from tests.run.asking import Asking, go_on, make_pool, start

HELD_OUT = {"benchmarks": [], "held_out": 0.3, "seeds": 2, "levels": [0, 1], "every": 2}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Asking.reset()
    yield
    Asking.reset()


@given(st.text(max_size=20), st.integers(0, 2**32), st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_larger_share_only_holds_out_more(
    name: str, seed: int, first: float, second: float
) -> None:
    small, large = sorted((first, second))
    assert not is_held_out(name, small, seed) or is_held_out(name, large, seed)
    assert not is_held_out(name, 0.0, seed)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_about_the_share_is_held_out_and_the_seed_decides_which(share: float) -> None:
    names = [f"environment-{number}" for number in range(2000)]
    chosen = [{name for name in names if is_held_out(name, share, seed)} for seed in (0, 1)]
    assert all(abs(len(found) / 2000 - share) < 0.04 for found in chosen)
    assert chosen[0] != chosen[1]


def events(path: Path) -> list[dict[str, object]]:
    return [event.model_dump(mode="json") for event in read_events(path / "run")]


def test_held_out_environments_are_never_drawn_nor_admitted(tmp_path: Path) -> None:
    run = start(tmp_path, run={"steps": 12}, curator={"size": 8}, evaluation=HELD_OUT)
    assert run.parts.held_out is not None
    held_out = set(run.parts.held_out.ids())
    trained = set(run.parts.source.ids())
    assert held_out
    assert held_out | trained == {f"e{n}" for n in range(8)}
    assert not held_out & trained
    run.train()
    seen = {event["environment_id"] for event in events(tmp_path)} - {None}
    drawn = {
        ticket[0]
        for event in events(tmp_path)
        if event["kind"] == "drawn"
        for ticket in event["evidence"]["tickets"]  # type: ignore[index]
    }
    assert drawn == trained
    assert not seen & held_out
    assert not set(json.loads((tmp_path / "run" / "pool.json").read_text())) & held_out


def test_the_grid_tells_both_sides_apart_by_level_on_a_schedule(tmp_path: Path) -> None:
    run = start(tmp_path, evaluation=HELD_OUT)
    assert run.parts.held_out is not None
    run.train()
    folder = tmp_path / "run" / "evaluation"
    steps = json.loads((folder / "figures.json").read_text())["steps"]
    assert list(steps) == ["0", "2", "4", "5"]
    outside = len(run.parts.held_out)
    for name in ("before", "after", "step-0/grid", "step-2/grid", "step-4/grid", "step-5/grid"):
        pools = json.loads((folder / f"{name}.json").read_text())["pools"]
        assert pools["out-of-pool"] == {"0": [0, 2 * outside], "1": [0, 2 * outside]}
        assert pools["in-pool"]["0"] == [0, 2 * (8 - outside)]
    assert steps["2"] == {
        f"grid/{pool}{level}": 0.0
        for pool in ("in-pool", "out-of-pool")
        for level in ("", "/level-0", "/level-1")
    }
    summary = summarize(run.files)
    assert summary.before is not None
    assert summary.outside_after is not None
    assert summary.before.decided == 4 * (8 - outside)
    assert summary.outside_after.decided == 4 * outside


def test_without_held_out_environments_the_grid_has_no_schedule(tmp_path: Path) -> None:
    start(tmp_path, evaluation={**HELD_OUT, "held_out": 0.0}).train()
    folder = tmp_path / "run" / "evaluation"
    assert {item.name for item in folder.iterdir()} == {"grid.jsonl", "before.json", "after.json"}
    assert list(json.loads((folder / "after.json").read_text())["pools"]) == ["in-pool"]


def test_what_was_held_out_stays_so_when_the_pool_grows(tmp_path: Path) -> None:
    run = start(tmp_path, run={"steps": 2}, evaluation=HELD_OUT)
    assert run.parts.held_out is not None
    before = set(run.parts.held_out.ids()), set(run.parts.source.ids())
    run.train()
    make_pool(tmp_path / "pool", count=14)
    again = go_on(tmp_path, "run.steps=4")
    assert again.parts.held_out is not None
    assert before[0] <= set(again.parts.held_out.ids())
    assert before[1] <= set(again.parts.source.ids())
    again.train()


def test_the_share_cannot_be_changed_on_the_way(tmp_path: Path) -> None:
    start(tmp_path, run={"steps": 2}, evaluation=HELD_OUT).train()
    for setting in ("evaluation.held_out=0.5", " evaluation . held_out = 0.5"):
        with pytest.raises(UsageError, match=r"evaluation\.held_out cannot be changed"):
            go_on(tmp_path, "run.steps=4", setting)
