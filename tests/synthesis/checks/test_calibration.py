"""Calibration: what fits the prompt and the time, varied ends, honest levels, environments."""

from __future__ import annotations

import pytest

from scaler_core.audit import AuditSettings, audit_pool
from scaler_core.factory.local import LocalFactory
from scaler_core.factory.prompts import render
from scaler_core.jsonio import compact_json
from scaler_core.models import Instance, Message
from scaler_core.plugins import load_plugins
from scaler_core.pool import MemorySource
from scaler_core.synthesis.calibration import CALIBRATION_CHECKS, calibrate
from scaler_core.synthesis.config import CalibrationSettings
from scaler_core.synthesis.environment import draft, make_environment
from scaler_core.synthesis.records import Calibrated, Candidate, Checked, Rejection
from scaler_core.synthesis.workbench import Workbench
from scaler_core.testing.environments import SUM_PYTHON, python_solutions
from scaler_plugins.sandboxes.process import Process
from tests.synthesis.checks.makers import (
    GENERATOR,
    QUICK_CALIBRATION,
    STATEMENT,
    accepted,
    calibrated,
    candidate,
    generator,
)

TRUSTING = Checked(problem_id="sum", kept=(1, 2, 3))


def settings(**changed: object) -> CalibrationSettings:
    return QUICK_CALIBRATION.model_copy(update=changed)


def refused(
    made: Candidate, workbench: Workbench, chosen: CalibrationSettings = QUICK_CALIBRATION
) -> Rejection:
    result = calibrate(made, TRUSTING, workbench, chosen)
    assert isinstance(result, Rejection), result
    assert result.stage == "calibrate"
    assert result.check in CALIBRATION_CHECKS
    return result


def trusted(
    made: Candidate, workbench: Workbench, chosen: CalibrationSettings = QUICK_CALIBRATION
) -> Calibrated:
    result = calibrate(made, TRUSTING, workbench, chosen)
    assert isinstance(result, Calibrated), result
    return result


def words(messages: tuple[Message, ...] | list[Message]) -> int:
    return sum(len(message["content"].split(",")) for message in messages)


def test_the_range_ends_where_the_structured_value_exceeds_its_characters(workbench):
    found = trusted(candidate(), workbench, settings(characters=600, quantile=1.0))
    assert found.figures["bound_by"] == "prompt"
    length = found.figures["length"]
    assert isinstance(length, int)
    assert 590 < length <= 600
    # n values of four digits and a sign, with a comma, and '{"n":100,"a":[]}'
    assert 95 < found.parameters["n"].maximum < 125


def test_8_3_what_is_measured_is_what_the_model_reads(workbench):
    # stdin stays short while the structured value grows tenfold
    body = (
        "a = [random.randint(0, 5000) for _ in range(scale['n'])]\n"
        "return f'{len(a)}\\n{\" \".join(map(str, a))}\\n', {'n': len(a), 'a': a, "
        "'told': [{'value of an element': x} for x in a]}"
    )
    made = candidate(source=generator(body))
    found = trusted(made, workbench, settings(characters=1000, quantile=1.0))
    assert found.parameters["n"].maximum < 35
    plain = trusted(candidate(), workbench, settings(characters=1000, quantile=1.0))
    assert plain.parameters["n"].maximum > 150


def test_tokens_of_the_whole_prompt_count_where_a_tokenizer_is_there(sandbox):
    counting = Workbench(sandbox, count_tokens=words)
    found = trusted(candidate(), counting, settings(tokens=100, characters=1))
    empty = words(render(draft(candidate()), {}))
    assert found.figures["budget"] == {"unit": "tokens", "limit": 100, "quantile": 0.95}
    assert found.figures["length"] == 100
    # one piece per comma: n values, and the key n before them
    assert found.parameters["n"].maximum == 100 - empty


def test_the_prompt_of_a_candidate_defines_the_keys_that_its_statement_defines():
    source = GENERATOR.replace('{"n": len(a)', '{"k": 1, "n": len(a)')
    statement = STATEMENT.replace("The first line holds n", "Integers k and n: the gap and more. n")
    made = candidate(source=source, statement=statement)
    assert "the gap and more" in draft(made).problem.logic
    assert draft(candidate()).problem == candidate().problem.problem


def test_a_candidate_that_does_not_fit_at_its_minimum_is_refused(workbench):
    found = refused(candidate(), workbench, settings(characters=10))
    assert found.check == "too_long"
    assert "characters, 10 are allowed" in found.detail


