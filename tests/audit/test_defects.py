"""Each defect that an environment can have is found, named and weighed."""

from __future__ import annotations

import pytest

from scaler_core.models import ComponentChoice
from scaler_core.testing.environments import SUM_PYTHON, python_solutions, sum_problem
from tests.audit.makers import audit, audit_one, detail, generator, rules, solutions, sums, wide

ZERO = "print(0)\n"
GUESSES = "import sys\nwords = sys.stdin.read().split()\nprint(sum(map(int, words)))\n"


def test_a_sound_environment_is_good():
    found = audit_one(sums())
    assert (found.verdict, found.findings) == ("good", ())
    assert [level.level for level in found.levels] == [0, 4]
    assert [level.scale for level in found.levels] == [{"n": 2}, {"n": 6}]
    assert all(level.seeds == level.testcases == level.instances == 6 for level in found.levels)
    assert [item.outcome for item in found.solutions] == ["agrees"] * 3
    assert found.votes is not None
    assert (found.votes.decided, found.votes.smallest_quorum) == (12, 3)
    assert (found.votes.truths_compared, found.votes.truths_wrong) == (12, 0)
    assert all(item.compared == 12 and item.differing == 0 for item in found.repeats)
    assert found.verifier is not None
    assert found.verifier.verifier == "typed"
    assert found.verifier.asked > 40
    assert found.levels[0].prompt_characters is not None
    assert found.levels[0].generator_cpu_s is not None


def test_equal_seeds_give_equal_audits_save_for_the_time():
    def untimed(seed: int) -> object:
        found = audit_one(sums(), seed=seed).model_dump(
            exclude={"wall_s": True, "verifier": True, "solutions": {"__all__": {"cpu_s"}}}
        )
        for level in found["levels"]:
            del level["generator_cpu_s"]
        return found

    first = untimed(1)
    assert untimed(1) == first
    assert untimed(2) != first


def test_a_prompt_that_cannot_be_answered_as_it_stands_is_told():
    asked = sum_problem().model_copy(
        update={
            "logic": "This is an interactive problem. Take the sum modulo 109 + 7.",
            "instruction": "If there are several answers, print any of them.",
        }
    )
    found = audit_one(sums(problem=asked))
    assert rules(found) == dict.fromkeys(
        ("lost_exponent", "several_answers", "interactive"), "warning"
    )
    assert "109 + 7" in detail(found, "lost_exponent")


# ------------------------------------------------------------------ generators


def test_a_generator_that_fails_on_some_seeds_is_named_with_a_cause():
    body = "values = [random.randint(-5000, 5000)] * scale['n']\n1 / (values[0] % 4)"
    found = audit_one(sums(generator=generator(body)), instances=16)
    assert rules(found)["generator_fails"] == "bad"
    level = max(found.levels, key=lambda item: item.seeds - item.testcases)
    failures = level.generator_failures["generator_error"]
    assert failures.count == level.seeds - level.testcases
    assert "ZeroDivisionError" in failures.example
    assert "seed" in failures.example
    assert found.votes is not None
    assert found.votes.testcases == sum(item.testcases for item in found.levels)


def test_a_generator_without_any_testcase_is_bad_and_nothing_else_is_blamed():
    found = audit_one(sums(generator="def generate_testcase(scale):\n    return 7\n"))
    assert found.verdict == "bad"
    assert set(rules(found)) == {"generator_fails"}
    assert {item.outcome for item in found.solutions} == {"not_run"}


@pytest.mark.parametrize(
    ("prelude", "body"),
    [
        ("import random, time", "values = [time.time_ns() % 10007] * scale['n']"),
        ("import os", "values = list(os.urandom(scale['n']))"),
        ("import random", "random.seed()\nvalues = [random.randint(0, 9999)] * scale['n']"),
        ("import random", "values = [id(object()) % 10007, random.SystemRandom().randint(0, 99)]"),
    ],
    ids=["clock", "urandom", "reseeded", "system randomness"],
)
def test_a_generator_that_is_not_repeatable_is_bad(prelude, body):
    found = audit_one(sums(generator=generator(body, prelude)))
    assert rules(found)["not_repeatable"] == "bad"
    assert "instances differ when they are made again" in detail(found, "not_repeatable")
    assert "truth_outvoted" not in rules(found)  # its truths belong to other testcases


