"""Contracts as test classes: extend one in a test module, and return your component in ``make``.

::

    from scaler_core.testing.contracts import ControllerContract

    class TestCareful(ControllerContract):
        def make(self):
            return Careful()

pytest then runs every test of the class on it.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from pathlib import Path

from scaler_core.interfaces import NativeEnvironment, Tracker
from scaler_core.models import ComponentChoice, Event, Instance, Response, Ticket
from scaler_core.seeds import derive_seed
from scaler_core.testing.backend_contract import BackendContract as BackendContract
from scaler_core.testing.benchmark_contract import BenchmarkContract as BenchmarkContract
from scaler_core.testing.component_contracts import (
    EnvironmentPackContract as EnvironmentPackContract,
)
from scaler_core.testing.component_contracts import SandboxContract as SandboxContract
from scaler_core.testing.component_contracts import VerifierContract as VerifierContract
from scaler_core.testing.curriculum_contracts import ControllerContract as ControllerContract
from scaler_core.testing.curriculum_contracts import CuratorContract as CuratorContract
from scaler_core.testing.synthesis_contracts import ExtractorContract as ExtractorContract
from scaler_core.testing.synthesis_contracts import GeneratorContract as GeneratorContract

TRACKED_RECIPE = {"run": {"steps": 4, "directory": None}, "tracking": {"use": ["some"]}}
TRACKED_FIGURES = {"accuracy": 0.5, "factory/wall_s/generator": 12.0, "eval/math-500": 0.25}


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
