"""The child's side, after the fork: takes on the limits, then becomes the program."""

from __future__ import annotations

import atexit
import builtins
import ctypes
import math
import os
import resource
import sys
from types import CodeType, FrameType, ModuleType

from . import lock, system, wire
from .system import TYPE_CHECKING, signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

STACK_BYTES = 256 << 20
RESULT_FD, SETUP_FD, RULESET_FD, PROGRAM_FD = 3, 4, 5, 6
CANNOT_START = 126
DEPTH, USUAL_DEPTH = 40, 1000
SAME_ADDRESSES = 0x0040000
"""ADDR_NO_RANDOMIZE: a program that depends on addresses does so in the same way each time."""


def become_program(
    request: wire.Request, code: CodeType | None, folder: str, streams: list[int]
) -> None:
    """Run one input in this fresh process; never returns.

    Args:
        request: Limits and program.
        code: The compiled source; ``None`` for a command.
        folder: The working directory.
        streams: Descriptors for stdin (a generator's request), stdout, stderr, the result, and
            reports of a failed set-up.
    """
    try:
        reports, data = streams[SETUP_FD], b""
        if request.kind == wire.GENERATOR:
            data = system.read_file(streams[0], 0, system.size_of(streams[0]))
            streams[0] = system.nameless_file()
        try:
            keep_only([*streams, *open_extras(request, streams)])
            reports = SETUP_FD
            enter(request, folder)
            if request.kind in (wire.COMMAND, wire.TOOL):
                run_command(request)
            open_streams()
        except BaseException as error:
            system.write_all(reports, f"{type(error).__name__}: {error}".encode())
            os._exit(1)
        os.close(SETUP_FD)
        assert code is not None
        seed_random()
        os._exit(run_python(request.kind, code, data))
    finally:
        os._exit(1)


def open_extras(request: wire.Request, streams: list[int]) -> list[int]:
    """Descriptors of ruleset and program to execute; a stream fills the place of a missing one."""
    ruleset = request.ruleset if request.ruleset >= 0 else streams[0]
    if request.kind == wire.COMMAND:
        return [ruleset, os.open(request.program, os.O_RDONLY)]
    return [ruleset, streams[0]]


def keep_only(streams: list[int]) -> None:
    """Give *streams* the numbers from 0 on, and close everything else."""
    # Above all targets first, so that no target overwrites a stream still to be moved.
    above = max(*streams, len(streams)) + 1
    for offset, stream in enumerate(streams):
        os.dup2(stream, above + offset)
    for target in range(len(streams)):
        os.dup2(above + target, target, inheritable=target < RESULT_FD)
    system.close_from(len(streams))


def keep_triples(triples: list[list[int]]) -> list[tuple[bytes, int, int]]:
    """Keep only the streams of a generator's seeds; returns (request, result, stderr) of each.

    The request is its content, result and stderr are descriptors. Stdin is empty; stdout is where
    stderr is.
    """
    requests = [system.read_file(item[0], 0, system.size_of(item[0])) for item in triples]
    error = triples[0][2]
    nothing = system.nameless_file()
    keep_only([nothing, error, error, *(stream for item in triples for stream in item[1:])])
    places = range(RESULT_FD, RESULT_FD + 2 * len(triples), 2)
    return [(data, at, at + 1) for data, at in zip(requests, places, strict=True)]


def enter(request: wire.Request, folder: str) -> None:
    """Leave the guard's session and signals behind, and take on the limits."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if request.kind != wire.GENERATOR:
        os.close(RESULT_FD)
    os.chdir(folder)
    if request.kind == wire.COMMAND:
        fix_addresses()
        os.dup2(PROGRAM_FD, request.program_file, inheritable=False)
    if request.ruleset >= 0:
        lock.restrict_files(RULESET_FD)
    os.close(RULESET_FD)
    os.close(PROGRAM_FD)
    system.take_on([system.hard_limit(resource.RLIMIT_STACK, STACK_BYTES)])
    limits = limits_of(
        cpu_s=math.ceil(request.cpu_s),
        file_bytes=max(request.file_bytes, request.output_bytes + 1),
        open_files=request.open_files,
        memory_bytes=request.memory_bytes,
    )
    system.take_on(limits)
    if request.processes == 0:
        # A larger number would count the user's other processes too; the guard counts those.
        system.take_on([system.hard_limit(resource.RLIMIT_NPROC, 0)])
    if request.filter:  # last: the steps above need calls that it refuses
        lock.Filter(request.filter).install()


def limits_of(
    *, cpu_s: int, file_bytes: int, open_files: int, memory_bytes: int
) -> list[system.Limit]:
    """The limits that bind one process, in whole seconds and bytes."""
    return [
        system.hard_limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1),
        system.hard_limit(resource.RLIMIT_FSIZE, file_bytes),
        system.hard_limit(resource.RLIMIT_NOFILE, open_files),
        system.hard_limit(resource.RLIMIT_CORE, 0),
        system.hard_limit(resource.RLIMIT_AS, memory_bytes),
    ]


def fix_addresses() -> None:
    """Switch off address randomisation for the program that this process executes."""
    if system.LINUX:
        system.LIBRARY.personality(ctypes.c_ulong(SAME_ADDRESSES))


def run_command(request: wire.Request) -> None:
    """Execute the program; that closes the descriptor on which a failed set-up is reported."""
    words = request.program.split(b"\0")
    items = [item.partition(b"=") for item in request.environment.split(b"\0") if item]
    variables = {name: value for name, _, value in items}
    if request.kind == wire.TOOL:
        os.execve(words[0], words, variables)
    try:
        os.execve(request.program_file, [b"program"], variables)
    except OSError as error:  # the source made a file that cannot start: the program's fault
        system.write_all(2, f"the program cannot start: {error.strerror}".encode())
        os._exit(CANNOT_START)


def open_streams() -> None:
    """Open text streams over the child's own descriptors; add the builtins of ``site``."""
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    sys.argv = [""]


