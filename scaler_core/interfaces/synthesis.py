"""From a problem to a generator: extractors, generators, and the model that they may call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from scaler_core.interfaces.component import Component
from scaler_core.models import Message, Problem, Record


class Metadata(Record):
    """The facts that an extractor finds in a problem (paper section 2.1).

    Attributes:
        parameters: Bounds of each scale parameter: name -> (minimum, maximum).
        output_type: ``string``, ``number``, ``array``, ``graph``, ``matrix``, ``bool``, ``others``.
        answer_unique: Whether every input has exactly one right output.
    """

    parameters: dict[str, tuple[int, int]]
    output_type: str
    answer_unique: bool


class ReplyCutOff(ValueError):
    """A reply that the length limit ended; its text is incomplete and is not returned.

    Args:
        tokens: Tokens that the model had written by then.
    """

    def __init__(self, tokens: int) -> None:
        super().__init__(f"the reply was cut off at the length limit, after {tokens} tokens")


class ChatClient(Protocol):
    """How extractors and generators reach a language model; the pipeline owns budget and cache."""

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        attempt: int = 0,
        temperature: float | None = None,
    ) -> str:
        """The model's reply to *messages*.

        The same arguments get the same reply: after the first call it comes from the cache, in a
        later run too.

        Args:
            messages: The conversation so far.
            attempt: Which of several independent replies is wanted, counted from 0.
            temperature: Replaces the pipeline's.

        Raises:
            ReplyCutOff: The reply reached the length limit. It is a ``ValueError``, so that a
                component that does not catch it gives the problem up, with that reason.
            ScalerError: The model cannot be called; leave it to the pipeline.
        """


class Extractor(Component):
    """Reads a problem and names its scale parameters."""

    @abstractmethod
    async def extract(self, problem: Problem, client: ChatClient) -> Metadata:
        """Metadata of *problem*; raises ``ValueError`` with a reason when no reply is usable."""

    def prompt_version(self) -> str:
        """A text that changes with its prompts, for provenance."""
        return ""


class Generator(Component):
    """Writes the program that makes random inputs for a problem."""

    @abstractmethod
    async def write(self, problem: Problem, metadata: Metadata, client: ChatClient) -> str:
        """Python source that defines ``generate_testcase(scale) -> (stdin, testcase)``.

        Raises ``ValueError`` with a reason when no reply is usable. The source is not to be run
        here: it is untrusted, and only the sandbox runs it.
        """

    def prompt_version(self) -> str:
        """A text that changes with its prompts, for provenance."""
        return ""
