"""Requests to the server: for one input of a solution, or for many seeds of a generator.

The fields are those of SandboxFusion's ``/run_code``. A program goes out inside lines of ours that
run first on the server: :mod:`~scaler_plugins.sandboxes.fusion.harness` around Python,
:data:`PRELUDE` before C++. They take on the limits that no field carries, CPU time above all, and
turn the server's pipe of stdin into a regular file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scaler_core.interfaces import Limits, Program

MEBIBYTE = 1 << 20
STACK_BYTES = 256 * MEBIBYTE
COMPILER_BYTES = 1024 * MEBIBYTE  # a server that bounds the program's memory bounds the compiler's
STREAMS_BYTES = 16 * MEBIBYTE  # 1 MiB each of stdout and stderr, where a byte may become \u0000

# The functions come from no header and have names of our own, so that no macro of the program meets
# them; nor do its global variables, which may well be called "read" or "close", meet the symbols.
PRELUDE = """\
extern "C" {
int scaler_memfd_create(const char *, unsigned) __asm__("memfd_create");
long scaler_read(int, void *, unsigned long) __asm__("__read");
long scaler_write(int, const void *, unsigned long) __asm__("__write");
long scaler_lseek(int, long, int) __asm__("lseek64");
int scaler_dup2(int, int) __asm__("__dup2");
int scaler_close(int) __asm__("__close");
int scaler_setrlimit(int, const unsigned long *) __asm__("setrlimit64");
}
__attribute__((constructor(101))) static void scaler_start() {
    const unsigned long limits[][3] = {LIMITS};
    for (const auto &limit : limits) scaler_setrlimit((int)limit[0], limit + 1);
    const int file = scaler_memfd_create("stdin", 0);
    if (file < 0) return;
    char part[65536];
    for (long count; (count = scaler_read(0, part, sizeof part)) > 0;)
        if (scaler_write(file, part, (unsigned long)count) != count) break;
    scaler_lseek(file, 0, 0);
    scaler_dup2(file, 0);
    scaler_close(file);
}
#line 1 "solution.cpp"
"""
# as Linux numbers them
RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_AS = 0, 1, 3, 4, 7, 9


@dataclass(frozen=True)
class Request:
    """One call of the server.

    Attributes:
        body: The JSON that is sent.
        program_s: Seconds that the server allows compiler and program.
        largest_answer: Bytes of an answer about a program that keeps to its limits.
    """

    body: bytes
    program_s: float
    largest_answer: int


def solution_request(
    program: Program, stdin: str, limits: Limits, compile_timeout_s: float
) -> Request:
    """One input of a solution; *stdin* gets the newline that it must end in."""
    fields: dict[str, object] = {
        "language": program.language,
        "stdin": stdin if stdin.endswith("\n") else stdin + "\n",
    }
    if program.language == "python":
        return _request(fields | {"code": python_code(program, limits)}, limits)
    fields["code"] = cpp_code(program.source, limits)
    return _request(fields, limits, compile_timeout_s)


def generator_request(program: Program, inputs: Sequence[str], limits: Limits) -> Request:
    """All *inputs* of a generator, to be answered in the files of :func:`result_name`."""
    fields: dict[str, object] = {
        "language": "python",
        "code": python_code(program, limits),
        "stdin": json.dumps(list(inputs)),
        "fetch_files": [result_name(number) for number in range(len(inputs))],
    }
    return _request(fields, limits)


def result_name(number: int) -> str:
    """The file that holds the result of an input of a generator."""
    return f"result-{number}.json"


def python_code(program: Program, limits: Limits) -> str:
    """A Python program inside the harness, in ASCII."""
    values = {
        "cpu_s": math.ceil(limits.cpu_s),
        "memory_bytes": limits.memory_bytes,
        "stack_bytes": STACK_BYTES,
        "file_bytes": _file_bytes(limits),
        "open_files": limits.open_files,
    }
    arguments = f"{program.role!r}, {program.source!a}, {values!r}, {program.hash_seed}"
    return f"{_harness()}\n\nmain({arguments})\n"


def cpp_code(source: str, limits: Limits) -> str:
    """A C++ program behind the prelude; its lines keep their numbers in messages."""
    cpu_s = math.ceil(limits.cpu_s)
    values = (
        (RLIMIT_CPU, cpu_s, cpu_s + 1),
        (RLIMIT_FSIZE, _file_bytes(limits), _file_bytes(limits)),
        (RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (RLIMIT_STACK, STACK_BYTES, STACK_BYTES),
        (RLIMIT_CORE, 0, 0),
        (RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
    )
    rows = (f"{{{number}, {soft}, {hard}}}" for number, soft, hard in values)
    return PRELUDE.replace("LIMITS", ", ".join(rows)) + source


def _request(
    fields: dict[str, object], limits: Limits, compile_timeout_s: float | None = None
) -> Request:
    memory_bytes = limits.memory_bytes
    if compile_timeout_s is not None:
        memory_bytes = max(memory_bytes, COMPILER_BYTES)
        fields["compile_timeout"] = compile_timeout_s
    fields["run_timeout"] = limits.wall_s
    fields["memory_limit_MB"] = math.ceil(memory_bytes / MEBIBYTE)
    return Request(
        body=json.dumps(fields).encode(),
        program_s=limits.wall_s + (compile_timeout_s or 0.0),
        largest_answer=STREAMS_BYTES + 2 * _file_bytes(limits),
    )


def _file_bytes(limits: Limits) -> int:
    return max(limits.file_bytes, limits.output_bytes + 1)


@cache
def _harness() -> str:
    return Path(__file__).with_name("harness.py").read_text(encoding="utf-8")
