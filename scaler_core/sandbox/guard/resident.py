"""The server of a Python program: an interpreter that has it compiled, and forks for its runs.

A solution gets a process for each run. A generator gets one for a batch of seeds, its source being
executed anew for each; if anything goes wrong in it, the seeds concerned run again in processes of
their own, so that no seed's result depends on the others of its batch. No program runs in the
server itself.
"""

from __future__ import annotations

import gc
import math
import os
import select
import signal
import socket
import sys
import time
from types import CodeType
from typing import NamedTuple

from . import child, lock, system, wire
from .supervisor import compile_source


class Batch:
    """The content of one message: limits, the inputs' lengths, files of inputs and results."""

    def __init__(self, message: bytes, files: list[int]) -> None:
        fields = wire.BATCH.unpack_from(message)
        self.count, self.cpu_s, wall_ms, self.open_files, self.threads, _, memory, size = fields
        self.wall_s = wall_ms / 1000
        self.memory_bytes, self.file_bytes = memory, size
        self.inputs, self.results = files
        lengths = wire.LENGTH.iter_unpack(message[wire.BATCH.size :])
        self.lengths = [length for (length,) in lengths]

    def open_streams(self, number: int) -> list[int]:
        """The files of a run: its input, copied by the kernel, and two that are empty."""
        streams = [system.nameless_file() for _ in range(3)]
        start = sum(self.lengths[:number])
        system.send(self.inputs, start, self.lengths[number], streams[0])
        os.lseek(streams[0], 0, os.SEEK_SET)
        return streams

    def collect(self, ended: Ended, streams: list[int]) -> bytes:
        """The report of a run; what it wrote goes to the results, and its files are closed."""
        _, answer, errors = streams
        sizes = [system.size_of(stream) for stream in (answer, errors)]
        system.send(answer, 0, min(sizes[0], self.file_bytes - 1), self.results)
        kept = min(sizes[1], wire.ERROR_BYTES)
        system.send(errors, sizes[1] - kept, kept, self.results)
        close(streams)
        return wire.RUN.pack(*ended, *sizes)

    def forget(self) -> None:
        """Drop what tells a child about other runs."""
        self.lengths.clear()


class Ended(NamedTuple):
    """How a process ended; as the beginning of ``wire.RUN``."""

    status: int
    flags: int
    cpu_us: int
    wall_us: int
    memory_kib: int


