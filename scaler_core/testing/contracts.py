"""Contracts as test classes: extend one in a test module, and return your component in ``make``.

::

    from scaler_core.testing.contracts import ControllerContract

    class TestCareful(ControllerContract):
        def make(self):
            return Careful()

pytest then runs every test of the class on it.
"""

from __future__ import annotations

import copy
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaler_core.interfaces import Controller, Curator, NativeEnvironment, State, Tracker
from scaler_core.models import ComponentChoice, Event, Instance, Outcome, Response, Ticket
from scaler_core.seeds import derive_random, derive_seed
from scaler_core.testing.backend_contract import BackendContract as BackendContract
from scaler_core.testing.benchmark_contract import BenchmarkContract as BenchmarkContract
from scaler_core.testing.component_contracts import (
    EnvironmentPackContract as EnvironmentPackContract,
)
from scaler_core.testing.component_contracts import SandboxContract as SandboxContract
from scaler_core.testing.component_contracts import VerifierContract as VerifierContract
from scaler_core.testing.fakes import FakeCuratorView, FakeHistory
from scaler_core.testing.synthesis_contracts import ExtractorContract as ExtractorContract
from scaler_core.testing.synthesis_contracts import GeneratorContract as GeneratorContract

TOP_LEVELS = (0, 1, 2, 7, 29)
TRACKED_RECIPE = {"run": {"steps": 4, "directory": None}, "tracking": {"use": ["some"]}}
TRACKED_FIGURES = {"accuracy": 0.5, "factory/wall_s/generator": 12.0, "eval/math-500": 0.25}


class ControllerContract(ABC):
    """Tests of everything the engine requires of a controller."""

    @abstractmethod
    def make(self) -> Controller:
        """A fresh controller with the options to test."""

    def test_proposed_levels_are_whole_numbers_within_range(self) -> None:
        """One level per prompt, each in ``[0, top_level]``, at the start and after every step."""
        controller = self.make()
        for top_level in TOP_LEVELS:
            for state in _walk(controller, top_level, label="levels"):
                for prompts in (1, 3, 8):
                    levels = controller.propose(state, prompts, top_level)
                    assert len(levels) == prompts
                    assert all(type(level) is int for level in levels), levels
                    assert all(0 <= level <= top_level for level in levels), levels

    def test_difficulty_stays_within_range(self) -> None:
        """D of every state lies in ``[0, top_level]``."""
        controller = self.make()
        for top_level in TOP_LEVELS:
            for state in _walk(controller, top_level, label="difficulty"):
                assert 0 <= controller.difficulty(state) <= top_level

    def test_state_survives_json(self) -> None:
        """A state that went through a checkpoint is the same state and leads to the same next."""
        controller = self.make()
        for state in _walk(controller, 7, label="json"):
            loaded = _through_json(state)
            assert loaded == state
            assert controller.propose(loaded, 8, 7) == controller.propose(state, 8, 7)

    def test_the_same_outcomes_lead_to_the_same_states(self) -> None:
        """Nothing but the arguments decides: no clock, no global random numbers."""
        first, second = _walk(self.make(), 7, "same"), _walk(self.make(), 7, "same")
        assert first == second

    def test_a_fresh_controller_goes_on_from_a_state_as_the_old_one_does(self) -> None:
        """A resumed run has the states and no more: a controller keeps no memory on itself."""
        old, rng, again = self.make(), derive_random("fresh"), derive_random("fresh")
        state = old.start(7)
        for _ in range(60):
            fresh, loaded = self.make(), _through_json(state)
            assert fresh.difficulty(loaded) == old.difficulty(state)
            resumed = _step(fresh, loaded, 7, again)
            state = _step(old, state, 7, rng)
            assert resumed == state

    def test_arguments_are_left_as_they_were(self) -> None:
        """A state is never changed in place: the engine keeps it."""
        controller = self.make()
        for state in _walk(controller, 7, label="pure"):
            before = copy.deepcopy(state)
            outcomes = [Outcome(level=0, correct=3, decided=8)]
            controller.propose(state, 8, 7)
            controller.difficulty(state)
            controller.update(state, outcomes, 7)
            assert state == before
            assert outcomes == [Outcome(level=0, correct=3, decided=8)]

    def test_one_controller_serves_many_environments(self) -> None:
        """Environments that are updated in turn move as they would alone."""
        shared = self.make()
        labels = ("first", "second")
        states = {label: shared.start(7) for label in labels}
        randoms = {label: derive_random(label) for label in labels}
        for _ in range(30):
            for label in labels:
                states[label] = _step(shared, states[label], 7, randoms[label])
        for label in labels:
            assert states[label] == _walk(self.make(), 7, label, steps=30)[-1]

    def test_a_lowered_top_level_is_respected_at_once(self) -> None:
        """An over-long prompt or an edited pool may take levels away between two steps."""
        controller = self.make()
        rng = derive_random("lowered")
        for state in _walk(controller, 29, label="lowered"):
            assert all(0 <= level <= 3 for level in controller.propose(state, 8, 3))
            after = _step(controller, state, 3, rng)
            assert 0 <= controller.difficulty(after) <= 3


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
            assert set(names) <= {history.environment_id for history in view.active}
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

    def test_the_same_view_and_seed_lead_to_the_same_decisions(self) -> None:
        """A fresh curator decides alike: the checkpoint holds nothing of a curator."""
        for view in _views():
            first, second = self.make(), self.make()
            assert list(first.retire(view)) == list(second.retire(view))
            assert list(first.admit(view, random.Random(7))) == list(
                second.admit(view, random.Random(7))
            )

    def test_a_curator_that_has_seen_other_views_decides_as_a_fresh_one(self) -> None:
        """A curator keeps no memory on itself: a resumed run has a fresh one."""
        old = self.make()
        for view in _views():
            fresh = self.make()
            assert list(fresh.retire(view)) == list(old.retire(view))
            assert list(fresh.admit(view, random.Random(7))) == list(
                old.admit(view, random.Random(7))
            )

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


