"""An endpoint as extractors and generators see it: messages in, text out."""

from __future__ import annotations

from collections.abc import Sequence

from scaler_core.endpoint.client import Endpoint
from scaler_core.endpoint.records import Completion, Sampling
from scaler_core.interfaces import ReplyCutOff
from scaler_core.models import Message


class EndpointChat:
    """A :class:`~scaler_core.interfaces.ChatClient` for one problem, which remembers its replies.

    Args:
        endpoint: Who is asked.
        sampling: How, where the component does not say otherwise.
        first_attempt: Added to every attempt, so that a component that is asked again, because its
            work failed a later check, gets fresh replies.

    Attributes:
        completions: What came back, in this order: for provenance and yields.
    """

    def __init__(self, endpoint: Endpoint, sampling: Sampling, first_attempt: int = 0) -> None:
        self._endpoint = endpoint
        self._sampling = sampling
        self._first_attempt = first_attempt
        self.completions: list[Completion] = []

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        attempt: int = 0,
        temperature: float | None = None,
    ) -> str:
        """See :meth:`scaler_core.interfaces.ChatClient.chat`."""
        sampling = self._sampling
        if temperature is not None:
            sampling = sampling.model_copy(update={"temperature": temperature})
        completion = await self._endpoint.complete(
            messages, sampling, self._first_attempt + attempt
        )
        self.completions.append(completion)
        if completion.cut_off:
            raise ReplyCutOff(completion.completion_tokens)
        return completion.text
