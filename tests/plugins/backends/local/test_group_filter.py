"""A group filter in training: further tickets until enough groups teach, and all are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scaler_core.interfaces import Oversampling
from scaler_core.models import Response, Ticket, Verdict
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun, right_or_wrong
from tests.plugins.backends.local.test_training import local, same, weights

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

TEACHING = ("1.1", "1.3", "1.4", "1.6")


def some_teach(ticket: Ticket, response: Response) -> Verdict:
    return teach(TEACHING, ticket, response)


def teach(some: Sequence[str], ticket: Ticket, response: Response) -> Verdict:
    """Right and wrong in turn for *some* tickets, wrong for all others."""
    right = ticket.id in some and response.sample is not None and response.sample % 2 == 0
    return Verdict.correct() if right else Verdict.incorrect("wrong")


def trained(model: Path, folder: Path, feed: FakeFeed, **options: Any) -> FakeRun:
    run = FakeRun(folder, steps=1, prompts=feed.prompts, **options)
    local(model).train(feed, run)
    return run


def test_a_step_draws_until_enough_groups_teach(micro_model: Path, tmp_path: Path) -> None:
    feed = FakeFeed(prompts=3, judge=some_teach)
    run = trained(micro_model, tmp_path / "run", feed, oversampling=Oversampling(3, 4))
    # 1 of 3 teaches: 3 more, the most at once, of which 2 do
    assert feed.calls == ["draw 1", "extend 1 by 3", "record 1"]
    assert [group.ticket_id for group in feed.groups] == [f"1.{index}" for index in range(6)]
    assert run.metrics[0]["grad_norm"] > 0
    assert all(group.tokens for group in feed.groups)


def test_what_is_trained_on_are_the_groups_that_teach(micro_model: Path, tmp_path: Path) -> None:
    """The first three that teach, whatever else was drawn: the others leave no trace."""
    folders = []
    for extra in (("1.1", "1.3", "1.4", "1.5"), TEACHING[:3]):  # a fourth is above what is wanted
        feed = FakeFeed(
            prompts=3,
            judge=lambda ticket, response, extra=extra: teach(extra, ticket, response),
        )
        folder = tmp_path / str(len(extra))
        trained(micro_model, folder, feed, oversampling=Oversampling(3, 3))
        assert len(feed.groups) == 6
        folders.append(folder / "step-1")
    assert same(*(weights(folder) for folder in folders))
    assert not same(weights(folders[0]), weights(micro_model))


def test_at_its_bound_a_step_trains_on_what_it_has(micro_model: Path, tmp_path: Path) -> None:
    feed = FakeFeed(prompts=3, judge=some_teach)
    run = trained(micro_model, tmp_path / "run", feed, oversampling=Oversampling(3, 1.4))
    assert len(feed.groups) == 4
    assert run.metrics[0]["grad_norm"] > 0


def test_a_step_in_which_nothing_teaches_moves_no_weight(micro_model: Path, tmp_path: Path) -> None:
    feed = FakeFeed(prompts=2, judge=lambda ticket, response: Verdict.incorrect("wrong"))
    trained(micro_model, tmp_path / "run", feed, oversampling=Oversampling(2, 2))
    assert len(feed.groups) == 4
    assert same(weights(tmp_path / "run/step-1"), weights(micro_model))


def test_without_a_filter_nothing_further_is_drawn(micro_model: Path, tmp_path: Path) -> None:
    feed = FakeFeed(prompts=2, judge=right_or_wrong)
    trained(micro_model, tmp_path / "run", feed)
    assert feed.calls == ["draw 1", "record 1"]
