"""Verifiers, packs and sandboxes that come with SCALER keep their contracts; broken ones do not."""

from __future__ import annotations

import itertools
import random
from types import SimpleNamespace

import pytest

from scaler_core.errors import UsageError
from scaler_core.interfaces import EnvironmentPack, EnvironmentSource, RunResult, Sandbox, Verifier
from scaler_core.models import ComponentChoice, Verdict
from scaler_core.plugins import load_plugins
from scaler_core.testing import contracts
from scaler_core.testing.environments import program_environment
from tests.testing_kit.test_contracts import failures

HOST = load_plugins()
COUNTER = itertools.count()


def build(kind, name):
    return HOST.build(kind, ComponentChoice(use=name))


class TestTyped(contracts.VerifierContract):
    def make(self):
        return build(Verifier, "typed")

    def truths(self):
        return ["7", "0.25", "[1, 2, 3]", "YES", "-1000000007"]


class TestMath(contracts.VerifierContract):
    def make(self):
        return build(Verifier, "math")

    def truths(self):
        return ["7", "\\frac{1}{2}", "x^2 + 1"]


class TestChoice(contracts.VerifierContract):
    def make(self):
        return build(Verifier, "choice")

    def truths(self):
        return ["A", "B", "J"]


class TestStarter(contracts.EnvironmentPackContract):
    def make(self):
        return build(EnvironmentPack, "starter")


class Local(contracts.SandboxContract):
    name = ""

    def make(self):
        if reason := HOST.find(Sandbox, self.name).missing():
            pytest.skip(f"the sandbox {self.name} cannot run here: {reason}")
        return build(Sandbox, self.name)


class TestBubblewrap(Local):
    name = "bubblewrap"


class TestProcess(Local):
    name = "process"


class Sound(Verifier):
    """A sound verifier."""

    name = "sound"

    def verify(self, response, ticket):
        if response.text == f"\\boxed{{{ticket.truth}}}":
            return Verdict.correct(ticket.truth)
        return Verdict.incorrect("wrong")


class Truths(contracts.VerifierContract):
    def truths(self):
        return ["1", "2"]


def seen_before(self, response, ticket):
    self.seen = {*getattr(self, "seen", ()), response.text}
    return (
        Verdict.incorrect(f"{len(self.seen)} seen")
        if ticket.truth not in response.text
        else (Verdict.correct())
    )


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        (lambda self, response, ticket: Verdict.correct(), "a_truth_is_correct_and_another_one_is"),
        (lambda self, response, ticket: Verdict.undecided("?"), "no_response_raises_or_stays_unde"),
        (
            lambda self, response, ticket: Verdict.correct(str(int(response.text))),
            "no_response_raises_or_stays_undecided",
        ),
        (seen_before, "verdicts_depend_on_nothing_that_came_before"),
        (
            lambda self, response, ticket: Verdict.incorrect(str(random.random())),
            "no_global_random_numbers_are_drawn",
        ),
    ],
)
def test_a_broken_verifier_is_caught(fault, caught):
    assert failures(Truths, Sound) == set()
    found = failures(Truths, type("Broken", (Sound,), {"verify": fault}))
    assert any(name.startswith(caught) for name in found), found


class Pair(EnvironmentSource):
    """A sound source of two environments."""

    def __init__(self):
        self.all = {name: program_environment(id=name) for name in ("a", "b")}

    def ids(self):
        return list(self.all)

    def get(self, environment_id):
        if environment_id not in self.all:
            raise UsageError(f"unknown environment {environment_id!r}")
        return self.all[environment_id]

    def content_hash(self, environment_id):
        return self.get(environment_id).content_hash

    def top_level(self, environment_id):
        return self.get(environment_id).top_level


@pytest.mark.parametrize(
    ("method", "fault", "caught"),
    [
        ("ids", lambda self: ["a", "a"], "ids_are_stable_and_each_stands_once"),
        ("ids", lambda self: random.sample("abcdefgh", 8), "ids_are_stable_and_each_stands_once"),
        ("get", lambda self, name: self.all["a"], "an_unknown_id_is_the_users_mistake"),
        ("get", lambda self, name: self.all["a"], "an_environment_is_what_its_source_says"),
        ("top_level", lambda self, name: 99, "an_environment_is_what_its_source_says"),
        ("content_hash", lambda self, name: "same", "hashes_tell_environments_apart_and_stay"),
        (
            "content_hash",
            lambda self, name: str(next(COUNTER)),
            "hashes_tell_environments_apart_and_stay",
        ),
    ],
)
def test_a_broken_pack_is_caught(method, fault, caught):
    def pack(kind):
        return lambda: SimpleNamespace(open=kind)

    assert failures(contracts.EnvironmentPackContract, pack(Pair)) == set()
    broken = type("Broken", (Pair,), {method: fault})
    assert caught in failures(contracts.EnvironmentPackContract, pack(broken))


class Careless(Sandbox):
    """Runs nothing, and says so of every input at once."""

    name = "careless"

    @classmethod
    def missing(cls):
        return ""

    def run(self, program, inputs, limits):
        return [RunResult("ok", b"0")]

    def close(self):
        pass


def test_a_sandbox_that_runs_nothing_is_caught():
    found = failures(contracts.SandboxContract, Careless)
    assert "results_stand_in_the_order_of_the_inputs" in found
    assert "a_fault_of_a_program_is_a_status" in found
    assert "a_run_leaves_nothing_for_the_next" in found
