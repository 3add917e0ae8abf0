"""Contracts of controllers and curators, proven on the real engine in worlds of made-up learners.

A world is a pool of any size with a learner that has a skill for each environment. Its outcomes
come late by a fixed lag, some never come, some are undecided, some carry scores. A component is
tested by what the engine decides with it, once in one go and once with all memory sent through JSON
and a fresh component after every step.
"""

from __future__ import annotations

import copy
import json
import math
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scaler_core.curriculum.engine import Engine, Slot
from scaler_core.interfaces import (
    Admission,
    AnyEnvironment,
    Controller,
    Curator,
    CuratorView,
    EnvironmentContext,
    EnvironmentSource,
    Move,
    Moved,
    Retirement,
    State,
)
from scaler_core.models import Event, Outcome, accuracy
from scaler_core.seeds import derive_random
from scaler_core.testing.environments import program_environment
from scaler_core.testing.fakes import FakeCuratorView, FakeRecord

TOP_LEVELS = (0, 1, 2, 7, 29)
LAGS = (0, 1, 4, 8)
POOL_SIZES = (1, 64, 2_739, 100_000)
RESPONSES = 8
# a curator may name any number of environments: a pool of this size is drawn from in every test
ACTIVE_AT_MOST = 4_096


class ControllerContract(ABC):
    """Tests of everything the engine requires of a controller."""

    @abstractmethod
    def make(self) -> Controller:
        """A fresh controller with the options to test."""

    def test_proposed_levels_are_whole_numbers_within_range(self) -> None:
        """One level per prompt, each in ``[0, top_level]``, at the start and after every step."""
        controller = self.make()
        for top_level in TOP_LEVELS:
            for state, context in _walk(controller, top_level, label="levels"):
                for prompts in (1, 3, 8):
                    levels = controller.propose(state, prompts, context, random.Random(1))
                    assert len(levels) == prompts
                    assert all(type(level) is int for level in levels), levels
                    assert all(0 <= level <= top_level for level in levels), levels

    def test_difficulty_stays_within_range(self) -> None:
        """D of every state lies in ``[0, top_level]``."""
        controller = self.make()
        for top_level in TOP_LEVELS:
            for state, context in _walk(controller, top_level, label="difficulty"):
                assert 0 <= controller.difficulty(state, context) <= top_level

    def test_state_survives_json(self) -> None:
        """A state that went through a checkpoint is the same state and leads to the same next."""
        controller = self.make()
        for state, context in _walk(controller, 7, label="json"):
            loaded, shared = _through_json(state), _through_json(context.shared)
            assert (loaded, shared) == (state, context.shared)
            again, first = random.Random(1), random.Random(1)
            assert controller.propose(loaded, 8, context, again) == controller.propose(
                state, 8, context, first
            )

    def test_the_same_outcomes_lead_to_the_same_states(self) -> None:
        """Nothing but the arguments decides: no clock, no global random numbers."""
        assert _walk(self.make(), 7, "same") == _walk(self.make(), 7, "same")

    def test_a_fresh_controller_goes_on_from_a_state_as_the_old_one_does(self) -> None:
        """A resumed run has the states and no more: a controller keeps no memory on itself."""
        assert _walk(self.make, 7, "fresh") == _walk(self.make(), 7, "fresh")

    def test_one_controller_serves_many_environments(self) -> None:
        """Environments that are updated in turn move as they would alone."""
        shared = self.make()
        if type(shared).update_shared is not Controller.update_shared:
            return  # they move together, which the resumed worlds below show
        walks = {label: _Walk(label) for label in ("first", "second")}
        for _ in range(30):
            for walk in walks.values():
                walk.step(shared)
        for label, walk in walks.items():
            assert walk.found == _walk(self.make(), 7, label, steps=30)

    def test_a_lowered_top_level_is_respected_at_once(self) -> None:
        """An over-long prompt or an edited pool may take levels away between two steps."""
        controller = self.make()
        for state, context in _walk(controller, 29, label="lowered"):
            low = EnvironmentContext(context.environment_id, 3, context.step, context.shared)
            assert 0 <= controller.difficulty(state, low) <= 3
            assert max(controller.propose(state, 8, low, random.Random(1))) <= 3
            after = controller.update(state, [Outcome(level=9, correct=8, decided=8)], low)
            assert 0 <= controller.difficulty(after.state, low) <= 3

    def test_a_resumed_run_decides_as_an_uninterrupted_one_at_any_lag(self) -> None:
        """States go through JSON and a fresh controller goes on: it keeps nothing on itself."""
        for lag in LAGS:
            whole = World(self.make, _Turns, environments=12, lag=lag)
            resumed = World(self.make, _Turns, environments=12, lag=lag)
            for _ in range(24):
                whole.step()
                resumed.step()
                resumed.resume()
            assert whole.events == resumed.events
            assert _through_json(whole.engine.state_dict()) == whole.engine.state_dict()

    def test_the_generator_decides_all_chance(self) -> None:
        """No clock and no global random numbers: a run can be repeated."""
        before = random.getstate()
        first, second = (World(self.make, _Turns, environments=5) for _ in range(2))
        for _ in range(12):
            first.step()
            second.step()
        assert first.events == second.events
        assert first.slots == second.slots
        assert random.getstate() == before

    def test_arguments_are_left_as_they_were(self) -> None:
        """Nothing is changed in place: the engine keeps it."""
        controller = self.make()
        outcomes = [Outcome(level=0, correct=3, decided=8)]
        for state, context in _walk(controller, 7, label="pure"):
            before = copy.deepcopy((state, context, outcomes))
            controller.propose(state, 8, context, random.Random(1))
            controller.difficulty(state, context)
            move = controller.update(state, outcomes, context)
            controller.update_shared(
                context.shared, [Moved(context, state, move.state, outcomes)], context.step
            )
            assert (state, context, outcomes) == before

    def test_pools_of_any_size_are_served(self) -> None:
        """One environment, or a hundred thousand of which some are active."""
        for environments in POOL_SIZES:
            world = World(self.make, _Turns, environments=environments)
            for _ in range(3):
                world.step()
            assert len(world.slots[-1]) == world.prompts

    def test_a_changed_pool_is_survived(self) -> None:
        """Between two runs environments leave, come, and lose levels."""
        world = World(self.make, _Turns, environments=12, lag=1)
        for _ in range(8):
            world.step()
        world.resume(source=MadeUpPool(16, first=4, top_levels=(2, 0, 5)))
        for _ in range(8):
            world.step()


