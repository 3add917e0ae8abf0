"""The checks that every starter environment passes, and the figures they leave (paper section 2).

Agreement, breadth, depth and minimum as the paper asks of a synthesised environment, and two more:
each solution reproduces the examples of the statement, and each testcase keeps its constraints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from scaler_core.errors import DataError
from scaler_core.models import Environment
from scaler_core.seeds import derive_seed
from scaler_plugins.environments.starter.constraints import violations
from scaler_plugins.environments.starter.folders import ProblemFolder
from scaler_plugins.environments.starter.trial import Trial, run_solutions, run_trials

DRAWS = 100
SOLUTIONS = 3
#: (fewest distinct answers, largest share of one answer) in DRAWS draws
SPREAD_AT_LEVEL_0 = (3, 0.6)
SPREAD_AT_TOP = (10, 0.3)


def checked(folder: ProblemFolder, environment: Environment) -> dict[str, JsonValue]:
    """Figures of the checks on *folder*, whose environment is *environment*.

    Raises:
        DataError: A check failed; the message names the environment and what broke.
    """
    if len(folder.solutions) != SOLUTIONS:
        raise _failed(environment, f"it has {len(folder.solutions)} solutions, not {SOLUTIONS}")
    _check_examples(folder, environment)
    levels = [0, environment.top_level // 2, environment.top_level]
    drawn = draw(environment, levels, folder.solutions, DRAWS)
    answers = {level: _agreed(folder, environment, level, drawn[level]) for level in levels}
    distinct = [len(answers[level]) for level in levels]
    share = [max(answers[level].values()) / DRAWS for level in levels]
    for place, (fewest, largest) in ((0, SPREAD_AT_LEVEL_0), (-1, SPREAD_AT_TOP)):
        if distinct[place] < fewest or share[place] > largest:
            raise _failed(
                environment,
                f"level {levels[place]} has {distinct[place]} answers, the commonest in "
                f"{share[place]:.0%} of draws; allowed: at least {fewest}, at most {largest:.0%}",
            )
    return {
        "examples_reproduced": len(folder.statement.examples),
        "solutions_agreeing": SOLUTIONS,
        "draws_per_level": DRAWS,
        "levels": list[JsonValue](levels),
        "distinct_answers": list[JsonValue](distinct),
        "commonest_answer_share": list[JsonValue](share),
    }


def draw(
    environment: Environment, levels: Iterable[int], solutions: Sequence[str], draws: int
) -> dict[int, list[Trial]]:
    """The first *draws* inputs of each level, with the answers of *solutions*."""
    wanted = [(level, index) for level in levels for index in range(draws)]
    trials = run_trials(
        environment.generator,
        solutions,
        [
            (environment.scale(level), derive_seed("starter", environment.id, level, index))
            for level, index in wanted
        ],
    )
    by_level: dict[int, list[Trial]] = {}
    for (level, _), trial in zip(wanted, trials, strict=True):
        by_level.setdefault(level, []).append(trial)
    return by_level


def _check_examples(folder: ProblemFolder, environment: Environment) -> None:
    examples = folder.statement.examples
    answers = run_solutions(folder.solutions, [stdin for stdin, _ in examples])
    if not examples:
        raise _failed(environment, "its statement has no example")
    for number, ((_, expected), given) in enumerate(zip(examples, answers, strict=True), start=1):
        if set(given) != {expected}:
            raise _failed(environment, f"example {number} says {expected!r}, solutions say {given}")


def _agreed(
    folder: ProblemFolder, environment: Environment, level: int, trials: Sequence[Trial]
) -> Counter[str]:
    """How often each answer occurs; raises where solutions differ or a constraint is broken."""
    answers: Counter[str] = Counter()
    for trial in trials:
        if len(set(trial.answers)) != 1:
            raise _failed(environment, f"solutions say {trial.answers} for {trial.stdin!r}")
        broken = violations(folder.settings.constraints, trial.testcase, environment.scale(level))
        if broken:
            raise _failed(environment, f"level {level}: {broken[0]}")
        answers[trial.answers[0]] += 1
    return answers


def _failed(environment: Environment, message: str) -> DataError:
    return DataError(f"starter environment {environment.id}: {message}", hint="mend its folder")