def run_python(kind: int, code: CodeType, data: bytes = b"", depth: int = 0) -> int:
    """Run a source; returns the exit status that the interpreter would end with.

    Args:
        kind: ``wire.SOLUTION`` or ``wire.GENERATOR``.
        code: The compiled source.
        data: A generator's request.
        depth: The caller's :func:`stack_depth`, where it is known; 0 where it is not.
    """
    depth = depth + 1 if depth else stack_depth()
    status = 0
    try:
        if kind == wire.GENERATOR:
            at_depth(run_generator, depth, code, data, RESULT_FD)
        else:
            at_depth(run_solution, depth, code)
    except SystemExit as error:
        status = exit_status(error)
    except BaseException:
        status = 1
        sys.excepthook(*sys.exc_info())
    return finish(status)


def stack_depth() -> int:
    """How many frames the caller's stack has; an object is made of each, so once is enough."""
    depth = 0
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def at_depth(call: Callable[..., None], caller: int, *arguments: Any) -> None:
    """Make a call at a fixed depth of the stack, with the usual recursion limit left.

    Otherwise a program that recurses deeply would end differently in the plain and the warm way.

    Args:
        call: What to call.
        caller: The caller's :func:`stack_depth`.
        arguments: What to call it with.
    """
    if caller + 1 < DEPTH:
        at_depth(call, caller + 1, *arguments)
    else:
        sys.setrecursionlimit(USUAL_DEPTH + DEPTH)
        call(*arguments)


def seed_random() -> None:
    """Give a solution the numbers of the same seed in every run, where it can ask for them."""
    if "random" in sys.modules:
        sys.modules["random"].seed(0)


def run_solution(code: CodeType) -> None:
    """Execute a solution as the main module."""
    main_module = ModuleType("__main__")
    sys.modules["__main__"] = main_module
    exec(*execution(code, main_module))


def execution(code: CodeType, module: ModuleType) -> tuple[CodeType, dict[str, object]]:
    """The arguments of ``exec``, which is to be called with a star.

    The interpreter makes such a call in the same way always. A plain one it makes in a faster way
    after some times, which counts as a level of recursion less.
    """
    return code, module.__dict__


def rehearse(code: CodeType) -> None:
    """What :func:`run_python` does of a program that does nothing, in a process that goes on."""
    at_depth(run_solution, stack_depth(), code)
    flush(sys.stdout, sys.stderr)
    vars(sys.modules["__main__"]).clear()
    flush(sys.__stdout__, sys.__stderr__)


def run_generator_batch(code: CodeType, triples: list[tuple[bytes, int, int]]) -> int:
    """Run a generator for each (request, result, stderr); a seed that fails leaves no result.

    Returns the exit status of the only seed; of several, 0, unless a seed failed after it had
    sent its result.
    """
    status, spoilt, depth = 0, False, stack_depth()
    for data, result, error in triples:
        os.dup2(error, 1)
        os.dup2(error, 2)
        open_streams()
        try:
            at_depth(run_generator, depth, code, data, result)
        except SystemExit as ended:
            status = exit_status(ended)
        except BaseException:
            status = 1
            sys.excepthook(*sys.exc_info())
        status = finish(status)
        spoilt |= status != 0 and system.size_of(result) > 0
    return status if len(triples) == 1 else int(spoilt)


def run_generator(code: CodeType, data: bytes, result_descriptor: int) -> None:
    """Execute a generator's source, call its function and send the result.

    The generator of randomness is seeded before both, so that the result depends on nothing but
    the input.
    """
    import json
    import random

    request = json.loads(data)
    module = ModuleType("generator")
    sys.modules["generator"] = module
    random.seed(0)
    exec(*execution(code, module))
    generate = module.__dict__.get("generate_testcase")
    if not callable(generate):
        raise TypeError("the source defines no function generate_testcase(scale)")
    random.seed(request["seed"])
    result = generate(request["scale"])
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[0], str):
        raise TypeError("generate_testcase must return (text of stdin, testcase)")
    system.write_all(result_descriptor, json.dumps(list(result), allow_nan=False).encode())


def exit_status(error: SystemExit) -> int:
    """The exit status that the interpreter gives to ``sys.exit(...)``."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF if -(2**63) <= error.code < 2**63 else 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def finish(status: int) -> int:
    """Do what the interpreter does at its end, except for clearing its modules one by one."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
        flush(sys.stdout, sys.stderr)  # which may be the program's own, and need its names
        vars(sys.modules["__main__"]).clear()  # files that are left in its names close now
        flush(sys.__stdout__, sys.__stderr__)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return status or 1
    return status


def flush(*streams: TextIO | None) -> None:
    """Flush streams, which a program may have closed or removed."""
    for stream in streams:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
