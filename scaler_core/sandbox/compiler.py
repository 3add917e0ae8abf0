"""C++ sources to programs: compiled once, in the sandbox, and kept in the compile cache.

::

    compile(source) --> cache --found--> program, or the message of a source that does not compile
                          |
                        absent --> one dialect after the other --> program or message, kept

Failures of the machine (no compiler, a full disk, the wall limit) are never kept.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from scaler_core.errors import InfrastructureError
from scaler_core.interfaces import RunResult
from scaler_core.sandbox.compile_cache import PROGRAM, Build, CompileCache, Entry, open_built
from scaler_core.sandbox.toolchain import (
    COMPILE_LIMITS,
    DIALECTS,
    Tool,
    Toolchain,
    ToolRunner,
    digest,
)

__all__ = ["COMPILE_LIMITS", "Compiled", "Compiler", "has_interpreter", "mapped_bytes"]

NO_PROGRAM = "the compiler wrote no program"
MESSAGE_CHARACTERS = 2000
# from the beginning of a word: tried at each of its letters, a long word would take minutes
TEMPORARY = re.compile(r"(?<!\S)\S*/cc\w{6}(?=\.o\b)")
# Of the CPU limit: a source that has cost more gets no further dialect. Far above the cost of a
# source that is written by hand, since a loaded machine counts twice the CPU seconds of a quiet one
# and the verdict is kept for ever.
DIALECT_SHARE = 0.4

# kinds of ELF segments, and the sizes of the headers that are read (man 5 elf)
LOAD, PROGRAM_INTERPRETER = 1, 3
ELF_HEADER_BYTES, ELF_ENTRY_BYTES = 64, 56
LONGEST_ELF_TABLE = 1 << 16


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
    """Compiles C++ as GNU C++17, or as another dialect where that fails.

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
        """Returns the compiled program, or else the result that each of its runs has.

        ``compile_error`` blames the source; ``sandbox_failure`` means that this machine has no
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
        """Count a source the first time that it is compiled or found."""
        with self._lock:
            if key not in self._known:
                self._known.add(key)
                self._totals[name] += 1


def has_interpreter(descriptor: int) -> bool:
    """Whether the kernel would start another program in its place, such as the dynamic linker.

    That program's code would run before the fork server's. A file that is no 64-bit ELF file
    counts as having one.
    """
    try:
        return any(kind == PROGRAM_INTERPRETER for kind, _ in _segments(descriptor))
    except ValueError:
        return True


def mapped_bytes(descriptor: int) -> int:
    """Bytes that the kernel maps when it starts the program, static arrays included.

    0 for a file that is no 64-bit ELF file.
    """
    try:
        return sum(size for kind, size in _segments(descriptor) if kind == LOAD)
    except ValueError:
        return 0


def _segments(descriptor: int) -> Iterator[tuple[int, int]]:
    """Kind and size in memory of each segment; raises ``ValueError`` for no 64-bit ELF file."""
    # an untrusted compilation wrote the file: every size is checked before it is used
    header = os.pread(descriptor, ELF_HEADER_BYTES, 0)
    if len(header) < ELF_HEADER_BYTES or header[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no 64-bit ELF file")
    (offset,) = struct.unpack_from("<Q", header, 32)
    size, count = struct.unpack_from("<HH", header, 54)
    if size != ELF_ENTRY_BYTES or size * count > LONGEST_ELF_TABLE or offset >= 1 << 62:
        raise ValueError("no usable program headers")
    table = os.pread(descriptor, size * count, offset)
    if len(table) != size * count:
        raise ValueError("the program headers are not whole")
    for at in range(0, len(table), size):
        (kind,) = struct.unpack_from("<I", table, at)
        (memory,) = struct.unpack_from("<Q", table, at + 40)
        yield kind, memory
