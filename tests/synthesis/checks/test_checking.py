"""Each fault that a candidate can have is named by the check that finds it."""

from __future__ import annotations

import pytest

from scaler_core.errors import InfrastructureError
from scaler_core.interfaces import RunResult
from scaler_core.synthesis.checks import CHECKS, check_candidate
from scaler_core.synthesis.config import CheckSettings
from scaler_core.synthesis.records import Checked, SourceTest
from scaler_core.synthesis.workbench import Workbench
from scaler_core.testing.environments import SUM_CPP, SUM_PYTHON, cpp_solutions, python_solutions
from tests.factory.scripted import ScriptedSandbox
from tests.sandbox.machines import require_compiler
from tests.synthesis.checks.makers import (
    EXAMPLE,
    GENERATOR,
    QUICK,
    accepted,
    candidate,
    generator,
    rejected,
)

VALUES = "a = [random.randint(-5000, 5000) for _ in range(scale['n'])]"
ZERO = "print(0)\n"


def test_a_sound_candidate_passes_with_figures_of_every_check(workbench):
    found = accepted(candidate(), workbench)
    assert (found.problem_id, found.kept, found.dropped) == ("sum", (1, 2, 3), ())
    assert found.figures["tests"] == {"given": 1, "run": 1}
    assert found.figures["breadth"] == {"testcases": 8, "suspicious": 0, "smallest_quorum": 3}
    assert found.figures["depth"] == {"testcases": 12, "suspicious": 0, "smallest_quorum": 3}
    assert found.figures["pairs"] == {"compared": 26}
    assert found.figures["determinism"] == {"repeated": 4, "hash_seed": "checked"}
    bounds = found.figures["bounds"]
    assert isinstance(bounds, dict)
    assert bounds["stated"]["n"] == {"bound": "1 <= n <= 100000", "values": 26}
    assert bounds["stated"]["a_i"]["values"] > 1000
    assert bounds["not_stated"] == []
    assert set(found.times) == {"generator_cpu_s", "solution_cpu_s"}


def test_a_repeat_gives_the_same_record_and_another_seed_another(workbench, sandbox):
    def record(on: Workbench) -> str:
        return accepted(candidate(), on).model_dump_json(exclude={"times"})

    assert record(workbench) == record(workbench)
    other = Workbench(sandbox, seed=1)
    assert record(other) != record(workbench)


def test_a_record_survives_json(workbench):
    found = accepted(candidate(), workbench)
    assert Checked.model_validate_json(found.model_dump_json()) == found


def test_solutions_in_cpp_are_asked_too(workbench):
    require_compiler()
    solutions = python_solutions(*SUM_PYTHON[:2]) + cpp_solutions(SUM_CPP[0], "int main( {}")
    found = accepted(candidate(solutions=solutions), workbench)
    assert found.kept == (1, 2, 3)
    assert [(item.number, item.language, item.reason) for item in found.dropped] == [
        (4, "cpp", "does_not_compile")
    ]


# ------------------------------------------------------------------ metadata


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"output_type": "graph"}, "graph"),
        ({"answer_unique": False}, "not unique"),
        ({"parameters": {"n": (5, 4)}}, "5 to 4"),
        ({"parameters": {"n": (5, 5)}}, "nothing scales"),
        ({"parameters": {"difficulty": (1, 9)}}, "difficulty"),
        ({"parameters": {"n": (1, 10**30)}}, "goes from"),
    ],
)
def test_metadata_that_cannot_be_used_are_refused(changed, said, workbench):
    found = rejected(candidate(**changed), workbench)
    assert found.check == "metadata"
    assert said in found.detail


def test_a_parameter_beyond_what_the_statement_allows_is_refused(workbench):
    found = rejected(candidate(parameters={"n": (0, 300)}), workbench)
    assert (found.check, found.detail) == (
        "bounds",
        "parameter n goes from 0 to 300, but the statement says 1 <= n <= 100000",
    )


def test_answers_that_hold_a_box_cannot_be_verified(workbench):
    boxed = "input()\nprint('\\\\boxed{%d}' % sum(map(int, input().split())))\n"
    made = candidate(output_type="string", tests=(), solutions=python_solutions(*[boxed] * 3))
    found = rejected(made, workbench)
    assert (found.check, "cannot be verified" in found.detail) == ("metadata", True)


