"""The sandboxes of this machine: the common part of ``bubblewrap`` and ``process``.

::

    run(program, inputs)
      C++ --> compiler, in the sandbox --> program file
      first touch: one batch both ways; a program whose results differ is run in the plain way only
      warm way:  crew --> box --> server --> a fresh process for each input
      plain way: launcher --> guard --> a fresh process for each input, started from nothing
"""

from __future__ import annotations

import os
import threading
import weakref
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import platformdirs
from pydantic import Field

from scaler_core.interfaces import Limits, Options, Program, RunResult, Sandbox
from scaler_core.sandbox import descriptors, landlock, seccomp
from scaler_core.sandbox.compiler import Compiled, Compiler, mapped_bytes
from scaler_core.sandbox.confinement import COVERS, DOES_NOT_COVER, Confinement
from scaler_core.sandbox.container import GUARD, SYSTEM, SYSTEM_FILES, SYSTEM_ONLY, Container, View
from scaler_core.sandbox.guard import system, wire
from scaler_core.sandbox.interpreter import find_interpreter
from scaler_core.sandbox.launch import Job, Launcher, sandbox_failure, with_newline
from scaler_core.sandbox.outcome import judge
from scaler_core.sandbox.warm.box import Box
from scaler_core.sandbox.warm.crew import Crew, CrewClosed
from scaler_core.sandbox.warm.server import NotServed, Served, ServerLost

FIRST_TOUCH_RUNS = 2
"""Inputs on which both ways are compared; two, so that a generator's seeds share a process."""


class LocalOptions(Options):
    """Options of the sandboxes that run programs on this machine."""

    python: Path | None = None
    """Interpreter that runs Python programs, 3.11 or later; by default the one that runs SCALER.
    It sees its standard library and no installed package."""

    compiler: str = "g++"
    """C++ compiler, by name or path; it must understand the options of GNU C++."""

    cache_dir: Path | None = None
    """Folder of compiled programs; by default in the user's cache folder."""

    cache_bytes: int = Field(default=16 << 30, ge=1 << 20)
    """Size that the folder of compiled programs is kept below."""

    warm: bool = True
    """Whether programs are kept ready to be forked; else each call starts them from nothing."""

    boxes: int | None = Field(default=None, ge=1)
    """Batches that run side by side; by default one for each processor. Fewer where the limit of
    open files allows no more."""

    pin: bool = True
    """Whether each box keeps to one processor, which halves what its runs cost."""

    servers: int = Field(default=512, ge=1)
    """Programs that a box keeps ready."""


