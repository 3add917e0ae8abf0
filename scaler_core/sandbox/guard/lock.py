"""Locking a process in for good: Landlock for files, seccomp for system calls."""

from __future__ import annotations

import ctypes
import os

from . import system

OWN_PROCESS = 0x5CA1AB1E
"""Stands in a filter for the id of the process that installs it."""

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LANDLOCK_RESTRICT_SELF = 446
INSTRUCTION_BYTES = 8
PRCTL = system.LIBRARY.prctl
getpid = os.getpid


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


class Filter:
    """A seccomp filter, ready to be installed in a child, with little of Python in between.

    Args:
        instructions: An array of ``struct sock_filter``.
    """

    def __init__(self, instructions: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(instructions, len(instructions))
        mark = OWN_PROCESS.to_bytes(4, "little")
        self._places = [
            start // 4 + 1
            for start in range(0, len(instructions), INSTRUCTION_BYTES)
            if instructions[start + 4 : start + 8] == mark
        ]
        self._program = _Program(
            len(instructions) // INSTRUCTION_BYTES, ctypes.addressof(self._buffer)
        )
        self._arguments = (
            ctypes.c_int(PR_SET_SECCOMP),
            ctypes.c_ulong(SECCOMP_MODE_FILTER),
            ctypes.byref(self._program),
            ctypes.c_ulong(0),
            ctypes.c_ulong(0),
        )
        self._words = memoryview(self._buffer).cast("B").cast("I")

    def install(self) -> None:
        """Bind this process and all that come from it; raises ``OSError`` when refused."""
        own = getpid()  # filled in here, for the fork gave the id only now
        for place in self._places:
            self._words[place] = own
        if PRCTL(*self._arguments):
            raise OSError("the kernel refuses the seccomp filter")


def restrict_files(ruleset: int) -> None:
    """Take on a Landlock ruleset, given by its descriptor; raises ``OSError`` when refused."""
    call = system.LIBRARY.syscall
    if call(ctypes.c_long(LANDLOCK_RESTRICT_SELF), ctypes.c_long(ruleset), ctypes.c_long(0)):
        raise OSError("the kernel refuses the Landlock ruleset")
