"""The contracts hold for the components that come with SCALER, and catch those that break them."""

from __future__ import annotations

import itertools
import random

import pytest

from scaler_core.interfaces import (
    Admission,
    Benchmark,
    BenchmarkRow,
    Controller,
    Curator,
    Move,
    NativeEnvironment,
    Retirement,
)
from scaler_core.models import ComponentChoice, Instance, Verdict
from scaler_core.plugins import load_plugins
from scaler_core.seeds import derive_random
from scaler_core.testing.contracts import (
    BenchmarkContract,
    ControllerContract,
    CuratorContract,
    NativeEnvironmentContract,
)

HOST = load_plugins()


def build(kind, name, **options):
    return HOST.build(kind, ComponentChoice(use=name, options=options))


class Doubling(NativeEnvironment):
    """A sound native environment that scores itself."""

    id = "doubling"
    top_level = 5
    scores_itself = True

    def make(self, level, seed):
        number = derive_random("doubling", level, seed).randint(0, 10 ** (level + 1))
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": f"Twice {number}?"},),
            truth=str(2 * number),
        )

    def score(self, response, ticket):
        if response.text == f"\\boxed{{{ticket.truth}}}":
            return Verdict.correct()
        return Verdict.incorrect("wrong")


class Sums(Benchmark):
    """A sound benchmark."""

    name = "sums"

    def rows(self):
        for number in range(30):
            asked = {"role": "user", "content": f"{number} and {number}?"}
            yield BenchmarkRow(id=str(number), messages=(asked,), truth=str(2 * number))

    def grade(self, response, row):
        if response.text == f"\\boxed{{{row.truth}}}":
            return Verdict.correct()
        return Verdict.incorrect("wrong")


class TestProportional(ControllerContract):
    def make(self):
        return build(Controller, "proportional")


class TestFixed(ControllerContract):
    def make(self):
        return build(Controller, "fixed", level=4)


class TestActiveSet(CuratorContract):
    def make(self):
        return build(Curator, "active-set", size=8)


class TestAll(CuratorContract):
    def make(self):
        return build(Curator, "all")


class TestDoubling(NativeEnvironmentContract):
    def make(self):
        return Doubling()


COUNTER = itertools.count()


class Wrong:
    """Single faults, each put over a sound component."""

    def above_the_top(self, state, prompts, context, rng):
        return [context.top_level + 1] * prompts

    def too_few(self, state, prompts, context, rng):
        return [0]

    def fractions(self, state, prompts, context, rng):
        return [0.0] * prompts

    def global_chance(self, state, prompts, context, rng):
        return [random.randint(0, context.top_level)] * prompts

    def no_json(self, context):
        return {"difficulty": 0.0, "seen": (1, 2)}

    def ever_new(self, context):
        return {"difficulty": 0.0, "number": next(COUNTER)}

    def in_place(self, state, outcomes, context):
        state["difficulty"] = min(float(context.top_level), state["difficulty"] + 0.1)
        return Move(state)

    def above_a_lowered_top(self, state, context):
        return state["difficulty"] + 1

    def own_memory(self, state, outcomes, context):
        self.calls = getattr(self, "calls", 0) + 1
        return Move({"difficulty": float(min(context.top_level, self.calls % 5))})

    def hidden_pool(self, shared, moved, step):
        # a scalar of all environments that is kept on the object instead of in the shared state
        self.pool = getattr(self, "pool", 0) + len(moved)
        return {"pool": self.pool}

    def one_more_each_time(self, view, rng):
        self.calls = getattr(self, "calls", 0) + 1
        return [Admission(environment_id=n, rule="x") for n in view.candidates[: self.calls]]

    def memory_of_a_state(self, state, outcomes, context):
        # the same on every walk, so that only a fresh controller shows it
        self.calls = getattr(self, "calls", 0) + 1
        step = 0.5 if self.calls % 7 == 0 else 0.25
        right = outcomes[0].correct >= 4
        moved = state["difficulty"] + (step if right else -step)
        return Move({"difficulty": max(0.0, min(float(context.top_level), moved))})

    def favourite_of_the_object(self, view, prompts, rng):
        self.calls = getattr(self, "calls", 0) + 1
        return {view.active[self.calls % len(view.active)].environment_id: prompts}

    def shares_that_are_too_few(self, view, prompts, rng):
        return {view.active[0].environment_id: prompts - 1}

    def shares_that_remember(self, view, prompts, rng):
        view.memory["asked"] = prompts


