"""Confining a program beside its limits: the filter of system calls and the reachable files.

Both are made here, on the host, where libraries are; the guard takes them on in each child. Where
the machine lacks one of them, programs run without it, and the sandbox says that it is weak.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaler_core.sandbox import landlock, seccomp
from scaler_core.sandbox.container import SYSTEM, SYSTEM_FILES, View
from scaler_core.sandbox.guard import wire
from scaler_core.sandbox.interpreter import Interpreter

NULL = Path("/dev/null")
DEVICES = (NULL, Path("/dev/zero"), Path("/dev/urandom"))


class Confinement:
    """Filters and rulesets of every kind of program. Thread-safe.

    Args:
        interpreter: Runs the Python programs, which may read its standard library.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._has_filters = not seccomp.missing()

    def filter(self, kind: int, *, threads: bool, program_file: int | None = None) -> bytes:
        """The filter of a program; empty where the machine has none.

        Args:
            kind: As in :mod:`scaler_core.sandbox.guard.wire`.
            threads: Whether it may start threads.
            program_file: The descriptor from which a compiled program is executed after the filter
                was installed; ``None`` where it is not.
        """
        if not self._has_filters:
            return b""
        if kind == wire.TOOL:
            return seccomp.tool_filter()
        return seccomp.program_filter(
            threads=threads, program_file=program_file if kind == wire.COMMAND else None
        )

    @contextmanager
    def ruleset(self, kind: int, view: View) -> Iterator[int]:
        """A descriptor of the ruleset of a program or of a tool; -1 where the machine has none.

        A compiled program may read nothing but its own file, which executing it takes.
        """
        if landlock.missing():
            yield -1
            return
        descriptor = self._make_ruleset(kind, view)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _make_ruleset(self, kind: int, view: View) -> int:
        if kind == wire.COMMAND:
            return landlock.ruleset(view.readable)
        if kind == wire.TOOL:
            writable = [view.writable] if view.writable else []
            readable = [*SYSTEM, *SYSTEM_FILES, *view.readable]
            return landlock.ruleset(readable, [*writable, NULL], executable=True)
        return landlock.ruleset([*SYSTEM, *DEVICES, *self._interpreter.libraries])


# docs/sandbox.md lists the same lines, and each line of COVERS has hostile programs as its tests
COVERS: tuple[str, ...] = (
    "secrets in files: nothing is readable but the system's programs and libraries",
    "environment, open files and memory of SCALER: not inherited, not readable",
    "other inputs, other calls and their results: not readable from a run",
    "/proc and devices: closed",
    "writing: no file can be opened for writing, made, changed or removed",
    "filling the disk: only the streams can be written, and they are bounded",
    "new processes and other programs: the attempt ends the run",
    "threads beyond the limit: refused",
    "signals to and tracing of other processes, the sandbox's own among them",
    "the network and other sockets: the attempt ends the run",
    "namespaces, mounts, privileges and rare system calls: an allow-list in every run",
    "raising limits or priority, as root too",
    "endless loops: CPU seconds, then wall seconds",
    "ignored signals, stopping, and closing stdout and sleeping: wall seconds",
    "code that runs before main: the same limits and rules",
    "C++ that reaches for the linker: no code of it runs outside a run's own process",
    "memory bombs: the address space is bounded",
    "deep recursion: a stack of 256 MiB, then a crash of the one process",
    "output floods on stdout, stderr and the result: cut at the limit",
    "state for a later run, in memory, streams, shared memory or files: none stays",
    "tampering with the interpreter: it ends with the run",
    "prints and forged results in a generator, pickles among them: the result is JSON or fails",
    "forged failures: no program can pass its own fault off as the sandbox's",
    "compiler bombs and secrets in C++ sources: the compiler runs in the sandbox too",
    "sources that break Python's compiler: a compile error, or a limit",
)

DOES_NOT_COVER: tuple[str, ...] = (
    "faults of the kernel and of the processor: a program runs on both",
    "what can be felt of other work: time, load, caches",
    "files of the system that everybody may read, beneath /usr and in Python's library",
    "where things lie: paths of Python, of the cache and of its programs can be found out",
    "packages installed beside Python's library: a Python program can read them",
    "memory of all boxes together: each run is bounded, as many run at once as there are boxes",
    "threads for 20 ms: they are counted that often, and bounded by memory before",
    "seeds of one generator in one batch: they share a process, and are checked at first touch",
)
