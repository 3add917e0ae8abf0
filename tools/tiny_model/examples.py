"""Instances of the starter environments with their answers, made in this process.

The starter environments are SCALER's own code, so no sandbox is needed, and without one an instance
takes some 30 microseconds.
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from scaler_core.factory.prompts import compact_prompt
from scaler_core.models import Environment
from scaler_plugins.environments.starter import StarterPack


@dataclass(frozen=True)
class Example:
    """A prompt in the ``compact`` style and the text of its answer."""

    prompt: str
    answer: str


class ExampleMaker:
    """Makes examples of one starter environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        namespace: dict[str, Any] = {}
        exec(compile(environment.generator, environment.id, "exec"), namespace)
        self._generate = namespace["generate_testcase"]
        source = environment.problem.solutions[0].source
        self._solution = compile(source, f"{environment.id} solution", "exec")

    def make(self, level: int, seed: int) -> Example:
        """The example of (*level*, *seed*). Seeds the global generator that generators use."""
        random.seed(seed)
        stdin, testcase = self._generate(self.environment.scale(level))
        prompt = compact_prompt(self.environment.id, testcase)
        return Example(prompt, self._solve(stdin))

    def _solve(self, stdin: str) -> str:
        output = io.StringIO()
        before, sys.stdin = sys.stdin, io.StringIO(stdin)
        try:
            with redirect_stdout(output):
                exec(self._solution, {"__name__": "__main__"})
        finally:
            sys.stdin = before
        return output.getvalue().strip()

    def words(self) -> list[str]:
        """The fixed words of its prompts: the id, and each key with the space before it."""
        first, *rest = self.make(0, 0).prompt.split(" ")
        keys = [word.partition("=")[0] for word in rest if "=" in word]
        return [first, *(f" {key}=" for key in keys)]


def starter_makers(ids: Sequence[str]) -> dict[str, ExampleMaker]:
    """A maker for each environment of *ids*, in their order."""
    source = StarterPack().open()
    environments = [source.get(name) for name in ids]
    return {item.id: ExampleMaker(item) for item in environments if isinstance(item, Environment)}
