"""What an engine is: it answers questions, in batches of its own choice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from scaler_core.interfaces import Closable
from scaler_core.models import Question, Response


class ModelEngine(Closable):
    """A model that is loaded and answers.

    Attributes:
        name: What the command line calls it.
    """

    name: ClassVar[str]

    @abstractmethod
    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """Each answer with the index of its question, as they come, in any order.

        A question whose prompt leaves no room for an answer has an empty one that is cut off.

        Raises:
            InfrastructureError: The model stopped answering; what came before is good.
        """

    def close(self) -> None:
        """Give back what it holds."""
        return


class LazyEngine(ModelEngine):
    """An engine that is loaded for its first question.

    Where every response is kept already, no model is loaded at all.

    Args:
        load: Loads it.
    """

    name = "lazy"

    def __init__(self, load: Callable[[], ModelEngine]) -> None:
        self._load = load
        self._engine: ModelEngine | None = None

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """As the engine does."""
        if self._engine is None:
            self._engine = self._load()
        return self._engine.ask(questions)

    def close(self) -> None:
        """Close the engine, if it was loaded."""
        if self._engine is not None:
            self._engine.close()
