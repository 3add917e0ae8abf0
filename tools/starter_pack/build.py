"""Builds the pool files of the shelves out of the problem folders, in the published format.

::

    python -m tools.starter_pack.build             # after editing folders
    python -m tools.starter_pack.build NAME ...    # these folders alone, on whichever shelf
    python -m tools.starter_pack.build --shelf S   # one shelf
    python -m tools.starter_pack.build --check     # write nothing, compare

Every problem goes through the whole pipeline of ``scaler synth``, which takes a C++ compiler and a
few minutes for all of them. With ``--check`` exit code 1 says that a file differs from what is
built.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from scaler_core.errors import DataError, ScalerError, unknown_name
from scaler_core.jsonio import write_atomic
from scaler_core.models import Environment
from scaler_core.pool.published import published_text, read_published, write_published
from scaler_plugins.environments.starter import POOL_FILE, SHELVES, StarterPack
from tools.starter_pack.checks import check
from tools.starter_pack.folders import PROBLEMS, ProblemFolder, read_folders
from tools.starter_pack.synthesis import synthesise

COMMAND = "python -m tools.starter_pack.build"

FILES: dict[str, Path] = {pack.name: pack.file for pack in SHELVES}
"""The pool file of each shelf."""

#: Settings that the published system's trainer reads; the history length is the paper's K_slope.
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


def build(
    names: Sequence[str] = (),
    *,
    root: Path = PROBLEMS,
    file: Path = POOL_FILE,
    shelf: str = StarterPack.name,
) -> str:
    """The text of a shelf's pool file; the same on every machine.

    Args:
        names: Folders to build; the other environments are taken from *file*, where it has them.
            All when empty.
        root: Where the folders are.
        file: The pool file.
        shelf: The shelf.

    Raises:
        UsageError: There is no folder of a name on the shelf.
        DataError: A folder is incomplete, the pipeline refuses it, or it fails a check.
    """
    folders = {folder.id: folder for folder in read_folders(root, shelf)}
    for name in names:
        if name not in folders:
            raise unknown_name("folder", name, folders)
    chosen = sorted(set(names)) or list(folders)
    kept = names and file.is_file()
    there = {item.id: item for item in read_published(file)} if kept else {}
    missing = sorted(folders.keys() - {*there, *chosen})
    if missing:
        raise DataError(f"{file.name} lacks {', '.join(missing)}", hint="build them, too")
    built = build_environments([folders[name] for name in chosen])
    made = there | {item.id: item for item in built}
    return published_text(write_published(made[name] for name in folders))


def build_environments(folders: Sequence[ProblemFolder], *options: str) -> list[Environment]:
    """The environments of problem folders, checked; *options* go to ``scaler synth``.

    Raises:
        DataError: The pipeline refuses one, or it fails a check.
    """
    by_id = {folder.id: folder for folder in folders}
    environments = synthesise(folders, *options)
    for environment in environments:
        check(by_id[environment.id], environment)
    return [_add_description(by_id[item.id], item) for item in environments]


def _add_description(folder: ProblemFolder, environment: Environment) -> Environment:
    """*environment* with provenance for people, and settings for published trainers."""
    settings = folder.settings
    about: dict[str, JsonValue] = {
        "author": "the SCALER project",
        "license": "Apache-2.0",
        "family": settings.family,
        "asks": settings.asks,
        "constraints": {
            key: constraint.model_dump(exclude_none=True)
            for key, constraint in settings.constraints.items()
        },
    }
    return environment.model_copy(
        update={
            "published": {"difficulty": CONTROLLER_SETTINGS},
            "provenance": about | environment.provenance,
        }
    )


def conclude(text: str, file: Path, *, check: bool) -> int:
    """Write *text* to *file*, or with *check* compare the two; the exit code."""
    if not check:
        write_atomic(file, text)
    elif not file.is_file() or file.read_text(encoding="utf-8") != text:
        print(f"{file} is not what the folders give: run {COMMAND}")
        return 1
    print(f"{file.name} is what the folders give")
    return 0


def main(arguments: Sequence[str], files: Mapping[str, Path] = FILES) -> int:
    """Write or check the files of shelves; the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Build shelves, or check them.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a folder; all when none is named")
    parser.add_argument("--shelf", choices=list(files), help="this shelf alone")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    try:
        codes = [
            conclude(
                build(names, file=files[shelf], shelf=shelf), files[shelf], check=options.check
            )
            for shelf, names in _by_shelf(options.names, options.shelf, files).items()
        ]
    except ScalerError as error:
        print(error)
        return 1
    return max(codes)


def _by_shelf(
    names: Sequence[str], shelf: str | None, files: Mapping[str, Path]
) -> dict[str, list[str]]:
    """The names to build on each shelf; none for all of it."""
    shelves = [shelf] if shelf else list(files)
    if not names:
        return {item: [] for item in shelves}
    shelf_of = {item.id: item.settings.shelf for item in read_folders(shelf=shelf)}
    wanted: dict[str, list[str]] = {}
    for name in names:
        if name not in shelf_of:
            raise unknown_name("folder", name, shelf_of)
        wanted.setdefault(shelf_of[name], []).append(name)
    return wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
