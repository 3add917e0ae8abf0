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

from . import child, lock, system, wire
from .supervisor import compile_source


class Batch:
    """The content of one message: limits, and a triple of streams for each run."""

    def __init__(self, message: bytes, streams: list[int]) -> None:
        fields = wire.BATCH.unpack(message)
        self.count, self.cpu_s, wall_ms, self.open_files, self.threads, _, memory, size = fields
        self.wall_s = wall_ms / 1000
        self.memory_bytes, self.file_bytes = memory, size
        self.triples = [streams[at : at + wire.STREAMS] for at in range(0, len(streams), 3)]


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

    def run(self, batch: Batch) -> list[bytes]:
        """A report for each run of the batch."""
        if self.kind == wire.GENERATOR and batch.count > 1 and not self.batches_fail:
            return self.run_together(batch)
        return self.run_each(batch, batch.triples)

    def run_together(self, batch: Batch) -> list[bytes]:
        """Run all seeds in one process; those without a result once more, each alone."""
        report = self.run_alone(batch, batch.triples)
        status, flags, cpu_us, wall_us, memory = wire.RUN.unpack(report)
        whole = status == 0 and flags == 0
        # a batch that fails is run twice, so this program's seeds run alone from now on
        self.batches_fail = not whole
        # only the total of the process is known: each seed gets an equal share
        share = wire.RUN.pack(0, 0, cpu_us // batch.count, wall_us // batch.count, memory)
        done = [whole and system.size_of(triple[1]) > 0 for triple in batch.triples]
        again = [triple for triple, is_done in zip(batch.triples, done, strict=True) if not is_done]
        for triple in again:
            for stream in triple[1:]:
                os.ftruncate(stream, 0)
                os.lseek(stream, 0, os.SEEK_SET)
        alone = iter(self.run_each(batch, again))
        return [share if is_done else next(alone) for is_done in done]

    def run_each(self, batch: Batch, triples: list[list[int]]) -> list[bytes]:
        """Run each in a process of its own; once some have hung, the rest count as hanging too."""
        self.reports = []
        stuck = 0
        for triple in triples:
            if stuck < wire.MOST_STUCK:
                self.reports.append(self.run_alone(batch, [triple]))
                stuck += wire.RUN.unpack(self.reports[-1])[1] == wire.WALL_LIMIT
            else:
                self.reports.append(self.reports[-1])
        return self.reports

    def run_alone(self, batch: Batch, triples: list[list[int]]) -> bytes:
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
        return wire.RUN.pack(status, flags, cpu_us, wall_us, usage.ru_maxrss)

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
        message, streams, _, _ = socket.recv_fds(
            control, wire.BATCH.size, wire.MOST_RUNS * wire.STREAMS
        )
        if not message:
            os._exit(0)
        batch = Batch(message, streams)
        reports = server.run(batch)
        for stream in streams:
            os.close(stream)
        control.send(b"".join(reports))
        del batch, reports


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