class CuratorContract(ABC):
    """Tests of everything the engine requires of a curator."""

    @abstractmethod
    def make(self) -> Curator:
        """A fresh curator with the options to test."""

    def test_only_active_environments_retire_and_each_once(self) -> None:
        """With a rule, and evidence that fits into an event."""
        curator = self.make()
        for view in _views():
            retired = curator.retire(view)
            names = [item.environment_id for item in retired]
            assert len(names) == len(set(names))
            assert set(names) <= {record.environment_id for record in view.active}
            for item in retired:
                assert item.rule
                assert _through_json(item.evidence) == item.evidence

    def test_only_candidates_are_admitted_and_each_once(self) -> None:
        """With a rule, and evidence that fits into an event."""
        curator = self.make()
        for view in _views():
            admitted = curator.admit(view, random.Random(1))
            names = [item.environment_id for item in admitted]
            assert len(names) == len(set(names))
            assert set(names) <= set(view.candidates)
            for item in admitted:
                assert item.rule
                assert _through_json(item.evidence) == item.evidence

    def test_a_curator_that_has_seen_other_views_decides_as_a_fresh_one(self) -> None:
        """Its memory is all that it remembers: a resumed run has a fresh one."""
        old = self.make()
        for first, second in zip(_views(), _views(), strict=True):
            fresh = self.make()
            assert list(fresh.retire(first)) == list(old.retire(second))
            assert list(fresh.admit(first, random.Random(7))) == list(
                old.admit(second, random.Random(7))
            )
            assert first.memory == second.memory == _through_json(first.memory)
            if first.active:
                assert fresh.shares(first, 64, random.Random(7)) == old.shares(
                    second, 64, random.Random(7)
                )

    def test_shares_add_up_and_leave_the_memory_as_it_is(self) -> None:
        """The next plan is asked for ahead of time, so asking must change nothing."""
        curator = self.make()
        for view in _views():
            if not view.active:
                continue
            before = copy.deepcopy(view.memory)
            for prompts in (1, 7, 64):
                shares = curator.shares(view, prompts, random.Random(1))
                if shares is not None:
                    assert sum(shares.values()) == prompts
                    assert min(shares.values()) >= 0
                    assert set(shares) <= {record.environment_id for record in view.active}
            assert view.memory == before

    def test_no_global_random_numbers_are_drawn(self) -> None:
        """Only the generator that is handed in may be used, or no run can be repeated."""
        curator = self.make()
        before = random.getstate()
        for view in _views():
            curator.retire(view)
            curator.admit(view, random.Random(3))
        assert random.getstate() == before

    def test_an_empty_set_is_filled_when_there_are_candidates(self) -> None:
        """A run with usable environments always has something to train on."""
        view = FakeCuratorView(candidates=("a", "b", "c"))
        assert self.make().admit(view, random.Random(5))

    def test_a_resumed_run_decides_as_an_uninterrupted_one_at_any_lag(self) -> None:
        """With outcomes that come late, never, undecided or scored."""
        for lag in LAGS:
            whole = World(_Stairs, self.make, environments=100, lag=lag)
            resumed = World(_Stairs, self.make, environments=100, lag=lag)
            for _ in range(20):
                whole.step()
                resumed.step()
                resumed.resume()
            assert whole.events == resumed.events

    def test_pools_of_any_size_are_served(self) -> None:
        """From one environment to a hundred thousand, without a walk over all of them."""
        for environments in POOL_SIZES:
            if environments > ACTIVE_AT_MOST and self._admits(environments) > ACTIVE_AT_MOST:
                continue  # it trains on whole pools: such a step is not for a test
            world = World(_Stairs, self.make, environments=environments)
            for _ in range(3):
                world.step()
            assert len(world.slots[-1]) == world.prompts

    def test_a_changed_pool_is_survived(self) -> None:
        """Environments that it remembers may be gone."""
        world = World(_Stairs, self.make, environments=80, lag=1)
        for _ in range(12):
            world.step()
        world.resume(source=MadeUpPool(90, first=20, top_levels=(2, 0, 5)))
        for _ in range(12):
            world.step()

    def _admits(self, environments: int) -> int:
        view = FakeCuratorView(candidates=MadeUpPool(environments).ids())
        return len(self.make().admit(view, random.Random(1)))


