"""The feed's contract with every backend: draw, verify, record, in this order."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.errors import (
    BackendProtocolError,
    InfrastructureError,
    PluginError,
    PoolExhausted,
    UsageError,
)
from scaler_core.factory import InstanceFailure
from scaler_core.interfaces import Admission, Curator, Move, Retirement
from scaler_core.models import ComponentChoice, Group
from scaler_core.plugins import load_plugins
from scaler_core.seeds import derive_seed
from scaler_core.testing.environments import program_environment
from scaler_plugins.controllers.proportional import Proportional
from scaler_plugins.curators.active_set import ActiveSet
from scaler_plugins.curators.everything import All
from tests.run.worlds import ScriptedFactory, World, contents, group


def test_a_batch_has_exactly_the_tickets_that_were_asked_for() -> None:
    for count, prompts in ((4, 8), (4, 6), (4, 3), (1, 5), (8, 8)):
        assert len(World(count, prompts=prompts, size=8).feed.draw().tickets) == prompts


def test_prompts_are_shared_evenly_and_the_rest_goes_round() -> None:
    world = World(4, prompts=6)
    totals: Counter[str] = Counter()
    for _ in range(4):
        counts = Counter(ticket.environment_id for ticket in world.step().tickets)
        assert sorted(counts.values()) == [1, 1, 2, 2]
        totals.update(counts)
    assert set(totals.values()) == {6}


def test_with_fewer_prompts_than_environments_everyone_gets_a_turn() -> None:
    world = World(6, prompts=2, size=6)
    drawn = [ticket.environment_id for _ in range(3) for ticket in world.step().tickets]
    assert sorted(drawn) == [f"e{index:02}" for index in range(6)]


def test_the_seed_of_a_draw_follows_from_its_labels_alone() -> None:
    world = World(2, prompts=4, seed=7)
    ticket = world.step().tickets[1]
    expected = derive_seed(7, ticket.environment_id, ticket.level, ticket.draw, 0)
    assert (ticket.draw, ticket.seed) == (1, expected)


def test_no_instance_is_ever_drawn_twice() -> None:
    world = World(3, prompts=6)
    seeds = [t.seed for _ in range(30) for t in world.step(lambda t: t.level % 8).tickets]
    assert len(set(seeds)) == len(seeds)


def test_a_step_must_be_recorded_before_the_next_is_drawn() -> None:
    world = World()
    world.feed.draw()
    with pytest.raises(BackendProtocolError, match="step 1 was drawn but not recorded"):
        world.feed.draw()


def test_difficulty_moves_before_the_next_draw() -> None:
    world = World(1, prompts=4)
    world.step(lambda ticket: 8)
    assert {ticket.level for ticket in world.feed.draw().tickets} == {1}


def test_accuracy_is_over_decided_responses() -> None:
    world = World(1, prompts=1)
    batch = world.feed.draw()
    world.feed.record(1, [group(batch.tickets[0], correct=3, undecided=4)])
    moved = world.kinds("difficulty")[0]
    assert moved.evidence["accuracy"] == 0.75
    assert moved.evidence["outcomes"] == {"0": [3, 4, 4]}
    assert world.feed.metrics["undecided"] == 4


def test_a_group_with_none_decided_moves_nothing() -> None:
    world = World(1, prompts=2)
    world.step(lambda ticket: 6)
    before = world.engine.difficulty("e00")
    batch = world.feed.draw()
    world.feed.record(2, [group(item, 0, undecided=8) for item in batch.tickets])
    assert world.engine.difficulty("e00") == before
    assert len(world.engine.memory("e00").accuracies) == 1
    assert "accuracy" not in world.feed.metrics


def test_missing_tickets_are_counted_and_leave_the_others_alone() -> None:
    world = World(2, prompts=4)
    batch = world.feed.draw()
    world.feed.record(1, [group(ticket, 8) for ticket in batch.tickets[:3]])
    assert world.feed.metrics["missing"] == 1
    assert world.kinds("missing_tickets")[0].evidence["tickets"] == [batch.tickets[3].id]
    assert world.feed.draw().step == 2


def test_a_late_group_is_noted_without_moving_anything() -> None:
    world = World(2, prompts=4)
    batch = world.feed.draw()
    world.feed.record(1, [group(ticket, 8) for ticket in batch.tickets[:3]])
    late = batch.tickets[3]
    before = world.engine.difficulty(late.environment_id)
    world.feed.draw()
    world.feed.record(1, [group(late, 8)])
    assert world.kinds("late_group")[0].evidence == {"ticket": late.id, "drawn_in": 1}
    assert world.engine.difficulty(late.environment_id) == before
    with pytest.raises(BackendProtocolError, match="unknown, or was recorded before"):
        world.feed.record(1, [group(late, 8)])


def test_unknown_and_duplicate_tickets_raise_and_change_nothing() -> None:
    world = World(2, prompts=2)
    batch = world.feed.draw()
    good = [group(ticket, 8) for ticket in batch.tickets]
    stranger = good[0].model_copy(update={"ticket_id": "1.9.e00"})
    for groups, message in (([*good, stranger], "unknown"), ([*good, good[0]], "twice")):
        with pytest.raises(BackendProtocolError, match=message):
            world.feed.record(1, groups)
    assert not world.kinds("difficulty")
    world.feed.record(1, good)
    with pytest.raises(BackendProtocolError):
        world.feed.record(1, good)


def test_a_step_that_was_never_drawn_cannot_be_recorded() -> None:
    world = World()
    with pytest.raises(BackendProtocolError, match="was not drawn"):
        world.feed.record(1, [])
    world.feed.draw()
    with pytest.raises(BackendProtocolError, match="step 1 is the one that is open"):
        world.feed.record(2, [])


def failing(*names: str, cause: str = "disagreement", first_attempts: int = 99) -> ScriptedFactory:
    """A factory in which some environments fail their first attempts at every draw."""
    tries: Counter[str] = Counter()

    def answer(environment, level, seed):  # type: ignore[no-untyped-def]
        if environment.id in names and tries[environment.id] < first_attempts:
            tries[environment.id] += 1
            return InstanceFailure(cause, "2 != 3")
        return "1"

    return ScriptedFactory(answer)


def test_an_invalid_instance_is_replaced_and_counted() -> None:
    world = World(1, prompts=2, factory=failing("e00", first_attempts=1))
    batch = world.step()
    assert [ticket.attempt for ticket in batch.tickets] == [1, 0]
    assert world.feed.metrics["replaced"] == 1
    assert world.feed.metrics["replaced/disagreement"] == 1
    event = world.kinds("instance_replaced")[0]
    assert (event.environment_id, event.reason) == ("e00", "disagreement")
    assert event.evidence["detail"] == "2 != 3"


def test_an_environment_that_keeps_failing_is_quarantined_and_replaced() -> None:
    factory = failing("e00", "e01")
    world = World(names=["e00", "e01", "e02"], prompts=4, size=2, factory=factory)
    for _ in range(3):
        batch = world.step()
        assert {ticket.environment_id for ticket in batch.tickets} == {"e02"}
    quarantined = world.kinds("quarantined")
    assert {event.environment_id for event in quarantined} == {"e00", "e01"}
    assert quarantined[0].reason == "no valid instances"
    assert quarantined[0].evidence["failed_tickets"] == 3
    assert world.engine.active == ["e02"]


def test_an_exhausted_pool_says_so() -> None:
    world = World(2, factory=failing("e00", "e01"))
    with pytest.raises(PoolExhausted, match="every environment of the pool is quarantined"):
        world.feed.draw()


def test_a_failing_machine_blames_no_environment() -> None:
    world = World(2, factory=failing("e00", cause="infrastructure"))
    with pytest.raises(InfrastructureError, match="'e00' could be made: 2 != 3"):
        world.feed.draw()
    assert not world.kinds("quarantined")


def test_an_over_long_prompt_caps_its_level_with_an_event() -> None:
    world = World(1, prompts=3)
    world.feed.measure_prompts(lambda messages: len(messages[-1]["content"]), limit=6)
    for _ in range(6):
        world.step(lambda ticket: 8)
    assert world.engine.top_level("e00") == 2
    assert max(t.level for t in world.step().tickets) == 2
    capped = world.kinds("level_capped")[0]
    assert capped.evidence == {"cap": 2, "level": 3, "tokens": 7, "limit": 6}
    assert world.engine.difficulty("e00") == 2


def test_an_environment_too_long_at_level_0_is_quarantined() -> None:
    world = World(names=["long-name", "e"], prompts=2, size=2)
    world.feed.measure_prompts(lambda messages: len(messages[-1]["content"]), limit=6)
    assert {ticket.environment_id for ticket in world.feed.draw().tickets} == {"e"}
    assert world.kinds("quarantined")[0].reason == "its prompt is too long at level 0"


def test_a_retired_environment_keeps_its_difficulty_and_loses_its_history() -> None:
    world = World(3, prompts=1, size=1)
    for _ in range(6):
        world.step(lambda ticket: 0)
    retired = world.kinds("retired")[0]
    assert (retired.reason, retired.step) == ("zero", 6), "after exactly five steps of zero"
    memory = world.engine.memory(retired.environment_id or "")
    assert memory.difficulties == []
    assert memory.controller["difficulty"] == retired.evidence["difficulty"]
    assert world.kinds("admitted")[1].environment_id != retired.environment_id


def test_a_retired_environment_is_never_admitted_at_once() -> None:
    world = World(2, prompts=2, size=1)
    for _ in range(40):
        world.step(lambda ticket: 0)
    for event in world.kinds("retired"):
        after = [e for e in world.kinds("admitted") if e.step == event.step]
        assert [e.environment_id for e in after] != [event.environment_id]


def test_where_nobody_can_take_its_place_an_environment_stays() -> None:
    world = World(2, prompts=2, size=2)
    for _ in range(7):
        world.step(lambda ticket: 0)
    assert len(world.engine.active) == 2
    kept = world.kinds("kept")
    assert {event.environment_id for event in kept} == {"e00", "e01"}
    assert kept[0].evidence["why"] == "nobody could take its place"
    assert not world.kinds("retired")
    assert len(world.engine.memory("e00").accuracies) == 2, "its history began anew"


@settings(max_examples=25)
@given(
    count=st.integers(1, 12),
    size=st.integers(1, 8),
    seed=st.integers(0, 1000),
    skill=st.integers(0, 8),
)
def test_the_active_set_never_shrinks_and_never_holds_anyone_twice(
    count: int, size: int, seed: int, skill: int
) -> None:
    world = World(count, prompts=4, size=size, seed=seed)
    for _ in range(30):
        world.step(lambda ticket: max(0, skill - ticket.level))
        assert len(set(world.engine.active)) == len(world.engine.active) == min(size, count)


class Greedy(Curator):
    """Admits whatever it is told to."""

    name = "greedy"
    admissions: tuple[str, ...] = ()
    retirements: tuple[str, ...] = ()

    def retire(self, view):  # type: ignore[no-untyped-def]
        return [Retirement(environment_id=name, rule="told") for name in self.retirements]

    def admit(self, view, rng):  # type: ignore[no-untyped-def]
        return [Admission(environment_id=name, rule="told") for name in self.admissions]


@pytest.mark.parametrize(
    ("admissions", "retirements", "message"),
    [
        (("e00", "e00"), (), r"'greedy' \(admit before step 1\) names 'e00' twice"),
        (
            ("nobody",),
            (),
            r"'greedy' \(admit before step 1\) names 'nobody', which is not a candidate",
        ),
        ((), ("e01",), r"'greedy' \(retire before step 1\) names 'e01', which is not active"),
    ],
)
def test_a_curator_that_breaks_the_rules_is_named(
    admissions: tuple[str, ...], retirements: tuple[str, ...], message: str
) -> None:
    curator = Greedy()
    curator.admissions, curator.retirements = admissions, retirements
    with pytest.raises(PluginError, match=message):
        World(2, curator=curator).feed.draw()


def test_state_is_saved_between_steps_only() -> None:
    world = World()
    world.feed.draw()
    with pytest.raises(BackendProtocolError, match="step 1 is open"):
        world.feed.state_dict()


def skill(ticket, top: int = 9) -> int:  # type: ignore[no-untyped-def]
    """A learner with a fixed skill that differs by environment."""
    return max(0, min(8, 4 + int(ticket.environment_id[1:]) % 4 - ticket.level))


@settings(max_examples=15)
@given(stop=st.integers(1, 24), seed=st.integers(0, 99))
def test_a_resumed_feed_draws_what_an_uninterrupted_one_draws(stop: int, seed: int) -> None:
    straight, first = (World(9, prompts=6, size=4, seed=seed) for _ in range(2))
    expected = [contents(straight.step(skill)) for _ in range(25)]
    for _ in range(stop):
        first.step(skill)
    saved = json.dumps(first.feed.state_dict())
    first.feed.draw()  # a step that was open when the process died
    second = World(9, prompts=6, size=4, seed=seed)
    second.feed.load_state_dict(json.loads(saved))
    assert [contents(second.step(skill)) for _ in range(25 - stop)] == expected[stop:]


def test_a_changed_pool_is_survived_and_reported() -> None:
    names = [f"e{index:02}" for index in range(6)]
    world = World(names=names, prompts=4, size=4)
    for _ in range(4):
        world.step(lambda ticket: 7)
    saved = json.loads(json.dumps(world.feed.state_dict()))
    removed, edited = world.engine.active[:2]
    environments = {
        name: program_environment(id=name, levels=tuple(range(5 if name == edited else 10)))
        for name in [*names, "e99"]
        if name != removed
    }
    resumed = World(environments=environments, prompts=4, size=4)
    resumed.feed.load_state_dict(saved)
    assert [e.environment_id for e in resumed.kinds("environment_removed")] == [removed]
    assert [e.environment_id for e in resumed.kinds("environment_edited")] == [edited]
    assert resumed.engine.difficulty(edited) == world.engine.difficulty(edited)
    assert resumed.engine.memory(edited).difficulties == []
    batch = resumed.step()
    assert len(batch.tickets) == 4
    assert len(resumed.engine.active) == 4
    assert removed not in resumed.engine.active


def test_everything_is_trained_on_with_the_curator_all() -> None:
    world = World(5, prompts=10, curator=All())
    for _ in range(12):
        world.step(lambda ticket: 0)
    assert sorted(world.engine.active) == [f"e{index:02}" for index in range(5)]
    assert not world.kinds("retired")


def test_other_controllers_work_with_the_same_histories() -> None:
    from scaler_plugins.controllers.fixed import Fixed

    world = World(3, prompts=1, controller=Fixed(Fixed.Config(level=2)), size=1)
    for _ in range(11):
        world.step(lambda ticket: 4)
    assert world.kinds("retired")[0].reason == "slope", "a flat history does not rise"


def test_the_first_set_is_drawn_uniformly() -> None:
    admitted: Counter[str] = Counter()
    for seed in range(400):
        world = World(5, prompts=1, seed=seed, curator=ActiveSet(ActiveSet.Config(size=1)))
        world.feed.draw()
        admitted.update(world.engine.active)
    assert all(50 < count < 115 for count in admitted.values())


def test_replacements_of_quarantined_environments_are_random_too() -> None:
    """Four broken neighbours must not be replaced by the four names that follow them."""
    names = [f"e{index:03}" for index in range(200)]
    steps = Counter()  # type: ignore[var-annotated]
    for seed in range(30):
        probe = World(names=names, prompts=4, size=4, seed=seed)
        probe.feed.draw()
        broken = probe.engine.active
        world = World(names=names, prompts=4, size=4, seed=seed, factory=failing(*broken))
        world.feed.draw()
        for old, new in zip(broken, world.engine.active, strict=True):
            steps[names.index(new) - names.index(old)] += 1
    assert steps.most_common(1)[0][1] < 12, "no fixed distance"


def test_an_environment_is_quarantined_once_however_many_slots_it_has() -> None:
    world = World(names=["long-name", "e"], prompts=6, size=2)
    world.feed.measure_prompts(lambda messages: len(messages[-1]["content"]), limit=6)
    world.feed.draw()
    assert len(world.kinds("quarantined")) == 1


def test_a_cap_starts_the_history_anew() -> None:
    world = World(1, prompts=1)
    world.feed.measure_prompts(lambda messages: len(messages[-1]["content"]), limit=6)
    for _ in range(4):
        world.step(lambda ticket: 8)
    assert world.kinds("level_capped")
    assert world.engine.memory("e00").difficulties == [2.0], "within the levels that are left"


def test_nothing_is_drawn_after_the_last_step() -> None:
    world = World(2, last_step=2)
    world.step()
    world.step()
    with pytest.raises(BackendProtocolError, match="the run ends after step 2"):
        world.feed.draw()


def test_a_group_without_verdicts_is_refused() -> None:
    world = World(1, prompts=1)
    ticket = world.feed.draw().tickets[0]
    with pytest.raises(BackendProtocolError, match="holds no verdict"):
        world.feed.record(1, [Group(ticket_id=ticket.id, verdicts=())])


class Faulty(Proportional):
    """A controller whose methods can be made to misbehave."""

    def __init__(self, **answers: object) -> None:
        super().__init__()
        self.answers = answers

    def _answer(self, method: str, right: object) -> object:
        answer = self.answers.get(method, right)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def propose(self, *arguments):  # type: ignore[no-untyped-def]
        return self._answer("propose", super().propose(*arguments))

    def update(self, *arguments):  # type: ignore[no-untyped-def]
        return self._answer("update", super().update(*arguments))

    def difficulty(self, *arguments):  # type: ignore[no-untyped-def]
        return self._answer("difficulty", super().difficulty(*arguments))


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"propose": ZeroDivisionError("x")}, r"\(propose, 'e00'\) raised ZeroDivisionError: x"),
        ({"propose": None}, r"\(propose, 'e00'\) raised TypeError"),
        ({"propose": [0]}, r"proposed \[0\] for 'e00': 2 levels from 0 to 9"),
        ({"propose": [0, 10]}, r"2 levels from 0 to 9 were asked for"),
        ({"propose": [0.0, True]}, r"2 levels from 0 to 9 were asked for"),
        ({"update": KeyError("d")}, r"\(update, 'e00'\) raised KeyError"),
        ({"update": None}, r"\(update, 'e00'\) returned None, which is no Move"),
        ({"update": Move(None)}, r"update returned None, which is no dict"),
        ({"update": Move({"difficulty": {1, 2}})}, r"a state that is not JSON"),
        ({"update": Move({"difficulty": float("nan")})}, r"a state that is not JSON"),
        ({"update": Move({}, figures={"x": {1}})}, r"figures returned a state that is not JSON"),
        ({"difficulty": 10.0}, r"puts 'e00' at difficulty 10.0, outside 0 to 9"),
        ({"difficulty": "hard"}, r"\(difficulty, 'e00'\) raised ValueError"),
    ],
)
def test_a_controller_that_breaks_its_contract_is_named(
    answers: dict[str, object], message: str
) -> None:
    with pytest.raises(PluginError, match=f"controller 'proportional'.*{message}"):
        World(1, prompts=2, controller=Faulty(**answers)).step()


class Hoarding(Proportional):
    """Keeps a nested list and integer keys in its state, and changes what it is handed."""

    def start(self, context):  # type: ignore[no-untyped-def]
        return {"difficulty": 0.0, "seen": [], "counts": {3: 0}}

    def propose(self, state, *arguments):  # type: ignore[no-untyped-def]
        state["seen"].append("mine")
        return super().propose(state, *arguments)


def test_a_controller_cannot_change_the_engines_memory_behind_its_back() -> None:
    world = World(1, prompts=2, controller=Hoarding())
    world.step()
    state = world.engine.memory("e00").controller
    assert state["seen"] == []
    assert state["counts"] == {"3": 0}, "plain JSON from the start: a resume changes nothing"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ZeroDivisionError("x"), r"raised ZeroDivisionError: x"),
        (None, "raised TypeError"),
        (["e00"], r"returned \['e00'\], which are not Admission objects"),
        ([], "admits nobody before step 1"),
    ],
)
def test_a_curator_that_answers_nonsense_is_named(answer: object, message: str) -> None:
    class Odd(Greedy):
        def admit(self, view, rng):  # type: ignore[no-untyped-def]
            if isinstance(answer, Exception):
                raise answer
            return answer

    with pytest.raises(PluginError, match=message):
        World(2, curator=Odd()).feed.draw()


def test_a_curator_may_use_any_word_in_its_evidence() -> None:
    class Wordy(Greedy):
        def admit(self, view, rng):  # type: ignore[no-untyped-def]
            evidence = {"difficulty": 7, "reason": "r", "kind": "k", "environment_id": "e"}
            return [
                Admission(environment_id=name, rule="told", evidence=evidence)
                for name in view.candidates
            ]

    world = World(1, curator=Wordy())
    world.feed.draw()
    event = world.kinds("admitted")[0]
    assert (event.environment_id, event.evidence["reason"]) == ("e00", "r")
    assert event.evidence["difficulty"] == 0.0, "what the engine knows better"


def test_the_state_of_another_controller_is_refused() -> None:
    class Other(Proportional):
        def difficulty(self, state):  # type: ignore[no-untyped-def]
            return state["elsewhere"]

    world = World(1)
    world.step()
    other = World(1, controller=Other())
    with pytest.raises(UsageError, match="is not one of this controller"):
        other.feed.load_state_dict(world.feed.state_dict())


def test_an_environment_whose_verifier_is_not_there_is_quarantined() -> None:
    host = load_plugins()
    environments = {
        "odd": program_environment(id="odd", verifier=ComponentChoice(use="nobody")),
        "off": program_environment(
            id="off", verifier=ComponentChoice(use="typed", options={"tol": 1})
        ),
        "good": program_environment(id="good"),
    }
    world = World(environments=environments, host=host, factory=Verified())
    batch = world.step()
    assert {ticket.environment_id for ticket in batch.tickets} == {"good"}
    details = {e.environment_id: str(e.evidence["detail"]) for e in world.kinds("quarantined")}
    assert "unknown verifier 'nobody'" in details["odd"]
    assert "unknown option 'verifier.tol'" in details["off"]


class Verified(ScriptedFactory):
    """Instances carry the verifier of their environment, as the real factory's do."""

    def make(self, environment, level, seeds):  # type: ignore[no-untyped-def]
        return [
            item.model_copy(update={"verifier": environment.verifier})
            for item in super().make(environment, level, seeds)
        ]
