"""Checks of a starter environment beyond those of the pipeline for any candidate.

Every solution is kept, no scale that the statement allows is given up, and at each level testcases
keep their constraints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scaler_core.errors import DataError
from scaler_core.jsonio import compact_json
from scaler_core.models import Environment
from scaler_core.seeds import derive_seed
from scaler_plugins.extractors.llm import metadata_of
from tools.starter_pack.constraints import violations
from tools.starter_pack.folders import ProblemFolder
from tools.starter_pack.trial import Trial, run_trials

DRAWS = 20  # at each level


def check(folder: ProblemFolder, environment: Environment) -> None:
    """Check *environment*, which the pipeline made of *folder*.

    Raises:
        DataError: It fails a check; the message names the environment and the fault.
    """
    if environment.problem.solutions != folder.problem.problem.solutions:
        dropped = compact_json(environment.provenance["solutions"])
        raise _failed(environment, f"solutions were dropped: {dropped}")
    ends = {name: (item.minimum, item.maximum) for name, item in environment.parameters.items()}
    stated = metadata_of(folder.extract).parameters
    if ends != stated:
        raise _failed(environment, f"of the range {stated} calibration left {ends}")
    drawn = draw(environment, range(environment.top_level + 1), (), DRAWS)
    for level, trials in drawn.items():
        scale = environment.scale(level)
        for trial in trials:
            broken = violations(folder.settings.constraints, trial.testcase, scale)
            if broken:
                raise _failed(environment, f"level {level}: {broken[0]}")


def draw(
    environment: Environment, levels: Iterable[int], solutions: Sequence[str], draws: int
) -> dict[int, list[Trial]]:
    """The first *draws* inputs of each level, with the answers of *solutions* in Python."""
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


def _failed(environment: Environment, message: str) -> DataError:
    return DataError(f"starter environment {environment.id}: {message}", hint="mend its folder")
