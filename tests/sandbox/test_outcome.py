"""How facts become results."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from scaler_core.interfaces import Limits
from scaler_core.sandbox.guard import wire
from scaler_core.sandbox.outcome import ERROR_CHARACTERS, Facts, judge

LIMITS = Limits(cpu_s=2.0, wall_s=5.0, memory_bytes=100 << 20, output_bytes=1000)


def facts(**changes: Any) -> Facts:
    fields: dict[str, Any] = {
        "wait_status": 0,
        "flags": 0,
        "cpu_s": 0.5,
        "wall_s": 0.6,
        "memory_bytes": 10 << 20,
        "output": b"out",
        "error": "",
    }
    return Facts(**fields | changes)


def exited(code: int) -> int:
    return code << 8


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "ok"),
        ({"wait_status": exited(1)}, "runtime_error"),
        ({"wait_status": signal.SIGSEGV}, "runtime_error"),
        ({"wait_status": signal.SIGSEGV, "memory_bytes": 95 << 20}, "memory_limit"),
        ({"wait_status": signal.SIGABRT, "error": "what():  std::bad_alloc"}, "memory_limit"),
        ({"wait_status": exited(1), "error": "File x\nMemoryError"}, "memory_limit"),
        ({"wait_status": exited(0), "error": "MemoryError"}, "ok"),
        ({"wait_status": signal.SIGXCPU, "cpu_s": 1.99}, "time_limit"),
        ({"wait_status": signal.SIGKILL, "cpu_s": 3.01}, "time_limit"),
        ({"wait_status": exited(0), "cpu_s": 2.01}, "time_limit"),
        ({"wait_status": signal.SIGKILL, "flags": wire.WALL_LIMIT}, "time_limit"),
        ({"wait_status": signal.SIGXFSZ}, "output_limit"),
        ({"flags": wire.OUTPUT_LIMIT, "cpu_s": 2.5}, "output_limit"),
        ({"wait_status": signal.SIGKILL, "flags": wire.PROCESS_LIMIT}, "forbidden"),
        ({"wait_status": exited(1), "flags": wire.SETUP_FAILED}, "sandbox_failure"),
    ],
)
def test_each_way_to_end_has_its_result(changes: dict[str, Any], status: str) -> None:
    assert judge(facts(**changes), LIMITS, wire.SOLUTION).status == status


def test_a_wall_limit_says_how_little_cpu_time_was_used() -> None:
    result = judge(facts(wait_status=signal.SIGKILL, flags=wire.WALL_LIMIT), LIMITS, wire.SOLUTION)
    assert "5 seconds of wall time" in result.error
    assert "0.50 of 2 CPU seconds" in result.error


def test_an_unknown_signal_is_named_by_its_number() -> None:
    result = judge(facts(wait_status=40), LIMITS, wire.SOLUTION)
    assert (result.status, result.error) == ("runtime_error", "ended by signal 40")


def test_only_the_end_of_a_long_error_is_kept() -> None:
    result = judge(
        facts(wait_status=exited(1), error="x" * 9000 + "the end"), LIMITS, wire.SOLUTION
    )
    assert len(result.error) == ERROR_CHARACTERS
    assert result.error.endswith("the end\nexit code 1")


def test_a_generator_without_a_result_is_not_ok() -> None:
    assert judge(facts(output=b""), LIMITS, wire.GENERATOR).status == "runtime_error"
    assert judge(facts(output=b""), LIMITS, wire.SOLUTION).status == "ok"
