"""A feed without a backend: any order of calls, lags, kills at any moment, checkpoints by name."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from scaler_core.config import Recipe
from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    FeedFull,
    InfrastructureError,
    PoolExhausted,
    UsageError,
)
from scaler_core.factory import InstanceFailure
from scaler_core.jsonlines import JsonLines
from scaler_core.models import Response, Verdict
from scaler_core.run.events import read_events
from scaler_core.run.feed_checkpoints import FeedCheckpoints
from scaler_core.run.open_feed import OpenFeed, open_feed
from scaler_core.run.opening import open_run, resume_run
from scaler_core.run.setup import FeedParts
from scaler_core.seeds import derive_random
from tests.run.test_run import HOST, make_pool, recipe
from tests.run.worlds import ScriptedFactory

RIGHT, WRONG = Verdict.correct("1"), Verdict.incorrect("wrong")


class Killed(BaseException):
    """Simulates a kill: no code under test catches it."""


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch) -> ScriptedFactory:
    """Makes the instances of every feed of the test, without programs."""
    made = ScriptedFactory()
    monkeypatch.setattr(FeedParts, "make_factory", lambda self: made)
    return made


@pytest.fixture
def opened(tmp_path: Path, factory: ScriptedFactory) -> Iterator[Callable[..., OpenFeed]]:
    """Opens the feed in ``tmp_path / name``; all are closed at the end."""
    pool, feeds = make_pool(tmp_path / "pool"), []

    def open_it(name: str = "feed", at: str | None = None, **sections: Any) -> OpenFeed:
        directory = tmp_path / name
        settings = {"factory": {"ready": 0}, **sections}
        feed = open_feed(recipe(pool, **settings), directory=directory, at=at, host=HOST)
        feeds.append(feed)
        return feed

    yield open_it
    for feed in feeds:
        feed.abort()


def events(feed: OpenFeed, kind: str = "") -> list[dict[str, Any]]:
    found = [event.model_dump(mode="json") for event in read_events(feed.files.path)]
    return [item for item in found if not kind or item["kind"] == kind]


def decisions(feed: OpenFeed) -> list[dict[str, Any]]:
    """All events but those of opening, which say nothing of the curriculum."""
    return [item for item in events(feed) if item["kind"] not in ("started", "resumed")]


def metrics(feed: OpenFeed) -> list[dict[str, Any]]:
    path = feed.files.path / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def answers(ticket_id: str) -> list[Verdict]:
    """Four verdicts that follow from the ticket alone."""
    rng = derive_random("answer", ticket_id)
    return [rng.choice((RIGHT, WRONG)) for _ in range(4)]


# ------------------------------------------------------------------ one loop, any order


def test_a_ticket_is_drawn_judged_and_recorded(opened: Callable[..., OpenFeed]) -> None:
    with opened() as feed:
        ticket = feed.draw()
        verdict = feed.verify(ticket, f"\\boxed{{{ticket.truth}}}")
        assert verdict.result == "correct"
        feed.record(ticket.id, [verdict, feed.verify(ticket, "no idea")])
        assert feed.open_tickets == {}


def test_a_step_ends_when_as_many_tickets_came_back_as_a_step_has(
    opened: Callable[..., OpenFeed],
) -> None:
    feed = opened()  # 6 prompts a step
    tickets = [feed.draw() for _ in range(12)]
    assert {ticket.step for ticket in tickets} == {1}
    for ticket in reversed(tickets[3:9]):
        assert feed.step == 0
        feed.record(ticket, [RIGHT] * 4)
    assert feed.step == 1
    assert [line["step"] for line in metrics(feed)] == [1]
    assert feed.draw().step == 2


def test_a_loop_that_waits_draws_what_a_run_draws(opened: Callable[..., OpenFeed]) -> None:
    """One plan a step, all ages 0: by single tickets, and by whole batches."""
    single, whole = opened("single"), opened("whole")
    for _ in range(8):
        one_by_one = [single.draw() for _ in range(6)]
        batch = whole.draw_batch()
        assert list(batch.tickets) == one_by_one
        for ticket in one_by_one:
            single.record(ticket, answers(ticket.id))
        for ticket in random.Random(1).sample(batch.tickets, 6):
            whole.record(ticket, answers(ticket.id))
    assert decisions(single) == decisions(whole)


def test_the_order_in_which_tickets_come_back_within_a_step_decides_nothing(
    opened: Callable[..., OpenFeed],
) -> None:
    feeds = [opened(str(number)) for number in range(2)]
    for number, feed in enumerate(feeds):
        for _ in range(6):
            tickets = [feed.draw() for _ in range(6)]
            random.Random(number).shuffle(tickets)
            for ticket in tickets:
                feed.record(ticket, answers(ticket.id))
    assert decisions(feeds[0]) == decisions(feeds[1])


def test_outcomes_carry_their_age(opened: Callable[..., OpenFeed]) -> None:
    """Tickets of the second plan were drawn before the first step ended."""
    feed = opened()
    tickets = [feed.draw() for _ in range(12)]
    for ticket in tickets:
        feed.record(ticket, [RIGHT, WRONG, RIGHT, WRONG])
    assert [line.get("mean_age", 0) for line in metrics(feed)] == [0, 1]


def test_late_outcomes_far_from_d_do_not_move_it(opened: Callable[..., OpenFeed]) -> None:
    """Level 0 says nothing any more once d stands at 2; with the option it counts."""
    found = {}
    for late in ("near", "all"):
        feed = opened(late, curator={"size": 1}, controller={"late": late})
        stale = [feed.draw() for _ in range(6)]
        for _ in range(2):
            for ticket in [feed.draw() for _ in range(6)]:
                feed.record(ticket, [RIGHT] * 4)
        for ticket in stale:
            feed.record(ticket, [WRONG] * 4)
        (row,) = feed.environments()
        found[late] = row["difficulty"]
    assert found == {"near": 2.0, "all": 1.0}


def test_no_more_tickets_are_out_than_may_be(opened: Callable[..., OpenFeed]) -> None:
    feed = opened(feed={"max_open": 8})
    tickets = [feed.draw() for _ in range(8)]
    with pytest.raises(FeedFull, match="8 tickets are out, and 8 may be"):
        feed.draw()
    feed.abandon(tickets[0], "too slow")
    feed.draw()
    with pytest.raises(FeedFull):
        feed.draw_batch()


def test_abandoned_tickets_count_and_move_nothing(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    tickets = [feed.draw() for _ in range(6)]
    feed.abandon(tickets[0], "too slow")
    for ticket in tickets[1:]:
        feed.record(ticket, [RIGHT, WRONG, RIGHT, WRONG])
    assert metrics(feed)[0]["missing"] == 1
    (event,) = events(feed, "abandoned")
    assert event["reason"] == "too slow"
    rows = feed.environments()
    totals = Counter({key: sum(row[key] for row in rows) for key in ("recorded", "abandoned")})
    assert totals == {"recorded": 5, "abandoned": 1}
    assert sum(row["informative"] for row in rows) == 5
    feed.record(tickets[0], [RIGHT] * 4)
    assert events(feed, "late_group")[0]["evidence"]["ticket"] == tickets[0].id
    with pytest.raises(BackendProtocolError, match="unknown, or was recorded before"):
        feed.record(tickets[0], [RIGHT] * 4)


def test_a_ticket_that_never_comes_back_is_given_up(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    lost = feed.draw()
    while lost.id in feed.open_tickets:
        ticket = feed.draw()
        feed.record(ticket, [RIGHT, WRONG])
        assert feed.step <= 16
    assert feed.step == 16
    assert events(feed, "abandoned")[0]["reason"] == "open for too many steps"


def test_scores_move_difficulty_by_degrees(opened: Callable[..., OpenFeed]) -> None:
    feed = opened(curator={"size": 1}, controller={"gain": 1.0})
    for ticket in [feed.draw() for _ in range(6)]:
        feed.record(ticket, [0.75, 1.0, True, 0.25])
    assert metrics(feed)[0]["accuracy"] == 0.75
    assert feed.environments()[0]["difficulty"] == 0.25


def test_lengths_reach_the_outcomes(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    responses = [Response(text="a", tokens=5), Response(text="b", tokens=7, truncated=True)]
    feed.record(feed.draw(), [RIGHT, WRONG], responses)
    line = (feed.files.path / "journal.jsonl").read_text().splitlines()[-1]
    assert json.loads(line)["outcome"]["tokens"] == 12
    assert json.loads(line)["outcome"]["truncated"] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda feed, ticket: feed.record("9.9.e00", [RIGHT]), "'9.9.e00' cannot be recorded"),
        (lambda feed, ticket: feed.record(ticket, []), "holds no verdict"),
        (lambda feed, ticket: feed.record(ticket, [2.0]), "2.0 is no verdict, and no score"),
        (lambda feed, ticket: feed.record(ticket, [float("nan")]), "no score from 0 to 1"),
        (lambda feed, ticket: feed.abandon("x", ""), "'x' cannot be abandoned"),
        (lambda feed, ticket: feed.checkpoint("../x"), "cannot be called '../x'"),
        (lambda feed, ticket: feed.checkpoint("auto-3"), "cannot be called 'auto-3'"),
    ],
)
def test_a_wrong_call_says_so_and_changes_nothing(
    opened: Callable[..., OpenFeed], call: Callable[..., None], message: str
) -> None:
    feed = opened()
    ticket = feed.draw()
    before = (feed.files.path / "journal.jsonl").read_bytes()
    with pytest.raises((BackendProtocolError, UsageError), match=message):
        call(feed, ticket)
    assert (feed.files.path / "journal.jsonl").read_bytes() == before
    feed.record(ticket, [RIGHT])


# ------------------------------------------------------------------ kills


class Loop:
    """A loop two plans ahead whose next call follows from the feed and the calls so far."""

    def __init__(self, feed: OpenFeed, seed: int) -> None:
        self.feed = feed
        self.seed = seed
        self.calls = 0

    def call(self) -> None:
        """Make the next call; only an answered one is counted."""
        rng = derive_random("loop", self.seed, self.calls)
        out = list(self.feed.open_tickets)
        if len(out) < rng.randint(1, 14):
            self.feed.draw()
        elif rng.random() < 0.1:
            self.feed.abandon(rng.choice(out), "too slow")
        else:
            name = rng.choice(out)
            self.feed.record(name, answers(name))
        self.calls += 1

    def go_on(self, feed: OpenFeed, before: tuple[str, ...]) -> None:
        """With the feed of another process; a call that had its effect was made."""
        self.feed = feed
        self.calls += tuple(feed.open_tickets) != before


def test_a_kill_at_any_moment_loses_no_answered_call(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at 100 random appends to journal, events or metrics, before or after the write."""
    calls = 700
    whole = Loop(opened("whole"), seed=1)
    while whole.calls < calls:
        whole.call()
    rng = random.Random(5)
    append, countdown = JsonLines.append, rng.randint(1, 18)
    kills = 0

    def dying(self: JsonLines, text: str, **options: Any) -> Any:
        nonlocal countdown
        countdown -= 1
        if countdown == 0 and rng.random() < 0.5:
            raise Killed
        span = append(self, text, **options)
        if countdown == 0:
            raise Killed
        return span

    killed = Loop(opened("killed"), seed=1)
    while killed.calls < calls:
        before = tuple(killed.feed.open_tickets)
        monkeypatch.setattr(JsonLines, "append", dying)
        try:
            killed.call()
        except Killed:
            kills += 1
            monkeypatch.setattr(JsonLines, "append", append)
            killed.feed.abort()
            killed.go_on(opened("killed"), before)
            countdown = rng.randint(1, 18)
    monkeypatch.setattr(JsonLines, "append", append)
    assert kills >= 100
    assert killed.feed.open_tickets == whole.feed.open_tickets
    assert killed.feed.environments() == whole.feed.environments()
    assert decisions(killed.feed) == decisions(whole.feed)
    assert [killed.feed.draw() for _ in range(3)] == [whole.feed.draw() for _ in range(3)]


