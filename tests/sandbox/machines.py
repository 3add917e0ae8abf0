"""What the tests ask of the machine they run on."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

# Python 3.12 warns where a process with threads forks, and a worker of pytest-xdist has one that
# reads. The children of these tests touch nothing that a thread could hold.
forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def require_compiler() -> None:
    """Skip where there is no C++ compiler; CI has one."""
    if shutil.which("g++") is None:
        if os.environ.get("CI"):
            pytest.fail("g++ is missing in CI")
        pytest.skip("g++ is not installed: a test of C++ programs")


def is_running(process: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether *condition* holds before *seconds* have passed."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True
