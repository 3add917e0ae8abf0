"""Compiling a Python source, and importing what it names, before anything is forked."""

from __future__ import annotations

import math
import resource
from types import CodeType

from . import system, wire

# Imported before the fork where the source names them, so that a run need not.
COMMON_MODULES = """
    array bisect calendar cmath collections contextlib copy dataclasses datetime decimal enum
    fractions functools heapq io itertools json math numbers operator queue random re statistics
    string struct textwrap threading time traceback types typing
"""
# In the memory of every server, which they share, and in the page table that every fork copies.
SHARED_MODULES = "collections functools io itertools json operator random re time types"


def compile_source(
    kind: int, source: bytes, cpu_s: float, memory_bytes: int
) -> tuple[CodeType | None, str]:
    """Returns the code, its modules loaded, or else why it does not compile.

    Compiling is bounded by the CPU and memory limits of a run.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = usage.ru_utime + usage.ru_stime
    system.set_soft_limit(resource.RLIMIT_CPU, math.ceil(spent + cpu_s))
    system.set_soft_limit(resource.RLIMIT_AS, memory_bytes)
    name = "<generator>" if kind == wire.GENERATOR else "<solution>"
    try:
        code = compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        return None, f"{type(error).__name__}: {error}"
    finally:
        system.set_soft_limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        system.set_soft_limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
    needed = {"json", "random"} if kind == wire.GENERATOR else set()
    import_modules(needed | names_in(code).intersection(COMMON_MODULES.split()))
    return code, ""


def import_modules(names: set[str]) -> None:
    """Import modules, in an order that does not depend on the set's."""
    for name in sorted(names):
        __import__(name)


def names_in(code: CodeType) -> set[str]:
    """Every name that *code* reads or imports, in its functions too."""
    names: set[str] = set()
    waiting = [code]
    while waiting:
        current = waiting.pop()
        names.update(current.co_names)
        waiting += [item for item in current.co_consts if isinstance(item, CodeType)]
    return names
