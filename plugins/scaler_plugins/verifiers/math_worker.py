"""The worker process of the verifier ``math``: compares two LaTeX texts.

A script for an interpreter of its own: ``python -P math_worker.py CPU_SECONDS MEMORY_BYTES``. It
reads one JSON line per comparison and answers with two, so that the parent knows how far it got
when it dies::

    {"ready": true} or {"error": "..."}      once, after the imports
    <- {"truth": "...", "answer": "..."}
    -> {"truth": true}                       the truth alone could be read (false ends it here)
    -> {"equal": true, "spent": false}       spent: memory has grown, start another worker

Each half of a comparison may use CPU_SECONDS; the kernel then ends the process by SIGPROF. The
process ends with its input, hence with its parent.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, BinaryIO

TRUTHS_KEPT = 64
_SPENT_SHARE = 0.5


def main(cpu_seconds: float, memory_bytes: int) -> None:
    """Serve comparisons until the input ends."""
    replies = _take_over_stdout()
    _set_limits(memory_bytes)
    try:
        compare = Comparison()
    except Exception as error:
        _send(replies, {"error": f"{type(error).__name__}: {error}"})
        return
    _send(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        truth = _limited(cpu_seconds, compare.read_truth, request["truth"])
        _send(replies, {"truth": bool(truth)})
        if truth:
            equal = _limited(cpu_seconds, compare.equal, truth, request["answer"])
            _send(replies, {"equal": equal, "spent": _spent(memory_bytes)})


def _take_over_stdout() -> BinaryIO:
    """Return the pipe to the parent; later prints of libraries go to stderr."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def _send(replies: BinaryIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")
    replies.flush()


def _set_limits(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The parent may ignore or block the signal, and children inherit that.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})


def _limited(cpu_seconds: float, work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of *work*, which may use *cpu_seconds* before the kernel ends the process.

    An exception of sympy, memory and recursion errors included, counts as ``False``.
    """
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        return work(*arguments)
    except Exception:
        return False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _spent(memory_bytes: int) -> bool:
    return _peak_bytes() > _SPENT_SHARE * memory_bytes


def _peak_bytes() -> int:
    """The most memory that this process has held.

    From /proc where there is one: ru_maxrss survives exec, and so begins at the size of the
    process that started this one, which may hold a model.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            peak = next(line for line in status if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _module_beside_this_one(name: str) -> Any:
    """The module *name* of this folder, without the rest of the package that it belongs to."""
    full_name = f"scaler_plugins.verifiers.{name}"
    spec = spec_from_file_location(full_name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[full_name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Comparison:
    """The comparison of ``math_comparison.py``, loaded with all of sympy that it needs."""

    def __init__(self) -> None:
        # first, so that a missing library is named
        import math_verify  # noqa: F401

        logging.disable(logging.CRITICAL)
        _module_beside_this_one("math_numbers")  # which the next one imports
        self._formulas = _module_beside_this_one("math_comparison")
        # many answers are compared with the same truth
        self.read_truth = lru_cache(maxsize=TRUTHS_KEPT)(self.read)
        # The first comparison loads the rest of sympy, which no response should pay for.
        self.equal(self.read("\\frac{1}{2}"), "0.5")
        self.equal(self.read("(-\\sqrt{2},x+1)"), "(-2^{1/2},1+x)")
        self.equal(self.read("(-\\infty,3)"), "x<3")

    def read(self, latex: str) -> Any:
        """The formula that *latex* is; ``None`` where it cannot be read."""
        return self._formulas.read(latex)

    def equal(self, truth: Any, answer: str) -> bool:
        """Whether *answer* is equal to *truth*."""
        formula = self.read(answer)
        return formula is not None and self._formulas.equal(truth, formula)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
