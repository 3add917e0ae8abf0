"""OpenRLHF's prompts, drawn step by step: nothing is read ahead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scaler_plugins.backends.openrlhf.mailbox import Caller

Item = tuple[list[str], list[str], list[Any], list[None]]
"""Source, prompt, label and image, each as a batch of one."""


class TicketLoader:
    """All that OpenRLHF asks of a loader of prompts: ``iter``, ``len``, state in and out.

    The first prompt of a step draws all of its tickets, which the trainer asks for only after the
    step before was recorded.

    Args:
        call: Asks the process that holds the feed.
        prompts: Tickets per step.
        first_step: The first step that is drawn here.
        last_step: The last one.
    """

    def __init__(self, call: Caller, prompts: int, first_step: int, last_step: int) -> None:
        self._call = call
        self._prompts = prompts
        self._next = first_step
        self._last = last_step
        self._state: dict[str, Any] = {}

    def __len__(self) -> int:
        """Prompts of the whole run."""
        return self._prompts * self._last

    def __iter__(self) -> Iterator[Item]:
        while self._next <= self._last:
            drawn = self._call("draw", self._next)
            self._next += 1
            for source, prompt, label in drawn:
                yield [source], [prompt], [label], [None]

    def stop(self) -> None:
        """Draw no further step."""
        self._last = self._next - 1

    def remember(self, state: dict[str, Any]) -> None:
        """Keep the curriculum's state after the last recorded step, for the next checkpoint."""
        self._state = state

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return self._state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Compare with the feed, which is there already; see ``session.py``."""
        self._call("restored", state)
        self._state = state
