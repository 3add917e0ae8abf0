"""The loop of the simulated backend: draw, answer by chance, record, learn."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import Field

from scaler_core.interfaces import Backend, FeedLike, Options, RunLike
from scaler_core.jsonio import compact_json, read_json
from scaler_core.models import Group, Ticket, Verdict
from scaler_core.seeds import derive_random
from scaler_plugins.backends.simulated.learner import Learner

STATE_FILE = "learner.json"
_CORRECT = Verdict.correct()
_INCORRECT = Verdict.incorrect("simulated")
_UNDECIDED = Verdict.undecided("simulated")


class Simulated(Backend):
    """Trains no model: thousands of steps a minute, to try a curriculum on a laptop."""

    name = "simulated"
    needs_instances = False
    filters_groups = True

    class Config(Options):
        """Options of ``simulated``; see :mod:`scaler_plugins.backends.simulated.learner`."""

        initial_skill: float = 2.0
        """Level that the learner masters half before training."""
        learning_rate: float = Field(default=0.1, ge=0)
        """Levels that one perfectly informative group teaches."""
        transfer: float = Field(default=0.002, ge=0)
        """Share of what a group teaches that every other environment gains too."""
        width: float = Field(default=1.5, gt=0)
        """Levels over which the skill fades."""
        floor: float = Field(default=0.0, ge=0, lt=1)
        """Chance of a correct guess at any level."""
        spread: float = Field(default=0.5, ge=0, le=1)
        """How much environments differ in how fast they are learnt."""
        undecided: float = Field(default=0.0, ge=0, le=1)
        """Share of responses that nobody can judge, as under a failing machine."""

    config: Config

    @classmethod
    def missing(cls) -> str:
        """It needs nothing."""
        return ""

    def check(self) -> None:
        """Any options that the config allows can work."""

    def train(self, feed: FeedLike, run: RunLike) -> None:
        """Train to the run's last step, or until a stop is requested."""
        options = self.config.model_dump(exclude={"undecided"})
        learner = Learner(**options)
        if run.resume_from is not None:
            learner.load_state_dict(read_json(run.resume_from / STATE_FILE))
        run.begin()
        for step in range(run.first_step, run.steps + 1):
            began = time.monotonic()
            tickets = list(feed.draw().tickets)
            drawn = time.monotonic()
            groups = [self._answer(ticket, learner, run) for ticket in tickets]
            while count := _missing(run, groups):
                more = feed.extend(count).tickets
                tickets += more
                groups += [self._answer(ticket, learner, run) for ticket in more]
            feed.record(step, groups)
            _learn(learner, *_kept(run, tickets, groups))
            figures = {"seconds_draw": round(drawn - began, 4)}
            if run.end_step(step, figures, (), lambda folder: _save(learner, folder)).stop:
                break
        run.end()

    def _answer(self, ticket: Ticket, learner: Learner, run: RunLike) -> Group:
        """Responses drawn by chance; the same ticket of the same run is answered the same way."""
        chance = learner.chance(ticket.environment_id, ticket.level)
        rng = derive_random(run.seed, "response", ticket.id, ticket.seed)
        verdicts = []
        for _ in range(run.responses):
            answered, judged = rng.random(), rng.random()
            decided = _CORRECT if answered < chance else _INCORRECT
            verdicts.append(_UNDECIDED if judged < self.config.undecided else decided)
        return Group(ticket_id=ticket.id, verdicts=tuple(verdicts))


def _missing(run: RunLike, groups: list[Group]) -> int:
    """Tickets to draw beside those of the step, for as many informative groups as it wants."""
    plan = run.oversampling
    return plan.more(len(groups), sum(item.informative for item in groups)) if plan else 0


def _kept(
    run: RunLike, tickets: list[Ticket], groups: list[Group]
) -> tuple[list[Ticket], list[Group]]:
    """What is learnt from: all, or with a filter informative groups, as many as are wanted."""
    if run.oversampling is None:
        return tickets, groups
    pairs = [pair for pair in zip(tickets, groups, strict=True) if pair[1].informative]
    pairs = pairs[: run.oversampling.wanted]
    return [ticket for ticket, _ in pairs], [group for _, group in pairs]


def _learn(learner: Learner, tickets: list[Ticket], groups: list[Group]) -> None:
    accuracies: dict[str, list[float]] = {}
    for ticket, group in zip(tickets, groups, strict=True):
        decided = [item for item in group.verdicts if item.result != "undecided"]
        if decided:
            share = sum(item.result == "correct" for item in decided) / len(decided)
            accuracies.setdefault(ticket.environment_id, []).append(share)
    learner.learn(accuracies)


def _save(learner: Learner, folder: Path) -> None:
    (folder / STATE_FILE).write_text(compact_json(learner.state_dict()), encoding="utf-8")
