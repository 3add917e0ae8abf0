"""One C++ compiler of this machine: what it is, how its programs are linked, its standard header.

All findings and built files are kept in the compile cache, under the compiler's version.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from scaler_core.errors import InfrastructureError
from scaler_core.interfaces import Limits, RunResult
from scaler_core.sandbox.compile_cache import Build, CompileCache, Entry, open_built

DIALECTS = ("gnu++17", "gnu++14", "gnu++11", "gnu++98", "gnu++20")
"""In the order in which they are tried.

14 accepts names such as ``data`` and ``byte``, 11 accepts ``gets``, 98 accepts ``array`` and
``hash``; 20 breaks much, so it comes last.
"""

# Accepted solutions hide their redirection of stdin to a file behind ONLINE_JUDGE.
FLAGS = ("-O2", "-w", "-fmax-errors=5", "-pipe", "-DONLINE_JUDGE")
LINKING = {
    # no linker plugin: a source could name options of its own for it, in sections of its object
    "warm": ("-static", "-s", "-fno-use-linker-plugin", "-Wl,-e,scaler_entry"),
    "static": ("-static", "-s", "-fno-use-linker-plugin"),
    "dynamic": ("-s",),
}
FORK_SERVER_FLAGS = (
    *("-O2", "-w", "-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns"),
    *(
        "-fno-stack-protector",
        "-fcf-protection=none",
        "-fno-pie",
        "-fno-asynchronous-unwind-tables",
    ),
)
ALONE = ("-nostdlib", "-static", "-no-pie", "-Wl,-e,scaler_entry", "-Wl,--defsym,_start=0")

COMPILE_LIMITS = Limits(
    cpu_s=60.0,
    wall_s=300.0,
    memory_bytes=2 << 30,
    output_bytes=1 << 20,
    file_bytes=64 << 20,
    processes=16,
    open_files=256,
)
HEADER_LIMITS = replace(COMPILE_LIMITS, cpu_s=120.0, file_bytes=512 << 20)
MACHINE_SIGNS = (
    "Killed signal terminated program",
    "No space left on device",
    "Disk quota exceeded",
    "Input/output error",
    "Read-only file system",
)

LONGEST_SIGN = 1000
OF_THE_SOURCE = re.compile(r":\d+: (?:fatal )?(?:error|warning|note): ")

HEADER = "bits/stdc++.h"
INCLUDES_HEADER = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]bits/stdc\+\+\.h[>"]', re.MULTILINE)
EMPTY_PROGRAM = b"int main() { return 0; }\n"


class Tool:
    """The compiler as a contained process. Thread-safe.

    Args:
        runner: Runs it.

    Attributes:
        cpu_s: CPU seconds of all its runs.
    """

    def __init__(self, runner: ToolRunner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self.cpu_s = 0.0

    def run(
        self,
        words: Sequence[str],
        folder: Path,
        stdin: bytes = b"",
        limits: Limits = COMPILE_LIMITS,
        readable: Sequence[Path] = (),
    ) -> RunResult:
        """Returns its result, a failure of the input included; as :meth:`ToolRunner.run_tool`.

        Raises:
            InfrastructureError: It failed because of the machine.
        """
        result = self._runner.run_tool(words, folder, stdin, limits, readable)
        with self._lock:
            self.cpu_s += result.cpu_s
        if _blames_machine(result, limits):
            raise InfrastructureError(f"{words[0]}: {result.error}")
        return result


class Toolchain:
    """A compiler and what is built once for it.

    Args:
        tool: Runs the compiler.
        path: The compiler, absolute.
        cache: Where its parts are kept.
        fork_server: C source with the entry point ``scaler_entry``, linked into every program where
            that is possible.

    Attributes:
        identity: Hash of compiler version, machine, flags and fork server.
        linking: ``warm``: static, and starts in the fork server; ``static``; ``dynamic``.

    Raises:
        InfrastructureError: It cannot compile even an empty program.
    """

    def __init__(
        self, tool: Tool, path: str, cache: CompileCache, fork_server: bytes | None
    ) -> None:
        self.path = path
        self._tool = tool
        self._cache = cache
        self._fork_server = fork_server
        self._has_header = True
        parts = [self._version(), sys.platform, platform.machine(), *FLAGS, *DIALECTS]
        parts += [word for name, words in LINKING.items() for word in (name, *words)]
        self._compiler = digest(*(part.encode() for part in parts))
        self.identity = digest(self._compiler.encode(), fork_server or b"")
        found = cache.get(f"{self.identity}.linking", self._find_linking)
        self.linking = str(found.facts.get("linking", "dynamic"))

    def compile(
        self, source: bytes, dialect: str, folder: Path, linking: str | None = None
    ) -> RunResult:
        """Compile a source to *folder*/``program``; raises as :meth:`Tool.run`."""
        linking = linking or self.linking
        words = [self.path, *FLAGS, f"-std={dialect}", *LINKING[linking]]
        readable = []
        wants_header = dialect == DIALECTS[0] and INCLUDES_HEADER.search(source)
        if wants_header and (header := self._header()):
            words.append(f"-I{header}")
            readable.append(header)
        words += ["-x", "c++", "-"]
        if linking == "warm" and (server := self._fork_server_object()):
            words += ["-x", "none", str(server)]
            readable.append(server.parent)
        words += ["-o", "program"]
        return self._tool.run(words, folder, source, readable=readable)

    def _version(self) -> str:
        with tempfile.TemporaryDirectory(prefix="scaler-") as folder:
            result = self._tool.run([self.path, "--version"], Path(folder))
        if result.status != "ok":
            raise InfrastructureError(f"{self.path} --version: {result.error}")
        return result.output.decode(errors="replace")

    def _find_linking(self, build: Build) -> Entry:
        """The best way of linking that works here; kept in the cache only if it is the best of all.

        A worse one is looked for again at each start: static libraries may be installed meanwhile.
        """
        serves = sys.platform == "linux" and platform.machine() == "x86_64"
        ways = list(LINKING) if self._fork_server is not None and serves else list(LINKING)[1:]
        for linking in ways:
            if linking == "warm" and self._fork_server_object() is None:
                continue
            result = self.compile(EMPTY_PROGRAM, DIALECTS[0], build.folder, linking)
            if result.status == "ok":
                facts: dict[str, JsonValue] = {"linking": linking}
                return build.keep(facts) if linking == ways[0] else Entry(facts, build.folder, None)
        raise InfrastructureError(f"{self.path} cannot compile an empty program: {result.error}")

    def _fork_server_object(self) -> Path | None:
        """The compiled fork server; ``None`` where it does not compile, or needs more than itself.

        It runs before the C library is set up and must call nothing of it, not even a ``memcpy``
        that a compiler puts in.
        """
        return self._cache.get(f"{self.identity}.server", self._build_fork_server).file

    def _build_fork_server(self, build: Build) -> Entry:
        words = [self.path, *FORK_SERVER_FLAGS, "-x", "c", "-c", "-", "-o", "serve.o"]
        result = self._tool.run(words, build.folder, self._fork_server or b"")
        if result.status == "ok":
            result = self._tool.run([self.path, *ALONE, "serve.o", "-o", "alone"], build.folder)
        with open_built(build.folder / "serve.o") as built:
            if result.status == "ok" and built is not None:
                return build.keep({}, built, "serve.o")
        return build.keep({"error": result.error})

    def _header(self) -> Path | None:
        """The folder in which the compiler finds ``bits/stdc++.h`` precompiled; ``None`` if none.

        It saves most of what a small program costs, and nothing depends on it: a compiler that
        cannot use it reads the header itself.
        """
        if not self._has_header:
            return None
        try:
            entry = self._cache.get(f"{self._compiler}.header", self._build_header)
        except InfrastructureError:
            self._has_header = False
            return None
        return entry.folder if entry.file is not None else None

    def _build_header(self, build: Build) -> Entry:
        include = f"#include <{HEADER}>\n".encode()
        (build.folder / "all.h").write_bytes(include)
        options = [*FLAGS, f"-std={DIALECTS[0]}"]
        words = [self.path, *options, "-x", "c++-header", "all.h", "-o", "all.gch"]
        result = self._tool.run(words, build.folder, limits=HEADER_LIMITS)
        with open_built(build.folder / "all.gch") as built:
            if result.status != "ok" or built is None:
                return build.keep({"error": result.error})
            entry = build.keep({}, built, f"{HEADER}.gch")
        # -H lists the headers that were read, with "! " before one that was precompiled
        words = [self.path, *options, f"-I{entry.folder}", "-H", "-fsyntax-only", "-x", "c++", "-"]
        result = self._tool.run(words, build.folder, include, readable=[entry.folder])
        if not re.search("^! ", result.error, re.MULTILINE):
            return build.keep({"error": "the compiler does not use it"})
        return entry


def _blames_machine(result: RunResult, limits: Limits) -> bool:
    if result.status == "time_limit":
        return result.cpu_s <= limits.cpu_s and result.wall_s >= limits.wall_s
    if result.status in ("ok", "sandbox_failure"):
        return result.status == "sandbox_failure"
    # A source can put any text into the compiler's messages, but only after a line that names a
    # place in the source. A long message may have lost that line; the machine's own are short.
    said = OF_THE_SOURCE.split(result.error, maxsplit=1)[0]
    return len(result.error) < LONGEST_SIGN and any(sign in said for sign in MACHINE_SIGNS)


def digest(*parts: bytes) -> str:
    """SHA-256 over parts, each with its length, so that no two lists give one text."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


class ToolRunner(Protocol):
    """Runs one command under limits, where it can write in one folder only."""

    def run_tool(
        self,
        words: Sequence[str],
        folder: Path,
        stdin: bytes,
        limits: Limits,
        readable: Sequence[Path] = (),
    ) -> RunResult:
        """Returns the command's result; ``sandbox_failure`` where it could not be run at all.

        Thread-safe; never raises because of what the command does.

        Args:
            words: The command, its first word an absolute path.
            folder: Its working folder, the only place where it can write (temporary files too).
            stdin: Its input.
            limits: Its limits; ``processes`` bounds its helpers.
            readable: Folders that it may read, beside the system's own.
        """