def test_the_time_limit_of_the_problem_bounds_the_range(workbench):
    slow = "import time\nlimit = {} * int(input())\nwhile time.process_time() < limit: pass\n"
    source = slow.format(0.01) + "print(sum(map(int, input().split())))\n"
    made = candidate(
        solutions=python_solutions(*[source] * 3), time_limit_s=0.2, parameters={"n": (1, 65)}
    )
    found = trusted(made, workbench, settings(draws=1, end_draws=6))
    assert found.figures["bound_by"] == "time"
    assert 4 < found.parameters["n"].maximum <= 10


def test_a_candidate_that_is_too_slow_at_its_minimum_is_refused(workbench):
    slow = "import time\nwhile time.process_time() < 0.3: pass\n" + SUM_PYTHON[0]
    made = candidate(solutions=python_solutions(*[slow] * 3), time_limit_s=0.4)
    assert refused(made, workbench, settings(draws=1)).check == "too_slow"


def test_8_1_the_lowest_level_is_the_first_whose_answers_are_varied(workbench):
    # the answer is 0 up to n = 5
    body = "a = [random.randint(-5000, 5000) * (scale['n'] > 5) for _ in range(scale['n'])]"
    made = candidate(source=generator(body), parameters={"n": (1, 60)})
    found = trusted(made, workbench)
    assert (found.parameters["n"].minimum, found.parameters["n"].maximum) == (7, 60)
    assert found.levels[0] == 0
    lowest = found.figures["lowest"]
    assert isinstance(lowest, dict)
    assert lowest["scale"] == {"n": 7}
    published = trusted(made, workbench, settings(as_published=True))
    assert published.parameters["n"].minimum == 1


def test_answers_that_are_never_varied_are_refused(workbench):
    body = "x = random.randint(1, 5000)\na = [x, -x] * scale['n']"
    found = refused(candidate(source=generator(body)), workbench)
    assert found.check == "variety"
    assert "at the largest scale that fits" in found.detail


def test_inputs_that_repeat_are_not_varied(workbench):
    found = refused(candidate(source=generator("a = [random.randint(0, 3)] * 2")), workbench)
    assert found.check == "variety"
    assert "of the inputs repeat" in found.detail


@pytest.mark.parametrize(("inputs", "lowest"), [(20, 1), (15, 2)])
def test_the_lowest_level_may_have_as_few_inputs_as_an_audit_lets_pass(workbench, inputs, lowest):
    # of 20 inputs 30 draws repeat 48 % and 50 draws 63 %; of 15 it is 56 % and 71 %
    body = f"a = [random.randint(1, {inputs}) for _ in range(scale['n'])]"
    made = candidate(source=generator(body), parameters={"n": (1, 40)})
    found = trusted(made, workbench, settings(end_draws=CalibrationSettings().end_draws))
    assert found.parameters["n"].minimum == lowest


def test_a_range_without_a_second_level_is_refused(workbench):
    body = "a = [random.randint(-5000, 5000) * (scale['n'] > 2) for _ in range(scale['n'])]"
    found = refused(candidate(source=generator(body), parameters={"n": (1, 3)}), workbench)
    assert found.check == "too_few_levels"


def test_a_generator_that_fails_at_large_scales_bounds_the_range(workbench):
    body = "a = [random.randint(-5000, 5000) for _ in range(scale['n'])]\nassert len(a) < 41"
    found = trusted(candidate(source=generator(body)), workbench)
    assert found.parameters["n"].maximum == 40


def test_a_solution_that_fails_at_the_largest_scale_alone_is_dropped(workbench):
    short = "n = int(input())\nassert n < 250\nprint(sum(map(int, input().split())))\n"
    made = candidate(solutions=python_solutions(*SUM_PYTHON, short))
    checked = Checked(problem_id="sum", kept=(1, 2, 3, 4))
    found = calibrate(made, checked, workbench, settings(characters=10_000))
    assert isinstance(found, Calibrated)
    assert found.kept == (1, 2, 3)
    assert [(item.number, item.reason) for item in found.dropped] == [(4, "fails")]


def test_several_parameters_move_together(workbench):
    body = "a = [random.randint(-5000, 5000) for _ in range(scale['n'] + scale['extra'])]\n"
    made = candidate(source=generator(body), parameters={"n": (1, 11), "extra": (0, 30)})
    found = trusted(made, workbench, settings(characters=10_000))
    assert {name: item.ratio for name, item in found.parameters.items()} == {"n": 1.0, "extra": 3.0}
    assert found.levels == tuple(range(11))


def test_a_repeat_gives_the_same_calibration(workbench):
    first, second = (trusted(candidate(), workbench) for _ in range(2))
    assert first.model_dump_json(exclude={"times"}) == second.model_dump_json(exclude={"times"})


TWO = """\
import random, time


def generate_testcase(scale):
    n = scale["n"]
    a = [random.randint(-5000, 5000), n - 4000]
    BODY
    return f"2\\n{a[0]} {a[1]}\\n", {"n": 2, "a": a}
"""
"""Prompts stay short, so that the range is 9,000, of which the breadth check draws up to 1,000."""


