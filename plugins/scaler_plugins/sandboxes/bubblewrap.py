"""The sandbox ``bubblewrap``: namespaces and a file system of its own around warm workers."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache

from scaler_core.errors import UsageError
from scaler_core.sandbox.container import Bubblewrap as BubblewrapContainer
from scaler_core.sandbox.container import Container, View
from scaler_core.sandbox.local import LocalSandbox, strength


class Bubblewrap(LocalSandbox):
    """Runs each input in a fresh process that can compute and nothing else; for any pool."""

    name = "bubblewrap"
    rank = 20

    @classmethod
    def missing(cls) -> str:
        """A line where ``bwrap`` is not there, or its error where it cannot make namespaces."""
        return _missing()

    @classmethod
    def weakness(cls) -> str:
        """The missing part of the filter of system calls; empty where nothing is missing."""
        return strength(needs_landlock=False)

    def _make_container(self) -> Container:
        program = shutil.which("bwrap")
        if program is None:
            raise UsageError(f"sandbox {self.name!r} cannot run here: {_missing()}")
        return BubblewrapContainer(program)


@lru_cache(maxsize=1)
def _missing() -> str:
    program = shutil.which("bwrap")
    if program is None:
        return "bwrap is not installed (Debian, Ubuntu: apt-get install bubblewrap)"
    command = BubblewrapContainer(program).command(
        ["/usr/bin/true"], View(), {}, dies_with_caller=True
    )
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        return f"bwrap cannot be started: {error}"
    if answer.returncode:
        lines = answer.stderr.strip().splitlines() or ["no reason given"]
        return f"bwrap cannot make namespaces: {lines[-1]}"
    return ""
