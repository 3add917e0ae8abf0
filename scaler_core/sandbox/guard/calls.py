"""System calls that are made for every run of a server, with as few Python objects as possible.

After a fork every object that is made or only used costs a page: its count of references is
written, and the kernel copies the page for whoever writes first. So what a call needs is made once,
and it goes straight to the C library. For Linux, and for processes without threads.
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
import time
from collections.abc import Callable

from . import lock, system

CLOSE_RANGE, LAST = system.CLOSE_RANGE, 0xFFFFFFFF
READABLE = 1
WATCHED = struct.Struct("ihhihh")  # two of struct pollfd: descriptor, wanted, seen
STATUS = struct.Struct("i")
TIMES = struct.Struct("5q")  # of struct rusage: user and system seconds and microseconds, KiB
USAGE_BYTES = 144
LONGEST_WAIT_S = 1_000_000.0  # as milliseconds it must fit into an int

# it keeps the interpreter's lock: there is no other thread to give it to
LIBRARY = ctypes.PyDLL(None)
FORK, POLL, SETRLIMIT, SYSCALL, WAIT = (
    LIBRARY.fork,
    LIBRARY.poll,
    LIBRARY.setrlimit,
    LIBRARY.syscall,
    LIBRARY.wait4,
)

MAP = system.LIBRARY.mmap
MAP.restype = ctypes.c_void_p
READ_WRITE, PRIVATE_ANONYMOUS, DONTFORK = 3, 0x22, 10

Call = tuple[Callable[..., int], tuple[object, ...]]
"""A function that returns 0, and its arguments."""


def fork() -> int:
    """``os.fork`` without what modules have registered for it.

    Those functions (a new seed for ``random``, new locks for ``threading``) write to more memory
    than the fork itself. Locks that nobody holds need no renewal, and every run is to have the same
    random numbers.
    """
    process: int = FORK()
    if process < 0:
        raise OSError("no further process can be started")
    return process


def perform(calls: list[Call]) -> None:
    """Make calls; raises ``OSError`` when one is refused."""
    for function, arguments in calls:
        if function(*arguments):
            raise OSError("a child cannot be confined")


def restrict_files(ruleset: int) -> Call:
    """As :func:`lock.restrict_files`."""
    numbers = (lock.LANDLOCK_RESTRICT_SELF, ruleset, 0)
    return SYSCALL, tuple(map(ctypes.c_long, numbers))


def close_from(first: int) -> Call:
    """As :func:`system.close_from`."""
    return SYSCALL, tuple(map(ctypes.c_ulong, (CLOSE_RANGE, first, LAST, 0)))


def take_on(limit: system.Limit) -> Call:
    """As :func:`system.take_on`."""
    number, values = limit
    return SETRLIMIT, (ctypes.c_int(number), (ctypes.c_ulong * 2)(*values))


def memory_without_children(size: int) -> memoryview:
    """Memory of this process that its children do not have at all.

    They need not clear it; and what is written there, and not to objects that come and go, takes
    no page from the memory that they share.
    """
    address = MAP(None, ctypes.c_size_t(size), READ_WRITE, PRIVATE_ANONYMOUS, -1, ctypes.c_long(0))
    if address == ctypes.c_void_p(-1).value:
        raise OSError("no memory")
    if system.LIBRARY.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), DONTFORK):
        raise OSError("memory cannot be kept from children")
    return memoryview((ctypes.c_char * size).from_address(address)).cast("B")


class Children:
    """Waits for one child after the other.

    Args:
        control: The socket to the host, which ends a wait when it hangs up.
    """

    def __init__(self, control: int) -> None:
        self._control = control
        # how a run ended is not for those after it
        memory = memory_without_children(WATCHED.size + STATUS.size + USAGE_BYTES)
        self._watched = (ctypes.c_char * WATCHED.size).from_buffer(memory)
        self._status = ctypes.c_int.from_buffer(memory, WATCHED.size)
        self._usage = (ctypes.c_char * USAGE_BYTES).from_buffer(memory, WATCHED.size + STATUS.size)
        self._places = ctypes.byref(self._status), ctypes.byref(self._usage)

    def ends(self, process: int, deadline: float) -> bool:
        """Wait until the child has ended; False at the deadline or when the host hangs up."""
        watched = os.pidfd_open(process)
        # a hang-up is always seen, a message is not wanted now
        WATCHED.pack_into(self._watched, 0, watched, READABLE, 0, self._control, 0, 0)
        seen = 0
        while seen <= 0 and (left_s := deadline - time.monotonic()) > 0:
            seen = POLL(self._watched, 2, math.ceil(min(left_s, LONGEST_WAIT_S) * 1000))
        os.close(watched)
        return seen > 0 and WATCHED.unpack_from(self._watched)[2] != 0

    def reap(self, process: int) -> tuple[int, int, int]:
        """Wait status, CPU microseconds and KiB of memory of a child that ends now."""
        status, usage = self._places
        if WAIT(process, status, 0, usage) != process:
            raise OSError("a child is lost")
        user_s, user_us, system_s, system_us, memory_kib = TIMES.unpack_from(self._usage)
        cpu_us = (user_s + system_s) * 1_000_000 + user_us + system_us
        return self._status.value, cpu_us, memory_kib