class LocalSandbox(Sandbox):
    """A sandbox whose programs run on this machine."""

    Config = LocalOptions
    config: LocalOptions
    covers = COVERS
    does_not_cover = DOES_NOT_COVER

    def __init__(self, config: Options | None = None) -> None:
        super().__init__(config)
        descriptors.require_enough()
        self._interpreter = find_interpreter(self.config.python)
        self._container = self._make_container()
        self._confinement = Confinement(self._interpreter)
        self._launcher = Launcher(self._interpreter, self._container, self._confinement)
        cache = self.config.cache_dir or Path(platformdirs.user_cache_dir("scaler")) / "programs"
        self._compiler = Compiler(
            self,
            cache,
            self.config.compiler,
            limit_bytes=self.config.cache_bytes,
            fork_server=GUARD / "serve.c",
        )
        self._can_be_warm = self.config.warm and not seccomp.missing()
        self._plain: dict[str, bool] = {}
        self._sizes: dict[Path, int] = {}
        self._totals: Counter[str] = Counter()
        self._reset_workers()
        _SANDBOXES.add(self)

    def _reset_workers(self) -> None:
        """Set up a crew without boxes, and locks that nobody holds.

        Called at the start, and in a forked copy of the host.
        """
        self._lock = threading.Lock()
        self._first_batch_locks: dict[str, threading.Lock] = {}
        cores = _cores()
        size, servers = descriptors.share(
            self.config.boxes or max(1, len(cores)), self.config.servers
        )
        self._crew = Crew(
            lambda number: Box(
                self._interpreter,
                self._container,
                self._confinement,
                cores[number % len(cores)] if self.config.pin and cores else None,
                servers,
            ),
            size,
        )

    def _detach_from_parent(self) -> None:
        """Leave the workers to the parent, in a process that was just forked from it."""
        self._crew.abandon()
        self._launcher.abandon()
        self._reset_workers()

    @classmethod
    def missing(cls) -> str:
        """Empty on Linux and macOS."""
        return "" if os.name == "posix" else "needs Linux or macOS; on Windows use WSL"

    @abstractmethod
    def _make_container(self) -> Container:
        """How its processes start."""

    # -------------------------------------------------------------- running programs

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        """One result per input; see :meth:`scaler_core.interfaces.execution.Sandbox.run`."""
        if not inputs:
            return []
        file = self._file_of(program)
        if isinstance(file, RunResult):
            return [file] * len(inputs)
        try:
            if file is not None and (size := self._size(file)) > limits.memory_bytes:
                return [_too_large(size, limits)] * len(inputs)
            if not self._may_be_warm(program, file):
                return self._run_plain(program, file, inputs, limits)
            # a lock for each program: its first batch decides how all later ones run, and the
            # batches of other programs need not wait for that
            with self._lock:
                touch = self._first_batch_locks.setdefault(program.digest, threading.Lock())
            with touch:
                if program.digest not in self._plain:
                    return self._run_first_batch(program, file, inputs, limits)
            if self._plain[program.digest]:
                return self._run_plain(program, file, inputs, limits)
            try:
                return self._run_warm(program, file, inputs, limits)
            except NotServed:  # under these limits, in this box
                return self._run_plain(program, file, inputs, limits)
        except (OSError, ServerLost, CrewClosed) as error:
            text = str(error) or "the sandbox is closed"
            return [sandbox_failure(text)] * len(inputs)

    def prepare(self, programs: Sequence[Program]) -> None:
        """Compile each program and start its server."""
        for program in programs:
            file = self._file_of(program)
            if isinstance(file, RunResult) or not self._may_be_warm(program, file):
                continue
            if self._plain.get(program.digest):
                continue
            try:
                self._crew.prepare(_served(program, file), Limits())
            except (NotServed, ServerLost, CrewClosed):
                continue  # the first run finds out, and says what is wrong

    def run_tool(
        self,
        words: Sequence[str],
        folder: Path,
        stdin: bytes,
        limits: Limits,
        readable: Sequence[Path] = (),
    ) -> RunResult:
        """See :class:`scaler_core.sandbox.toolchain.ToolRunner`."""
        folder = folder.resolve()
        tool_folder = Path(words[0]).parent
        job = Job(
            kind=wire.TOOL,
            program="\0".join(words).encode(),
            environment={
                "PATH": f"{tool_folder}:/usr/local/bin:/usr/bin:/bin",
                "TMPDIR": str(folder),
                "LC_ALL": "C.UTF-8",
            },
            view=View((tool_folder, *readable), folder),
        )
        return self._launcher.run(job, [stdin], limits)[0]

    def counters(self) -> Mapping[str, float]:
        """Counters of compiler and crew, and ``programs/plain``: programs that are not run warm."""
        with self._lock:
            mine = {**self._totals, "programs/plain": sum(self._plain.values())}
        return {**self._compiler.counters(), **self._crew.counters(), **mine}

    def close(self) -> None:
        """End every process that is still there."""
        self._launcher.close()
        self._crew.close()

    # -------------------------------------------------------------- the two ways

    def _run_first_batch(
        self, program: Program, file: Compiled | None, inputs: Sequence[bytes], limits: Limits
    ) -> list[RunResult]:
        """Run a program's first batch, the beginning of it both ways, and choose its way.

        Where the results differ, those of the plain way count, and the program is run that way from
        then on. A program whose results differ between two runs in the plain way too, such as one
        that reads the clock, is run warm all the same.
        """
        try:
            warm = self._run_warm(program, file, inputs, limits)
        except (NotServed, ServerLost):
            # the plain way decides whether the source or the machine is to blame
            results = self._run_plain(program, file, inputs, limits)
            # anything else may have been the machine's fault: the next batch tries again
            if all(result.status == "compile_error" for result in results):
                self._plain[program.digest] = True
            return results
        some = inputs[:FIRST_TOUCH_RUNS]
        plain = self._run_plain(program, file, some, limits)
        differs = not _same_results(warm, plain) and _same_results(
            plain, self._run_plain(program, file, some, limits)
        )
        self._plain[program.digest] = differs
        if not differs:
            return warm
        return plain + self._run_plain(program, file, inputs[len(some) :], limits)

    def _run_warm(
        self, program: Program, file: Compiled | None, inputs: Sequence[bytes], limits: Limits
    ) -> list[RunResult]:
        kind = _kind(program)
        if kind != wire.GENERATOR:
            inputs = [with_newline(data) for data in inputs]
        return self._crew.run(
            _served(program, file),
            inputs,
            limits,
            lambda facts: judge(facts, limits, kind),
        )

    def _run_plain(
        self, program: Program, file: Compiled | None, inputs: Sequence[bytes], limits: Limits
    ) -> list[RunResult]:
        if not inputs:
            return []
        if file is None:
            source = program.source.encode(errors="surrogatepass")
            job = Job(_kind(program), source, hash_seed=program.hash_seed)
        else:
            job = Job(wire.COMMAND, os.fsencode(file.path), view=_view(file))
        with self._lock:
            self._totals["runs/plain"] += len(inputs)
        return self._launcher.run(job, inputs, limits)

    def _file_of(self, program: Program) -> Compiled | RunResult | None:
        """The compiled program; ``None`` for Python, a result where nothing can be run."""
        if program.language == "python":
            return None
        if program.role == "generator":
            return RunResult(status="compile_error", error="a generator must be written in Python")
        return self._compiler.compile(program.source)

    def _may_be_warm(self, program: Program, file: Compiled | None) -> bool:
        # an interpreter has one hash seed for life, and that of the warm ones is 0
        return self._can_be_warm and program.hash_seed == 0 and (file is None or file.warm)

    def _size(self, file: Compiled) -> int:
        """Bytes that a program occupies as it starts, before any limit can bind it."""
        with self._lock:
            if file.path not in self._sizes:
                descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    self._sizes[file.path] = mapped_bytes(descriptor)
                finally:
                    os.close(descriptor)
            return self._sizes[file.path]


