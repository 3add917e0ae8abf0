"""C++ sources to programs: compiled once per content hash, under limits, kept in a cache folder.

The key hashes source, flags and compiler version. A file appears under its name only when it is
whole; a source that does not compile leaves its message there instead.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from scaler_core.errors import InfrastructureError
from scaler_core.jsonio import write_atomic
from scaler_core.sandbox.guard import wire
from scaler_core.sandbox.launch import Job, Launcher, remove_tree, sandbox_failure
from scaler_core.sandbox.types import Limits, RunResult

FLAGS = ("-O2", "-std=gnu++17", "-w", "-fmax-errors=5", "-x", "c++", "-")
COMPILE_LIMITS = Limits(
    cpu_s=60.0,
    wall_s=300.0,
    memory_bytes=2 << 30,
    output_bytes=1 << 20,
    file_bytes=256 << 20,
    processes=16,
    open_files=256,
)
KILLED_FROM_OUTSIDE = "Killed signal terminated program"


class Compiler:
    """Compiles C++ with GNU C++17 rules. Thread-safe, and safe beside other processes.

    Args:
        launcher: Runs the compiler under limits.
        cache: Folder of the compiled programs; made when needed.
        command: The compiler, a name or a path.
    """

    def __init__(self, launcher: Launcher, cache: Path, command: str = "g++") -> None:
        self._launcher = launcher
        self._cache = cache
        self._command = command
        self._lock = threading.Lock()
        self._version: tuple[str, str] | None = None
        self._in_work: dict[str, threading.Lock] = {}

    def compile(self, source: str) -> Path | RunResult:
        """The compiled program, or the result that each of its runs has.

        ``compile_error`` blames the source; ``sandbox_failure`` says that this machine has no
        compiler or that the compiler could not do its work.
        """
        path = shutil.which(self._command)
        if path is None:
            return sandbox_failure(
                f"no C++ compiler ({self._command}) found; install g++ "
                "(Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++)"
            )
        try:
            key = self._key(path, source)
            with self._lock:
                in_work = self._in_work.setdefault(key, threading.Lock())
            with in_work:
                return self._cached(key) or self._compile(path, key, source)
        except (OSError, subprocess.SubprocessError, InfrastructureError) as error:
            return sandbox_failure(f"cannot compile: {error}")

    def _key(self, path: str, source: str) -> str:
        with self._lock:
            if self._version is None or self._version[0] != path:
                answer = subprocess.run(
                    [path, "--version"], capture_output=True, text=True, timeout=60, check=True
                )
                self._version = (path, answer.stdout)
            parts = (self._version[1], *FLAGS, source)
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()

    def _cached(self, key: str) -> Path | RunResult | None:
        program, message = self._program(key), self._message(key)
        if program.exists():
            return program
        if message.exists():
            text = message.read_text(encoding="utf-8")
            return RunResult(status="compile_error", error=text)
        return None

    def _compile(self, path: str, key: str, source: str) -> Path | RunResult:
        self._cache.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(dir=self._cache, prefix=".build-")
        try:
            built = Path(folder, "program")
            result = self._run(path, source, built)
            if result.status == "sandbox_failure" or KILLED_FROM_OUTSIDE in result.error:
                return sandbox_failure(f"{path}: {result.error}")
            if result.status == "ok" and built.exists():
                self._program(key).parent.mkdir(exist_ok=True)
                os.replace(built, self._program(key))
                return self._program(key)
            message = result.error or "the compiler wrote no program"
            if result.status != "time_limit" or result.cpu_s > COMPILE_LIMITS.cpu_s:
                write_atomic(self._message(key), message)
            return RunResult(status="compile_error", error=message, cpu_s=result.cpu_s)
        finally:
            remove_tree(folder)

    def _run(self, path: str, source: str, built: Path) -> RunResult:
        words = [path, *FLAGS, "-o", str(built.resolve())]
        job = Job(
            kind=wire.COMMAND,
            program="\0".join(words).encode(),
            environment={"PATH": f"{Path(path).parent}:/usr/local/bin:/usr/bin:/bin"},
        )
        source_bytes = source.encode(errors="surrogatepass")
        return self._launcher.run(job, [source_bytes], COMPILE_LIMITS)[0]

    def _program(self, key: str) -> Path:
        return self._cache / key[:2] / f"{key}.program"

    def _message(self, key: str) -> Path:
        return self._cache / key[:2] / f"{key}.error"
