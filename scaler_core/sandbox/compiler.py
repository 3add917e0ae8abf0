"""C++ sources to programs: compiled once, in the sandbox, and kept in the compile cache.

::

    compile(source) --> cache --found--> program, or the message of a source that does not compile
                          |
                        absent --> one dialect after the other --> kept, whatever came out

What the machine is to blame for (no compiler, a full disk, the wall limit) is never kept.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from scaler_core.errors import InfrastructureError
from scaler_core.interfaces import RunResult
from scaler_core.sandbox.compile_cache import PROGRAM, Build, CompileCache, Entry, open_built
from scaler_core.sandbox.elf import has_interpreter
from scaler_core.sandbox.toolchain import (
    COMPILE_LIMITS,
    DIALECTS,
    Tool,
    Toolchain,
    ToolRunner,
    digest,
)

__all__ = ["COMPILE_LIMITS", "Compiled", "Compiler"]

NO_PROGRAM = "the compiler wrote no program"
MESSAGE_CHARACTERS = 2000
# from the beginning of a word: tried at each of its letters, a long word would take minutes
TEMPORARY = re.compile(r"(?<!\S)\S*/cc\w{6}(?=\.o\b)")
# Of the CPU limit: a source on which more is spent gets no further dialect. Far above the seconds
# that all dialects take together, for on a busy machine the same work costs several times as much.
DIALECT_SHARE = 0.4


@dataclass(frozen=True)
class Compiled:
    """A compiled program.

    Attributes:
        path: The program, a whole file. Its entry in the cache may be evicted some minutes after
            the last :meth:`Compiler.compile`; where it is gone, compile again.
        warm: Whether it starts in the fork server that is linked into it.
    """

    path: Path
    warm: bool


class Compiler:
    """Compiles C++ with the rules of GNU C++17, or of another dialect where that one fails.

    Thread-safe, and safe beside other processes with the same cache: a program is compiled once.

    Args:
        runner: Runs the compiler under limits.
        cache: Folder of the compiled programs; made when needed, may be deleted at any time.
        command: The compiler, a name or a path.
        limit_bytes: Size that the cache is kept below; see
            :class:`~scaler_core.sandbox.compile_cache.CompileCache`.
        fork_server: C source of the fork server that programs are to carry.
    """

    def __init__(
        self,
        runner: ToolRunner,
        cache: Path,
        command: str = "g++",
        limit_bytes: int = 2 << 30,
        fork_server: Path | None = None,
    ) -> None:
        self._tool = Tool(runner)
        self._cache = CompileCache(cache, limit_bytes)
        self._command = command
        self._fork_server = fork_server
        self._toolchain_lock = threading.Lock()
        self._toolchain: Toolchain | None = None
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._totals: Counter[str] = Counter()

    def compile(self, source: str) -> Compiled | RunResult:
        """The compiled program, or the result that each of its runs has.

        ``compile_error`` blames the source; ``sandbox_failure`` says that this machine has no
        compiler or that the compiler could not do its work.
        """
        path = shutil.which(self._command)
        if path is None:
            return RunResult(
                status="sandbox_failure",
                error=f"no C++ compiler ({self._command}) found; install g++ "
                "(Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++)",
            )
        try:
            toolchain = self._toolchain_at(os.path.abspath(path))
            return self._compile(toolchain, source.encode(errors="surrogatepass"))
        except (OSError, InfrastructureError) as error:
            return RunResult(status="sandbox_failure", error=f"cannot compile: {error}")

    def counters(self) -> dict[str, float]:
        """Totals since the start.

        Sources: ``compiled``, ``compile_failed``, and ``cache_hits``, those that another process or
        an earlier run had compiled. Entries ``evicted``, and ``cpu_s/compile``.
        """
        with self._lock:
            counts = {
                name: float(self._totals[name])
                for name in ("compiled", "compile_failed", "cache_hits")
            }
        return {
            **counts,
            "evicted": float(self._cache.evicted),
            "cpu_s/compile": self._tool.cpu_s,
        }

    def _toolchain_at(self, path: str) -> Toolchain:
        with self._toolchain_lock:
            if self._toolchain is None or self._toolchain.path != path:
                server = self._fork_server.read_bytes() if self._fork_server else None
                self._toolchain = Toolchain(self._tool, path, self._cache, server)
            return self._toolchain

    def _compile(self, toolchain: Toolchain, source: bytes) -> Compiled | RunResult:
        key = f"{digest(toolchain.identity.encode(), toolchain.linking.encode(), source)}.{PROGRAM}"
        entry = self._cache.get(key, lambda build: self._build(toolchain, key, source, build))
        self._count(key, "cache_hits")  # unless it was built just now
        if entry.file is None:
            return RunResult(status="compile_error", error=str(entry.facts.get("error")))
        return Compiled(entry.file, bool(entry.facts.get("warm")))

    def _build(self, toolchain: Toolchain, key: str, source: bytes, build: Build) -> Entry:
        message, spent = "", 0.0
        for dialect in DIALECTS:
            result = toolchain.compile(source, dialect, build.folder)
            spent += result.cpu_s
            if result.status == "ok":
                with open_built(build.folder / "program") as program:
                    if program is not None:
                        # a source can put a section .interp into its object
                        warm = toolchain.linking == "warm" and not has_interpreter(program.fileno())
                        facts: dict[str, JsonValue] = {"dialect": dialect, "warm": warm}
                        self._count(key, "compiled")
                        return build.keep(facts, program, "program")
            message = message or self._clean(result.error, build.folder) or NO_PROGRAM
            if result.status != "runtime_error" or spent > DIALECT_SHARE * COMPILE_LIMITS.cpu_s:
                break
        self._count(key, "compile_failed")
        return build.keep({"error": message})

    def _clean(self, message: str, folder: Path) -> str:
        """The compiler's message without what differs from one compilation to the next."""
        text = TEMPORARY.sub("program", message)
        for place in (folder, self._cache.folder):
            text = text.replace(f"{place}/", "")
        return text[-MESSAGE_CHARACTERS:]

    def _count(self, key: str, name: str) -> None:
        """Count a source, once."""
        with self._lock:
            if key not in self._known:
                self._known.add(key)
                self._totals[name] += 1
