"""Judging one run: the guard's facts and the limits in, a :class:`RunResult` out."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from scaler_core.interfaces import Limits, RunResult, RunStatus
from scaler_core.sandbox.guard import wire

ERROR_CHARACTERS = 2000
NEARLY = 0.9
OUT_OF_MEMORY = ("MemoryError", "std::bad_alloc", "std::bad_array_new_length", "Cannot allocate")


@dataclass(frozen=True)
class Facts:
    """The guard's report of one child; units as in :class:`RunResult`.

    Attributes:
        wait_status: As ``wait(2)`` returns it.
        flags: Why the guard stepped in; see :mod:`scaler_core.sandbox.guard.wire`.
        memory_bytes: Largest resident size.
    """

    wait_status: int
    flags: int
    cpu_s: float
    wall_s: float
    memory_bytes: int
    output: bytes
    error: str


def judge(facts: Facts, limits: Limits, kind: int) -> RunResult:
    """The result of one run.

    CPU time is checked before everything but set-up, output and threads, so that a program at its
    limit has the same result on an idle machine and on a loaded one.
    """
    status, reason = _status(facts, limits)
    if status == "ok" and kind == wire.GENERATOR and not facts.output:
        status, reason = "runtime_error", "the generator ended early and sent no result"
    error = "\n".join(part for part in (facts.error.strip(), reason) if part)
    return RunResult(
        status=status,
        output=facts.output,
        error=error[-ERROR_CHARACTERS:],
        cpu_s=facts.cpu_s,
        wall_s=facts.wall_s,
    )


def _status(facts: Facts, limits: Limits) -> tuple[RunStatus, str]:
    exit_code = os.waitstatus_to_exitcode(facts.wait_status)
    killed_by = -exit_code if exit_code < 0 else 0
    if facts.flags & wire.SETUP_FAILED:
        return "sandbox_failure", "the program could not be started"
    if facts.flags & wire.OUTPUT_LIMIT:
        return "output_limit", f"more than {limits.output_bytes} bytes of output"
    if facts.flags & wire.PROCESS_LIMIT:
        return "forbidden", f"more than {limits.processes} further processes or threads"
    if facts.cpu_s > limits.cpu_s or killed_by == signal.SIGXCPU:
        return "time_limit", f"more than {limits.cpu_s:g} CPU seconds"
    if facts.flags & wire.WALL_LIMIT:
        return "time_limit", (
            f"ended after {limits.wall_s:g} seconds of wall time, with {facts.cpu_s:.2f} of "
            f"{limits.cpu_s:g} CPU seconds used"
        )
    if killed_by == signal.SIGXFSZ:
        return "output_limit", f"wrote a file larger than {limits.file_bytes} bytes"
    if exit_code == 0:
        return "ok", ""
    if _out_of_memory(facts, limits, killed_by):
        return "memory_limit", f"needs more than {limits.memory_bytes} bytes of memory"
    if killed_by == signal.SIGSYS:
        return "forbidden", "made a system call that programs may not make"
    if killed_by:
        return "runtime_error", f"ended by {_signal_name(killed_by)}"
    return "runtime_error", f"exit code {exit_code}"


def _out_of_memory(facts: Facts, limits: Limits, killed_by: int) -> bool:
    last_lines = facts.error.strip().splitlines()[-3:]
    if any(sign in line for line in last_lines for sign in OUT_OF_MEMORY):
        return True
    return killed_by != 0 and facts.memory_bytes > NEARLY * limits.memory_bytes


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
