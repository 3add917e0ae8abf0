"""The child's side: take on the limits, then become the program. Runs after the fork."""

from __future__ import annotations

import atexit
import builtins
import math
import os
import resource
import signal
import sys
from types import CodeType, ModuleType

from . import system, wire

STACK_BYTES = 256 << 20
RESULT_FD, SETUP_FD, FIRST_UNUSED_FD = 3, 4, 64


def become_program(
    request: wire.Request, code: CodeType | None, data: bytes, folder: str, streams: list[int]
) -> None:
    """Run one input in this fresh process; never returns.

    Args:
        request: Limits and program.
        code: The compiled source; ``None`` for a command.
        data: A generator's input.
        folder: The working directory.
        streams: Descriptors for stdin, stdout, stderr, the result, and reports of a failed set-up.
    """
    try:
        keep_only(streams)
        try:
            enter(request, folder)
            if request.kind == wire.COMMAND:
                run_command(request)
            open_streams()
        except BaseException as error:
            system.write_all(SETUP_FD, f"{type(error).__name__}: {error}".encode())
            os._exit(1)
        os.close(SETUP_FD)
        assert code is not None
        os._exit(run_python(request, code, data))
    finally:
        os._exit(1)


def keep_only(streams: list[int]) -> None:
    """Give *streams* the numbers from 0 on, and close everything else."""
    # Above all targets first, so that no target overwrites a stream still to be moved.
    for offset, stream in enumerate(streams):
        os.dup2(stream, FIRST_UNUSED_FD + offset)
    os.closerange(0, FIRST_UNUSED_FD)
    for target in range(len(streams)):
        os.dup2(FIRST_UNUSED_FD + target, target, inheritable=target < RESULT_FD)
    os.closerange(FIRST_UNUSED_FD, FIRST_UNUSED_FD + len(streams))


def enter(request: wire.Request, folder: str) -> None:
    """Leave the guard's session and signals behind, and take on the limits."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if request.kind != wire.GENERATOR:
        os.close(RESULT_FD)
    os.chdir(folder)
    cpu_s = math.ceil(request.cpu_s)
    system.set_hard_limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    system.set_hard_limit(resource.RLIMIT_FSIZE, max(request.file_bytes, request.output_bytes + 1))
    system.set_hard_limit(resource.RLIMIT_NOFILE, request.open_files)
    system.set_hard_limit(resource.RLIMIT_CORE, 0)
    system.set_hard_limit(resource.RLIMIT_STACK, STACK_BYTES)
    system.set_hard_limit(resource.RLIMIT_AS, request.memory_bytes)
    if request.processes == 0:
        # A larger number would count the user's other processes too; the guard counts those.
        system.set_hard_limit(resource.RLIMIT_NPROC, 0)


def run_command(request: wire.Request) -> None:
    """Become another program, whose start closes the descriptor of failures."""
    words = request.program.split(b"\0")
    items = [item.partition(b"=") for item in request.environment.split(b"\0") if item]
    os.execve(words[0], words, {name: value for name, _, value in items})


def open_streams() -> None:
    """Text streams over the child's own descriptors, and what ``site`` would have added."""
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    sys.argv = [""]


def run_python(request: wire.Request, code: CodeType, data: bytes) -> int:
    """Run a source; returns the exit status that the interpreter would end with."""
    status = 0
    try:
        if request.kind == wire.GENERATOR:
            run_generator(code, data)
        else:
            run_solution(code)
    except SystemExit as error:
        status = exit_status(error)
    except BaseException:
        status = 1
        sys.excepthook(*sys.exc_info())
    return finish(status)


def run_solution(code: CodeType) -> None:
    """Execute a solution as the main module."""
    if "random" in sys.modules:
        sys.modules["random"].seed(0)
    main_module = ModuleType("__main__")
    sys.modules["__main__"] = main_module
    exec(code, main_module.__dict__)


def run_generator(code: CodeType, data: bytes) -> None:
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
    exec(code, module.__dict__)
    generate = module.__dict__.get("generate_testcase")
    if not callable(generate):
        raise TypeError("the source defines no function generate_testcase(scale)")
    random.seed(request["seed"])
    result = generate(request["scale"])
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[0], str):
        raise TypeError("generate_testcase must return (text of stdin, testcase)")
    system.write_all(RESULT_FD, json.dumps(list(result), allow_nan=False).encode())


def exit_status(error: SystemExit) -> int:
    """The exit status that the interpreter gives to ``sys.exit(...)``."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def finish(status: int) -> int:
    """Do what the interpreter does at its end, save taking its modules down one by one."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return status or 1
    return status