class Server:
    """One program.

    Args:
        kind: ``wire.SOLUTION`` or ``wire.GENERATOR``.
        code: The compiled source.
        control: The socket to the host, which is watched while a child runs.
        filters: Without threads, and with threads.
        ruleset: Landlock rules that each child takes on, beside those of the server; -1 for none.

    Attributes:
        reports: Those of the present batch; a child clears them before it becomes the program.
        hung: Runs of the present batch that reached the wall limit.
    """

    def __init__(
        self, kind: int, code: CodeType, control: int, filters: list[lock.Filter], ruleset: int
    ) -> None:
        self.kind = kind
        self.code = code
        self.control = control
        self.filters = filters
        self.ruleset = ruleset
        self.batches_fail = False
        self.reports: list[bytes] = []
        self.hung: list[Ended] = []

    def run(self, batch: Batch) -> list[bytes]:
        """A report for each run of the batch."""
        os.write(batch.results, wire.BEGUN)
        self.reports, self.hung = [], []
        if self.kind == wire.GENERATOR and batch.count > 1 and not self.batches_fail:
            self.run_together(batch)
        else:
            for number in range(batch.count):
                self.run_next(batch, number)
        return self.reports

    def run_together(self, batch: Batch) -> None:
        """Run all seeds in one process; those without a result once more, each alone."""
        triples = [batch.open_streams(number) for number in range(batch.count)]
        ended = self.run_alone(batch, triples)
        whole = ended.status == 0 and ended.flags == 0
        # a batch that fails is run twice, so this program's seeds run alone from now on
        self.batches_fail = not whole
        # only the total of the process is known: each seed gets an equal share
        share = Ended(
            0, 0, ended.cpu_us // batch.count, ended.wall_us // batch.count, ended.memory_kib
        )
        for number, streams in enumerate(triples):
            if whole and system.size_of(streams[1]) > 0:
                self.reports.append(batch.collect(share, streams))
            else:
                close(streams)
                self.run_next(batch, number)

    def run_next(self, batch: Batch, number: int) -> None:
        """Run one in a process of its own; once some have hung, the rest count as hanging too."""
        if len(self.hung) < wire.MOST_STUCK:
            streams = batch.open_streams(number)
            ended = self.run_alone(batch, [streams])
            if ended.flags == wire.WALL_LIMIT:
                self.hung.append(ended)
            self.reports.append(batch.collect(ended, streams))
        else:
            self.reports.append(wire.RUN.pack(*self.hung[-1], 0, 0))

    def run_alone(self, batch: Batch, triples: list[list[int]]) -> Ended:
        """Run one process to its end, or to the deadline, or until the host is gone."""
        started = time.monotonic()
        process = os.fork()
        if process == 0:
            try:
                self.become_program(batch, triples)
            finally:
                os._exit(1)
        flags = 0
        if not self.ends(process, started + batch.wall_s):
            os.kill(process, signal.SIGKILL)
            flags = wire.WALL_LIMIT
        _, status, usage = os.wait4(process, 0)
        wall_us = int((time.monotonic() - started) * 1e6)
        cpu_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
        return Ended(status, flags, cpu_us, wall_us, usage.ru_maxrss)

    def ends(self, process: int, deadline: float) -> bool:
        """Wait until the child has ended; False at the deadline or when the host hangs up."""
        watched = os.pidfd_open(process)
        try:
            poll = select.poll()
            poll.register(watched, select.POLLIN)
            poll.register(self.control, 0)  # a hang-up is always reported, a message not wanted now
            left_ms = math.ceil(max(0.0, deadline - time.monotonic()) * 1000)
            return any(descriptor == watched for descriptor, _ in poll.poll(left_ms))
        finally:
            os.close(watched)

    def become_program(self, batch: Batch, triples: list[list[int]]) -> None:
        """Take on streams, limits and filter, and run; never returns."""
        self.reports.clear()
        self.hung.clear()
        batch.forget()
        if self.ruleset >= 0:
            # what lies above the child's own rules, its server above all, is out of its reach
            lock.restrict_files(self.ruleset)
        seeds: list[tuple[bytes, int, int]] = []
        if self.kind == wire.GENERATOR:
            seeds = child.keep_triples(triples)
        else:
            child.keep_only(triples[0])
        child.take_on_limits(
            cpu_s=batch.cpu_s,
            file_bytes=batch.file_bytes,
            # the more seeds, the more streams: a program must not notice
            open_files=batch.open_files + 2 * len(seeds),
            memory_bytes=batch.memory_bytes,
        )
        self.filters[batch.threads].install()  # last: the steps above need calls that it refuses
        gc.enable()
        if self.kind == wire.GENERATOR:
            os._exit(child.run_generator_batch(self.code, seeds))
        child.open_streams()
        os._exit(child.run_python(self.kind, self.code))


def serve(kind: int, control_fd: int, ruleset_fd: int, program_fd: int) -> None:
    """Read the program, report whether it compiles, then run batches until the host hangs up."""
    control = socket.socket(fileno=control_fd)
    message = control.recv(wire.LONGEST_SETUP)
    cpu_s, has_ruleset, memory_bytes, plain, threaded = wire.SETUP.unpack_from(message)
    filters = message[wire.SETUP.size :]
    if len(filters) != plain + threaded:
        os._exit(2)
    source = system.read_file(program_fd, 0, system.size_of(program_fd))
    os.close(program_fd)
    code, error = compile_source(kind, source, cpu_s, memory_bytes)
    if code is None:
        control.send(error.encode(errors="replace")[: wire.ERROR_BYTES])
        os._exit(0)
    both = [lock.Filter(filters[:plain]), lock.Filter(filters[plain:])]
    server = Server(kind, code, control_fd, both, ruleset_fd if has_ruleset else -1)
    prove(server.filters)
    del source, message, filters, both
    sys.argv = [""]
    # a collection would write to memory that children share with the server
    gc.collect()
    gc.freeze()
    gc.disable()
    control.send(b"\0")
    while True:
        longest = wire.BATCH.size + wire.MOST_RUNS * wire.LENGTH.size
        message, files, _, _ = socket.recv_fds(control, longest, wire.BATCH_FILES)
        if not message:
            os._exit(0)
        batch = Batch(message, files)
        del message
        reports = server.run(batch)
        close(files)
        control.send(b"".join(reports))
        del batch, reports


def close(files: list[int]) -> None:
    """Close descriptors."""
    for file in files:
        os.close(file)


def prove(filters: list[lock.Filter]) -> None:
    """End the server if a child cannot install a filter, so that no program runs without one."""
    for item in filters:
        process = os.fork()
        if process == 0:
            try:
                item.install()
                os._exit(0)
            finally:
                os._exit(1)
        if os.waitpid(process, 0)[1] != 0:
            os._exit(3)