class NativeEnvironmentContract(ABC):
    """Tests of everything the factory requires of a native environment."""

    @abstractmethod
    def make(self) -> NativeEnvironment:
        """The environment."""

    def test_the_same_level_and_seed_give_the_same_instance(self) -> None:
        """A resumed run makes its instances again, in another process."""
        for level, seed in self._cases():
            first, second = self.make().make(level, seed), self.make().make(level, seed)
            assert first == second

    def test_no_global_random_numbers_are_drawn(self) -> None:
        """Only the seed decides."""
        before = random.getstate()
        for level, seed in self._cases():
            self.make().make(level, seed)
        assert random.getstate() == before

    def test_instances_say_where_they_come_from(self) -> None:
        """The instance carries the id, level and seed it was made for, and a prompt."""
        environment = self.make()
        for level, seed in self._cases():
            instance = environment.make(level, seed)
            asked = (environment.id, level, seed)
            assert (instance.environment_id, instance.level, instance.seed) == asked
            assert instance.messages
            assert all({"role", "content"} <= set(message) for message in instance.messages)
            assert instance.truth

    def test_instances_survive_json(self) -> None:
        """Instances travel between processes."""
        for level, seed in self._cases():
            instance = self.make().make(level, seed)
            assert Instance.model_validate_json(instance.model_dump_json()) == instance

    def test_seeds_give_different_instances(self) -> None:
        """The top level is not one constant question."""
        environment = self.make()
        seeds = [derive_seed("different", number) for number in range(20)]
        asked = {str(environment.make(environment.top_level, seed).messages) for seed in seeds}
        assert len(asked) > 1

    def test_somebody_can_judge_the_responses(self) -> None:
        """An answer type or a verifier names the judge, or the environment scores by itself."""
        environment = self.make()
        for level, seed in self._cases():
            instance = environment.make(level, seed)
            judged = instance.answer_type is not None or instance.verifier is not None
            assert judged or environment.scores_itself

    def test_scoring_never_raises_and_never_leaves_a_response_undecided(self) -> None:
        """A fault of the response itself is incorrect; the truth in a box is correct."""
        environment = self.make()
        if not environment.scores_itself:
            return
        for level, seed in self._cases():
            instance = environment.make(level, seed)
            ticket = Ticket.of(instance, id="1", step=1, verifier=ComponentChoice(use="self"))
            for text in ("", "no answer", "\\boxed{", "\\boxed{}" * 3, "{" * 10_000, "\0\ud7ff"):
                assert environment.score(Response(text=text), ticket).result == "incorrect"
            right = Response(text=f"\\boxed{{{ticket.truth}}}")
            assert environment.score(right, ticket).result == "correct"

    def _cases(self) -> list[tuple[int, int]]:
        top_level = self.make().top_level
        levels = sorted({0, top_level // 2, top_level})
        return [
            (level, derive_seed("case", level, number)) for level in levels for number in (0, 1)
        ]


class TrackerContract(ABC):
    """Tests of everything a run requires of a tracker that works here without a network."""

    @abstractmethod
    def make(self) -> Tracker:
        """A tracker with the options to test."""

    def test_nothing_is_missing_here(self) -> None:
        """The test runs where the tracker can."""
        assert self.make().missing() == ""

    def test_a_run_is_logged_from_start_to_end(self, tmp_path: Path) -> None:
        """Several calls may log one step, with events in between."""
        tracker = self.make()
        tracker.start("some", tmp_path, TRACKED_RECIPE, 1)
        for step in range(5):
            tracker.log(step, TRACKED_FIGURES)
            tracker.event(Event(kind="retired", step=step, environment_id="e"))
            tracker.log(step, {"eval/average": step / 4})
        tracker.close()

    def test_a_resumed_run_goes_on(self, tmp_path: Path) -> None:
        """Another process logs some of the steps again."""
        for first_step in (1, 3):
            tracker = self.make()
            tracker.start("some", tmp_path, TRACKED_RECIPE, first_step)
            for step in range(first_step, first_step + 4):
                tracker.log(step, TRACKED_FIGURES)
            tracker.close()

    def test_closing_needs_no_start_and_may_come_twice(self, tmp_path: Path) -> None:
        """A run may fail before it starts."""
        tracker = self.make()
        tracker.close()
        tracker.start("some", tmp_path, TRACKED_RECIPE, 1)
        tracker.close()
        tracker.close()


def _walk(controller: Controller, top_level: int, label: str, steps: int = 60) -> list[State]:
    """States from the start on, after outcomes that are random but the same for each label."""
    rng = derive_random(label)
    states = [controller.start(top_level)]
    for _ in range(steps):
        states.append(_step(controller, states[-1], top_level, rng))
    return states


def _step(controller: Controller, state: State, top_level: int, rng: random.Random) -> State:
    levels = sorted(set(controller.propose(state, 4, top_level)))
    # whole stretches of failure and success reach both ends of the range
    correct = rng.choice((0, 0, 4, 8, 8, rng.randint(0, 8)))
    outcomes = [Outcome(level=level, correct=correct, decided=8) for level in levels]
    return controller.update(state, outcomes, top_level)


def _views() -> Sequence[FakeCuratorView]:
    """Views of every shape: nothing at all, only one side, and sets at all stages."""
    rng = derive_random("views")
    views = [
        FakeCuratorView(),
        FakeCuratorView(candidates=("a", "b")),
        FakeCuratorView(active=(FakeHistory("a"),)),
    ]
    for step in (1, 5, 20, 80):
        names = [f"environment-{number}" for number in range(rng.randint(2, 80))]
        split = rng.randint(1, len(names))
        active = tuple(_history(name, step, rng) for name in names[:split])
        weights = {name: rng.choice((0.5, 1.0, 3.0)) for name in names}
        views.append(FakeCuratorView(step, active, tuple(sorted(names[split:])), weights))
    return views


def _history(name: str, step: int, rng: random.Random) -> FakeHistory:
    top_level = rng.randint(0, 20)
    length = rng.randint(0, step - 1)
    difficulties = sorted(rng.uniform(0, top_level) for _ in range(length))
    return FakeHistory(
        environment_id=name,
        top_level=top_level,
        admitted_step=step - length,
        difficulties=tuple(rng.choice((difficulties, [float(top_level)] * length))),
        accuracies=tuple(rng.choice((0.0, 0.5, 1.0)) for _ in range(length)),
    )


def _through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))
