"""The server of a Python program: an interpreter that has it compiled, and forks for its runs.

A solution gets a process for each run. A generator gets one for a batch of seeds, its source being
executed anew for each; if anything goes wrong in it, the seeds concerned run again in processes of
their own, so that no seed's result depends on the others of its batch. No program runs in the
server itself.

A run of a small program costs what the fork costs, and that is pages: those that the fork copies
the table of, and those that the child or the server writes to afterwards, each of which the kernel
then copies, though it holds a mere count of references. So the server loads little, has done
beforehand whatever can be done once (:func:`rehearse`), and between a fork and the program
there is as little Python as possible.
"""

from __future__ import annotations

import _socket
import gc
import os
import resource
import signal
import sys
import time
from types import CodeType

from . import calls, child, lock, system, wire
from .batch import LONGEST, NOTES_BYTES, STANDARD, Batch, Ended, receive
from .source import compile_source

REHEARSALS = 32
LIMITS = (resource.RLIMIT_FSIZE, resource.RLIMIT_AS)
# names that are looked up in the module alone
perform, run_python = calls.perform, child.run_python
leave, enable_collection = os._exit, gc.enable


class Server:
    """One program.

    Args:
        kind: ``wire.SOLUTION`` or ``wire.GENERATOR``.
        code: The compiled source.
        control: The socket to the host, which is watched while a child runs.
        filters: Without threads, and with threads.
        ruleset: Landlock rules that each child takes on, beside those of the server; -1 for none.
    """

    def __init__(
        self, kind: int, code: CodeType, control: int, filters: list[lock.Filter], ruleset: int
    ) -> None:
        self.kind = kind
        self.code = code
        self.children = calls.Children(control)
        self.filters = filters
        self.null = os.dup(0)
        self.depth = 0
        self.batches_fail = False
        self.before: list[calls.Call] = []
        self.limits: list[calls.Call] = []
        self.install = filters[0].install
        if ruleset >= 0:
            # what lies above the child's own rules, its server above all, is out of its reach
            self.before.append(calls.restrict_files(ruleset))
        if kind == wire.SOLUTION:
            self.before.append(calls.close_from(len(STANDARD)))

    def run(self, batch: Batch) -> None:
        """Run all of a batch, and report each run."""
        os.write(batch.results, wire.BEGUN)
        self.prepare(batch, 0 if self.kind == wire.SOLUTION else 1)
        made: dict[int, list[int]] = {}
        if self.kind == wire.GENERATOR and batch.count > 1 and not self.batches_fail:
            share, made = self.run_together(batch)
        for number in range(batch.count):
            if number in made:
                batch.collect(number, share, *made[number])
                close(made[number])
            elif not batch.gives_up(number):
                self.run_next(batch, number)

    def run_together(self, batch: Batch) -> tuple[Ended, dict[int, list[int]]]:
        """Run all seeds in one process.

        Returns:
            How each has ended, and result and errors of those that have a result. The others are to
            run once more, each alone.
        """
        triples = [batch.open_streams(number) for number in range(batch.count)]
        self.prepare(batch, batch.count)
        status, flags, cpu_us, wall_us, memory_kib = self.run_alone(batch, triples)
        self.prepare(batch, 1)
        whole = status == 0 and flags == 0
        # a batch that fails is run twice, so this program's seeds run alone from now on
        self.batches_fail = not whole
        made = {}
        for number, (request, *written) in enumerate(triples):
            if whole and system.size_of(written[0]) > 0:
                close([request])
                made[number] = written
            else:
                close([request, *written])
        # only the total of the process is known: each seed gets an equal share
        return (0, 0, cpu_us // batch.count, wall_us // batch.count, memory_kib), made

    def run_next(self, batch: Batch, number: int) -> None:
        """Run one in a process of its own."""
        if self.kind == wire.SOLUTION:
            streams = batch.open_standard_streams(number)
            batch.collect(number, self.run_alone(batch, [streams]), 1, 2)
            self.clear_standard_streams()
        else:
            streams = batch.open_streams(number)
            ended = self.run_alone(batch, [streams])
            batch.collect(number, ended, *streams[1:])
            close(streams)

    def clear_standard_streams(self) -> None:
        """Put nothing in their place: what a run has left there is to take no memory."""
        for stream in STANDARD:
            os.dup2(self.null, stream)

    def run_alone(self, batch: Batch, triples: list[list[int]]) -> Ended:
        """Run one process to its end, or to the deadline, or until the host is gone."""
        self.depth = self.depth or child.stack_depth()
        become_program = self.become_program  # looked up here, where it is in a cache
        started = time.monotonic()
        process = calls.fork()
        if process == 0:
            try:
                become_program(triples)
            finally:
                leave(1)
        flags = 0
        if not self.children.ends(process, started + batch.wall_s):
            os.kill(process, signal.SIGKILL)
            flags = wire.WALL_LIMIT
        status, cpu_us, memory_kib = self.children.reap(process)
        return status, flags, cpu_us, int((time.monotonic() - started) * 1e6), memory_kib

    def prepare(self, batch: Batch, seeds: int) -> None:
        """Make ready what a child takes on, for the runs of a batch or for one of several seeds."""
        limits = child.limits_of(
            cpu_s=batch.cpu_s,
            file_bytes=batch.file_bytes,
            # the more seeds, the more streams: a program must not notice
            open_files=batch.open_files + 2 * seeds,
            memory_bytes=batch.memory_bytes,
        )
        self.limits = [calls.take_on(limit) for limit in limits]
        self.install = self.filters[batch.threads].install

    def become_program(self, triples: list[list[int]]) -> None:
        """Take on streams, limits and filter, and run; never returns."""
        perform(self.before)
        seeds = None if self.kind == wire.SOLUTION else child.keep_triples(triples)
        perform(self.limits)
        self.install()  # last: the steps above need calls that it refuses
        enable_collection()
        if seeds is None:
            leave(run_python(wire.SOLUTION, self.code, b"", self.depth + 1))
        leave(child.run_generator_batch(self.code, seeds))


def rehearse() -> None:
    """Do in the keeper what every child does, with an empty program.

    What the interpreter writes to memory when it does something for the first times (caches,
    counters, specialised instructions) is so written once, and not in a page of each child. And the
    text streams are made here, over files like those that a child has in their place. The present
    standard streams are lost.
    """
    close(STANDARD)
    for _ in STANDARD:
        os.memfd_create("stream", 0)
    child.open_streams()
    child.seed_random()  # it stays so: see calls.fork
    main = sys.modules["__main__"]
    empty = compile("", "<solution>", "exec", dont_inherit=True)
    harmless = [
        calls.close_from(calls.LAST),
        *(calls.take_on((number, resource.getrlimit(number))) for number in LIMITS),
    ]
    for _ in range(REHEARSALS):
        perform(harmless)
        child.rehearse(empty)
    sys.modules["__main__"] = main


def serve(kind: int, control_fd: int, ruleset_fd: int, program_fd: int) -> None:
    """Read the program, report whether it compiles, then run batches until the host hangs up."""
    control = _socket.socket(fileno=control_fd)
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
    prove(both)
    del source, message, filters, both
    notes = calls.memory_without_children(NOTES_BYTES)
    # a collection would write to memory that children share with the server
    gc.collect()
    gc.freeze()
    gc.disable()
    control.send(b"\0")
    while True:
        length, files = receive(control, notes[:LONGEST], wire.BATCH_FILES)
        if not length:
            os._exit(0)
        batch = Batch(notes, files)
        server.run(batch)
        close(files)
        control.send(batch.reports())


def close(files: list[int]) -> None:
    """Close descriptors."""
    for file in files:
        os.close(file)


def prove(filters: list[lock.Filter]) -> None:
    """End the server if a child cannot install a filter, so that no program runs without one."""
    for item in filters:
        process = calls.fork()
        if process == 0:
            try:
                item.install()
                os._exit(0)
            finally:
                os._exit(1)
        if os.waitpid(process, 0)[1] != 0:
            os._exit(3)