def test_a_generator_that_depends_on_the_hash_seed_is_told():
    body = (
        "words = {str(random.randint(0, 10**6)) for _ in range(8 * scale['n'])}\n"
        "values = [int(word) for word in words]"
    )
    found = audit_one(sums(generator=generator(body)))
    assert rules(found) == {"depends_on_hash_seed": "warning"}
    assert found.verdict == "usable"
    assert {item.way for item in found.repeats if item.differing} == {
        "made under another hash seed"
    }


def test_a_generator_that_keeps_state_is_told():
    found = audit_one(
        sums(
            generator=generator(
                "calls.append(1)\n"
                "values = [random.randint(0, 9999), random.randint(0, 9999), len(calls)]",
                "import random\ncalls = []",
            )
        )
    )
    assert rules(found) == {"keeps_state": "warning"}


def test_a_generator_cannot_talk_the_audit_out_of_its_state():
    forging = (
        "import random, sys\n"
        "wrapper = sys._getframe(1).f_globals\n"
        "if 'call' in wrapper:\n    wrapper['call'] = lambda *_: 'not JSON'\n"
    )
    body = "values = [random.randint(0, 9999) for _ in range(scale['n'])]"
    found = audit_one(sums(generator=generator(body, forging)))
    assert rules(found) == {"keeps_state": "warning"}


# ------------------------------------------------------------------ solutions


def test_an_outvoted_solution_is_named_with_what_it_said():
    found = audit_one(sums(problem=sum_problem(solutions=solutions(ZERO))))
    assert rules(found) == {"unsound_solutions": "warning"}
    assert [item.outcome for item in found.solutions] == ["agrees"] * 3 + ["disagrees"]
    assert found.solutions[3].disagreed == 12
    assert "it answers 0, 3 others" in detail(found, "unsound_solutions")
    assert found.votes is not None
    assert found.votes.suspicious == 0
    disagreement = found.votes.disagreements[0]
    assert disagreement.answers[0].solutions == (1, 2, 3)
    assert disagreement.answers[1].solutions == (4,)
    assert disagreement.stdin.startswith("2 ")


def test_solutions_that_fail_are_told_apart():
    found = audit_one(
        sums(
            problem=sum_problem(
                solutions=solutions("raise ValueError('no')\n", "not python(\n", "print()\n")
            )
        )
    )
    assert rules(found) == {"unsound_solutions": "warning"}
    outcomes = [item.outcome for item in found.solutions[3:]]
    assert outcomes == ["fails", "does_not_compile", "fails"]
    assert list(found.solutions[3].failures) == ["solution_error"]
    assert "ValueError: no" in found.solutions[3].example
    assert list(found.solutions[5].failures) == ["empty_output"]
    assert found.solutions[4].cpu_s is None


def test_a_truth_that_most_solutions_contradict_is_bad():
    wrong = python_solutions(GUESSES, GUESSES + "# again\n", *SUM_PYTHON)
    found = audit_one(sums(problem=sum_problem(solutions=wrong)))
    assert rules(found)["truth_outvoted"] == "bad"
    assert found.votes is not None
    assert found.votes.truths_wrong == found.votes.truths_compared == 12
    assert "3 solutions answer" in detail(found, "truth_outvoted")


def test_invalid_inputs_are_suspected_where_good_solutions_differ():
    # the values are sometimes on two lines, of which some solutions read the first only
    body = (
        "values = [random.randint(1, 5000) for _ in range(scale['n'])]\n"
        "if values[0] % 3 == 0:\n"
        "    rest = ' '.join(map(str, values[1:]))\n"
        "    return f'{len(values)}\\n{values[0]}\\n{rest}\\n', {'values': values}"
    )
    problem = sum_problem(solutions=solutions(SUM_PYTHON[1] + "# again\n"))
    found = audit_one(sums(generator=generator(body), problem=problem), instances=20)
    assert rules(found)["suspicious_inputs"] == "bad"
    assert "the generator may emit invalid inputs" in detail(found, "suspicious_inputs")
    assert "unsound_solutions" not in rules(found)
    assert {item.outcome for item in found.solutions} == {"agrees"}
    assert found.votes is not None
    assert found.votes.disagreements[0].suspicious
    assert sum(item.on_suspicious for item in found.solutions) > 0


