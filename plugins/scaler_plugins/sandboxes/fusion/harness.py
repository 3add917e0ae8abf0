"""The harness that runs on the server around a Python program, sent there as text.

A last line is added that calls :func:`main`. The text needs Python 3.8 and its standard library,
and does what the local sandboxes do for a program: limits that it cannot raise again, a fixed hash
seed, stdin as a regular file, results of a generator in files that no print can disturb.
"""

from __future__ import annotations

import builtins
import json
import os
import random
import signal
import sys
from contextlib import suppress
from types import CodeType, ModuleType

COMPILE_FAILED = 86  # exit status
STARTED_ANEW = "started-anew"


def main(role: str, source: str, limits: dict[str, int], hash_seed: int) -> None:
    """Take on the limits and run the program in this process.

    Args:
        role: ``solution`` or ``generator``.
        source: The program.
        limits: ``cpu_s``, ``memory_bytes``, ``stack_bytes``, ``file_bytes`` and ``open_files``.
        hash_seed: The hash seed that it runs with.
    """
    if sys.argv[1:] != [STARTED_ANEW]:
        take_on(limits)
        start_anew(hash_seed)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    code = compile_source(role, source)
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    sys.argv = [""]
    if role == "generator":
        run_generator(code)
    else:
        run_solution(code)


def take_on(limits: dict[str, int]) -> None:
    """Set limits for this process and its children; lower ones of the server stay."""
    import resource  # exists on Unix alone, as this file's readers need not

    for limit, soft, hard in (
        (resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 1),
        (resource.RLIMIT_FSIZE, limits["file_bytes"], limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"], limits["open_files"]),
        (resource.RLIMIT_STACK, limits["stack_bytes"], limits["stack_bytes"]),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, limits["memory_bytes"], limits["memory_bytes"]),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (soft, hard))


def start_anew(hash_seed: int) -> None:
    """Run this script again with the hash seed, and without packages and the server's variables."""
    if "__file__" in globals():
        options = ["-s", "-S"] + (["-P"] if sys.version_info >= (3, 11) else [])
        words = [sys.executable, *options, __file__, STARTED_ANEW]
        os.execve(sys.executable, words, {"PYTHONHASHSEED": str(hash_seed)})


def compile_source(role: str, source: str) -> CodeType:
    """Compile the program; an error ends the process with an exit status of its own."""
    try:
        return compile(source, f"<{role}>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}")
        sys.exit(COMPILE_FAILED)


def run_solution(code: CodeType) -> None:
    """Execute a solution as the main module."""
    stdin = os.memfd_create("stdin")
    with open(stdin, "wb", closefd=False) as stream:
        stream.write(sys.stdin.buffer.read())
    os.lseek(stdin, 0, os.SEEK_SET)
    os.dup2(stdin, 0)
    os.close(stdin)
    vars(sys)["stdin"] = vars(sys)["__stdin__"] = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout.reconfigure(encoding="utf-8", errors="strict")  # type: ignore[union-attr]
    random.seed(0)
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(code, module.__dict__)


def run_generator(code: CodeType) -> None:
    """Call a generator for each item of the JSON array on stdin; item *n* is answered in a file.

    Several items run in one child each. One whose child fails gets no file: the caller sends it
    again alone, and so gets its error.
    """
    inputs: list[str] = json.load(sys.stdin)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    folder = os.getcwd()
    for number, data in enumerate(inputs):
        result = os.path.join(folder, f"result-{number}.json")
        if len(inputs) == 1:
            generate(code, data, result)
            return
        child = os.fork()
        if child == 0:
            generate(code, data, result + ".part")
            return
        if os.waitpid(child, 0)[1] == 0 and os.path.exists(result + ".part"):
            os.replace(result + ".part", result)


def generate(code: CodeType, data: str, result_path: str) -> None:
    """Execute a generator's source, call its function and write what it returns.

    The generator of randomness is seeded before both, so that the result depends on nothing but
    the input.
    """
    # prints go to a file, where the limit of file sizes ends a flood
    prints = os.open("prints", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(prints, 1)
    os.close(prints)
    request = json.loads(data)
    module = ModuleType("generator")
    sys.modules["generator"] = module
    random.seed(0)
    exec(code, module.__dict__)
    function = module.__dict__.get("generate_testcase")
    if not callable(function):
        raise TypeError("the source defines no function generate_testcase(scale)")
    random.seed(request["seed"])
    result = function(request["scale"])
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[0], str):
        raise TypeError("generate_testcase must return (text of stdin, testcase)")
    content = json.dumps(list(result), allow_nan=False).encode()
    with open(result_path, "wb") as stream:
        stream.write(content)
