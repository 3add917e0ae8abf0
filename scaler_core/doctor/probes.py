"""Questions to the machine, each answered within seconds and without raising."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_ROOT = Path("/")


def available_cores(root: Path = _ROOT) -> float:
    """Cores that this process may use: its affinity, cut by the quota of its control group."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    quota = _words(root / "sys/fs/cgroup/cpu.max")
    if len(quota) == 2 and quota[0].isdigit() and quota[1].isdigit():
        cores = min(cores, int(quota[0]) / int(quota[1]))
    return cores


def available_memory(root: Path = _ROOT) -> int:
    """Bytes of memory that this process may use: the machine's, cut by its control group."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _words(root / "sys/fs/cgroup/memory.max")
    return min(total, int(limit[0])) if limit and limit[0].isdigit() else total


def graphics_cards(root: Path = _ROOT) -> list[str]:
    """GPUs by name and memory, or by device node where their driver's tool is absent."""
    if shutil.which("nvidia-smi"):
        listing = output_of(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
        )
        if listing:
            return listing.splitlines()
    nodes = [*sorted((root / "dev").glob("nvidia[0-9]*")), *(root / "dev").glob("kfd")]
    return [f"device /dev/{node.name}" for node in nodes]


def user_namespaces() -> bool:
    """Whether a process may make a user namespace, found out by making one in a child."""
    code = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({_CLONE_NEWUSER}) != 0)"
    with suppress(OSError, subprocess.SubprocessError):
        child = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, timeout=10)
        return child.returncode == 0
    return False


def has_library(name: str) -> bool:
    """Whether the shared library *name* can be loaded."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def package_version(distribution: str) -> str:
    """The installed version, from its metadata; empty when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def output_of(command: Sequence[str]) -> str:
    """What *command* prints, stripped; empty when it fails or takes more than ten seconds."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()
    return ""


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
