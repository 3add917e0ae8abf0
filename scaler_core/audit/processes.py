"""CPU time and memory of this process and of all that descend from it, from ``/proc``.

Sandboxes keep long-lived workers whose children come and go, so neither the times of this process
nor those of its ended children are the whole. The use of a process is lost when it ends while
nobody waits for it, as when a PID namespace is torn down; :func:`adopt_orphans` keeps all but that.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaler_core.errors import UsageError
from scaler_core.sandbox.guard.system import inherit_orphans

PROC = Path("/proc")
SAMPLE_EVERY_S = 1.0


def require_proc() -> None:
    """Raise :class:`UsageError` where the kernel does not publish what processes use."""
    if not (PROC / "self" / "stat").exists():
        raise UsageError(
            "measuring needs /proc, which this machine lacks", hint="measure on Linux or in WSL"
        )


def adopt_orphans() -> None:
    """From now on, processes whose parent ends become children of this one, for as long as it runs.

    They stay as zombies, whose figures the kernel keeps.
    """
    inherit_orphans()


def tree_cpu_seconds() -> float:
    """User and system CPU seconds of this process and of all below it, ended ones included."""
    ticks = sum(_tree().values())
    return ticks / os.sysconf("SC_CLK_TCK")


def tree_memory_bytes() -> int:
    """Memory of the tree: each page that processes share is counted once in all.

    Of a process that may not be looked into closely, all resident pages count.
    """
    return sum(_memory_bytes(process) for process in _tree())


class MemoryWatch:
    """The largest memory of the tree, looked at once a second.

    Attributes:
        peak_bytes: The largest so far.
        own_cpu_s: CPU seconds of the watch itself, to be left out of a measurement.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self.own_cpu_s = 0.0
        self._over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[MemoryWatch]:
        """Look at the beginning, every second, and at the end."""
        thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        began = time.thread_time()
        while True:
            last = self._over.is_set()
            self.peak_bytes = max(self.peak_bytes, tree_memory_bytes())
            self.own_cpu_s = time.thread_time() - began
            if last:
                return
            self._over.wait(SAMPLE_EVERY_S)


def _tree() -> dict[int, int]:
    """The processes of the tree, and the clock ticks of CPU that each has used."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for name in os.listdir(PROC):
        if not name.isdecimal():
            continue
        try:
            text = (PROC / name / "stat").read_text(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        # the name of the program, in parentheses, may hold anything
        fields = text.rpartition(")")[2].split()
        parents[int(name)] = int(fields[1])
        # utime, stime, and cutime, cstime of children that were waited for
        ticks[int(name)] = sum(map(int, fields[11:15]))
    return {process: ticks[process] for process in ticks if _descends(process, parents)}


def _descends(process: int, parents: dict[int, int]) -> bool:
    """Whether this process is *process* or above it."""
    own = os.getpid()
    while process != own:
        if process not in parents:
            return False
        process = parents[process]
    return True


def _memory_bytes(process: int) -> int:
    folder = PROC / str(process)
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = (folder / file).read_text(errors="replace").splitlines()
        except OSError:
            continue  # it has ended, or guards itself
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1]) << 10
    return 0
