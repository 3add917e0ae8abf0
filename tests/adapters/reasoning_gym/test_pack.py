"""The pack on the real library; what needs no library stands in tests/plugins/environments."""

from __future__ import annotations

import pytest

pytest.importorskip("reasoning_gym")

from scaler_core.errors import UsageError
from scaler_core.factory import NATIVE_VERIFIER
from scaler_core.factory.native import NativeLimits, NativeWorkers, native_reference
from scaler_core.interfaces import EnvironmentPack, NativeEnvironment
from scaler_core.models import ComponentChoice, Instance, Response, Ticket
from scaler_core.pool import SelectedSource, describe_environment, open_pool
from scaler_core.testing.component_contracts import EnvironmentPackContract
from scaler_plugins.environments.reasoning_gym import ReasoningGymPack, UncertifiedPack, datasets

LEVEL = 1


@pytest.fixture(scope="module")
def workers():
    made = NativeWorkers(1, NativeLimits())
    yield made
    made.close()


def environment(name: str) -> NativeEnvironment:
    top_level = len(datasets.configurations(name)) - 1
    return datasets.environment_class(name, "0.1.25", top_level)()


def ticket(workers: NativeWorkers, name: str) -> Ticket:
    (made,) = workers.make(environment(name), LEVEL, [2**40 + 5])
    assert isinstance(made, Instance), made
    choice = ComponentChoice(
        use=NATIVE_VERIFIER, options={"environment": native_reference(environment(name))}
    )
    return Ticket.of(made, id="t", step=1, verifier=choice)


class TestReasoningGymPack(EnvironmentPackContract):
    def make(self) -> EnvironmentPack:
        return ReasoningGymPack()


class TestUncertifiedPack(EnvironmentPackContract):
    def make(self) -> EnvironmentPack:
        return UncertifiedPack()


def test_the_two_packs_have_every_dataset_once():
    ids = [*ReasoningGymPack().open().ids(), *UncertifiedPack().open().ids()]
    assert sorted(ids) == sorted(map(datasets.environment_id, datasets.names()))


def test_what_has_no_certificate_tells_the_reason_and_where_it_is():
    pool = open_pool("reasoning-gym")
    with pytest.raises(UsageError, match=r"verifier_accepts.*'reasoning-gym-uncertified' has it"):
        SelectedSource(pool, ["rg-complex-arithmetic"])
    found = open_pool("reasoning-gym-uncertified").get("rg-complex-arithmetic")
    assert "verifier_accepts" in describe_environment(found)["remark"]


def test_levels_differ_and_follow_the_curriculum():
    configurations = datasets.configurations("rush_hour")
    made = [configure(3) for configure in configurations]
    assert [item.max_moves for item in made] == [25, 50, 100]
    assert len(datasets.configurations("list_functions")) == 1


def test_a_right_answer_gets_the_whole_score_and_a_wrong_one_less(workers: NativeWorkers):
    drawn = ticket(workers, "spell_backward")
    assert "\\boxed{}" in drawn.messages[-1]["content"]
    right = workers.score(Response(text=f"So \\boxed{{ {drawn.truth} }}."), drawn)
    assert (right.result, right.score) == ("correct", 1.0)
    wrong = workers.score(Response(text=f"\\boxed{{{drawn.truth}xx}}"), drawn)
    assert wrong.result == "incorrect"
    assert wrong.score is not None
    assert wrong.score < 1
    assert workers.score(Response(text=drawn.truth), drawn).reason == "no boxed answer"


def test_one_of_several_right_answers_and_lines_of_print_get_through(workers: NativeWorkers):
    colours = ticket(workers, "graph_color")
    assert workers.score(Response(text=f"\\boxed{{{colours.truth}}}"), colours).result == "correct"
    printed = ticket(workers, "bf")  # its compiler prints
    assert workers.score(Response(text=f"\\boxed{{{printed.truth}}}"), printed).result == "correct"


def test_a_scorer_that_raises_leaves_the_response_undecided_with_the_cause(workers: NativeWorkers):
    verdict = workers.score(Response(text="\\boxed{abc}"), ticket(workers, "prime_factorization"))
    assert verdict.result == "undecided"
    assert "ValueError" in verdict.reason
