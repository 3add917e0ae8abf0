"""The held-out grid: fixed, honest about what it lacks, and scored right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scaler_core.errors import DataError, InfrastructureError
from scaler_core.factory import InstanceFailure, InstanceRequest, InstanceResult
from scaler_core.models import ComponentChoice, Ticket, Verdict
from scaler_core.pool.source import MemorySource
from scaler_core.run.held_out import (
    ATTEMPTS,
    Score,
    make_grid,
    read_grid,
    score_grid,
    standard_errors,
    write_grid,
)
from scaler_core.testing.environments import program_environment
from tests.run.worlds import NamedJudge, ScriptedFactory

TYPED = ComponentChoice(use="typed")


def grid(factory: ScriptedFactory, *, seeds: int = 3) -> tuple[list[Ticket], dict[str, int]]:
    source = MemorySource(
        [
            program_environment(id="short", levels=(0, 1)),
            program_environment(id="tall", levels=tuple(range(9))),
        ]
    )
    judge = NamedJudge(factory)
    return make_grid(source, factory, judge, TYPED, levels=[0, 1, 8], seeds=seeds)


def test_every_level_that_an_environment_has_is_asked() -> None:
    tickets, dropped = grid(ScriptedFactory())
    cells = {(ticket.environment_id, ticket.level) for ticket in tickets}
    assert cells == {("short", 0), ("short", 1), ("tall", 0), ("tall", 1), ("tall", 8)}
    assert len(tickets) == 15
    assert len({ticket.seed for ticket in tickets}) == 15
    assert dropped == {}


def test_the_grid_is_the_same_every_time() -> None:
    assert grid(ScriptedFactory()) == grid(ScriptedFactory())


def test_invalid_instances_are_replaced_and_lasting_failures_counted() -> None:
    def answer(environment, level, seed):  # type: ignore[no-untyped-def]
        if environment.id == "short" and level == 0:
            return InstanceFailure("disagreement", "2 != 3")
        return InstanceFailure("generator_error", "odd") if seed % 2 else "1"

    tickets, dropped = grid(ScriptedFactory(answer))
    assert dropped["disagreement"] == 3
    assert len(tickets) + sum(dropped.values()) == 15
    assert all(ticket.seed % 2 == 0 for ticket in tickets)


class CountsCalls(ScriptedFactory):
    """Notes the requests of each call."""

    calls: list[list[tuple[str, int, int]]]

    def make_many(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        self.calls.append([(r.environment.id, r.level, len(r.seeds)) for r in requests])
        return super().make_many(requests)


def test_the_whole_grid_is_asked_for_at_once_and_so_are_replacements() -> None:
    def answer(environment, level, seed):  # type: ignore[no-untyped-def]
        return InstanceFailure("generator_error", "odd") if seed % 2 else "1"

    factory = CountsCalls(answer)
    factory.calls = []
    tickets, _ = grid(factory, seeds=4)
    whole = [("short", 0, 4), ("short", 1, 4), ("tall", 0, 4), ("tall", 1, 4), ("tall", 8, 4)]
    assert factory.calls[0] == whole
    assert 1 < len(factory.calls) <= ATTEMPTS
    left = [sum(seeds for *_, seeds in requests) for requests in factory.calls]
    assert left == sorted(left, reverse=True), "only places that are still empty"
    assert [(t.environment_id, t.level) for t in tickets] == sorted(
        (t.environment_id, t.level) for t in tickets
    )


def test_many_workers_make_the_grid_of_one() -> None:
    def answer(environment, level, seed):  # type: ignore[no-untyped-def]
        return InstanceFailure("generator_error", "no") if seed % 3 == 0 else str(seed)

    assert grid(SideBySide(answer)) == grid(ScriptedFactory(answer))


class SideBySide(ScriptedFactory):
    """Makes its requests in threads, the last one first."""

    def make_many(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        with ThreadPoolExecutor(8) as threads:
            asked = [(item.environment, item.level, item.seeds) for item in reversed(requests)]
            made = [threads.submit(self.make, *item) for item in asked]
            return [future.result() for future in reversed(made)]


def test_a_failing_machine_does_not_shrink_the_grid_in_silence() -> None:
    factory = ScriptedFactory(lambda *_: InstanceFailure("infrastructure", "no memory"))
    with pytest.raises(InfrastructureError, match="'short' could be made: no memory"):
        grid(factory)


def test_the_grid_survives_the_disk_and_damage_is_told(tmp_path: Path) -> None:
    tickets, _ = grid(ScriptedFactory())
    path = tmp_path / "grid.jsonl"
    write_grid(path, tickets)
    assert read_grid(path) == tickets
    path.write_text(path.read_text() + '{"id": 3}\n')
    with pytest.raises(DataError, match="is damaged"):
        read_grid(path)


def test_undecided_answers_are_left_out_of_the_accuracy() -> None:
    tickets, _ = grid(ScriptedFactory())
    verdicts = [Verdict.correct()] * 6 + [Verdict.incorrect("x")] * 6 + [Verdict.undecided("y")] * 3
    scores = score_grid(tickets, verdicts)
    assert (scores["correct"], scores["decided"], scores["undecided"]) == (6, 12, 3)
    assert scores["accuracy"] == 0.5
    assert scores["cells"]["short"] == {"0": [3, 3], "1": [3, 3]}
    assert scores["cells"]["tall"]["8"] == [0, 0]


def test_nothing_decided_is_no_accuracy() -> None:
    tickets, _ = grid(ScriptedFactory(), seeds=1)
    scores = score_grid(tickets, [Verdict.undecided("y")] * len(tickets))
    assert scores["accuracy"] is None
    assert math.isnan(Score(0, 0).accuracy)


def test_standard_errors_are_those_of_two_proportions() -> None:
    expected = 0.1 / math.sqrt(0.5 * 0.5 / 1000 + 0.6 * 0.4 / 1000)
    assert standard_errors(Score(500, 1000), Score(600, 1000)) == pytest.approx(expected)
