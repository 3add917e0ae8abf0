"""The Python interpreter that runs programs, without packages, and the folders that it reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from scaler_core.errors import UsageError

ISOLATED = ("-s", "-S", "-P")  # not -I, which would ignore PYTHONHASHSEED
OLDEST = (3, 11)
ASK = """
import json, sys, sysconfig
paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"),
         sysconfig.get_config_var("LIBDIR") or sys.base_prefix + "/lib"]
print(json.dumps([list(sys.version_info[:3]), paths]))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter.

    Attributes:
        path: The real program: a virtual environment's link or a manager's shim only costs time.
        version: Such as ``3.11.7``.
        libraries: Folders and files that it reads, its standard library above all.
    """

    path: Path
    version: str
    libraries: tuple[Path, ...]

    def words(self, module: str, *arguments: str) -> list[str]:
        """The command that runs a module of the package ``guard``; its folder is to be added."""
        # Last in the path, and out of it again: the ``types`` beside ``guard`` is not Python's.
        start = (
            f"import sys; sys.path.append(sys.argv.pop()); from guard.{module} import main; "
            "sys.path.pop(); main()"
        )
        return [str(self.path), *ISOLATED, "-c", start, *arguments]


@lru_cache(maxsize=16)
def find_interpreter(chosen: Path | None) -> Interpreter:
    """The interpreter at *chosen*, or the one that runs SCALER.

    Raises:
        UsageError: It is no Python of version 3.11 or later.
    """
    path = Path(os.path.realpath(chosen or sys.executable))
    try:
        answer = subprocess.run(
            [path, *ISOLATED, "-c", ASK], capture_output=True, text=True, check=True, timeout=60
        )
        version, folders = json.loads(answer.stdout)
        if tuple(version[:2]) < OLDEST:
            raise ValueError
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UsageError(
            f"sandbox.python: {chosen} is no Python interpreter of version 3.11 or later",
            hint="name one by its path, or leave the option out",
        ) from error
    libraries = dict.fromkeys([path, *(Path(item) for item in folders if item)])
    return Interpreter(path, ".".join(map(str, version)), tuple(libraries))