# -------------------------------------------------------------- worlds


class MadeUpPool(EnvironmentSource):
    """A pool of any size; its environments differ in their ids and top levels.

    Args:
        count: How many there are.
        first: The number of the first one.
        top_levels: Their top levels, in turn.
    """

    def __init__(
        self, count: int, *, first: int = 0, top_levels: Sequence[int] = (9, 0, 19, 4)
    ) -> None:
        self._ids = tuple(f"e{number:06}" for number in range(first, first + count))
        self._top_levels = top_levels

    def ids(self) -> Sequence[str]:
        """All ids."""
        return self._ids

    def get(self, environment_id: str) -> AnyEnvironment:
        """A program environment of this id."""
        return program_environment(
            id=environment_id, levels=tuple(range(self.top_level(environment_id) + 1))
        )

    def content_hash(self, environment_id: str) -> str:
        """One that changes with the top level."""
        return f"{environment_id}-{self.top_level(environment_id)}"

    def top_level(self, environment_id: str) -> int:
        """Its top level."""
        return self._top_levels[int(environment_id[1:]) % len(self._top_levels)]


class World:
    """An engine with made-up learners, for a component under test.

    Args:
        controller: Makes a fresh controller.
        curator: Makes a fresh curator.
        environments: The size of the pool.
        lag: Steps between a draw and its record.

    Attributes:
        engine: The engine.
        events: All decisions so far.
        slots: The slots of each step.
        prompts: Tickets a step.
    """

    prompts = 16

    def __init__(self, controller: Any, curator: Any, *, environments: int, lag: int = 0) -> None:
        self._components = (controller, curator)
        self._lag = lag
        self._open: deque[tuple[int, list[Slot]]] = deque()
        self.events: list[Event] = []
        self.slots: list[list[Slot]] = []
        self.engine = self._fresh_engine(MadeUpPool(environments))

    def _fresh_engine(self, source: EnvironmentSource) -> Engine:
        make_controller, make_curator = self._components
        self._ids = frozenset(source.ids())
        return Engine(source, make_controller(), make_curator(), seed=7, emit=self.events.append)

    def step(self) -> None:
        """Draw a plan, and record the one that is due."""
        number = len(self.slots) + 1
        self.engine.begin(number)
        self.slots.append(self.engine.plan(number, self.prompts))
        self._open.append((number, self.slots[-1]))
        if len(self._open) > self._lag:
            drawn, slots = self._open.popleft()
            self.engine.learn(number, self._answer(drawn, slots, age=number - drawn))

    def resume(self, source: EnvironmentSource | None = None) -> None:
        """Go on with fresh components, and all memory sent through JSON."""
        state = _through_json(self.engine.state_dict())
        self.engine = self._fresh_engine(source or self.engine.source)
        self.engine.load_state_dict(state)

    def _answer(self, drawn: int, slots: Sequence[Slot], age: int) -> Mapping[str, list[Outcome]]:
        """Outcomes by environment; some tickets never come back."""
        outcomes: dict[str, list[Outcome]] = {}
        for place, slot in enumerate(slots):
            rng = derive_random("answer", drawn, place, slot.environment_id)
            if rng.random() < 0.1 or slot.environment_id not in self._ids:
                continue
            skill = derive_random("skill", slot.environment_id).uniform(-2, 12) + 0.1 * drawn
            chance = 1 / (1 + math.exp(slot.level - skill))
            undecided = rng.choice((0, 0, 0, 1, RESPONSES))
            decided = RESPONSES - undecided
            correct = sum(rng.random() < chance for _ in range(decided))
            outcome = Outcome(
                level=slot.level,
                correct=correct,
                decided=decided,
                undecided=undecided,
                score=correct * 0.75 + 0.25 * decided if rng.random() < 0.2 else None,
                age=age,
                tokens=rng.choice((None, 100)),
                truncated=rng.randint(0, undecided),
            )
            outcomes.setdefault(slot.environment_id, []).append(outcome)
        return outcomes


