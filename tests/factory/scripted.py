"""A sandbox that plays a script, and short ways to build what the factory takes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scaler_core.factory.programs import Counters, Runner
from scaler_core.interfaces import Limits, Program, RunResult, Sandbox
from scaler_core.models import Solution

Play = Callable[[bytes], RunResult]


def ok(output: str | bytes) -> RunResult:
    """A run that printed *output*."""
    return RunResult(
        status="ok", output=output.encode() if isinstance(output, str) else output, cpu_s=0.5
    )


def generated(stdin: str, value: Any) -> RunResult:
    """A generator's run that made this testcase."""
    return ok(json.dumps([stdin, value]))


class ScriptedSandbox(Sandbox):
    """Runs nothing: each source is the name of a function, or of a list of results in turn.

    Attributes:
        calls: The source and the number of inputs of each call.
        prepared: The sources of each call of :meth:`prepare`.
    """

    name = "scripted"

    def __init__(self, plays: dict[str, Play | list[RunResult]]) -> None:
        super().__init__()
        self.plays = plays
        self.calls: list[tuple[str, int]] = []
        self.prepared: list[list[str]] = []
        self.closed = False

    @classmethod
    def missing(cls) -> str:
        return ""

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        self.calls.append((program.source, len(inputs)))
        play = self.plays[program.source]
        if isinstance(play, list):
            return [play.pop(0) for _ in inputs]
        return [play(data) for data in inputs]

    def prepare(self, programs: Sequence[Program]) -> None:
        self.prepared.append([program.source for program in programs])

    def counters(self) -> Mapping[str, float]:
        return {"calls": len(self.calls)}

    def close(self) -> None:
        self.closed = True


class SlowSandbox(ScriptedSandbox):
    """Its runs last until it is closed, and then fail as *ending* says."""

    def __init__(self, ending: Callable[[int], list[RunResult]]) -> None:
        super().__init__({})
        self.ending = ending
        self.under_way = threading.Semaphore(0)
        self.over = threading.Event()

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        self.calls.append((program.source, len(inputs)))
        self.under_way.release()
        assert self.over.wait(60)
        return self.ending(len(inputs))

    def close(self) -> None:
        self.over.set()


def runner(sandbox: Sandbox) -> Runner:
    """A runner with counters that nobody reads."""
    return Runner(sandbox, Counters())


def solutions(*names: str) -> tuple[Solution, ...]:
    """Solutions that a :class:`ScriptedSandbox` plays."""
    return tuple(Solution(language="python", source=name) for name in names)
