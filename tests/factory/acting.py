"""A factory whose programs act out scenes, for actors to import.

A generator's source is a JSON object: ``wait`` names a folder where each call leaves a file with
its process id and then waits for a file ``go``; ``die`` says how many processes end at this work
before one survives it, counted in that folder too. Solutions add the numbers of their input.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scaler_core.factory.local import LocalFactory
from scaler_core.interfaces import Limits, Program, RunResult, Sandbox
from scaler_core.models import ComponentChoice, Environment
from scaler_core.plugins import load_plugins
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.testing.environments import program_environment, python_solutions
from tests.factory.scripted import generated, ok
from tests.sandbox.machines import eventually

BUILDER = "tests.factory.acting:acting_factory"


def scene(name: str, folder: Path | None = None, wait: bool = False, die: int = 0) -> Environment:
    """An environment whose generator plays the scene; *folder* is where its calls meet."""
    directions = {"name": name, "folder": str(folder or ""), "wait": wait, "die": die}
    return program_environment(
        id=name, generator=json.dumps(directions), solutions=python_solutions("add", "add again")
    )


def arrived(folder: Path) -> list[int]:
    """The processes that wait in *folder*, or died there."""
    return sorted({int(path.name.partition("-")[0]) for path in folder.glob("*-*")})


class ActingSandbox(Sandbox):
    """Runs nothing; see above."""

    name = "acting"

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    @classmethod
    def missing(cls) -> str:
        return ""

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        if program.role == "solution":
            return [ok(str(sum(map(int, data.split())))) for data in inputs]
        directions = json.loads(program.source)
        if directions["folder"]:
            self._meet(Path(directions["folder"]), directions)
        if self.closed:
            return [RunResult(status="sandbox_failure", error="closed")] * len(inputs)
        requests = [json.loads(data) for data in inputs]
        return [
            generated(f"{item['seed']} {item['scale']['n']}", {"seed": item["seed"]})
            for item in requests
        ]

    def prepare(self, programs: Sequence[Program]) -> None:
        for program in programs:
            if program.role == "generator" and (folder := json.loads(program.source)["folder"]):
                Path(folder, f"{os.getpid()}-prepared").touch()

    def counters(self) -> Mapping[str, float]:
        return {"workers": 1}

    def close(self) -> None:
        self.closed = True

    def _meet(self, folder: Path, directions: Mapping[str, object]) -> None:
        (folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        if len(arrived(folder)) <= int(str(directions["die"])):
            os.kill(os.getpid(), signal.SIGKILL)
        if directions["wait"]:
            eventually(lambda: (folder / "go").exists() or self.closed)


def acting_factory() -> LocalFactory:
    """A factory that acts."""
    return LocalFactory(ActingSandbox(), workers=1)


def process_factory(cache: str) -> LocalFactory:
    """A factory that runs programs, with the sandbox that runs everywhere."""
    choice = ComponentChoice(use="process", options={"cache_dir": cache})
    return LocalFactory(build_sandbox(choice, load_plugins(), untrusted=False), workers=1)


def refusing_factory() -> LocalFactory:
    """A factory that cannot be built on this machine."""
    from scaler_core.errors import UsageError

    raise UsageError("no sandbox can run here: none is installed", hint="see scaler doctor")
