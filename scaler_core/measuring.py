"""The interfaces of what is measured and of who is shown it: benchmarks and trackers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from scaler_core.interfaces.component import Component
from scaler_core.models import Event, Message, Record, Response, Verdict


class BenchmarkRow(Record):
    """One question of a benchmark: all that is needed to ask it and to grade the responses.

    Attributes:
        id: Unique in the benchmark, and the same whenever the same source is read.
        messages: Chat messages that put the question to a model.
        truth: The right answer, as text.
        samples: How many responses are asked of it.
        options: Texts of the options where one of several is to be chosen, A first.
        category: The subject or task that the source puts it in; empty where it names none.
    """

    id: str
    messages: tuple[Message, ...]
    truth: str
    samples: int = 1
    options: tuple[str, ...] = ()
    category: str = ""


class Benchmark(Component):
    """A fixed set of questions and its grader (paper section 7).

    Attributes:
        temperature: What responses are sampled with.
        top_p: The share of probability that is sampled from.
    """

    temperature: ClassVar[float] = 0.6
    top_p: ClassVar[float] = 0.95

    @abstractmethod
    def rows(self) -> Iterable[BenchmarkRow]:
        """The questions, each once however many samples are asked of it.

        Raises:
            UsageError: They are not on this machine; the message says how to get them.
            DataError: What is there cannot be read or is not all of it.
        """

    def source(self) -> str:
        """Where the questions come from, in one line that tells one version from another."""
        return ""

    def size(self) -> int | None:
        """How many questions the whole benchmark has; ``None`` where :meth:`rows` are all of it."""
        return None

    @abstractmethod
    def grade(self, response: Response, row: BenchmarkRow) -> Verdict:
        """The verdict on one response, from *row* alone; rules as for a verifier."""

    def close(self) -> None:
        """End the processes that grading keeps, if any; a later call may start new ones."""
        return


class Tracker(Component):
    """Shows a run's figures elsewhere, such as in TensorBoard; the run's own files stay the truth.

    All methods are called in the thread that trains, so they must be quick. Whatever they raise
    costs the tracker and never the run.
    """

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """What this machine lacks to run it, with the command that helps; empty when nothing."""

    @abstractmethod
    def start(self, name: str, directory: Path, recipe: Mapping[str, Any], first_step: int) -> None:
        """Begin, or go on with the same curves where *first_step* is above 1.

        Args:
            name: The recipe's name.
            directory: The run's folder; files of the tracker belong below ``tracking/`` there.
            recipe: The resolved recipe, as JSON.
            first_step: The first step that is logged; figures of it and later ones that an earlier
                process logged belong to steps that a kill undid.
        """

    @abstractmethod
    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures of *step*, such as ``accuracy`` and ``eval/math-500``; none is NaN or infinite.

        Several calls may tell of one step; steps never fall.
        """

    def event(self, event: Event) -> None:
        """A decision of the curriculum; nothing by default."""
        return

    def close(self) -> None:
        """The run ends, for whatever reason; what was logged must be there afterwards."""
        return
