"""The audit of a whole pool: side by side, interrupted, on broken machines and damaged pools."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from scaler_core.audit import AuditSettings, EnvironmentAudit, audit_pool
from scaler_core.errors import DataError, UsageError
from scaler_core.interfaces import AnyEnvironment, Limits, Program, RunResult, Sandbox
from scaler_core.models import Environment
from scaler_core.plugins import load_plugins
from scaler_core.pool import MemorySource
from scaler_core.testing.environments import program_environment
from tests.audit.makers import detail, rules
from tests.factory.scripted import Play, ScriptedSandbox, generated, ok, solutions

SMALL = AuditSettings(levels=("min",), instances=9, workers=1)


def scripted(**overrides: object) -> Environment:
    """An environment whose programs a :class:`ScriptedSandbox` plays."""
    fields = {"generator": "generator", "solutions": solutions("one", "two")}
    return program_environment(**fields | overrides)


def made(data: bytes) -> RunResult:
    """A testcase that shows the seed."""
    seed = data.decode().rpartition(":")[2].rstrip("}")
    return generated(seed, {"seed": int(seed)})


class Machine(ScriptedSandbox):
    """A sandbox that plays the wrapper and the probe of hash seeds as well."""

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        if program.source not in self.plays:
            return [RunResult("runtime_error", error="not scripted")] * len(inputs)
        return super().run(program, inputs, limits)


def run(
    environments: Sequence[AnyEnvironment],
    make_sandbox: Callable[[], Sandbox] | None = None,
    settings: AuditSettings = SMALL,
    **plays: Play,
) -> list[EnvironmentAudit]:
    script = {"generator": made, "one": ok, "two": ok}
    make = make_sandbox or (lambda: Machine({**script, **plays}))
    return list(audit_pool(MemorySource(environments), make, load_plugins(), settings=settings))


def test_a_sandbox_that_cannot_change_the_hash_seed_leaves_that_check_out():
    (found,) = run([scripted()])
    check = next(item for item in found.repeats if item.way == "made under another hash seed")
    assert check.compared == 0
    assert "hash seed 0 only" in check.example
    assert "depends_on_hash_seed" not in rules(found)


def test_instances_that_depend_on_their_batch_are_not_repeatable():
    class Leaking(Machine):
        """What a generator changes in a module is seen by the next seed of its batch."""

        def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
            results = super().run(program, inputs, limits)
            if program.source == "generator":
                seeds = [json.loads(data)["seed"] for data in inputs]
                results = [generated(f"{seed}", {"n": place}) for place, seed in enumerate(seeds)]
            return results

    plays = {"generator": made, "one": ok, "two": ok}
    (found,) = run([scripted()], lambda: Leaking(dict(plays)))
    assert rules(found)["not_repeatable"] == "bad"
    assert "instances differ when they are made" in detail(found, "not_repeatable")


def test_a_generator_that_hangs_is_not_run_on_every_seed():
    slow = RunResult("time_limit", error="more than 10 CPU seconds", cpu_s=10.0)
    (found,) = run([scripted()], generator=lambda data: slow)
    assert rules(found) == {"generator_fails": "bad", "slow_generator": "bad"}
    assert found.levels[0].seeds == 3
    assert "generator_limit" in found.levels[0].generator_failures


def test_a_level_whose_testcases_cost_too_much_is_dead():
    (found,) = run([scripted()], generator=lambda data: replace(made(data), cpu_s=6.0))
    assert rules(found)["slow_generator"] == "bad"
    assert found.dead_levels == (0,)


def test_a_program_that_sleeps_costs_the_time_it_sleeps():
    asleep = RunResult("time_limit", error="ended after 60 seconds of wall time", wall_s=60.0)
    (found,) = run([scripted()], two=lambda data: asleep)
    assert found.solutions[1].runs == 3


def test_a_broken_sandbox_leaves_the_verdict_open():
    lost = RunResult("sandbox_failure", error="no C++ compiler (g++) found")
    found = {
        item.environment_id: item
        for item in run(
            [scripted(), scripted(id="other", solutions=solutions("three", "four"))],
            three=lambda data: lost,
        )
    }
    assert found["sum"].verdict != "unknown"
    assert found["other"].verdict == "unknown"
    assert rules(found["other"]) == {"not_audited": "warning"}
    assert "no C++ compiler" in detail(found["other"], "not_audited")


def test_an_environment_that_cannot_be_read_is_bad_and_the_others_are_audited():
    class Damaged(MemorySource):
        def get(self, environment_id: str) -> AnyEnvironment:
            if environment_id == "other":
                raise DataError("line 3: the line is damaged")
            return super().get(environment_id)

    source = Damaged([scripted(), scripted(id="other")])
    script = {"generator": made, "one": ok, "two": ok}
    audits = audit_pool(source, lambda: Machine(dict(script)), load_plugins(), settings=SMALL)
    found = {item.environment_id: item for item in audits}
    assert rules(found["other"]) == {"unreadable": "bad"}
    assert found["sum"].levels


def test_an_audit_that_is_closed_ends_all_sandboxes_and_begins_nothing():
    sandboxes: list[Machine] = []
    begun, go_on = threading.Event(), threading.Event()

    def wait(data: bytes) -> RunResult:
        begun.set()
        assert go_on.wait(60)
        return RunResult("sandbox_failure", error="the sandbox is closed")

    def make_sandbox() -> Machine:
        sandboxes.append(Machine({"wait": wait, "generator": made, "one": ok, "two": ok}))
        return sandboxes[-1]

    environments = [scripted()]
    environments += [scripted(id=f"waiting-{number}", generator="wait") for number in range(4)]
    source = MemorySource(environments)
    audits = audit_pool(source, make_sandbox, load_plugins(), settings=SMALL)
    assert next(audits).environment_id == "sum"
    assert begun.wait(60)
    audits.close()
    assert all(sandbox.closed for sandbox in sandboxes)
    calls = sum(source == "wait" for sandbox in sandboxes for source, _ in sandbox.calls)
    go_on.set()
    assert calls == 1


def test_an_audit_that_is_stopped_yields_what_is_done_and_begins_nothing():
    stop, go_on = threading.Event(), threading.Event()

    def wait(data: bytes) -> RunResult:
        stop.set()
        assert go_on.wait(60)
        return RunResult("sandbox_failure", error="the sandbox is closed")

    plays = {"wait": wait, "generator": made, "one": ok, "two": ok}
    environments = [scripted(), scripted(id="second")]
    environments += [scripted(id=f"waiting-{number}", generator="wait") for number in range(4)]
    source = MemorySource(environments)
    audits = audit_pool(
        source, lambda: Machine(dict(plays)), load_plugins(), settings=SMALL, stopped=stop.is_set
    )
    done = [audit.environment_id for audit in audits]
    go_on.set()
    assert done == ["sum", "second"]


def test_settings_that_cannot_be_are_refused_before_anything_runs():
    with pytest.raises(UsageError, match="unknown level 'top'"):
        run([scripted()], settings=AuditSettings(levels=("top",)))
    with pytest.raises(UsageError, match="agree"):
        run([scripted()], settings=AuditSettings(references=1, agree=2))