class AheadLoop:
    """A plain loop that draws two batches ahead and records the oldest, its verdicts late."""

    def __init__(self, feed: OpenFeed) -> None:
        self.feed = feed
        self.recorded = 0

    def call(self) -> None:
        """The next call of the loop, which follows from what is out alone."""
        out = list(self.feed.open_tickets)
        if len(out) < 2 * 6:
            self.feed.draw()
            return
        name = out[0]
        self.feed.record(name, answers(name))
        self.recorded += 1


def test_a_loop_two_batches_ahead_that_is_killed_goes_on_as_one_that_was_not(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain form: nothing of the loop survives a kill but the feed's directory."""
    whole = opened("whole")
    loop = AheadLoop(whole)
    while whole.step < 20:
        loop.call()
    rng, append, kills = random.Random(3), JsonLines.append, 0

    def dying(self: JsonLines, text: str, **options: Any) -> Any:
        nonlocal kills
        if rng.random() < 0.03:
            kills += 1
            if rng.random() < 0.5:
                append(self, text, **options)
            raise Killed
        return append(self, text, **options)

    loop = AheadLoop(opened("killed"))
    while loop.feed.step < 20:
        monkeypatch.setattr(JsonLines, "append", dying)
        with suppress(Killed):
            loop.call()
            continue
        monkeypatch.setattr(JsonLines, "append", append)
        loop.feed.abort()
        loop = AheadLoop(opened("killed"))
    monkeypatch.setattr(JsonLines, "append", append)
    assert kills >= 10
    killed = loop.feed
    assert killed.open_tickets == whole.open_tickets
    assert killed.environments() == whole.environments()
    assert decisions(killed) == decisions(whole)
    assert [line["mean_age"] for line in metrics(killed)[2:]] == [2.0] * 18
    assert metrics(killed)[-1]["accuracy"] == metrics(whole)[-1]["accuracy"]


def test_a_kill_while_it_is_opened_again_loses_nothing(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop(opened(checkpoint={"every": 100}), seed=2)
    for _ in range(60):
        loop.call()
    expected, state = decisions(loop.feed), loop.feed.environments()
    loop.feed.abort()
    append = JsonLines.append
    for after in (1, 4, 9, 14):
        left = after

        def dying(self: JsonLines, text: str, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return append(self, text, **options)

        monkeypatch.setattr(JsonLines, "append", dying)
        with pytest.raises(Killed):
            opened(checkpoint={"every": 100})
    monkeypatch.setattr(JsonLines, "append", append)
    again = opened(checkpoint={"every": 100})
    assert decisions(again) == expected
    assert again.environments() == state


SCRIPT = """
import sys
from scaler_core import open_feed
feed = open_feed(sys.argv[1], directory=sys.argv[2])
while True:
    ticket = feed.draw()
    print("drawn", ticket.id, flush=True)
    verdicts = [feed.verify(ticket, f"\\\\boxed{{{ticket.truth}}}"), feed.verify(ticket, "")]
    feed.record(ticket.id, verdicts)
    print("recorded", ticket.id, flush=True)
"""


def test_a_real_kill_of_a_real_process_loses_no_answered_call(tmp_path: Path) -> None:
    settings = recipe(make_pool(tmp_path / "pool"), batch={"prompts": 4, "responses": 2})
    (tmp_path / "recipe.toml").write_text(settings.to_toml())
    script, printed = tmp_path / "loop.py", []
    script.write_text(SCRIPT)
    for count in (7, 30, 13):
        with subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "recipe.toml"), str(tmp_path / "feed")],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            printed += [next(process.stdout).split() for _ in range(count)]
            process.send_signal(signal.SIGKILL)
            printed += [line.split() for line in process.stdout if line.endswith("\n")]
    lines = (tmp_path / "feed/journal.jsonl").read_text().splitlines()
    journal = [json.loads(line) for line in lines]
    drawn = [item[0] for call in journal for item in call.get("draw", ())]
    recorded = [call["record"] for call in journal if "record" in call]
    assert {name for what, name in printed if what == "drawn"} <= set(drawn)
    assert {name for what, name in printed if what == "recorded"} <= set(recorded)
    assert len(set(drawn)) == len(drawn)
    with open_feed(directory=tmp_path / "feed") as feed:
        assert set(feed.open_tickets) == set(drawn) - set(recorded)
        assert feed.step == len(recorded) // 4


def test_a_failing_machine_costs_no_ticket(
    opened: Callable[..., OpenFeed], factory: ScriptedFactory
) -> None:
    def broken(*_: Any) -> InstanceFailure:
        return InstanceFailure("infrastructure", "the disk is gone")

    expected = [opened("sound").draw() for _ in range(1)]
    feed, working = opened("failing"), factory.answer
    factory.answer = broken
    for _ in range(3):
        with pytest.raises(InfrastructureError, match="the disk is gone"):
            feed.draw()
    factory.answer = working
    assert [feed.draw()] == expected


def test_nothing_is_learnt_while_a_draw_is_half_made(
    opened: Callable[..., OpenFeed], factory: ScriptedFactory
) -> None:
    """Or replacements would depend on when the machine recovered."""
    feed, working = opened(), factory.answer
    tickets = [feed.draw() for _ in range(6)]
    factory.answer = lambda *_: InstanceFailure("infrastructure", "the disk is gone")
    with pytest.raises(InfrastructureError):
        feed.draw()
    with pytest.raises(InfrastructureError):
        feed.record(tickets[0], [RIGHT])
    factory.answer = working
    feed.record(tickets[0], [RIGHT])
    assert tickets[0].id not in feed.open_tickets


def test_a_full_disk_costs_no_call(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = opened()
    tickets = [feed.draw() for _ in range(5)]
    append = JsonLines.append

    def full(self: JsonLines, text: str, **options: Any) -> Any:
        raise InfrastructureError("no space left")

    monkeypatch.setattr(JsonLines, "append", full)
    for call in (feed.draw, lambda: feed.record(tickets[0], [RIGHT])):
        with pytest.raises(InfrastructureError, match="no space left"):
            call()
    monkeypatch.setattr(JsonLines, "append", append)
    feed.record(tickets[0], [RIGHT])
    assert len(feed.open_tickets) == 4


def test_a_log_that_cannot_be_written_ends_the_use_and_loses_nothing(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has the call, the log only half of its decisions: opening makes it again."""
    feed = opened()
    tickets = [feed.draw() for _ in range(6)]
    for ticket in tickets[:5]:
        feed.record(ticket, [RIGHT] * 4)
    append = JsonLines.append

    def full(self: JsonLines, text: str, **options: Any) -> Any:
        if self.path.name == "events.jsonl":
            raise InfrastructureError("no space left")
        return append(self, text, **options)

    monkeypatch.setattr(JsonLines, "append", full)
    with pytest.raises(InfrastructureError, match="no space left"):
        feed.record(tickets[5], [RIGHT] * 4)
    monkeypatch.setattr(JsonLines, "append", append)
    with pytest.raises(UsageError, match="could not write its log: no space left"):
        feed.draw()
    feed.close()
    again = opened()
    assert again.step == 1
    assert {row["difficulty"] for row in again.environments()} == {1.0}


# ------------------------------------------------------------------ checkpoints


def test_a_feed_goes_back_to_a_checkpoint_with_tickets_that_are_out(
    opened: Callable[..., OpenFeed],
) -> None:
    loop = Loop(opened(), seed=3)
    for _ in range(50):
        loop.call()
    loop.feed.checkpoint("half")
    out, calls = loop.feed.open_tickets, loop.calls
    assert out
    for _ in range(80):
        loop.call()
    loop.feed.checkpoint("later")
    expected, state = decisions(loop.feed), loop.feed.environments()
    loop.feed.close()
    again = opened(at="half")
    assert again.open_tickets == out
    assert again.checkpoints() == ["half"]
    loop.feed, loop.calls = again, calls
    for _ in range(80):
        loop.call()
    assert decisions(again) == expected
    assert again.environments() == state
    superseded = (again.files.path / "superseded.jsonl").read_text()
    assert "journal.jsonl" in superseded


def test_outstanding_tickets_are_made_again(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    tickets = [feed.draw() for _ in range(9)]
    for ticket in tickets[:7]:
        feed.record(ticket, answers(ticket.id))
    feed.abort()
    assert opened().outstanding() == tickets[7:]


def test_an_unknown_checkpoint_names_those_there_are(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    feed.checkpoint("step-10")
    feed.close()
    with pytest.raises(UsageError, match=r"unknown checkpoint 'step-11'.*step-10"):
        opened(at="step-11")
    with pytest.raises(UsageError, match="holds no feed"):
        opened("nowhere", at="step-10")


def test_a_damaged_checkpoint_is_passed_over(opened: Callable[..., OpenFeed]) -> None:
    """The journal has all calls, so an older one and its calls lead to the same state."""
    loop = Loop(opened(checkpoint={"every": 2}), seed=4)
    for _ in range(120):
        loop.call()
    state = loop.feed.environments()
    loop.feed.close()
    folder = loop.feed.files.checkpoints
    newest = max(folder.glob("auto-*.json"), key=lambda path: int(path.stem.split("-")[1]))
    newest.write_text(newest.read_text().replace("difficulty", "difficulties", 1))
    assert opened(checkpoint={"every": 2}).environments() == state


def test_a_feed_goes_on_with_the_recipe_it_began_with(
    opened: Callable[..., OpenFeed], tmp_path: Path
) -> None:
    opened().close()
    with pytest.raises(UsageError, match=r"controller.gain = 2.0, and the recipe now says 3.0"):
        opened(controller={"gain": 3.0})
    open_feed(directory=tmp_path / "feed", host=HOST).close()


def test_another_process_is_refused(opened: Callable[..., OpenFeed]) -> None:
    opened()
    with pytest.raises(UsageError, match="another process"):
        opened()


def test_a_changed_pool_is_survived_and_said(
    opened: Callable[..., OpenFeed], tmp_path: Path
) -> None:
    """Tickets of an environment that left are forgotten; the others go on."""
    feed = opened()
    tickets = [feed.draw() for _ in range(6)]
    feed.close()
    gone = tickets[0].environment_id
    make_pool(tmp_path / "pool", skip=gone)
    again = opened()
    assert events(again, "environment_removed")[0]["environment_id"] == gone
    left = [ticket for ticket in tickets if ticket.environment_id != gone]
    assert set(again.open_tickets) == {ticket.id for ticket in left}
    with pytest.raises(BackendProtocolError, match="unknown"):
        again.record(tickets[0], [RIGHT])
    for ticket in left:
        again.record(ticket, [RIGHT])


def test_calls_that_cannot_be_made_again_say_which(
    opened: Callable[..., OpenFeed], tmp_path: Path
) -> None:
    """After a kill the calls since the last checkpoint need the pool of then."""
    feed = opened()
    feed.checkpoint("begin")
    ticket = feed.draw()
    feed.abort()
    make_pool(tmp_path / "pool", skip=ticket.environment_id)
    with pytest.raises(DataError, match=r"journal.jsonl line 4 now draws .* at=NAME: begin"):
        opened()
    assert opened(at="begin").draw().environment_id != ticket.environment_id


def test_the_directory_of_a_run_is_no_feed(opened: Callable[..., OpenFeed], tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed/notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        opened()
    assert (tmp_path / "feed/notes.txt").read_text() == "mine"
    (tmp_path / "feed/checkpoints/step-0").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"is the directory of a run, which a feed cannot go on"):
        opened()


def test_the_directory_of_a_feed_is_no_run(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    feed.close()
    with pytest.raises(UsageError, match=r"is the directory of a feed, which a run cannot go on"):
        resume_run(feed.files.path, host=HOST)


def test_a_recipe_may_be_a_name_with_settings(tmp_path: Path, factory: ScriptedFactory) -> None:
    with open_feed(
        "quickstart", overrides=["batch.prompts=2"], directory=tmp_path / "feed", host=HOST
    ) as feed:
        assert len(feed.draw_batch().tickets) == 2
    with pytest.raises(UsageError, match="overrides go with"):
        open_feed(Recipe(), overrides=["batch.prompts=2"], directory=tmp_path / "x", host=HOST)


# ------------------------------------------------------------------ what a hostile reader tried


@pytest.mark.parametrize(
    "call",
    [
        lambda feed, ticket: feed.abandon(ticket, None),
        lambda feed, ticket: feed.abandon(ticket, "\ud800"),
        lambda feed, ticket: feed.abandon(ticket, "x" * 501),
        lambda feed, ticket: feed.record(None, [RIGHT]),
        lambda feed, ticket: feed.record(ticket, [RIGHT], [5]),
        lambda feed, ticket: feed.record(ticket, [RIGHT], ["a", "b"]),
        lambda feed, ticket: feed.record(ticket, [RIGHT], request="\ud800"),
        lambda feed, ticket: feed.draw(request="x" * 201),
        lambda feed, ticket: feed.checkpoint(None),
    ],
)
def test_arguments_of_a_wrong_kind_change_nothing(
    opened: Callable[..., OpenFeed], call: Callable[..., None]
) -> None:
    feed = opened()
    ticket = feed.draw()
    before = (feed.files.path / "journal.jsonl").read_bytes()
    with pytest.raises(UsageError):
        call(feed, ticket)
    assert (feed.files.path / "journal.jsonl").read_bytes() == before
    feed.record(ticket, [RIGHT, WRONG], ["a text", "another"])
    feed.abort()
    assert not opened().open_tickets


def test_texts_that_no_file_can_hold_survive_checkpoints(
    opened: Callable[..., OpenFeed], factory: ScriptedFactory
) -> None:
    factory.answer = lambda *_: "\ud800"
    feed = opened()
    ticket = feed.draw()
    feed.checkpoint("here")
    feed.close()
    again = opened()
    assert again.outstanding() == [ticket]
    assert len({again.draw().truth for _ in range(3)}) == 1


def test_an_exhausted_pool_stops_draws_and_nothing_else(
    opened: Callable[..., OpenFeed], factory: ScriptedFactory
) -> None:
    feed = opened()
    tickets = [feed.draw() for _ in range(6)]
    factory.answer = lambda *_: InstanceFailure("disagreement", "2 != 3")
    for _ in range(3):
        with pytest.raises(PoolExhausted):
            feed.draw()
    feed.record(tickets[0], [RIGHT])
    feed.checkpoint("half")
    expected = decisions(feed)
    feed.abort()
    again = opened()
    again.record(tickets[1], [RIGHT])
    assert decisions(again)[: len(expected)] == expected
    again.close()
    assert len(opened().open_tickets) == 4


def test_a_checkpoint_that_was_undone_never_comes_back(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while going back, after the journal was cut."""
    loop = Loop(opened(), seed=6)
    loop.feed.checkpoint("a")
    for _ in range(60):
        loop.call()
    loop.feed.checkpoint("b")
    loop.feed.close()
    with monkeypatch.context() as patch, pytest.raises(Killed):  # noqa: PT012
        patch.setattr(FeedCheckpoints, "remove_undone", killed)
        opened(at="a")
    loop = Loop(opened(), seed=7)
    for _ in range(120):
        loop.call()
    loop.feed.abort()
    assert opened().checkpoints() == ["a"]


def killed(*_: Any) -> None:
    raise Killed


def test_a_damaged_named_checkpoint_is_said_and_costs_no_other(
    opened: Callable[..., OpenFeed],
) -> None:
    feed = opened(checkpoint={"every": 1})
    for name in ("a", "b"):
        feed.checkpoint(name)
        feed.record(feed.draw(), [RIGHT])
    path = feed.files.checkpoints / "a.json"
    path.write_bytes(path.read_bytes()[:-9] + b"\xff" + path.read_bytes()[-8:])
    for _ in range(12):
        feed.record(feed.draw(), [RIGHT])
    feed.close()
    with pytest.raises(DataError, match=r"a\.json is damaged"):
        opened(at="a", checkpoint={"every": 1})
    assert opened(at="b", checkpoint={"every": 1}).checkpoints() == ["a", "b"]


def test_what_cannot_be_gone_back_to_is_found_before_anything_is_lost(
    opened: Callable[..., OpenFeed],
) -> None:
    loop = Loop(opened(), seed=8)
    for name in ("a", "b"):
        for _ in range(40):
            loop.call()
        loop.feed.checkpoint(name)
    loop.feed.close()
    events_file = loop.feed.files.path / "events.jsonl"
    events_file.write_bytes(events_file.read_bytes()[:100])
    folder = loop.feed.files.checkpoints
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(DataError, match=r"events\.jsonl has 100 bytes"):
        opened(at="a")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_killed_while_it_was_made_is_taken_over(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    append = JsonLines.append

    def dying(self: JsonLines, text: str, **options: Any) -> Any:
        if self.path.name == "journal.jsonl":
            raise Killed
        return append(self, text, **options)

    with monkeypatch.context() as patch:
        patch.setattr(JsonLines, "append", dying)
        with pytest.raises(Killed):
            opened()
    assert opened().draw().step == 1


def test_a_missing_journal_destroys_nothing(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    feed.checkpoint("precious")
    feed.close()
    (feed.files.path / "journal.jsonl").unlink()
    with pytest.raises(DataError, match=r"precious\.json and no journal\.jsonl"):
        opened()
    assert (feed.files.checkpoints / "precious.json").exists()


def test_a_full_disk_at_an_automatic_checkpoint_fails_no_call(
    opened: Callable[..., OpenFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = opened(checkpoint={"every": 1})
    tickets = [feed.draw() for _ in range(6)]

    def full(*_: Any) -> None:
        raise InfrastructureError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("scaler_core.run.feed_checkpoints.write_atomic", full)
        for ticket in tickets:
            feed.record(ticket, [RIGHT, WRONG])
    assert feed.step == 1
    feed.abort()
    assert opened(checkpoint={"every": 1}).step == 1


def test_a_late_record_of_an_old_ticket_is_an_event(opened: Callable[..., OpenFeed]) -> None:
    feed = opened()
    lost = feed.draw()
    while feed.step < 20:
        feed.record(feed.draw(), [RIGHT, WRONG])
    feed.record(lost, [RIGHT, WRONG])
    assert events(feed, "late_group")[0]["evidence"] == {"ticket": lost.id, "drawn_in": 1}


def test_late_outcomes_of_elsewhere_retire_nobody(opened: Callable[..., OpenFeed]) -> None:
    """All wrong at a level that d has left is no step without a right answer."""
    feed = opened(curator={"size": 1, "k_zero": 2}, feed={"max_open": 60})
    hard = []
    for _ in range(4):
        batch = [feed.draw() for _ in range(6)]
        hard = batch
        for ticket in batch:
            feed.record(ticket, [RIGHT] * 4)
    stale = [feed.draw() for _ in range(12)]
    for _ in range(4):
        for ticket in [feed.draw() for _ in range(6)]:
            feed.record(ticket, [WRONG] * 3 + [RIGHT])
    assert hard[0].level == 3
    for ticket in stale:
        feed.record(ticket, [WRONG] * 4)
    feed.draw()
    assert not events(feed, "retired")


def test_a_ticket_from_before_a_going_back_is_told_from_its_successor(
    opened: Callable[..., OpenFeed],
) -> None:
    feed = opened()
    feed.checkpoint("a")
    for ticket in [feed.draw() for _ in range(6)]:
        feed.record(ticket, [WRONG] * 4)
    old = [feed.draw() for _ in range(6)]
    feed.close()
    again = opened(at="a")
    for ticket in [again.draw() for _ in range(6)]:
        again.record(ticket, [RIGHT] * 4)
    new = [again.draw() for _ in range(6)]
    same_id = next(ticket for ticket in old if ticket.id in {item.id for item in new})
    assert same_id not in new
    with pytest.raises(BackendProtocolError, match="before the feed went back"):
        again.record(same_id, [RIGHT])
    assert same_id.id in again.open_tickets


def test_an_edited_environment_makes_no_other_ticket_of_an_id(
    opened: Callable[..., OpenFeed], tmp_path: Path
) -> None:
    feed = opened()
    ticket = feed.draw()
    feed.close()
    make_pool(tmp_path / "pool", levels=19)
    again = opened()
    with pytest.raises(DataError, match="was edited"):
        again.outstanding()
    again.record(ticket, [RIGHT])


def test_a_resumed_run_may_have_steps_of_another_size(tmp_path: Path) -> None:
    settings = recipe(make_pool(tmp_path / "pool"), run={"steps": 6})
    open_run(settings, run_dir=tmp_path / "run", host=HOST).train()
    for prompts, steps in ((4, 8), (10, 10)):
        overrides = [f"batch.prompts={prompts}", f"run.steps={steps}"]
        run = resume_run(tmp_path / "run", overrides=overrides, host=HOST)
        run.train()
        lines = list(run.files.read_log("metrics.jsonl"))
        assert [line["decided"] for line in lines[-2:]] == [4 * prompts] * 2
