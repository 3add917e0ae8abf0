"""Running untrusted programs: the sandbox, with its programs, limits and results."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from scaler_core.interfaces.component import Component
from scaler_core.models import Language

RunStatus = Literal[
    "ok",
    "runtime_error",
    "time_limit",
    "memory_limit",
    "output_limit",
    "forbidden",
    "compile_error",
    "sandbox_failure",
]


@dataclass(frozen=True)
class Program:
    """Untrusted source and how it is called.

    Attributes:
        language: ``python`` or ``cpp``.
        source: The whole program.
        role: ``solution`` reads stdin and writes stdout. ``generator`` defines
            ``generate_testcase(scale)``; its input is the JSON ``{"scale": {...}, "seed": int}``
            and its output the JSON ``[stdin, testcase]``, sent through a channel that a print in
            the program cannot disturb.
        hash_seed: The hash seed of its Python. A sandbox may support 0 only: audits use another
            one, and check whether it took effect.
    """

    language: Language
    source: str
    role: Literal["solution", "generator"] = "solution"
    hash_seed: int = 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 of language, role, hash seed and source: the key of every cache."""
        parts = (self.language, self.role, str(self.hash_seed), self.source)
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Limits:
    """Limits of one run. CPU decides; wall time only guards, so load changes no result.

    Attributes:
        cpu_s: CPU seconds.
        wall_s: Seconds until the whole process group is killed.
        memory_bytes: Address space.
        output_bytes: Bytes of output that are read before the run is ended.
        file_bytes: Largest file that may be written.
        processes: Further processes or threads that may be started.
        open_files: File descriptors.
    """

    cpu_s: float = 10.0
    wall_s: float = 30.0
    memory_bytes: int = 1 << 30
    output_bytes: int = 16 << 20
    file_bytes: int = 16 << 20
    processes: int = 0
    open_files: int = 64


@dataclass(frozen=True)
class RunResult:
    """The result of one run of a program.

    Attributes:
        status: ``ok`` only when the program ended by itself with exit code 0.
        output: stdout of a solution, the result of a generator; cut at the output limit.
        error: The end of stderr, the compiler's message, or the sandbox's reason.
        cpu_s: CPU seconds used.
        wall_s: Seconds that passed.
    """

    status: RunStatus
    output: bytes = b""
    error: str = ""
    cpu_s: float = 0.0
    wall_s: float = 0.0


class Sandbox(Component):
    """Runs untrusted programs.

    Attributes:
        rank: ``auto`` takes the highest-ranking sandbox that this machine can run, and never one
            below 0, which needs options or a server.
        covers: Attacks that it contains, one short line each; every line has a hostile-program
            test.
        does_not_cover: Attacks that it does not contain, one short line each.
    """

    rank: ClassVar[int] = 0
    covers: ClassVar[tuple[str, ...]] = ()
    does_not_cover: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """Why this machine cannot run it, in one line; empty when it can."""

    @classmethod
    def weakness(cls) -> str:
        """Why untrusted programs must not run in it on this machine; empty when they may."""
        return "it does not say that it contains attacks"

    def prepare(self, programs: Sequence[Program]) -> None:
        """Compile each program and start its workers now, instead of at its first run.

        Changes no result, so that calling it is never needed. Thread-safe; bad programs never
        raise.
        """
        return

    def counters(self) -> Mapping[str, float]:
        """Totals since the start, such as ``compiled``, ``cpu_s/compile``, ``workers/replaced``."""
        return {}

    @abstractmethod
    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        """One result per input, in order; each input of a solution gets a fresh process.

        Never raises because of what the program does; ``sandbox_failure`` says that the sandbox
        itself broke, so the program is not to blame. Thread-safe.
        """

    @abstractmethod
    def close(self) -> None:
        """End every process that is still there; the sandbox cannot be used afterwards."""