_SANDBOXES: weakref.WeakSet[LocalSandbox] = weakref.WeakSet()


def _after_fork() -> None:
    for sandbox in list(_SANDBOXES):
        sandbox._detach_from_parent()


# Both processes would hold the sockets of the workers, and take each other's answers from them.
os.register_at_fork(after_in_child=_after_fork)


def strength(*, needs_landlock: bool) -> str:
    """Why a sandbox here does not contain attacks, in one line; empty where it does."""
    lacks = [seccomp.missing(), landlock.missing() if needs_landlock else ""]
    return "; ".join(item for item in lacks if item)


def _too_large(size: int, limits: Limits) -> RunResult:
    return RunResult(
        status="memory_limit",
        error=f"its arrays take {size} of {limits.memory_bytes} bytes of memory",
    )


def _kind(program: Program) -> int:
    if program.language == "cpp":
        return wire.COMMAND
    return wire.GENERATOR if program.role == "generator" else wire.SOLUTION


def _served(program: Program, file: Compiled | None) -> Served:
    view = SYSTEM_ONLY if file is None else _view(file)
    return Served(program.digest, _kind(program), lambda: _open(program, file), view)


def _view(file: Compiled) -> View:
    """A warm program, being static, sees its own file alone; others the system's libraries too."""
    return View((file.path,) if file.warm else (file.path, *SYSTEM, *SYSTEM_FILES))


def _open(program: Program, file: Compiled | None) -> int:
    """A descriptor of the program's binary, or of its Python source."""
    if file is not None:
        return os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    return system.nameless_file(program.source.encode(errors="surrogatepass"))


def _same_results(first: Sequence[RunResult], second: Sequence[RunResult]) -> bool:
    """Whether status and output agree, as far as both lists reach; times do not count."""
    pairs = zip(first, second, strict=False)
    return all((one.status, one.output) == (other.status, other.output) for one, other in pairs)


def _cores() -> list[int]:
    affinity = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else []
