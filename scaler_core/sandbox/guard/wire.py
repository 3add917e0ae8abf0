"""Messages between the host and the processes inside, in the plain way and in the warm one.

Plain: one request file, one answer to the program, a report a run. Warm: messages on sockets that
keep them apart; descriptors travel with them::

    host -> keeper:  START kind                   + control socket, program, Landlock ruleset
    host -> server:  SETUP, two filters           server -> host: what is wrong with the program
    host -> server:  BATCH, a LENGTH for each     + a file of inputs, a file for results
                                                  server -> host: a RUN for each

Inputs stand one behind the other in their file. So do results in theirs, behind a byte that says
that the batch has begun: of each run its answer and the end of its errors, as much of them as the
host wants. A run itself gets three files of its own:
stdin, stdout, stderr; a generator's seed gets request, result, stderr. The server of a C++ program
is serve.c, which knows the same layouts.
"""

from __future__ import annotations

import struct

from .system import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SOLUTION, GENERATOR, COMMAND, TOOL = range(4)
WALL_LIMIT, PROCESS_LIMIT, OUTPUT_LIMIT, SETUP_FAILED = 1, 2, 4, 8

HEADER = struct.Struct("<IIidd5Q2I")
HEADER_FIELDS = (
    "kind",
    "host",
    "ruleset",
    "cpu_s",
    "wall_s",
    "memory_bytes",
    "output_bytes",
    "file_bytes",
    "processes",
    "open_files",
    "program_file",
)  # and the number of frames
FRAME = struct.Struct("<Q")
REPORT = struct.Struct("<iIddQQQ")  # wait status, flags, CPU s, wall s, RSS KiB, two lengths

ERROR_BYTES = 4096

START = struct.Struct("<I")  # kind
SETUP = struct.Struct("<IIQII")  # CPU s, ruleset?, memory (for compiling), bytes of filters
BATCH = struct.Struct("<6IQQ")  # runs, CPU s, wall ms, open files, threads?, 0, memory, file size
LENGTH = struct.Struct("<Q")  # bytes of an input
RUN = struct.Struct("<iI5Q")  # wait status, flags, CPU us, wall us, RSS KiB, answer, errors
MOST_RUNS = 32  # in a batch: all that their results may hold must fit into memory
BATCH_FILES = 2
BEGUN = b"!"  # stands before the results
MOST_STUCK = 2  # runs of a batch that reach the wall limit before the rest are not tried
LONGEST_SETUP = 40_000


class Request:
    """A job of the plain way: one program, its limits, and all its inputs.

    Attributes:
        kind: ``SOLUTION`` or ``GENERATOR`` in Python, ``COMMAND``: a compiled program, ``TOOL``: a
            trusted command on untrusted input.
        host: Process id of the guard's parent; the guard ends if it has another parent. 0 where
            that cannot be known: in a PID namespace.
        ruleset: Descriptor of the children's Landlock ruleset; -1 for none.
        program_file: Number of the descriptor from which a compiled program is executed, above
            what it may open itself.
        program: Source, path of a compiled program, or a tool's words with NUL between them.
        environment: ``NAME=value`` items of a command, with NUL between them.
        filter: The children's seccomp filter; empty for none.
        inputs: One per child.
    """

    def __init__(
        self,
        kind: int,
        host: int,
        ruleset: int,
        cpu_s: float,
        wall_s: float,
        memory_bytes: int,
        output_bytes: int,
        file_bytes: int,
        processes: int,
        open_files: int,
        program_file: int,
        program: bytes,
        environment: bytes,
        filter: bytes,
        inputs: Sequence[bytes | memoryview],
    ) -> None:
        self.kind = kind
        self.host = host
        self.ruleset = ruleset
        self.cpu_s = cpu_s
        self.wall_s = wall_s
        self.memory_bytes = memory_bytes
        self.output_bytes = output_bytes
        self.file_bytes = file_bytes
        self.processes = processes
        self.open_files = open_files
        self.program_file = program_file
        self.program = program
        self.environment = environment
        self.filter = filter
        self.inputs = inputs

    def encode(self) -> bytes:
        """The bytes of the request file."""
        frames = (self.program, self.environment, self.filter, *self.inputs)
        header = HEADER.pack(*(getattr(self, name) for name in HEADER_FIELDS), len(frames))
        return header + b"".join(FRAME.pack(len(frame)) + frame for frame in frames)


def decode(data: bytes | memoryview) -> Request:
    """The request in a request file; its inputs are parts of *data*, not copies."""
    data = memoryview(data)
    *values, count = HEADER.unpack_from(data)
    frames = []
    position = HEADER.size
    for _ in range(count):
        (length,) = FRAME.unpack_from(data, position)
        position += FRAME.size
        frames.append(data[position : position + length])
        position += length
    program, environment, filter, *inputs = frames
    return Request(
        program=bytes(program),
        environment=bytes(environment),
        filter=bytes(filter),
        inputs=inputs,
        **dict(zip(HEADER_FIELDS, values, strict=True)),
    )