@pytest.mark.parametrize(
    ("body", "check", "said"),
    [
        ("if 107 <= n <= 113: raise ValueError('no')", "generator", "ValueError: no"),
        ("if n > 1000: a[0] = time.time_ns() % 5000", "determinism", "in another order"),
        ("if 107 <= n <= 113: a[0] = 10**6", "bounds", "1000000 breaks"),
    ],
)
def test_what_only_some_levels_do_is_seen(workbench, body, check, said):
    made = candidate(source=TWO.replace("BODY", body), parameters={"n": (1, 9000)})
    found = refused(made, workbench)
    assert found.check == check
    assert said in found.detail


def test_good_solutions_that_differ_on_one_level_alone_refuse_it(workbench):
    wrong = (
        "words = open(0).read().split()\ntotal = sum(map(int, words[1:]))\n"
        "print(total + (107 <= int(words[2]) + 4000 <= 113))\n"
    )
    solutions = python_solutions(*SUM_PYTHON, wrong, wrong + "# again\n")
    made = candidate(
        source=TWO.replace("BODY", ""), parameters={"n": (1, 9000)}, solutions=solutions
    )
    checked = Checked(problem_id="sum", kept=(1, 2, 3, 4, 5))
    found = calibrate(made, checked, workbench, QUICK_CALIBRATION)
    assert isinstance(found, Rejection)
    assert (found.check, "inputs that the problem forbids" in found.detail) == ("levels", True)


def test_prompts_that_are_longer_at_a_smaller_scale_are_seen(workbench):
    body = "a = [random.randint(-5000, 5000) for _ in range(200 - 2 * scale['n'])]"
    made = candidate(source=generator(body), parameters={"n": (1, 90)})
    found = refused(made, workbench, settings(characters=600))
    assert found.check == "too_long"
    assert "at the level n=" in found.detail


def test_a_level_without_any_instance_is_seen(workbench):
    body = "if 107 <= n <= 113: return 'x' * (5 << 20), {'n': 2}"
    made = candidate(source=TWO.replace("BODY", body), parameters={"n": (1, 9000)})
    found = refused(made, workbench)
    assert found.check == "too_long"
    assert "at the level n=111 the prompt has inf" in found.detail


def test_a_statement_that_fills_a_prompt_alone_is_refused(workbench):
    found = refused(candidate(logic="Add the numbers. " * 1200), workbench)
    assert found.check == "too_long"
    assert "statement and instruction alone" in found.detail


def test_a_highest_level_with_few_inputs_is_refused(workbench):
    body = "a = [random.randint(1, 20)] * scale['n']"
    made = candidate(source=generator(body), parameters={"n": (1, 300)})
    found = refused(made, workbench, settings(end_draws=50))
    assert found.check == "variety"
    assert "at the largest scale that fits" in found.detail


# ------------------------------------------------------------------ environments


def test_an_environment_tells_where_it_comes_from_and_is_good_in_an_audit(workbench):
    made = candidate(solutions=python_solutions("print(0)\n", *SUM_PYTHON), tests=())
    checked = accepted(made, workbench)
    found = calibrate(made, checked, workbench, QUICK_CALIBRATION)
    assert isinstance(found, Calibrated)
    environment = make_environment(made, checked, found, {"model": "tests"})
    assert environment.problem.solutions == python_solutions(*SUM_PYTHON)
    assert environment.scale(environment.top_level) == {"n": found.parameters["n"].maximum}
    provenance = environment.provenance
    assert (provenance["model"], provenance["source"]) == ("tests", "tests sum")
    assert provenance["checks"] == checked.figures
    assert provenance["calibration"] == found.figures
    solutions = provenance["solutions"]
    assert isinstance(solutions, dict)
    assert (solutions["listed"], solutions["kept"]) == (4, [2, 3, 4])
    assert "outvoted" in compact_json(solutions["dropped"])
    again = make_environment(made, checked, found, {"model": "tests"})
    assert again.model_dump_json() == environment.model_dump_json()
    audits = audit_pool(
        MemorySource([environment]), Process, load_plugins(), settings=AuditSettings(instances=8)
    )
    assert [(item.verdict, item.findings) for item in audits] == [("good", ())]


def test_prompts_of_every_level_keep_to_the_budget(workbench):
    made = candidate()
    found = calibrated(made, workbench, settings(characters=500, quantile=1.0, draws=8))
    environment = make_environment(made, TRUSTING, found, {})
    factory = LocalFactory(Process())
    try:
        for level in range(0, environment.top_level + 1, 4):
            for item in factory.make(environment, level, range(3)):
                assert isinstance(item, Instance)
                assert len(compact_json(item.testcase)) <= 520
    finally:
        factory.close()
