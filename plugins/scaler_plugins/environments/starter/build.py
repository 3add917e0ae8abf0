"""Builds ``starter.json`` out of the problem folders, in the published pool format.

Run ``python -m scaler_plugins.environments.starter.build`` after editing a folder. With ``--check``
nothing is written: exit code 1 says that the file is not what the folders give.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from scaler_core.errors import DataError, ScalerError
from scaler_core.jsonio import write_atomic
from scaler_core.models import Environment, Problem, Solution
from scaler_core.pool.published import published_text, write_published
from scaler_plugins.environments.starter import POOL_FILE
from scaler_plugins.environments.starter.checks import checked
from scaler_plugins.environments.starter.folders import ProblemFolder, read_folders

COMMAND = "python -m scaler_plugins.environments.starter.build"

#: What the published system's own trainer reads; the length of the history is the paper's K_slope.
CONTROLLER_SETTINGS: dict[str, JsonValue] = {
    "version": 1,
    "params": {
        "dmax": 0,  # the export puts the top level here
        "ema_beta": 0.0,
        "activate_function": "base",
        "history_len": 10,
        "slope_scale": 0.05,
        "age_scale": 100,
        "alpha": 1.0,
        "beta": 0.1,
    },
}


def build() -> str:
    """The text of ``starter.json``; the same on every machine.

    Raises:
        DataError: A folder is incomplete or fails a check.
    """
    return published_text(write_published(build_environment(item) for item in read_folders()))


def build_environment(folder: ProblemFolder) -> Environment:
    """The environment of one problem folder, checked.

    Raises:
        DataError: It fails a check.
    """
    settings, statement = folder.settings, folder.statement
    environment = Environment(
        id=folder.id,
        problem=Problem(
            name=settings.name,
            statement=statement.text,
            logic=statement.logic,
            instruction=statement.output,
            solutions=tuple(Solution(language="python", source=item) for item in folder.solutions),
            time_limit_s=settings.time_limit_s,
        ),
        generator=folder.generator,
        parameters=settings.parameters,
        levels=settings.levels,
        answer_type=settings.answer_type,
        published={"difficulty": CONTROLLER_SETTINGS},
    )
    if environment.scale(environment.top_level) != {
        name: parameter.maximum for name, parameter in settings.parameters.items()
    }:
        raise DataError(
            f"starter environment {folder.id}: the top level is not the maximum of its parameters",
            hint="let the last of levels be the range",
        )
    provenance: dict[str, JsonValue] = {
        "author": "the SCALER project",
        "license": "Apache-2.0",
        "family": settings.family,
        "asks": settings.asks,
        "constraints": {
            key: constraint.model_dump(exclude_none=True)
            for key, constraint in settings.constraints.items()
        },
        "checks": checked(folder, environment),
    }
    return environment.model_copy(update={"provenance": provenance})


def is_current(path: Path, text: str) -> bool:
    """Whether the file at *path* holds *text*."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main(arguments: Sequence[str]) -> int:
    """Write or check the file; the exit code."""
    if list(arguments) not in ([], ["--check"]):
        print(f"usage: {COMMAND} [--check]")
        return 2
    try:
        text = build()
        if not arguments:
            write_atomic(POOL_FILE, text)
    except ScalerError as error:
        print(error)
        return 1
    if is_current(POOL_FILE, text):
        print(f"{POOL_FILE.name} is what the folders give")
        return 0
    print(f"{POOL_FILE} is not what the folders give: run {COMMAND}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
