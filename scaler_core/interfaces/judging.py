"""Judging responses: verifiers, benchmarks, and judges that work in another process."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Protocol

from scaler_core.interfaces.component import Component
from scaler_core.models import Message, Record, Response, Ticket, Verdict


class Verifier(Component):
    """Judges a response against the truth of its ticket.

    A ``Config`` with the options ``answer_type`` and ``stated_tolerance`` gets them from the
    instance: how its truth is written, and the error that its statement allows.

    Attributes:
        reads_answers: Whether :meth:`answer_of` is implemented, so that the verifier can serve
            environments with a checker program.
    """

    reads_answers: ClassVar[bool] = False

    @abstractmethod
    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict on *response*.

        Must be pure and thread-safe, must never raise because of what the response holds, and must
        return in bounded time for any text. ``undecided`` is for causes outside the response only.
        """

    def answer_of(self, response: Response, ticket: Ticket) -> str | Verdict:
        """The answer in *response* as a program would print it, for a checker program.

        Rules as for :meth:`verify`. Where there is no answer of the stated form, the verdict that
        says so; the length of the answer must be bounded by that of the truth.
        """
        raise NotImplementedError(f"verifier {self.name!r} reads no answers")

    def close(self) -> None:
        """End the processes that the verifier keeps, if any; a later call may start new ones."""
        return


class PortableJudge(Protocol):
    """Gives a feed's verdicts in another process; it can be pickled."""

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on one response; pure and thread-safe."""

    def versions(self) -> Mapping[str, str]:
        """Versions of SCALER and of all plugins in this process, by distribution."""


class BenchmarkRow(Record):
    """One question of a benchmark: all that is needed to ask it and to grade the responses.

    Attributes:
        id: Unique in the benchmark, and the same whenever the same source is read.
        messages: Chat messages that put the question to a model.
        truth: The right answer, as text.
        samples: How many responses are sampled for it.
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
        temperature: Sampling temperature of responses.
        top_p: The share of probability that is sampled from.
    """

    temperature: ClassVar[float] = 0.6
    top_p: ClassVar[float] = 0.95

    @abstractmethod
    def rows(self) -> Iterable[BenchmarkRow]:
        """The questions, each once, however many samples it has.

        Raises:
            UsageError: They are not on this machine; the message says how to get them.
            DataError: The source cannot be read or is incomplete.
        """

    def source(self) -> str:
        """Where the questions come from, in one line that differs from version to version."""
        return ""

    def size(self) -> int | None:
        """How many questions the whole benchmark has; ``None`` where :meth:`rows` are all of it."""
        return None

    @abstractmethod
    def grade(self, response: Response, row: BenchmarkRow) -> Verdict:
        """The verdict on one response, from *row* alone; rules as for a verifier."""

    def grading(self) -> str:
        """The options that decide what counts as right, as ``name = value``; tables show them."""
        return ""

    def close(self) -> None:
        """End the processes that grading keeps, if any; a later call may start new ones."""
        return