SILENT = "input()\ns = sum(map(int, input().split()))\nif s % 2: print(s)\n"


def test_an_answer_that_is_empty_has_a_reason_of_its_own(workbench):
    made = candidate(tests=(), solutions=python_solutions(*[SILENT + f"#{i}" for i in range(3)]))
    found = rejected(made, workbench)
    assert found.check == "empty_output"
    assert "print nothing" in found.detail


# ------------------------------------------------------------------ generators

HOSTILE = {
    "raises": (generator("a = [1 / (scale['n'] - 1)]"), "generator", "ZeroDivisionError"),
    "never ends": (generator("while True: pass"), "generator", "time_limit"),
    "takes all memory": (generator("a = [0] * (1 << 40)"), "generator", "Memory"),
    "is no function": ("generate_testcase = 3\n", "generator", "TypeError"),
    "does not compile": ("def generate_testcase(", "generator", "compile_error"),
    "returns something else": ("def generate_testcase(scale):\n    return 7\n", "generator", ""),
    "forges a result": (
        "import os\n\ndef generate_testcase(scale):\n"
        '    [os.write(d, b\'["1 1", {"n": 1}]\') for d in range(3, 9)]\n    os._exit(0)\n',
        "generator",
        "",
    ),
    "starts processes": (generator("import os\nos.fork()\na = [1]"), "generator", "forbidden"),
    "floods": (
        "def generate_testcase(scale):\n    return '1' * (20 << 20), {'n': 1}\n",
        "generator",
        "larger than an instance",
    ),
    "leaves the bounds": (generator(VALUES + "\na[-1] = 5001"), "bounds", "5001 breaks"),
    "tells the model something else": (
        GENERATOR.replace('"a": a}', '"a": a[::-1][:-1] + [4999]}'),
        "pairs",
        "the structured value",
    ),
    "tells the model less": (GENERATOR.replace('"a": a}', '"b": 1}'), "pairs", "does not tell"),
    "ignores its scale": (generator(VALUES.replace("scale['n']", "7")), "scale", "same testcase"),
    "reads the clock": (
        generator(VALUES + "\na[0] = time.time_ns() % 5000", "import random, time"),
        "determinism",
        "a process of its own",
    ),
    "asks the system": (
        generator(VALUES + "\na[0] = random.SystemRandom().randint(-5000, 5000)"),
        "determinism",
        "",
    ),
    "keeps state between calls": (
        generator(
            "random.count = getattr(random, 'count', 0) + 1\n" + VALUES + "\na[0] = random.count"
        ),
        "determinism",
        "",
    ),
    "depends on the hash seed": (
        generator(
            "words = {str(random.randint(0, 10**6)) for _ in range(scale['n'])}\n"
            "a = [int(word) % 5000 for word in words]"
        ),
        "determinism",
        "another hash seed",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_generator_is_named_by_its_check(name, workbench):
    source, check, said = HOSTILE[name]
    found = rejected(candidate(source=source), workbench)
    assert found.check == check, found
    assert check in CHECKS
    assert said in found.detail


def test_prints_of_a_generator_disturb_nothing(workbench):
    noisy = generator("print('[1, 2]' * 1000)\n" + VALUES)
    assert accepted(candidate(source=noisy), workbench).kept == (1, 2, 3)


def test_answers_without_variety_are_refused(workbench):
    source = generator("a = [random.randint(0, 2)] + [0] * (scale['n'] - 1)")
    found = rejected(candidate(source=source), workbench)
    assert found.check == "variety"
    assert "there must be 5" in found.detail


def test_testcases_that_are_larger_than_an_instance_blame_the_scale_alone(workbench):
    little = QUICK.model_copy(update={"breadth": 6, "depth": 5, "edges": 1})
    always = GENERATOR.replace("return f", "return 'x' * (5 << 20), {}\n    return f")
    found = rejected(candidate(source=always), workbench, little)
    assert (found.check, found.detail) == (
        "generator",
        "1 of 1 testcases of the group minimum are larger than an instance can be",
    )
    source = GENERATOR.replace(
        "    return",
        "    if scale['m'] == 3:\n        return 'x' * (5 << 20), {}\n    return",
    )
    made = candidate(source=source, parameters={"n": (1, 300), "m": (1, 4)})
    figures = accepted(made, workbench, little).figures["generator"]
    assert isinstance(figures, dict)
    assert figures["too_large"]["breadth"] > 0


def test_scales_at_which_no_instance_can_be_made_are_not_drawn(workbench):
    source = GENERATOR.replace(
        "    return",
        "    if scale['n'] * scale['m'] > 3000:\n        return 'x' * (5 << 20), {}\n    return",
    )
    made = candidate(source=source, parameters={"n": (1, 300), "m": (1, 100)})
    found = accepted(made, workbench, QUICK)
    assert found.figures["drawn"] == {"n": [1, 75], "m": [1, 25]}
    assert found.figures["generator"] == {
        "too_large": {"minimum": 0, "breadth": 0, "depth": 0, "maximum": 0}
    }


# ------------------------------------------------------------------ solutions


def test_unsound_solutions_are_dropped_with_what_they_did(workbench):
    more = [
        ZERO,
        "raise ValueError('no')\n",
        "not python(\n",
        "while True: pass\n",
        SUM_PYTHON[0].replace("print(", "print('x', "),
    ]
    solutions = python_solutions(*more, *SUM_PYTHON)
    found = accepted(candidate(solutions=solutions, tests=(), time_limit_s=1.0), workbench)
    assert found.kept == (6, 7, 8)
    assert [(item.number, item.reason) for item in found.dropped] == [
        (1, "outvoted"),
        (2, "fails"),
        (3, "does_not_compile"),
        (4, "too_slow"),
        (5, "fails"),
    ]
    details = {item.number: item.detail for item in found.dropped}
    assert "it answers 0, 3 others" in details[1]
    assert "ValueError: no" in details[2]
    assert details[4].startswith("on 1 of 8 inputs: ")
    assert "CPU" in details[4]


def test_neighbouring_large_integers_are_different_answers(workbench):
    rounds = "print(int(float(sum(map(int, open(0).read().split()[1:])))))\n"
    source = (
        "import random\n\n\ndef generate_testcase(scale):\n"
        "    a = [random.randint(10**17, 10**18) for _ in range(scale['n'])]\n"
        "    return f\"{len(a)}\\n{' '.join(map(str, a))}\\n\", {'n': len(a), 'a': a}\n"
    )
    solutions = python_solutions(*SUM_PYTHON, rounds)
    made = candidate(source=source, solutions=solutions, statement="Add.", tests=())
    assert [(item.number, item.reason) for item in accepted(made, workbench).dropped] == [
        (4, "outvoted")
    ]


def test_too_few_sound_solutions_are_refused_and_each_is_named(workbench):
    solutions = python_solutions(*SUM_PYTHON[:2], ZERO)
    found = rejected(candidate(solutions=solutions, tests=()), workbench)
    assert found.check == "solutions"
    assert "2 of 3 solutions are sound, 3 must be; solution 3 outvoted" in found.detail
    assert found.figures["sound"] == [1, 2]


def test_no_more_solutions_are_asked_than_the_settings_say(workbench):
    solutions = python_solutions(*SUM_PYTHON, ZERO)
    settings = QUICK.model_copy(update={"solutions": 3})
    found = accepted(candidate(solutions=solutions), workbench, settings)
    assert (found.kept, found.dropped) == ((1, 2, 3), ())


SPLIT = generator(
    VALUES + "\nif a[0] % 3 == 0:\n    rest = ' '.join(map(str, a[1:]))\n"
    "    return f'{len(a)}\\n{a[0]}\\n{rest}\\n', {'n': len(a), 'a': a}"
)
"""The values are sometimes on two lines, of which some solutions read the first only."""


def test_a_generator_that_makes_forbidden_inputs_is_told_from_a_bad_solution(workbench):
    words = "print(sum(map(int, open(0).read().split()[1:])))\n"
    solutions = python_solutions(*SUM_PYTHON[:2], SUM_PYTHON[2], words, words + "# again\n")
    found = rejected(candidate(source=SPLIT, solutions=solutions), workbench)
    assert found.check == "breadth"
    assert "inputs that the problem forbids: n=" in found.detail
    assert "solutions 2, 4, 5 say" in found.detail
    forgiving = QUICK.model_copy(update={"suspicious": 1.0})
    assert accepted(candidate(source=SPLIT, solutions=solutions), workbench, forgiving).kept == (
        1,
        2,
        3,
        4,
        5,
    )


def test_without_a_majority_nothing_is_forgiven(workbench):
    solutions = python_solutions(*SUM_PYTHON[:2], SUM_PYTHON[2], SUM_PYTHON[1] + "# again\n")
    forgiving = QUICK.model_copy(update={"suspicious": 1.0})
    found = rejected(candidate(source=SPLIT, solutions=solutions), workbench, forgiving)
    assert found.check == "breadth"


# ------------------------------------------------------------------ the problem's own tests


def test_a_solution_that_a_test_contradicts_is_dropped(workbench):
    rare = SUM_PYTHON[1].replace("print(total)", "print(total if total != 77 else 78)")
    test = SourceTest(stdin="2\n70 7", stdout="77", kind="private")
    solutions = python_solutions(*SUM_PYTHON, rare)
    found = accepted(candidate(solutions=solutions, tests=(EXAMPLE, test)), workbench)
    assert [(item.number, item.reason) for item in found.dropped] == [(4, "wrong_on_tests")]
    assert found.dropped[0].detail == "private test: says 78, the answer is 77"


def test_a_test_that_most_solutions_contradict_refuses_the_problem(workbench):
    test = SourceTest(stdin="2\n3 4\n", stdout="8\n", kind="public")
    found = rejected(candidate(tests=(test,)), workbench)
    assert found.check == "tests"
    assert "3 of 3 solutions do not give the answer of a test (public)" in found.detail
    assert "says 7, the answer is 8" in found.detail


def test_tests_are_bounded_in_number_and_size_and_examples_go_first(workbench):
    wrong = SourceTest(stdin="1\n1\n", stdout="2\n", kind="generated")
    long = SourceTest(stdin=f"1\n{'1' * 200}\n", stdout="2\n", kind="example")
    empty = SourceTest(stdin="1\n1\n", stdout=" \n", kind="example")
    settings = QUICK.model_copy(update={"tests": 1, "test_bytes": 100})
    found = accepted(candidate(tests=(wrong, long, empty, EXAMPLE)), workbench, settings)
    assert found.figures["tests"] == {"given": 4, "run": 1}


def test_a_test_may_hold_several_cases_and_so_several_numbers(workbench):
    sources = [
        "import sys\nlines = sys.stdin.read().split('\\n')\n"
        f"for line in lines[1:]:\n    if line: print(sum(map(int, line.split())))  # {number}\n"
        for number in range(3)
    ]
    test = SourceTest(stdin="2\n3 4\n5 6\n", stdout="7\n11\n", kind="public")
    made = candidate(solutions=python_solutions(*sources), tests=(EXAMPLE, test))
    assert accepted(made, workbench).figures["tests"] == {"given": 2, "run": 2}


def test_several_test_cases_in_stdin_are_refused(workbench):
    statement = "Input\n\nThe first line contains t, the number of test cases.\n\nOutput\n\nSums."
    found = rejected(candidate(statement=statement), workbench)
    assert found.check == "single_test"


# ------------------------------------------------------------------ the machine


def test_a_failing_sandbox_is_no_rejection():
    broken = RunResult("sandbox_failure", error="no memory for a worker")
    workbench = Workbench(ScriptedSandbox({GENERATOR: lambda data: broken}))
    with pytest.raises(InfrastructureError, match="no memory for a worker"):
        check_candidate(candidate(), workbench, QUICK)


def test_a_closed_bench_ends_its_work():
    sandbox = ScriptedSandbox({})
    workbench = Workbench(sandbox)
    workbench.close()
    assert sandbox.closed
    with pytest.raises(InfrastructureError):
        check_candidate(candidate(), workbench, QUICK)


def test_the_defaults_are_those_of_the_paper():
    settings = CheckSettings()
    assert (settings.breadth, settings.breadth_top, settings.depth) == (100, 1000, 100)
    assert (settings.distinct, settings.commonest, settings.quorum) == (10, 0.3, 3)
