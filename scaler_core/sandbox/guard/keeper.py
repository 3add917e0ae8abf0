"""The keeper of a box: a warm interpreter from which the servers of programs are forked.

It never reads a program: sources and binaries pass through it as descriptors, so that no server,
which starts as its copy, holds anything of another program. It ends with its host, whose end of the
socket then closes, and in a PID namespace all servers end with it.
"""

from __future__ import annotations

import _socket
import ctypes
import gc
import os
import resource
import signal
import sys
from contextlib import suppress

from . import calls, child, lock, resident, source, system, wire
from .batch import receive
from .system import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

CONTROL_FD, RULESET_FD, PROGRAM_FD = 3, 4, 5
DESCRIPTORS = 3
NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
"""CLONE_NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS."""


def main() -> None:
    """Start a server for each message on stdin, a socket; arguments: core, and ``unshare``."""
    os.environ.pop("LD_BIND_NOW", None)  # it was for this process alone: see warm/box.py
    core, unshare = int(sys.argv[1]), sys.argv[2] == "unshare"
    system.reset_signals()
    system.drop_privileges()
    if unshare:
        enter_namespaces()
        system.drop_privileges()  # a new user namespace comes with all of them
    if core >= 0:
        os.sched_setaffinity(0, {core})
    system.take_on([system.hard_limit(resource.RLIMIT_STACK, child.STACK_BYTES)])
    source.import_modules(set(source.SHARED_MODULES.split()))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # servers that end are not waited for
    host = _socket.socket(fileno=os.dup(0))
    resident.rehearse()
    gc.collect()
    gc.freeze()  # no collection writes to the objects of now, so servers share their memory
    host.send(b"ready")
    message = memoryview(bytearray(wire.START.size))
    while True:
        length, descriptors = receive(host, message, DESCRIPTORS)
        if not length:
            leave()
        (kind,) = wire.START.unpack(message)
        if calls.fork() == 0:
            try:
                become_server(kind, descriptors)
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)


def leave() -> NoReturn:
    """End, and with a PID namespace all servers; without one, after the servers, which hung up."""
    if os.getpid() != 1:
        with suppress(ChildProcessError):
            os.wait()  # while the kernel reaps children by itself, until there are none
    os._exit(0)


def enter_namespaces() -> None:
    """Leave the host's namespaces as far as the kernel lets us; the keeper is PID 1 in its own."""
    if system.LIBRARY.unshare(ctypes.c_int(NAMESPACES)):
        return
    process = os.fork()
    if process:
        os.close(0)  # the keeper's end, which the host sees closing with the keeper
        os.waitpid(process, 0)
        os._exit(0)
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)


def become_server(kind: int, descriptors: list[int]) -> None:
    """Become the server of one program; never returns."""
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    control, program, *ruleset = descriptors
    null = os.open(os.devnull, os.O_RDWR)
    if ruleset:
        lock.restrict_files(ruleset[0])
    child.keep_only([null, null, null, control, (ruleset or [null])[0], program])
    if kind == wire.COMMAND:
        for descriptor in (CONTROL_FD, RULESET_FD):
            os.set_inheritable(descriptor, True)
        child.fix_addresses()
        # the "?" makes the fork server in the program serve; it puts the "p" back
        os.execve(PROGRAM_FD, [b"?rogram"], {})
    resident.serve(kind, CONTROL_FD, RULESET_FD, PROGRAM_FD)
