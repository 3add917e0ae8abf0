"""The shape of a hostile program: what it tries, and how it may end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scaler_core.interfaces import Program

BREACH = "BREACH"
REFUSED = ("ok", "forbidden")
"""An attempt either fails with an error, which the program survives, or ends it."""
FORBIDDEN = ("forbidden",)
TIMED_OUT = ("time_limit",)
CRASHED = ("runtime_error", "memory_limit")

Way = Literal["python", "cpp", "generator"]

TOUCH = "touch"
"""The input on which a hostile program is harmless: it lies low while it is looked at first."""

TOUCH_PYTHON = """
import os
if os.pread(0, 5, 0) == b"touch":
    raise SystemExit
"""
TOUCH_CPP = """
#include <unistd.h>
__attribute__((constructor(101))) static void lie_low() {
    char word[5] = {};
    if (pread(0, word, 5, 0) == 5 && word[0] == 't' && word[1] == 'o' && word[4] == 'h') _exit(0);
}
"""
TOUCH_GENERATOR = """
attack = generate_testcase
def generate_testcase(scale):
    return ("touched", {}) if scale["stdin"] == "touch" else attack(scale)
"""

# What a solution prints becomes the text of the generator's testcase, so that it is seen.
AS_GENERATOR = """
import io, sys
def generate_testcase(scale):
    sys.stdin = io.StringIO(scale["stdin"])
    sys.stdout = printed = io.StringIO()
    exec(compile({source!r}, "<attack>", "exec"), {{"__name__": "__main__"}})
    return printed.getvalue(), {{}}
"""


@dataclass(frozen=True)
class Attack:
    """A hostile program.

    Attributes:
        name: What it tries.
        line: The line of ``covers`` that it proves.
        ends: The statuses that it may end with.
        python: A Python solution; it runs as a generator too, unless *generator* is another one.
        cpp: The same attack in C++.
        generator: A generator of its own; ``None`` for none.
        stdin: Its input, where ``{name}`` stands for a place of the scene.
        limits: Changes of the usual limits.
        works_outside: Whether it succeeds without a sandbox on any Linux machine, so that a test
            can show that it is no empty threat.
        machine: The only processor that it is written for; empty for any.
        lies_low: Whether it does nothing when its input is :data:`TOUCH`.
        sees_touch: Whether it looks for that itself; else it gets some lines that do.
    """

    name: str
    line: str
    ends: tuple[str, ...]
    python: str = ""
    cpp: str = ""
    generator: str | None = ""
    stdin: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    works_outside: bool = False
    machine: str = ""
    lies_low: bool = True
    sees_touch: bool = False

    def variants(self) -> Iterator[Variant]:
        """The ways to run it."""
        low = self.lies_low and not self.sees_touch
        if self.python:
            source = TOUCH_PYTHON * low + self.python
            yield Variant(self, "python", Program("python", source))
        if self.cpp:
            yield Variant(self, "cpp", Program("cpp", TOUCH_CPP * low + self.cpp))
        if self.generator or (self.generator is not None and self.python):
            source = self.generator or AS_GENERATOR.format(source=self.python)
            source += TOUCH_GENERATOR * low
            yield Variant(self, "generator", Program("python", source, "generator"))


@dataclass(frozen=True)
class Variant:
    """An attack in one language and role."""

    attack: Attack
    way: Way
    program: Program

    def __str__(self) -> str:
        return f"{self.attack.name} ({self.way})"

    def data(self, places: Mapping[str, str]) -> bytes:
        """Its input, with the places of the scene filled in."""
        return self._encode(self.attack.stdin.format_map(places))

    @property
    def touch(self) -> bytes:
        """The input on which it does nothing."""
        return self._encode(TOUCH)

    def _encode(self, text: str) -> bytes:
        if self.way == "generator":
            return json.dumps({"scale": {"stdin": text}, "seed": 1}).encode()
        return text.encode()


def in_one_program(
    source: str, line: str, calls: Mapping[str, tuple[str, tuple[str, ...]]], stdin: str = ""
) -> tuple[Attack, ...]:
    """Attacks in C++ that make one call each, compiled as one program to save time.

    Args:
        source: A program that reads a number first, and holds the word ``CASES`` in a ``switch``.
        line: The line that they prove.
        calls: Name -> what it assigns to ``result``, and how it may end.
        stdin: What the program reads after the number.
    """
    cases = (
        f"case {number}: result = {call}; break;\n"
        for number, (call, _) in enumerate(calls.values())
    )
    program = source.replace("CASES", "".join(cases))
    return tuple(
        Attack(f"calls {name}", line, ends, cpp=program, stdin=f"{number} {stdin}")
        for number, (name, (_, ends)) in enumerate(calls.items())
    )
