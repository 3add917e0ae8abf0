"""Instances of program environments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scaler_core.errors import UsageError
from scaler_core.factory import InstanceFailure, InstanceRequest
from scaler_core.factory.local import LocalFactory
from scaler_core.factory.prompts import render
from scaler_core.interfaces import RunResult, RunStatus
from scaler_core.models import Instance
from scaler_core.pool.published import read_published
from scaler_core.seeds import derive_seed
from scaler_core.testing.environments import SUM_CPP, cpp_solutions, program_environment
from scaler_plugins.sandboxes.process import Process
from tests.factory.natives import Adder
from tests.factory.scripted import ScriptedSandbox, SlowSandbox, generated, ok, solutions
from tests.sandbox.machines import require_compiler


@pytest.fixture(scope="module")
def factory(programs: Path) -> Iterator[LocalFactory]:
    factory = LocalFactory(Process(Process.Config(cache_dir=programs)))
    yield factory
    factory.close()


def scripted(generator: object, *, stdin: str = "1 2") -> tuple[LocalFactory, ScriptedSandbox]:
    """A factory whose generator plays a script and whose solutions print the input's sum."""

    def add(data: bytes) -> RunResult:
        return ok(str(sum(map(int, data.split()))))

    play = generator if generator is not None else lambda _: generated(stdin, {"x": 1})
    sandbox = ScriptedSandbox({"g": play, "a": add, "b": add})  # type: ignore[dict-item]
    return LocalFactory(sandbox), sandbox


SCRIPTED = program_environment(generator="g", solutions=solutions("a", "b"))


def cause(made: Instance | InstanceFailure) -> str:
    assert isinstance(made, InstanceFailure)
    assert "\n" not in made.detail
    return made.cause


def test_an_instance_says_where_it_comes_from_and_holds_prompt_and_truth(
    factory: LocalFactory,
) -> None:
    environment = program_environment()
    made = factory.make(environment, 3, [7])[0]
    assert isinstance(made, Instance)
    assert (made.environment_id, made.level, made.seed) == ("sum", 3, 7)
    assert isinstance(made.testcase, dict)
    assert made.testcase["n"] == 5
    assert int(made.truth) == sum(made.testcase["values"])  # type: ignore[arg-type]
    assert made.messages == render(environment, made.testcase)
    assert made.answer_type == "number"


def test_an_instance_depends_on_its_seed_and_not_on_its_batch(factory: LocalFactory) -> None:
    environment = program_environment()
    seeds = [derive_seed("test", number) for number in range(6)]
    together = factory.make(environment, 2, seeds)
    assert together == [factory.make(environment, 2, [seed])[0] for seed in seeds]
    assert together[::-1] == factory.make(environment, 2, seeds[::-1])


def test_cpp_solutions_make_the_same_instances(factory: LocalFactory) -> None:
    require_compiler()
    in_cpp = program_environment(solutions=cpp_solutions(*SUM_CPP))
    assert factory.make(in_cpp, 1, [1, 2, 3]) == factory.make(program_environment(), 1, [1, 2, 3])


def test_requests_side_by_side_give_what_one_by_one_gives(factory: LocalFactory) -> None:
    requests = [InstanceRequest(program_environment(), level, (1, 2)) for level in range(5)]
    expected = [factory.make(item.environment, item.level, item.seeds) for item in requests]
    assert factory.make_many(requests) == expected


def test_no_seeds_give_no_instances(factory: LocalFactory) -> None:
    assert factory.make(program_environment(), 0, []) == []
    assert factory.make_many([]) == []


def test_the_prompt_style_is_the_factorys() -> None:
    environment = program_environment(generator="g", solutions=solutions("a", "b"))
    _, sandbox = scripted(None)
    compact = LocalFactory(sandbox, "compact", "Be brief.")
    made = compact.make(environment, 0, [1])[0]
    assert isinstance(made, Instance)
    assert [message["content"] for message in made.messages] == ["Be brief.", "sum x=1"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("runtime_error", "generator_error"),
        ("compile_error", "generator_error"),
        ("forbidden", "generator_error"),
        ("time_limit", "generator_limit"),
        ("memory_limit", "generator_limit"),
        ("output_limit", "generator_limit"),
        ("sandbox_failure", "infrastructure"),
    ],
)
def test_each_way_a_generator_fails_has_its_cause(status: RunStatus, expected: str) -> None:
    factory, _ = scripted(lambda _: RunResult(status, error="first\nlast line"))
    made = factory.make(SCRIPTED, 0, [1])[0]
    assert cause(made) == expected
    assert isinstance(made, InstanceFailure)
    assert "last line" in made.detail


def test_a_testcase_that_is_none_is_invalid_and_costs_only_its_seed() -> None:
    results = [
        generated("1 2", {"n": 2}),
        generated("", {"n": 2}),
        ok("junk"),
        generated("4", {"n": 1}),
    ]
    factory, sandbox = scripted(results)
    made = factory.make(SCRIPTED, 0, [1, 2, 3, 4])
    assert [cause(made[1]), cause(made[2])] == ["invalid_testcase"] * 2
    assert [item.truth for item in made if isinstance(item, Instance)] == ["3", "4"]
    assert sandbox.calls[1] == ("a", 2)


def test_a_sandbox_that_fails_once_changes_nothing() -> None:
    factory, _ = scripted([RunResult("sandbox_failure"), generated("1 2", {"n": 2})])
    assert isinstance(factory.make(SCRIPTED, 0, [1])[0], Instance)


