"""What a run keeps of each step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from scaler_core.models import ComponentChoice, Response, Ticket, Verdict
from scaler_core.run.directory import RunDirectory
from scaler_core.run.step_log import SAMPLE_CHARACTERS, SAMPLES_PER_STEP, StepLog, counter_deltas


def sample(name: str, text: str) -> tuple[Ticket, Response, Verdict]:
    ticket = Ticket(
        id=name,
        step=1,
        environment_id="e",
        level=0,
        seed=0,
        messages=({"role": "user", "content": "1 + 1?"},),
        truth="2",
        verifier=ComponentChoice(use="typed"),
    )
    return ticket, Response(text=text), Verdict.correct()


def lines(path: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / name).read_text().splitlines()]


@contextmanager
def step_log(
    path: Path, counters: dict[str, float] | None = None, seed: int = 0
) -> Iterator[StepLog]:
    with closing(RunDirectory(path)) as files:
        yield StepLog(files, seed, lambda: dict(counters or {}))


def test_the_first_response_to_each_of_a_few_tickets_is_kept(tmp_path: Path) -> None:
    samples = [sample(f"t{ticket}", f"{ticket}/{number}") for ticket in range(9) for number in "01"]
    with step_log(tmp_path) as log:
        for step in (1, 2):
            log.write(step, {}, {}, samples)
    kept: dict[int, list[str]] = {1: [], 2: []}
    for line in lines(tmp_path, "samples.jsonl"):
        kept[line["step"]].append(line["ticket"])
        assert line["response"].endswith("/0")
    assert [len(names) for names in kept.values()] == [SAMPLES_PER_STEP] * 2
    assert all(names == sorted(set(names)) for names in kept.values())
    assert kept[1] != kept[2], "other tickets in each step"


def test_the_same_seed_keeps_the_same_samples(tmp_path: Path) -> None:
    samples = [sample(f"t{number}", "x") for number in range(20)]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        with step_log(tmp_path / name, seed=seed) as log:
            log.write(1, {}, {}, samples)
    kept = {name: lines(tmp_path / name, "samples.jsonl") for name in "abc"}
    assert kept["a"] == kept["b"] != kept["c"]


def test_long_texts_are_cut(tmp_path: Path) -> None:
    with step_log(tmp_path) as log:
        log.write(1, {}, {}, [sample("t", "x" * 9_999)])
    (line,) = lines(tmp_path, "samples.jsonl")
    assert len(line["response"]) == SAMPLE_CHARACTERS


def test_a_line_has_what_counters_grew_by_since_the_line_before(tmp_path: Path) -> None:
    counters = {"made": 3.0, "still": 7.0}
    with step_log(tmp_path, counters) as log:
        log.restart_clock()
        counters["made"] = 5.0
        log.write(1, {"accuracy": 0.5}, {"loss": float("inf")}, [])
        counters["made"] = 6.0
        log.restart_clock()
        counters["made"] = 10.0
        log.write(2, {"accuracy": 0.5}, {"loss": 0.25}, [])
    first, second = lines(tmp_path, "metrics.jsonl")
    assert (first["factory/made"], second["factory/made"]) == (2, 4)
    assert (first["loss"], second["loss"]) == (None, 0.25)
    assert "factory/still" not in first
    assert 0 <= second["seconds"] < 60


def test_a_counter_that_is_new_has_grown_from_nothing() -> None:
    assert counter_deltas({"a": 1.0}, {"a": 1.0, "b": 2.0}) == {"b": 2.0}
