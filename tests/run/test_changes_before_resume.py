"""What changed between the start of a run and its resume is said, recorded, or refused."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from scaler_core.config import ComponentSection, Recipe
from scaler_core.errors import UsageError
from scaler_core.models import Event
from scaler_core.run.checkpoint import MARKER
from scaler_core.run.observers import Observer
from scaler_core.run.opening import open_run, resume_run
from scaler_core.run.provenance import _report_components
from tests.run.test_run import HOST, StopAfter, log, recipe, start


class Warnings(Observer):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


def stopped(tmp_path: Path) -> Path:
    run = start(tmp_path)
    run.observer = StopAfter(run, 6)
    run.train()
    return tmp_path / "run"


def events(path: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in log(path, "events.jsonl") if event["kind"] == kind]


def test_versions_that_changed_are_an_event(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    facts = json.loads((path / "environment.json").read_text())
    facts["scaler"] = "0.0.1"
    facts["libraries"]["gone"] = "3.0"
    del facts["libraries"]["pydantic"]
    facts["plugins"][0]["version"] = "0.0.2"
    (path / "environment.json").write_text(json.dumps(facts))
    resume_run(path, host=HOST).train()
    (event,) = events(path, "versions_changed")
    versions = event["evidence"]["versions"]
    assert versions["scaler"]["old"] == "0.0.1"
    assert versions["gone"] == {"old": "3.0", "new": None}
    assert versions["pydantic"] == {"old": None, "new": metadata.version("pydantic")}
    assert "gone 3.0 -> absent" in event["reason"]
    assert json.loads((path / "environment.json").read_text())["scaler"] != "0.0.1"


def test_a_resume_with_the_same_versions_and_components_has_no_such_event(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    resume_run(path, host=HOST).train()
    assert not events(path, "versions_changed")
    assert not events(path, "component_changed")


def test_a_component_that_was_exchanged_is_named(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    overrides = ("controller.use=fixed", "backend.learning_rate=0.1")
    resume_run(path, overrides=overrides, host=HOST).train()
    reasons = [event["reason"] for event in events(path, "component_changed")]
    assert reasons == [
        "controller 'proportional' is now 'fixed'",
        "options of backend 'simulated' changed: learning_rate",
    ]


def test_a_damaged_newest_checkpoint_is_said_before_an_older_one_is_used(tmp_path: Path) -> None:
    path = stopped(tmp_path)
    newest = path / "checkpoints" / "step-6"
    (newest / "feed.json").write_text("")
    (newest.parent / "step-9").mkdir()
    run = resume_run(path, host=HOST)
    run.observer = warnings = Warnings()
    run.train()
    (text,) = warnings.texts
    assert f"checkpoint {newest} is damaged: feed.json has 0 bytes instead of" in text
    assert f"step-9 is damaged: {MARKER}" in text.replace("cannot read ", "").replace(
        f"{newest.parent / 'step-9'}/", ""
    )
    assert text.endswith("going on from step 3")
    (event,) = events(path, "resumed")
    assert len(event["evidence"]["damaged_checkpoints"]) == 2


def requiring(tmp_path: Path, *texts: str) -> None:
    start(tmp_path)  # makes the pool
    sections = recipe(tmp_path / "pool", run={"steps": 3, "requires": list(texts)})
    open_run(sections, run_dir=tmp_path / "required", host=HOST, only_preview=True).close()


def test_a_run_says_what_it_needs(tmp_path: Path) -> None:
    version = metadata.version("pydantic")
    requiring(tmp_path, f"pydantic=={version}", "pluggy>=1")
    with pytest.raises(UsageError, match=f"run.requires: pydantic<1, but version {version} is"):
        requiring(tmp_path, "pydantic<1")
    with pytest.raises(UsageError, match=r"scaler-x>=1\.2, but it is not installed .*pip install"):
        requiring(tmp_path, "scaler-x>=1.2")
    with pytest.raises(UsageError, match="'scaler-x >> 1' is no requirement of pip's form"):
        requiring(tmp_path, "scaler-x >> 1")
    assert not (tmp_path / "required").exists()


def test_an_option_that_is_not_set_deep_inside_has_not_changed() -> None:
    found: list[Event] = []
    before = Recipe(backend=ComponentSection(use="x", lora={"rank": 8}, lists=[{}]))
    after = Recipe(
        backend=ComponentSection(use="x", lora={"rank": 8, "a": None}, lists=[{"b": None}])
    )
    _report_components(before, after, 3, found.append)
    assert found == []
