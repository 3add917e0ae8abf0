"""What host and guard tell each other: one request, one answer to the program, reports."""

from __future__ import annotations

import struct

SOLUTION, GENERATOR, COMMAND = range(3)
WALL_LIMIT, PROCESS_LIMIT, OUTPUT_LIMIT, SETUP_FAILED = 1, 2, 4, 8

HEADER = struct.Struct("<IIdd5QI")
HEADER_FIELDS = (
    "kind",
    "host",
    "cpu_s",
    "wall_s",
    "memory_bytes",
    "output_bytes",
    "file_bytes",
    "processes",
    "open_files",
)  # and the number of frames
FRAME = struct.Struct("<Q")
REPORT = struct.Struct("<iIddQQQ")  # wait status, flags, CPU s, wall s, RSS KiB, two lengths

ERROR_BYTES = 4096


class Request:
    """What the host asks for.

    Attributes:
        kind: ``SOLUTION`` or ``GENERATOR`` in Python, or ``COMMAND``.
        host: Process id of the host; the guard ends when its parent is another one.
        program: Source, or the words of a command with NUL between them.
        environment: ``NAME=value`` items of a command, with NUL between them.
        inputs: One per child.
    """

    def __init__(
        self,
        kind: int,
        host: int,
        cpu_s: float,
        wall_s: float,
        memory_bytes: int,
        output_bytes: int,
        file_bytes: int,
        processes: int,
        open_files: int,
        program: bytes,
        environment: bytes,
        inputs: list[bytes],
    ) -> None:
        self.kind = kind
        self.host = host
        self.cpu_s = cpu_s
        self.wall_s = wall_s
        self.memory_bytes = memory_bytes
        self.output_bytes = output_bytes
        self.file_bytes = file_bytes
        self.processes = processes
        self.open_files = open_files
        self.program = program
        self.environment = environment
        self.inputs = inputs

    def encode(self) -> bytes:
        """The bytes of the request file."""
        frames = (self.program, self.environment, *self.inputs)
        header = HEADER.pack(*(getattr(self, name) for name in HEADER_FIELDS), len(frames))
        return header + b"".join(FRAME.pack(len(frame)) + frame for frame in frames)


def decode(data: bytes) -> Request:
    """The request in a request file."""
    *values, count = HEADER.unpack_from(data)
    frames = []
    position = HEADER.size
    for _ in range(count):
        (length,) = FRAME.unpack_from(data, position)
        position += FRAME.size
        frames.append(data[position : position + length])
        position += length
    program, environment, *inputs = frames
    fields = dict(zip(HEADER_FIELDS, values, strict=True))
    return Request(program=program, environment=environment, inputs=inputs, **fields)