def failures(contract, component, only: str = "") -> set[str]:
    """Names of the contract's tests that *component* does not pass; *only* names one to run."""

    class Bound(contract):
        def make(self):
            return component()

    failed = set()
    for name in dir(Bound):
        if name.startswith(f"test_{only}"):
            try:
                getattr(Bound(), name)()
            except (Exception, pytest.fail.Exception):
                failed.add(name.removeprefix("test_"))
    return failed


@pytest.mark.parametrize(
    ("method", "fault", "caught"),
    [
        ("propose", Wrong.above_the_top, "proposed_levels_are_whole_numbers_within_range"),
        ("propose", Wrong.too_few, "proposed_levels_are_whole_numbers_within_range"),
        ("propose", Wrong.fractions, "proposed_levels_are_whole_numbers_within_range"),
        ("start", Wrong.no_json, "state_survives_json"),
        ("start", Wrong.ever_new, "the_same_outcomes_lead_to_the_same_states"),
        ("update", Wrong.in_place, "arguments_are_left_as_they_were"),
        ("difficulty", Wrong.above_a_lowered_top, "difficulty_stays_within_range"),
        ("difficulty", Wrong.above_a_lowered_top, "a_lowered_top_level_is_respected_at_once"),
        ("update", Wrong.own_memory, "one_controller_serves_many_environments"),
        (
            "update",
            Wrong.memory_of_a_state,
            "a_fresh_controller_goes_on_from_a_state_as_the_old_one_does",
        ),
        (
            "update",
            Wrong.memory_of_a_state,
            "a_resumed_run_decides_as_an_uninterrupted_one_at_any_lag",
        ),
        (
            "update_shared",
            Wrong.hidden_pool,
            "a_fresh_controller_goes_on_from_a_state_as_the_old_one_does",
        ),
        ("propose", Wrong.global_chance, "the_generator_decides_all_chance"),
        ("propose", Wrong.above_the_top, "pools_of_any_size_are_served"),
        ("difficulty", Wrong.above_a_lowered_top, "a_changed_pool_is_survived"),
    ],
)
def test_a_broken_controller_is_caught(method, fault, caught):
    sound = HOST.find(Controller, "proportional")
    broken = type("Broken", (sound,), {method: fault})
    assert failures(ControllerContract, sound, caught) == set()
    assert caught in failures(ControllerContract, broken, caught)


@pytest.mark.parametrize(
    ("method", "fault", "caught"),
    [
        (
            "retire",
            lambda self, view: [Retirement(environment_id="stranger", rule="x")],
            "only_active_environments_retire_and_each_once",
        ),
        (
            "admit",
            lambda self, view, rng: [Admission(environment_id="stranger", rule="x")],
            "only_candidates_are_admitted_and_each_once",
        ),
        (
            "admit",
            lambda self, view, rng: [Admission(environment_id=n, rule="") for n in view.candidates],
            "only_candidates_are_admitted_and_each_once",
        ),
        (
            "admit",
            lambda self, view, rng: [
                Admission(environment_id=random.choice(view.candidates), rule="x")
                for _ in view.candidates[:1]
            ],
            "no_global_random_numbers_are_drawn",
        ),
        ("admit", lambda self, view, rng: [], "an_empty_set_is_filled_when_there_are_candidates"),
        (
            "admit",
            Wrong.one_more_each_time,
            "a_curator_that_has_seen_other_views_decides_as_a_fresh_one",
        ),
        (
            "shares",
            Wrong.favourite_of_the_object,
            "a_curator_that_has_seen_other_views_decides_as_a_fresh_one",
        ),
        (
            "admit",
            Wrong.one_more_each_time,
            "a_resumed_run_decides_as_an_uninterrupted_one_at_any_lag",
        ),
        (
            "shares",
            Wrong.shares_that_are_too_few,
            "shares_add_up_and_leave_the_memory_as_it_is",
        ),
        (
            "shares",
            Wrong.shares_that_remember,
            "shares_add_up_and_leave_the_memory_as_it_is",
        ),
        ("shares", Wrong.shares_that_are_too_few, "pools_of_any_size_are_served"),
        ("shares", Wrong.shares_that_are_too_few, "a_changed_pool_is_survived"),
    ],
)
def test_a_broken_curator_is_caught(method, fault, caught):
    sound = HOST.find(Curator, "all")
    broken = type("Broken", (sound,), {method: fault})
    assert failures(CuratorContract, sound, caught) == set()
    assert caught in failures(CuratorContract, broken, caught)


