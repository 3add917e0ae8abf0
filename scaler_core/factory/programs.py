"""Running programs for the factory: a sandbox, one retry where it fails, and the cost of runs."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scaler_core.factory.interface import Cause, InstanceFailure
from scaler_core.interfaces import Limits, Program, RunResult, Sandbox

LONGEST_DETAIL = 300
CLOSED = "the factory is closed"
_LIMITS = ("time_limit", "memory_limit", "output_limit")


class Counters:
    """Totals by name. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: Counter[str] = Counter()

    def add(self, amounts: Mapping[str, float]) -> None:
        """Add to several totals."""
        with self._lock:
            for name, amount in amounts.items():
                self._totals[name] += amount  # type: ignore[assignment]

    def totals(self) -> dict[str, float]:
        """All totals now."""
        with self._lock:
            return dict(self._totals)


class Runner:
    """Runs programs in *sandbox*; a run that the sandbox fails at is tried once more.

    Args:
        sandbox: Runs the programs.
        counters: Receives the cost of each run.
    """

    def __init__(self, sandbox: Sandbox, counters: Counters) -> None:
        self._sandbox = sandbox
        self._counters = counters
        self._closed = False

    def run(
        self, stage: str, program: Program, inputs: Sequence[bytes], limits: Limits
    ) -> list[RunResult]:
        """One result per input.

        Counts the CPU seconds of all runs as ``cpu_s/<stage>``, and as ``wall_s/<stage>`` how long
        the call took, waiting for a place in the sandbox included.
        """
        if not inputs:
            return []
        began = time.monotonic()
        results = self._ask(program, inputs, limits)
        cpu_s = sum(result.cpu_s for result in results)
        failed = [i for i, result in enumerate(results) if result.status == "sandbox_failure"]
        if failed:
            again = self._ask(program, [inputs[i] for i in failed], limits)
            cpu_s += sum(result.cpu_s for result in again)
            for index, result in zip(failed, again, strict=True):
                results[index] = result
        wall_s = time.monotonic() - began
        self._counters.add({f"cpu_s/{stage}": cpu_s, f"wall_s/{stage}": wall_s})
        return results

    def close(self) -> None:
        """Make every later run a ``sandbox_failure``, without calling the sandbox."""
        self._closed = True

    def _ask(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        if not self._closed:
            try:
                return self._sandbox.run(program, inputs, limits)
            except Exception:
                if not self._closed:  # a sandbox that is being closed may fail in any way
                    raise
        return [RunResult("sandbox_failure", error=CLOSED)] * len(inputs)


def failure(kind: Literal["generator", "solution"], result: RunResult, who: str) -> InstanceFailure:
    """The failure that a result other than ``ok`` stands for.

    Args:
        kind: ``generator`` or ``solution``.
        result: The result of the run.
        who: The program's name in messages.
    """
    cause: Cause
    if result.status == "sandbox_failure":
        cause = "infrastructure"
    elif kind == "generator":
        cause = "generator_limit" if result.status in _LIMITS else "generator_error"
    elif result.status == "compile_error":
        cause = "compile_error"
    else:
        cause = "solution_limit" if result.status in _LIMITS else "solution_error"
    return InstanceFailure(cause, f"{who}: {result.status}: {last_lines(result.error)}")


def read_generated(result: RunResult) -> Testcase | InstanceFailure:
    """The testcase in a generator's result, or why there is none."""
    if result.status != "ok":
        return failure("generator", result, "generator")
    try:
        return read_testcase(result.output)
    except ValueError as error:
        return InstanceFailure("invalid_testcase", f"generator: {error}")


def last_lines(error: str) -> str:
    """The end of an error on one line."""
    text = " | ".join(line.strip() for line in error.strip().splitlines()[-2:])
    return text if len(text) <= LONGEST_DETAIL else "..." + text[-LONGEST_DETAIL:]


LARGEST_TESTCASE = 4 << 20
DEEPEST_TESTCASE = 100
MOST_VALUES = 500_000
"""Brackets, commas and colons of a result, each of which may begin a value."""
LONGEST_NUMBER = 4_000
"""Characters of a number in a result."""
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class Testcase:
    """One input of a problem.

    Attributes:
        stdin: The input that solutions read.
        value: The same as a structured value, for the prompt.
    """

    stdin: bytes
    value: dict[str, Any]


def read_testcase(output: bytes) -> Testcase:
    """The testcase in a generator's result, the JSON ``[stdin, value]``.

    Raises:
        ValueError: It is not one; the message says why.
    """
    if len(output) > LARGEST_TESTCASE:
        raise ValueError(f"the testcase is larger than {LARGEST_TESTCASE} bytes")
    result = read_result(output)
    if not isinstance(result, list) or len(result) != 2:
        raise ValueError("the result is not a pair of stdin and testcase")
    stdin, value = result
    if not isinstance(stdin, str) or not stdin.strip():
        raise ValueError("the text of stdin is empty")
    if not isinstance(value, dict) or not value:
        raise ValueError("the testcase is not a dictionary with entries")
    if _is_deeper(value, DEEPEST_TESTCASE):
        raise ValueError(f"the testcase is nested deeper than {DEEPEST_TESTCASE}")
    try:
        if _HALF.search(output):
            json.dumps(value, ensure_ascii=False).encode()
        return Testcase(stdin.encode(), value)
    except UnicodeEncodeError:
        raise ValueError("the testcase holds half a character (a lone surrogate)") from None


def read_result(output: bytes) -> Any:
    """The JSON value in what a generator sent, which it may have written by itself.

    Strict, since two readers must see the same value: UTF-8, no key twice in an object, finite
    numbers of at most ``LONGEST_NUMBER`` characters. The time is bounded by the number of values,
    ``MOST_VALUES``.

    Raises:
        ValueError: It is no such value; the message says why.
    """
    # those inside texts count too: a cheap bound, far above what a prompt can show
    if sum(output.count(mark) for mark in (b"[", b"{", b",", b":")) > MOST_VALUES:
        raise ValueError(f"the testcase is larger than {MOST_VALUES} values")
    try:
        return _DECODER.decode(output.decode())
    except RecursionError:
        raise ValueError("the testcase is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the result is not JSON: {error}") from None


def _is_deeper(value: Any, most: int) -> bool:
    """Whether lists and dictionaries are nested deeper; without recursion, which has a limit."""
    layer = [value]
    for _ in range(most):
        inner = (item.values() if isinstance(item, dict) else item for item in layer)
        layer = [item for part in inner for item in part if isinstance(item, (dict, list))]
        if not layer:
            return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object holds a key twice")
    return found


def _integer(text: str) -> int:
    _check_length(text)
    return int(text)


def _decimal(text: str) -> float:
    _check_length(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it holds a number that is not finite")
    return number


def _check_length(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"it holds a number of {len(text)} characters")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=_refuse_constant,
)
