"""Small system calls of the guard: limits, process control, nameless files.

A guard starts for every call in the plain way, and what it imports costs more than the interpreter
itself: no module that it needs imports ``typing``, ``enum``, ``functools`` or ``contextlib``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

TYPE_CHECKING = False  # type checkers take it for that of typing
if TYPE_CHECKING:
    import signal as signal
else:
    import _signal as signal  # the same functions and numbers; the numbers have no names

LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
CAPABILITY_VERSION = 0x20080522
CLOSE_RANGE, HIGHEST_DESCRIPTOR = 436, 1 << 16
SIGNALLED = 128
LIBRARY = ctypes.CDLL(None)

Limit = tuple[int, tuple[int, int]]
"""Number, and soft and hard value, of a limit."""


class Ignoring:
    """A block that ends without an error when one of *errors* is raised in it.

    Args:
        errors: Classes of exceptions.
    """

    def __init__(self, *errors: type[BaseException]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, self._errors)


def prctl(option: int, value: int) -> None:
    """``prctl(2)``; a refusal is no failure, since an ordinary user has nothing to drop."""
    LIBRARY.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def die_with(parent: int) -> None:
    """Be killed when *parent* ends, or end now if it already has; 0 stands for any parent."""
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent and os.getppid() != parent:
            os._exit(1)


def become_init() -> None:
    """Where this process is PID 1, leave the work to a child, and end as it ends.

    PID 1 would be spared the signals by which a limit ends a process.
    """
    if not LINUX or os.getpid() != 1:
        return
    worker = os.fork()
    if worker == 0:
        return
    close_from(0)  # the host sees the worker's end of a stream closing
    while True:
        ended, status = os.wait()
        if ended == worker:  # and with PID 1 all other processes of its namespace end
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else SIGNALLED - code)


def inherit_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    if LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def drop_privileges() -> None:
    """Give up root's capabilities, so that limits bind root too, and setuid programs."""
    if not LINUX:
        return
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        prctl(PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    LIBRARY.capset(header, (ctypes.c_uint32 * 6)())


def reset_signals() -> None:
    """Unblock signals, and take those the host ignores to their defaults, as for any program."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGINT}:
        with Ignoring(OSError, ValueError):
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def set_soft_limit(limit: int, value: int) -> None:
    """Set a limit that can be lifted again; the hard limit stays and bounds it."""
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (smaller_limit(value, hard), hard))


def hard_limit(limit: int, soft: int, hard: int | None = None) -> Limit:
    """A limit that cannot be raised again, within the present one.

    Args:
        limit: Its number.
        soft: The soft value.
        hard: The hard one; *soft* unless given.
    """
    allowed = resource.getrlimit(limit)[1]
    hard = smaller_limit(soft if hard is None else hard, allowed)
    return limit, (smaller_limit(soft, hard), hard)


def take_on(limits: list[Limit]) -> None:
    """Set limits of this process."""
    for limit, values in limits:
        try:
            resource.setrlimit(limit, values)
        except (ValueError, OSError):
            if LINUX:  # elsewhere some limits exist in name only
                raise


def smaller_limit(first: int, second: int) -> int:
    """The smaller of two limits, either of which may be infinite."""
    if first == resource.RLIM_INFINITY:
        return second
    return first if second == resource.RLIM_INFINITY else min(first, second)


def children_of(process: int) -> list[int]:
    """Ids of a process's children; none where the kernel does not list them."""
    found: list[int] = []
    with Ignoring(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", "rb") as stream:
                found += map(int, stream.read().split())
    return found


def more_tasks_than(limit: int) -> bool:
    """Whether this process and its descendants have more than *limit* threads in all."""
    total, waiting = 0, [os.getpid()]
    while waiting and total <= limit:
        process = waiting.pop()
        try:
            total += len(os.listdir(f"/proc/{process}/task"))
        except OSError:
            continue
        waiting += children_of(process)
    return total > limit


def kill_group(leader: int) -> None:
    """SIGKILL to a process and to its group, as far as they exist."""
    for kill in (os.killpg, os.kill):
        with Ignoring(ProcessLookupError, PermissionError):
            kill(leader, signal.SIGKILL)


def nameless_file(content: bytes | memoryview = b"") -> int:
    """A regular file without a name, positioned at its start."""
    if hasattr(os, "memfd_create"):
        stream = os.memfd_create("stream")
    else:
        stream = os.open(".stream", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(".stream")
    try:
        write_all(stream, content)
        os.lseek(stream, 0, os.SEEK_SET)
    except OSError:
        os.close(stream)
        raise
    return stream


def close_from(first: int) -> None:
    """Close every descriptor from *first* on."""
    # not os.closerange alone: some builds of Python close one number after the other
    numbers = ctypes.c_ulong(first), ctypes.c_ulong(0xFFFFFFFF), ctypes.c_ulong(0)
    if LINUX and LIBRARY.syscall(ctypes.c_long(CLOSE_RANGE), *numbers) == 0:
        return
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(first, smaller_limit(soft, HIGHEST_DESCRIPTOR))


def size_of(stream: int) -> int:
    """Bytes in a file."""
    return os.fstat(stream).st_size


def write_all(stream: int, content: bytes | memoryview) -> None:
    """Write everything."""
    view = memoryview(content)
    while view:
        view = view[os.write(stream, view) :]


def send(stream: int, start: int, count: int, target: int) -> None:
    """Send a range of a file to a pipe, without reading it into this process on Linux."""
    while count > 0:
        if LINUX:
            sent = os.sendfile(target, stream, start, count)
        else:
            sent = os.write(target, os.pread(stream, min(count, 1 << 16), start))
        start, count = start + sent, count - sent


def read_file(stream: int, start: int, count: int) -> bytes:
    """Up to *count* bytes of a file from *start* on, without moving its position."""
    parts: list[bytes] = []
    while count > 0 and (part := os.pread(stream, min(count, 1 << 20), start)):
        parts.append(part)
        start += len(part)
        count -= len(part)
    return b"".join(parts)
