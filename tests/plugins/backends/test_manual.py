"""The backend in the manual of plugins is a whole one: it keeps the contract as it is printed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaler_core.interfaces import Backend
from scaler_core.models import Group, Message, Response
from scaler_core.testing.contracts import BackendContract

MANUAL = Path(__file__).resolve().parents[3] / "docs" / "plugins.md"


def printed_backend() -> Any:
    """The class ``Guesser`` of the manual."""
    blocks = re.findall(r"```python\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (text for text in blocks if "class Guesser(Backend)" in text)
    names: dict[str, Any] = {"load": load}
    exec(compile(block, str(MANUAL), "exec"), names)
    return names["Guesser"]


def load(folder: Path) -> int:
    return int((folder / "skill.txt").read_text())


class Guesser(printed_backend()):  # type: ignore[misc]
    """The manual's backend with a model: it counts, and answers with its count."""

    def respond(self, messages: Sequence[Message]) -> Response:
        return Response(text=f"\\boxed{{{(self.skill + len(messages[-1]['content'])) % 3}}}")

    def learn(self, groups: Sequence[Group]) -> None:
        self.skill += 1

    def save(self, folder: Path) -> None:
        (folder / "skill.txt").write_text(str(self.skill))


class TestGuesser(BackendContract):
    def make(self) -> Backend:
        made: Backend = Guesser()
        return made