def test_counters_tell_what_was_made_and_what_it_cost() -> None:
    results = [generated("1 2", {"n": 2}), RunResult("time_limit", cpu_s=2.0)]
    factory, _ = scripted(results)
    factory.make(SCRIPTED, 0, [1, 2])
    counters = dict(factory.counters())
    assert counters.pop("wall_s/generator") > 0
    assert counters.pop("wall_s/solutions") > 0
    assert counters == {
        "made": 1,
        "failed/generator_limit": 1,
        "cpu_s/generator": 2.5,
        "cpu_s/solutions": 1.0,
        "sandbox/calls": 3,
    }


def test_the_cost_of_a_run_that_the_sandbox_failed_at_is_counted() -> None:
    factory, _ = scripted([RunResult("sandbox_failure", cpu_s=3.0), generated("1 2", {"n": 2})])
    factory.make(SCRIPTED, 0, [1])
    assert factory.counters()["cpu_s/generator"] == 3.5


def test_what_will_be_asked_for_is_prepared_without_being_made() -> None:
    factory, sandbox = scripted(None)
    other = program_environment(generator="g", solutions=solutions(*"abcde"))
    requests = [InstanceRequest(item, 0, (1,)) for item in (SCRIPTED, other, SCRIPTED, Adder())]
    factory.prefetch(requests)
    assert sandbox.prepared == [["g", "a", "b"], ["g", "a", "b", "c"]]
    assert sandbox.calls == []


def test_an_impossible_level_is_refused() -> None:
    factory, _ = scripted(None)
    for level in (-1, 5):
        with pytest.raises(UsageError, match="levels are 0 to 4"):
            factory.make(SCRIPTED, level, [1])


def test_impossible_agreement_is_refused() -> None:
    for agree in (0, 4):
        with pytest.raises(UsageError, match="between 1 and references"):
            LocalFactory(ScriptedSandbox({}), references=3, agree=agree)


def test_closing_closes_the_sandbox() -> None:
    factory, sandbox = scripted(None)
    factory.close()
    assert sandbox.closed


def broken_pipe(count: int) -> list[RunResult]:
    raise BrokenPipeError("the box is gone")


@pytest.mark.parametrize("ending", [lambda n: [RunResult("sandbox_failure")] * n, broken_pipe])
def test_closing_ends_calls_under_way_with_failures(
    ending: Callable[[int], list[RunResult]],
) -> None:
    sandbox = SlowSandbox(ending)
    factory = LocalFactory(sandbox, workers=2)
    requests = [
        InstanceRequest(program_environment(id=name, generator=name), 0, (1, 2)) for name in "abcd"
    ]
    with ThreadPoolExecutor(2) as callers:
        many = callers.submit(factory.make_many, requests)
        one = callers.submit(factory.make, SCRIPTED, 0, [1])
        for _ in range(3):
            assert sandbox.under_way.acquire(timeout=60)
        factory.close()
        made = [item for items in many.result(60) for item in items] + one.result(60)
    assert [cause(item) for item in made] == ["infrastructure"] * 9
    assert len(sandbox.calls) == 3, "nothing is begun or tried again after the end"
    for thread in factory._threads._threads:
        thread.join(60)
        assert not thread.is_alive()


def test_a_closed_factory_gives_failures_that_blame_nobody() -> None:
    factory, sandbox = scripted(None)
    factory.close()
    requests = [InstanceRequest(item, 0, (1, 2)) for item in (SCRIPTED, Adder())]
    made = [item for items in factory.make_many(requests) for item in items]
    assert made == [*factory.make(SCRIPTED, 0, [1, 2]), *factory.make(Adder(), 0, [1, 2])]
    assert {cause(item) for item in made} == {"infrastructure"}
    factory.prefetch(requests)
    assert (sandbox.calls, sandbox.prepared) == ([], [])


def test_a_wrong_solution_is_outvoted(factory: LocalFactory) -> None:
    good = program_environment().problem.solutions
    wrong = good[0].model_copy(update={"source": "print(0)"})
    outvoted = program_environment(solutions=(wrong, good[0], good[1]))
    assert factory.make(outvoted, 4, [1, 2]) == factory.make(program_environment(), 4, [1, 2])


def test_a_machine_without_a_compiler_never_blames_the_environment(tmp_path: Path) -> None:
    sandbox = Process(Process.Config(compiler="no-such-compiler", cache_dir=tmp_path))
    factory = LocalFactory(sandbox)
    in_cpp = program_environment(solutions=cpp_solutions(*SUM_CPP))
    made = factory.make(in_cpp, 0, [1])[0]
    assert cause(made) == "infrastructure"
    assert isinstance(made, InstanceFailure)
    assert "install g++" in made.detail
    factory.close()


@pytest.mark.shared
def test_every_published_environment_gives_instances_with_agreement(
    factory: LocalFactory, shared_dir: Path
) -> None:
    require_compiler()
    environments = read_published(shared_dir / "data" / "SCALER-8.json")
    assert len(environments) == 8
    for environment in environments:
        for level in (0, environment.top_level // 2, environment.top_level):
            seeds = [derive_seed(environment.id, level, number) for number in range(4)]
            made = factory.make(environment, level, seeds)
            assert [item for item in made if isinstance(item, InstanceFailure)] == []
            assert made == [*factory.make(environment, level, seeds[:1]), *made[1:]]
