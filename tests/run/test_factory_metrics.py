"""What a step's line of metrics says of making instances, and that no decision depends on it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from scaler_core.config import EvaluationSection
from scaler_core.factory.interface import VirtualFactory
from scaler_core.factory.local import LocalFactory
from scaler_core.factory.ready import ReadyFactory
from scaler_core.interfaces import RunResult
from scaler_core.models import Question, Response
from scaler_core.plugins import load_plugins
from scaler_core.pool import write_pool
from scaler_core.run.directory import RunDirectory
from scaler_core.run.opening import open_run
from scaler_core.run.recipes import recipe_from
from scaler_core.run.session import Run
from scaler_core.testing.environments import program_environment
from scaler_plugins.backends.simulated import Simulated
from tests.factory.scripted import ScriptedSandbox, generated, ok, solutions

HOST = load_plugins()
STEPS = 8


def sandbox() -> ScriptedSandbox:
    """Runs the programs of the test's pool; every seventh seed is none that gives an instance."""

    def generate(data: bytes) -> RunResult:
        seed = json.loads(data)["seed"]
        return generated(f"1 {seed}", {"n": seed}) if seed % 7 else RunResult("time_limit")

    def add(data: bytes) -> RunResult:
        return ok(str(sum(map(int, data.split()))))

    return ScriptedSandbox({"g": generate, "a": add, "b": add})


def make_run(path: Path, *, instances: bool = True, **sections: dict[str, Any]) -> Run:
    """A run of the simulated backend; with *instances* they are really made, by a script."""
    if not (path / "pool").exists():
        environments = [
            program_environment(
                id=f"e{n}", levels=tuple(range(9)), generator="g", solutions=solutions("a", "b")
            )
            for n in range(6)
        ]
        write_pool(path / "pool", environments)
    recipe = {
        "run": {"steps": STEPS},
        "pool": {"path": str(path / "pool")},
        "batch": {"prompts": 6, "responses": 4},
        "curator": {"size": 3},
        "backend": {"use": "simulated", "learning_rate": 0.5},
        **sections,
    }
    run = open_run(recipe_from(recipe), run_dir=path / "unused", host=HOST)
    run.close()
    parts = dataclasses.replace(run.parts, sandbox=sandbox() if instances else None)
    name = f"run-{len(list(path.iterdir()))}"
    return Run(name, parts, RunDirectory(path / name))


def train(run: Run) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The run's metrics and events."""
    run.train()
    logs = [(run.directory / name).read_text() for name in ("metrics.jsonl", "events.jsonl")]
    metrics, events = ([json.loads(line) for line in log.splitlines()] for log in logs)
    return metrics, [event for event in events if event["kind"] != "started"]


def test_each_step_tells_what_making_its_instances_took(tmp_path: Path) -> None:
    metrics, _ = train(make_run(tmp_path, factory={"ready": 0}))
    for line in metrics:
        assert line["factory/made"] == 6
        replaced = line.get("replaced/generator_limit", 0)
        assert line.get("factory/failed/generator_limit", 0) == replaced
        assert line["factory/cpu_s/generator"] == 0.5 * 6
        assert line["factory/cpu_s/solutions"] == 0.5 * 12
        assert line["factory/sandbox/calls"] >= 9, "three programs of three environments"
        assert line["factory/wall_s/generator"] >= 0
        assert 0 < line["draw_s"] <= line["seconds"]
    assert sum(line.get("replaced/generator_limit", 0) for line in metrics) > 0


def test_the_ready_buffer_shows_what_it_gave_and_what_it_wasted(tmp_path: Path) -> None:
    metrics, _ = train(make_run(tmp_path))
    given = {"hits", "waited", "missed"}
    for line in metrics:
        asked = 6 + line.get("replaced", 0)
        assert sum(line.get(f"factory/ready/{name}", 0) for name in given) == asked
    assert sum(line.get("factory/ready/made_ahead", 0) for line in metrics) > 0


def test_the_same_is_decided_whatever_is_made_ahead(tmp_path: Path) -> None:
    expected = train(make_run(tmp_path, factory={"ready": 0}))[1]
    for ready in (1, 4):
        assert train(make_run(tmp_path, factory={"ready": ready, "workers": 5}))[1] == expected


def test_the_held_out_grid_belongs_to_no_step(tmp_path: Path) -> None:
    class Examined(Simulated):
        def train(self, feed: Any, run: Any) -> None:
            begin = run.begin
            run.begin = lambda: begin(answer)
            super().train(feed, run)

    def answer(questions: Sequence[Question]) -> list[tuple[int, Response]]:
        return [(index, Response(text="0")) for index in range(len(questions))]

    run = make_run(tmp_path, factory={"ready": 0})
    grid = EvaluationSection(levels=(0, 1), seeds=5)
    recipe = run.recipe.model_copy(update={"evaluation": grid})
    parts = dataclasses.replace(run.parts, recipe=recipe, backend=Examined())
    run.close()
    run = Run("examined", parts, RunDirectory(tmp_path / "examined"))
    assert [line["factory/made"] for line in train(run)[0]] == [6] * STEPS


def test_a_backend_without_instances_makes_nothing_ahead(tmp_path: Path) -> None:
    metrics, _ = train(make_run(tmp_path, instances=False))
    assert {line["factory/made"] for line in metrics} == {6}
    assert not [name for line in metrics for name in line if "ready" in name]


@pytest.mark.parametrize(
    ("instances", "ready", "kind"),
    [(True, 2, ReadyFactory), (True, 0, LocalFactory), (False, 2, VirtualFactory)],
)
def test_the_recipe_decides_whether_instances_are_made_ahead(
    tmp_path: Path, instances: bool, ready: int, kind: Callable[..., object]
) -> None:
    run = make_run(tmp_path, instances=instances, factory={"ready": ready})
    assert type(run._factory) is kind
    run.close()