class _Stairs(Controller):
    """Up after a good step, down after a bad one."""

    name = "stairs"

    def start(self, context: EnvironmentContext) -> State:
        """At the bottom."""
        return {"level": 0}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: random.Random
    ) -> Sequence[int]:
        """The one level."""
        return [int(self.difficulty(state, context))] * prompts

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """One level up or down."""
        step = 1 if (accuracy(outcomes) or 0) >= 0.5 else -1
        return Move({"level": max(0, min(context.top_level, state["level"] + step))})

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The level."""
        return float(min(state["level"], context.top_level))


class _Turns(Curator):
    """Eight environments at once, each for five steps."""

    name = "turns"

    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """Those whose turn is over."""
        return [
            Retirement(environment_id=item.environment_id, rule="turn")
            for item in view.active
            if view.step - item.admitted_step >= 5
        ]

    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Others, for the free places."""
        free = min(8 - len(view.active), len(view.candidates))
        chosen = rng.sample(view.candidates, max(0, free))
        return [Admission(environment_id=name, rule="next") for name in chosen]


# -------------------------------------------------------------- single objects


class _Walk:
    """One environment's states and contexts from the start on, the same for each label."""

    def __init__(self, label: str, top_level: int = 7) -> None:
        self.found: list[tuple[State, EnvironmentContext]] = []
        self._label = label
        self._top_level = top_level
        self._rng = derive_random(label)

    def step(self, controller: Controller) -> None:
        """Start, or take the outcomes of one more step."""
        number = len(self.found)
        if not number:
            context = self._context(1, controller.start_shared())
            self.found.append((controller.start(context), context))
            return
        state, context = _through_json(self.found[-1][0]), self.found[-1][1]
        levels = sorted(set(controller.propose(state, 4, context, self._rng)))
        # whole stretches of failure and success reach both ends of the range
        correct = self._rng.choice((0, 0, 4, 8, 8, self._rng.randint(0, 8)))
        outcomes = [
            Outcome(level=level, correct=correct, decided=8, age=self._rng.choice((0, 0, 3)))
            for level in levels
        ]
        move = controller.update(state, outcomes, context)
        moved = [Moved(context, state, move.state, outcomes)]
        shared = controller.update_shared(copy.deepcopy(context.shared), moved, number)
        self.found.append((move.state, self._context(number + 1, shared)))

    def _context(self, step: int, shared: State) -> EnvironmentContext:
        return EnvironmentContext("some", self._top_level, step, shared)


def _walk(
    controller: Controller | Callable[[], Controller], top_level: int, label: str, steps: int = 60
) -> list[tuple[State, EnvironmentContext]]:
    """A walk by one controller, or by a fresh one in every step."""
    walk = _Walk(label, top_level)
    for _ in range(steps):
        walk.step(controller if isinstance(controller, Controller) else controller())
    return walk.found


def _views() -> Sequence[FakeCuratorView]:
    """Views of every shape: nothing at all, only one side, and sets at all stages."""
    rng = derive_random("views")
    views = [
        FakeCuratorView(),
        FakeCuratorView(candidates=("a", "b")),
        FakeCuratorView(active=(FakeRecord("a"),)),
    ]
    for step in (1, 5, 20, 80):
        names = [f"environment-{number}" for number in range(rng.randint(2, 80))]
        split = rng.randint(1, len(names))
        active = tuple(_record(name, step, rng) for name in names[:split])
        weights = {name: rng.choice((0.5, 1.0, 3.0)) for name in names}
        views.append(FakeCuratorView(step, active, tuple(sorted(names[split:])), weights))
    return views


def _record(name: str, step: int, rng: random.Random) -> FakeRecord:
    top_level = rng.randint(0, 20)
    length = rng.randint(0, step - 1)
    difficulties = sorted(rng.uniform(0, top_level) for _ in range(length))
    return FakeRecord(
        environment_id=name,
        top_level=top_level,
        admitted_step=step - length,
        difficulties=tuple(rng.choice((difficulties, [float(top_level)] * length))),
        accuracies=tuple(rng.choice((0.0, 0.5, 1.0)) for _ in range(length)),
    )


def _through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))
