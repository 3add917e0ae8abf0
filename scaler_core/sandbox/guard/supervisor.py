"""The guard: forks a child for each input, watches it, ends its leftovers, and reports."""

from __future__ import annotations

import gc
import mmap
import os
import resource
import select
import time
from types import CodeType

from . import child, system, wire
from .source import compile_source
from .system import signal

TICK_S = 0.02
LEFTOVERS_S = 10.0


def main() -> None:
    """Serve the request on stdin, then end the process."""
    system.become_init()
    # children are not given this mapping, so that none finds the inputs of another
    mapping = mmap.mmap(0, system.size_of(0), prot=mmap.PROT_READ)
    if system.LINUX:
        mapping.madvise(mmap.MADV_DONTFORK)
    request = wire.decode(memoryview(mapping))
    reports = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    system.reset_signals()
    system.inherit_orphans()
    system.drop_privileges()
    system.die_with(request.host)
    wake = wake_on_child_end()

    code, error = None, ""
    if request.kind in (wire.SOLUTION, wire.GENERATOR):
        code, error = compile_source(
            request.kind, request.program, request.cpu_s, request.memory_bytes
        )
    message = error.encode(errors="replace")[: wire.ERROR_BYTES]
    system.write_all(reports, wire.FRAME.pack(len(message)) + message)
    gc.freeze()  # no collection writes to the objects of now, so children share their memory
    if not error:
        stuck = 0
        for number, data in enumerate(request.inputs):
            if stuck < wire.MOST_STUCK:
                stuck += run_one(request, code, data, str(number), wake, reports)
            else:  # it hangs: the rest would too
                report = wire.REPORT.pack(signal.SIGKILL, wire.WALL_LIMIT, 0.0, 0.0, 0, 0, 0)
                system.write_all(reports, report)
    os._exit(0)  # taking the interpreter down would cost as much as starting it


def wake_on_child_end() -> int:
    """A descriptor that becomes readable when a child ends."""
    # a pipe behind SIGCHLD: the plain way serves macOS too, which has no pidfd
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader


def run_one(
    request: wire.Request,
    code: CodeType | None,
    data: bytes | memoryview,
    folder: str,
    wake: int,
    reports: int,
) -> bool:
    """Run one child to its end, and report its result; returns whether it hung."""
    if request.kind == wire.TOOL:
        folder = os.curdir  # what it works on lies there
    else:
        os.mkdir(folder)
    stdin = system.nameless_file(data)
    outputs = [system.nameless_file() for _ in range(3)]
    setup, setup_writer = os.pipe()
    guard = os.getpid()
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        system.die_with(guard)
        child.become_program(request, code, folder, [stdin, *outputs, setup_writer])
    os.close(setup_writer)
    status, usage, flags = supervise(request, process, started + request.wall_s, outputs, wake)
    wall_s = time.monotonic() - started
    end_leftovers(process, wake)

    stdout, stderr, result = outputs
    answer = result if request.kind == wire.GENERATOR else stdout
    hung = flags == wire.WALL_LIMIT
    if exceeds(outputs, request.output_bytes):
        flags |= wire.OUTPUT_LIMIT
    if failure := os.read(setup, wire.ERROR_BYTES):
        os.ftruncate(stderr, 0)
        os.pwrite(stderr, failure, 0)
        flags |= wire.SETUP_FAILED
    length = min(system.size_of(answer), request.output_bytes)
    error_start = max(0, system.size_of(stderr) - wire.ERROR_BYTES)
    error_length = system.size_of(stderr) - error_start
    cpu_s = usage.ru_utime + usage.ru_stime
    lengths = (length, error_length)
    report = wire.REPORT.pack(status, flags, cpu_s, wall_s, usage.ru_maxrss, *lengths)
    system.write_all(reports, report)
    system.send(answer, 0, length, reports)
    system.send(stderr, error_start, error_length, reports)
    for stream in (stdin, *outputs, setup):
        os.close(stream)
    return hung


def supervise(
    request: wire.Request, process: int, deadline: float, outputs: list[int], wake: int
) -> tuple[int, resource.struct_rusage, int]:
    """Wait for the child; kill its group at a limit that no rlimit enforces."""
    next_check = time.monotonic() + TICK_S
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            return status, usage, 0
        now = time.monotonic()
        flags = 0
        if now >= deadline:
            flags = wire.WALL_LIMIT
        elif now >= next_check:
            next_check = now + TICK_S
            if exceeds(outputs, request.output_bytes):
                flags = wire.OUTPUT_LIMIT
            elif system.more_tasks_than(request.processes + 2):  # two: the guard and its child
                flags = wire.PROCESS_LIMIT
        if flags:
            system.kill_group(process)
            _, status, usage = os.wait4(process, 0)
            return status, usage, flags
        sleep_until_child_ends(wake, min(deadline, next_check) - now)


def exceeds(outputs: list[int], limit: int) -> bool:
    """Whether a stream holds more than *limit* bytes."""
    return any(system.size_of(stream) > limit for stream in outputs)


def sleep_until_child_ends(wake: int, seconds: float) -> None:
    """Sleep, or return early when some child ended."""
    if select.select([wake], [], [], seconds)[0]:
        os.read(wake, 4096)


def end_leftovers(process: int, wake: int) -> None:
    """Kill what a child left running: its group, and orphans, whose parent the guard became."""
    with system.Ignoring(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
    give_up = time.monotonic() + LEFTOVERS_S
    while time.monotonic() < give_up:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            for orphan in system.children_of(os.getpid()):
                system.kill_group(orphan)
            sleep_until_child_ends(wake, 0.001)
    raise RuntimeError("processes that the program started cannot be ended")
