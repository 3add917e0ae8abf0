"""The interface of engines, which answer questions in batches of their own choice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from scaler_core.interfaces import Closable
from scaler_core.models import Question, Response


class ModelEngine(Closable):
    """A loaded model that answers questions.

    Attributes:
        name: Its name on the command line.
    """

    name: ClassVar[str]

    @abstractmethod
    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """Yields each answer with the index of its question, as they come, in any order.

        A question whose prompt leaves no room for an answer gets an empty one that is cut off.

        Raises:
            InfrastructureError: The model stopped answering; earlier answers are valid.
        """

    def close(self) -> None:
        """Free memory and connections."""
        return


class LazyEngine(ModelEngine):
    """An engine that is loaded for its first question.

    Where every response is in the cache, no model is loaded at all.

    Args:
        load: Loads the engine.
    """

    name = "lazy"

    def __init__(self, load: Callable[[], ModelEngine]) -> None:
        self._load = load
        self._engine: ModelEngine | None = None

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """See :meth:`ModelEngine.ask`; loads the engine at the first call."""
        if self._engine is None:
            self._engine = self._load()
        return self._engine.ask(questions)

    def close(self) -> None:
        """Close the engine, if it was loaded."""
        if self._engine is not None:
            self._engine.close()