def instance(level, seed, **changes):
    return Doubling().make(level, seed).model_copy(update=changes)


@pytest.mark.parametrize(
    ("method", "fault", "caught"),
    [
        (
            "make",
            lambda self, level, seed: instance(level, seed, truth=str(next(COUNTER))),
            "the_same_level_and_seed_give_the_same_instance",
        ),
        (
            "make",
            lambda self, level, seed: instance(level, seed, level=0),
            "instances_say_where_they_come_from",
        ),
        ("make", lambda self, level, seed: instance(0, 0), "seeds_give_different_instances"),
        (
            "make",
            lambda self, level, seed: instance(level, seed, truth=str(random.random())),
            "no_global_random_numbers_are_drawn",
        ),
        (
            "score",
            lambda self, response, ticket: Verdict.undecided("unsure"),
            "scoring_never_raises_and_never_leaves_a_response_undecided",
        ),
        (
            "score",
            lambda self, response, ticket: Verdict.correct(str(int(response.text))),
            "scoring_never_raises_and_never_leaves_a_response_undecided",
        ),
        ("scores_itself", False, "somebody_can_judge_the_responses"),
    ],
)
def test_a_broken_native_environment_is_caught(method, fault, caught):
    assert failures(NativeEnvironmentContract, Doubling) == set()
    broken = type("Broken", (Doubling,), {method: fault})
    assert caught in failures(NativeEnvironmentContract, broken)


@pytest.mark.parametrize(
    ("method", "fault", "caught"),
    [
        ("rows", lambda self: [], "questions_have_an_id_each_a_prompt_and_a_truth"),
        (
            "rows",
            lambda self: [*Sums().rows(), *Sums().rows()],
            "questions_have_an_id_each_a_prompt_and_a_truth",
        ),
        (
            "rows",
            lambda self: [row.model_copy(update={"truth": " "}) for row in Sums().rows()],
            "questions_have_an_id_each_a_prompt_and_a_truth",
        ),
        (
            "rows",
            lambda self: random.sample(list(Sums().rows()), 30),
            "the_same_source_gives_the_same_questions",
        ),
        ("grade", lambda self, response, row: Verdict.incorrect("no"), "a_truth_is_correct"),
        (
            "grade",
            lambda self, response, row: Verdict.correct(),
            "no_answer_is_correct_everywhere",
        ),
        (
            "grade",
            lambda self, response, row: Verdict.correct(str(int(response.text))),
            "junk_is_incorrect_and_raises_nothing",
        ),
        (
            "grade",
            lambda self, response, row: Verdict.undecided("unsure"),
            "junk_is_incorrect_and_raises_nothing",
        ),
    ],
)
def test_a_broken_benchmark_is_caught(method, fault, caught):
    assert failures(BenchmarkContract, Sums) == set()
    broken = type("Broken", (Sums,), {method: fault})
    assert caught in failures(BenchmarkContract, broken)
