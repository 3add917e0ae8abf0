"""The sandbox ``process``: a child process per input, under the limits that any Unix offers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from scaler_core.errors import UsageError
from scaler_core.interfaces import Options, Sandbox
from scaler_core.sandbox import Limits, Program, RunResult
from scaler_core.sandbox.compiler import Compiler
from scaler_core.sandbox.guard import wire
from scaler_core.sandbox.launch import ISOLATED, Job, Launcher


class ProcessOptions(Options):
    """Options of the sandbox ``process``."""

    python: Path | None = None
    """Interpreter that runs Python programs, 3.11 or later; by default the one that runs SCALER.
    It sees its standard library and no installed package."""

    compiler: str = "g++"
    """C++ compiler, by name or path; it must understand the options of GNU C++."""

    cache_dir: Path | None = None
    """Folder of compiled programs; by default in the user's cache folder."""


class Process(Sandbox):
    """Runs each input in a fresh process with limits of its own; for pools that you trust.

    It contains accidents: endless loops, floods, leaks, crashes. It does not contain attacks,
    because a program still runs as the user who started SCALER. See ``docs/sandbox.md``.
    """

    name = "process"
    Config = ProcessOptions
    config: ProcessOptions
    covers = (
        "endless loops: CPU seconds, then wall seconds",
        "ignored signals, and closing stdout and sleeping",
        "memory bombs: the address space is bounded",
        "output floods on stdout, stderr and the result",
        "single files larger than the limit",
        "more processes or threads than allowed, counted every 20 ms",
        "deep recursion: a stack of 256 MiB, then a crash of the one process",
        "processes left behind, in their own session too",
        "the environment and open files of SCALER: not inherited",
        "raising limits, as root too",
        "prints and forged results in a generator",
        "state in memory or working folder between inputs",
        "compiler bombs: C++ is compiled under limits",
    )
    does_not_cover = (
        "reading and writing files that the user may read and write",
        "the network",
        "signals to and tracing of the user's other processes, its own guard among them",
        "many files, each below the limit, that fill the disk",
        "a fork bomb's first 20 ms",
        "memory of several processes or memory files together",
        "processes that a program started, where SCALER is killed while it runs",
        "what the compiler shows of files that C++ sources include",
    )

    def __init__(self, config: Options | None = None) -> None:
        super().__init__(config)
        self._launcher = Launcher(_interpreter(self.config.python))
        cache = self.config.cache_dir or Path(platformdirs.user_cache_dir("scaler")) / "programs"
        self._compiler = Compiler(self._launcher, cache, self.config.compiler)

    @classmethod
    def missing(cls) -> str:
        """Empty on Linux and macOS."""
        return "" if os.name == "posix" else "needs Linux or macOS; on Windows use WSL"

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        """One result per input; see :meth:`scaler_core.interfaces.Sandbox.run`."""
        if not inputs:
            return []
        job = self._job(program)
        if isinstance(job, RunResult):
            return [job] * len(inputs)
        return self._launcher.run(job, inputs, limits)

    def close(self) -> None:
        """End every process that is still there."""
        self._launcher.close()

    def _job(self, program: Program) -> Job | RunResult:
        if program.language == "python":
            kind = wire.GENERATOR if program.role == "generator" else wire.SOLUTION
            return Job(kind, program.source.encode(errors="surrogatepass"))
        if program.role == "generator":
            return RunResult(status="compile_error", error="a generator must be written in Python")
        compiled = self._compiler.compile(program.source)
        if isinstance(compiled, RunResult):
            return compiled
        return Job(wire.COMMAND, os.fsencode(compiled))


def _interpreter(chosen: Path | None) -> Path:
    """The real interpreter: a virtual environment's link or a manager's shim only costs time."""
    if chosen is None:
        return Path(os.path.realpath(sys.executable))
    path = Path(os.path.realpath(chosen))
    try:
        subprocess.run([path, *ISOLATED, "-c", ""], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"sandbox.python: {chosen} is no Python interpreter of version 3.11 or later",
            hint="name one by its path, or leave the option out",
        ) from error
    return path