def test_one_solution_is_too_few():
    found = audit_one(sums(problem=sum_problem(solutions=python_solutions(SUM_PYTHON[0]))))
    assert rules(found) == {"too_few_solutions": "bad", "truth_missing": "bad"}
    assert (
        audit_one(
            sums(problem=sum_problem(solutions=python_solutions(SUM_PYTHON[0]))),
            references=1,
            agree=1,
        ).verdict
        == "good"
    )


def test_a_slow_solution_is_measured_against_the_problem_and_not_run_on_every_input():
    slow = "import time\nwhile time.process_time() < 0.7: pass\n" + SUM_PYTHON[0]
    problem = sum_problem(solutions=solutions(slow), time_limit_s=0.5)
    found = audit_one(sums(problem=problem), levels=["max"], instances=12, budget_s=1.0)
    assert rules(found) == {"slow_solution": "warning"}
    assert "the problem allows 0.5" in detail(found, "slow_solution")
    assert found.solutions[3].runs == 3
    assert found.solutions[0].runs == 12


# ------------------------------------------------------------------ answers, prompts, levels


def test_a_constant_answer_is_bad_at_the_top_and_a_warning_below():
    body = "values = [random.randint(0, 9999) * (scale['n'] > 2) for _ in range(scale['n'])]"
    found = audit_one(sums(generator=generator(body)))
    assert rules(found) == {"common_answer": "warning", "duplicates": "warning"}
    assert "level 0: 100% of 6 instances have the answer 0" in detail(found, "common_answer")
    body = "a = random.randint(1, 9999)\nvalues = [a, -a]"
    found = audit_one(sums(generator=generator(body)))
    assert rules(found) == {"common_answer": "warning", "common_answer_at_top": "bad"}


def test_repeated_instances_are_bad_at_the_top():
    found = audit_one(sums(generator=generator("values = [random.randint(0, 1)] * scale['n']")))
    assert rules(found)["duplicates_at_top"] == "bad"


def test_long_prompts_are_told_in_characters_or_in_tokens():
    body = "values = [random.randint(0, 9999) for _ in range(1000 * (scale['n'] - 2) + 2)]"
    environment = sums(generator=generator(body))
    found = audit_one(environment)
    assert rules(found) == {"long_prompt": "warning"}
    logic = "word " * 4000
    endless = sums(problem=sum_problem(logic=logic))
    assert rules(audit_one(endless)) == {"long_prompt": "warning", "long_everywhere": "bad"}


def test_broken_level_tables_are_found():
    environments = [
        sums(id="repeating", **wide((0, 1, 1, 2, 4))),
        sums(id="short", **wide((0, 1, 2))),
        sums(id="beyond", **wide((0, 1, 9))),
        sums(id="endless", **wide((0, 1, 4), ratio=1e308)),
    ]
    found = {name: rules(item) for name, item in audit(*environments).items()}
    assert found == {
        "repeating": {"repeated_levels": "warning"},
        "short": {"top_below_maximum": "warning"},
        "beyond": {"scale_out_of_bounds": "bad"},
        "endless": {"scale_out_of_bounds": "bad"},
    }


def test_an_environment_may_insist_on_a_verifier_that_is_not_there():
    choice = ComponentChoice(use="oracle", options={})
    found = audit_one(sums(verifier=choice))
    assert rules(found) == {"verifier_missing": "bad"}
    assert "oracle" in detail(found, "verifier_missing")


def test_a_verifier_that_refuses_its_own_truth_is_bad():
    choice = ComponentChoice(use="typed", options={"thinking": True})
    found = audit_one(sums(verifier=choice))
    assert rules(found) == {"verifier_refuses": "bad"}
    assert "thinking not closed" in detail(found, "verifier_refuses")


def test_an_environment_may_choose_how_its_truths_are_compared():
    choice = ComponentChoice(use="typed", options={"answer_type": "string"})
    assert audit_one(sums(verifier=choice)).verdict == "good"


def test_texts_of_a_hostile_pool_stay_on_one_line():
    evil = "\x1b[2J\x1b]0;owned\x07\nscaler: error\n" + "x" * 5000
    source = f"raise ValueError({evil!r})\n"
    problem = sum_problem(name=evil, solutions=solutions(source))
    found = audit_one(sums(problem=problem))
    for finding in found.findings:
        assert "\n" not in finding.detail
        assert len(finding.detail) <= 800
    assert "\n" not in found.solutions[3].example
