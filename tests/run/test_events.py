"""The lines of events.jsonl: short, one decision each, and read back whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core import read_events
from scaler_core.curriculum.tickets import instance_seed
from scaler_core.errors import DataError
from scaler_core.jsonio import compact_json
from scaler_core.models import Event, Outcome, accuracy
from scaler_core.run import session
from scaler_core.run.events import event_line
from scaler_core.run.observers import Observer
from scaler_core.run.opening import resume_run
from tests.run.test_run import HOST, StopAfter, decisions, start

SEED = 11
NAMES = st.text("abc-9", min_size=1, max_size=8)


def started(seed: int = SEED) -> Event:
    return Event(kind="started", step=0, evidence={"recipe": "some", "seed": seed})


def written(folder: Path, *events: Event, whole: bool = False) -> Path:
    """A run's folder with these events, *whole* as objects."""
    values = [event.model_dump(mode="json") if whole else event_line(event) for event in events]
    text = "".join(compact_json(value) + "\n" for value in values)
    (folder / "events.jsonl").write_text(text)
    return folder


@st.composite
def moves(draw: st.DrawFn) -> Event:
    levels = draw(st.lists(st.integers(0, 30), min_size=1, max_size=3, unique=True))
    outcomes = [
        Outcome(level=level, correct=right, decided=right + wrong, undecided=undecided)
        for level in levels
        for right, wrong, undecided in [draw(st.tuples(*[st.integers(0, 9)] * 3))]
    ]
    difficulties = st.floats(0, 30)
    evidence: dict[str, Any] = {
        "before": draw(difficulties),
        "after": draw(difficulties),
        "accuracy": accuracy(outcomes),
        "outcomes": {str(o.level): [o.correct, o.decided, o.undecided] for o in outcomes},
    }
    said = {"why": draw(NAMES), "figures": {"skill": draw(difficulties)}}
    evidence |= {key: said[key] for key in said if draw(st.booleans())}
    name, step = draw(NAMES), draw(st.integers(1, 10**6))
    return Event(kind="difficulty", step=step, environment_id=name, evidence=evidence)


@st.composite
def draws(draw: st.DrawFn) -> Event:
    places = st.tuples(NAMES, st.integers(0, 30), st.integers(0, 999), st.integers(0, 4))
    tickets: list[Any] = [
        [*place, instance_seed(SEED, *place)] for place in draw(st.lists(places, max_size=5))
    ]
    return Event(kind="drawn", step=draw(st.integers(1, 99)), evidence={"tickets": tickets})


OTHERS = st.builds(
    Event,
    kind=st.sampled_from(["retired", "admitted", "quarantined", "difficulty", "drawn"]),
    step=st.integers(0, 99),
    environment_id=st.none() | NAMES,
    reason=st.sampled_from(["", "slope"]),
    evidence=st.dictionaries(st.sampled_from(["before", "x"]), st.integers() | st.text("a\u2028")),
)


@given(st.lists(st.one_of(moves(), draws(), OTHERS)))
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    assert list(read_events(written(folder, started(), *events))) == [started(), *events]
    # as they stand in a run that wrote whole objects
    assert list(read_events(written(folder, started(), *events, whole=True))) == [
        started(),
        *events,
    ]


class Keeps(Observer):
    """Keeps the events of a run as they were made."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, event: Event) -> None:
        self.events.append(event)


def test_a_run_is_read_back_event_for_event_and_takes_a_line_each(tmp_path: Path) -> None:
    run = start(tmp_path, run={"steps": 30})
    keeps = run.observer = Keeps()
    run.train()
    assert list(read_events(tmp_path / "run")) == keeps.events
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    assert len(lines) == len(keeps.events)
    whole = sum(len(compact_json(item.model_dump(mode="json"))) + 1 for item in keeps.events)
    assert sum(len(line) + 1 for line in lines) <= whole / 2


def test_a_run_with_whole_events_goes_on_and_is_summarized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = start(tmp_path, "whole").train()
    run = start(tmp_path, "cut")
    run.observer = StopAfter(run, 6)
    with monkeypatch.context() as patch:
        patch.setattr(session, "event_line", lambda event: event.model_dump(mode="json"))
        run.train()
    log = tmp_path / "cut" / "events.jsonl"
    half = log.read_text()
    assert {type(json.loads(line)) for line in half.splitlines()} == {dict}
    assert resume_run(tmp_path / "cut", host=HOST).train() == expected
    assert log.read_text().startswith(half)
    assert {type(json.loads(line)) for line in log.read_text().splitlines()} == {dict, list}
    assert decisions(tmp_path / "cut") == decisions(tmp_path / "whole")


def test_a_line_that_is_no_event_is_named(tmp_path: Path) -> None:
    for wrong in ('["difficulty",1,"a"]', "3", '["drawn",1,[["a"]]]', '{"kind":"retired"}'):
        path = written(tmp_path, started())
        with (path / "events.jsonl").open("a") as stream:
            stream.write(wrong + "\n")
        with pytest.raises(DataError, match=r"events.jsonl line 2 is no event"):
            list(read_events(path))


def test_a_folder_without_events_has_none(tmp_path: Path) -> None:
    assert list(read_events(tmp_path)) == []


def test_a_move_by_scores_is_kept_whole() -> None:
    """Its accuracy does not follow from how many were correct."""
    evidence = {"before": 1.0, "after": 1.5, "accuracy": 0.75, "outcomes": {"1": [1, 4, 0]}}
    event = Event(kind="difficulty", step=3, environment_id="e", evidence=evidence)
    assert event_line(event)["evidence"] == evidence
    plain = event.model_copy(update={"evidence": {**evidence, "accuracy": 0.25}})
    assert event_line(plain) == ["difficulty", 3, "e", 1.0, 1.5, {"1": [1, 4]}]
