"""A batch as its server sees it: inputs, results, and notes that no child of the server has."""

from __future__ import annotations

import _socket
import os
import struct

from . import system, wire
from .system import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

STANDARD = [0, 1, 2]
PLACE = struct.Struct("QQ")  # start and length of an input in the file of inputs
COUNT = struct.Struct("I")
DESCRIPTOR = struct.Struct("i")

LONGEST = wire.BATCH.size + wire.MOST_RUNS * wire.LENGTH.size
PLACES = LONGEST
REPORTS = PLACES + wire.MOST_RUNS * PLACE.size
HUNG = REPORTS + wire.MOST_RUNS * wire.RUN.size
NOTES_BYTES = HUNG + COUNT.size

Ended = tuple[int, int, int, int, int]
"""How a process ended, as the beginning of ``wire.RUN``: status, flags, CPU us, wall us, KiB."""


class Batch:
    """The content of a message: limits, the inputs' places, files of inputs and results.

    Args:
        notes: Memory of ``NOTES_BYTES`` that begins with the message.
        files: Those of inputs and of results.
    """

    def __init__(self, notes: memoryview, files: list[int]) -> None:
        fields = wire.BATCH.unpack_from(notes)
        self.count, self.cpu_s, wall_ms, self.open_files, self.threads, _, memory, size = fields
        self.wall_s = wall_ms / 1000
        self.memory_bytes, self.file_bytes = memory, size
        self.inputs, self.results = files
        self._notes = notes
        COUNT.pack_into(notes, HUNG, 0)
        start = 0
        for number in range(self.count):
            (length,) = wire.LENGTH.unpack_from(notes, wire.BATCH.size + number * wire.LENGTH.size)
            PLACE.pack_into(notes, PLACES + number * PLACE.size, start, length)
            start += length

    def reports(self) -> memoryview:
        """A ``wire.RUN`` for each run."""
        return self._notes[REPORTS : REPORTS + self.count * wire.RUN.size]

    def open_streams(self, number: int) -> list[int]:
        """The files of a run: its input, copied by the kernel, and two that are empty."""
        streams = [os.memfd_create("stream") for _ in STANDARD]
        self._fill(number, streams[0])
        return streams

    def open_standard_streams(self, number: int) -> list[int]:
        """The same, in the place of this process's standard streams."""
        for stream in STANDARD:
            os.close(stream)
        for _ in STANDARD:  # the lowest numbers that are free, and so those three
            os.memfd_create("stream", 0)
        self._fill(number, 0)
        return STANDARD

    def collect(self, number: int, ended: Ended, answer: int, error: int) -> None:
        """Report a run; what it wrote to two files, which stay open, goes to the results."""
        answer_bytes = os.lseek(answer, 0, os.SEEK_END)
        error_bytes = os.lseek(error, 0, os.SEEK_END)
        if answer_bytes:
            system.send(answer, 0, min(answer_bytes, self.file_bytes - 1), self.results)
        if error_bytes:
            kept = min(error_bytes, wire.ERROR_BYTES)
            system.send(error, error_bytes - kept, kept, self.results)
        self._report(number, ended, answer_bytes, error_bytes)
        if ended[1] == wire.WALL_LIMIT:
            COUNT.pack_into(self._notes, HUNG, self._hung() + 1)

    def gives_up(self, number: int) -> bool:
        """Whether so many have hung that this run counts as hanging too; reports it if so."""
        if self._hung() < wire.MOST_STUCK:
            return False
        ended = wire.RUN.unpack_from(self._notes, REPORTS + (number - 1) * wire.RUN.size)
        self._report(number, ended[:-2], 0, 0)
        return True

    def _report(self, number: int, ended: Sequence[int], answer: int, error: int) -> None:
        wire.RUN.pack_into(self._notes, REPORTS + number * wire.RUN.size, *ended, answer, error)

    def _hung(self) -> int:
        (count,) = COUNT.unpack_from(self._notes, HUNG)
        return int(count)

    def _fill(self, number: int, stream: int) -> None:
        start, length = PLACE.unpack_from(self._notes, PLACES + number * PLACE.size)
        if length:
            system.send(self.inputs, start, length, stream)
            os.lseek(stream, 0, os.SEEK_SET)


def receive(control: _socket.socket, place: memoryview, most: int) -> tuple[int, list[int]]:
    """Read a message to *place*; returns its length and the descriptors that came with it.

    The length is 0 when the other end hung up.
    """
    space = _socket.CMSG_LEN(most * DESCRIPTOR.size)
    length, ancillary, _, _ = control.recvmsg_into([place], space)
    files = []
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            whole = len(data) - len(data) % DESCRIPTOR.size
            files += [number for (number,) in DESCRIPTOR.iter_unpack(data[:whole])]
    return length, files
