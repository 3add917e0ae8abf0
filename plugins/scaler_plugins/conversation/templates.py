"""Prompts in files: filled in one pass, with foreign text between marks that it cannot forge."""

from __future__ import annotations

import hashlib
from pathlib import Path
from string import Template

from scaler_core.models import Message, Problem

MARK_LENGTH = 12
SHARED = Path(__file__).parent / "prompts"


class Prompt:
    """The templates of one component: ``system.md`` and ``question.md`` in *folder*.

    A template names its places as ``$place``. Text that is filled in is never searched again, so a
    statement that holds ``$place`` stays as it is.

    Args:
        name: The beginning of the version.
        folder: The folder of the templates.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._system = _read(folder / "system.md")
        self._question = _read(folder / "question.md")
        self._repair = _read(SHARED / "repair.md")

    @property
    def version(self) -> str:
        """The name and a hash of all templates: another text, another version."""
        texts = "\0".join([self._system, self._question, self._repair])
        return f"{self._name}-{hashlib.sha256(texts.encode()).hexdigest()[:MARK_LENGTH]}"

    def question(self, problem: Problem, **places: str) -> list[Message]:
        """The conversation that asks about *problem*.

        Name and statement stand between lines with a mark that follows from them both, which a text
        cannot contain unless it knew its own hash.
        """
        both = f"{problem.name}\0{problem.statement}"
        mark = hashlib.sha256(both.encode("utf-8", "replace")).hexdigest()[:MARK_LENGTH]
        text = Template(self._question).substitute(
            mark=mark, name=problem.name, statement=problem.statement.strip(), **places
        )
        return [
            {"role": "system", "content": self._system},
            {"role": "user", "content": text},
        ]

    def repair(self, reason: str) -> Message:
        """The message that sends an unusable reply back with the reason."""
        return {"role": "user", "content": Template(self._repair).substitute(reason=reason)}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
