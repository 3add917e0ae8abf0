"""One step: its tickets are drawn, their responses sampled and judged, and the groups recorded."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from scaler_core.errors import BackendProtocolError
from scaler_core.interfaces import FeedLike, RunLike, Sample
from scaler_core.models import Group, Response, Ticket, Verdict
from scaler_core.seeds import derive_seed

ValueT = TypeVar("ValueT")
REPORTED = ("loss", "grad_norm", "learning_rate", "entropy", "kl")


@dataclass
class Step:
    """The step under way; prompts are in the order of the tickets, all else in that of the groups.

    Attributes:
        number: The step, counted from 1.
        tickets: What was drawn.
        copies: Responses to each ticket.
        started: When the draw began.
        prompts: Token ids of each ticket's prompt.
        ids: Token ids of each response.
        responses: The responses.
        verdicts: Their verdicts.
        trained: Places of the tickets that are trained on.
        part_tokens: Tokens of the responses in each forward pass.
        seconds: Seconds of each stage.
    """

    number: int
    tickets: list[Ticket]
    copies: int
    started: float
    prompts: list[list[int]] = field(default_factory=list)
    ids: list[list[int]] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    trained: Sequence[int] = ()
    part_tokens: list[int] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def of_trained(self, values: Sequence[ValueT]) -> list[ValueT]:
        """Those of *values*, one for each response of the step, that are trained on."""
        return [
            values[place * self.copies + number]
            for place in self.trained
            for number in range(self.copies)
        ]

    def samples(self) -> list[Sample]:
        """Each response with its ticket and its verdict."""
        tickets = [ticket for ticket in self.tickets for _ in range(self.copies)]
        return list(zip(tickets, self.responses, self.verdicts, strict=True))

    def metrics(self, figures: Mapping[str, float]) -> dict[str, float]:
        """What the run is told of the step, of which *figures* is the optimiser's part."""
        total = time.perf_counter() - self.started
        tokens = [response.tokens or 0 for response in self.responses]
        return {
            **{name: figures[name] for name in REPORTED if name in figures},
            "response_tokens": sum(tokens) / len(tokens),
            "truncated_share": sum(item.truncated for item in self.responses) / len(tokens),
            **{f"seconds_{name}": self.seconds[name] for name in ("draw", "rollout", "verify")},
            "seconds_train": total - sum(self.seconds.values()),
        }

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the seconds that pass to those of *stage*."""
        started = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - started


class StepMaker:
    """Makes the steps of a run.

    Args:
        feed: Gives tickets and takes verdicts.
        run: Says how groups are filtered; its seed is that of the responses.
        copies: Responses to each ticket.
        threads: Responses judged side by side.
        tokenize: The token ids of a ticket's prompt.
        sample: The token ids of *copies* responses to each prompt, those to one side by side.
        spell: Responses, of such token ids.
    """

    def __init__(
        self,
        feed: FeedLike,
        run: RunLike,
        *,
        copies: int,
        threads: int,
        tokenize: Callable[[Ticket], list[int]],
        sample: Callable[[Sequence[list[int]]], list[list[int]]],
        spell: Callable[[Sequence[list[int]]], list[Response]],
    ) -> None:
        self._feed = feed
        self._run = run
        self._copies = copies
        self._tokenize = tokenize
        self._sample = sample
        self._spell = spell
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="verify")

    def make(self, number: int) -> Step:
        """Draw a step, answer it and record it; torch's randomness follows from its number.

        With a group filter further tickets are drawn; where none teaches, those that were drawn
        first take their place, and move no weight.

        Raises:
            BackendProtocolError: The feed is at another step.
        """
        step = self._draw(number)
        plan = self._run.oversampling
        groups = self._answer(step, step.tickets)
        while plan and (count := plan.more(len(groups), sum(item.informative for item in groups))):
            with step.timed("draw"):
                more = self._feed.extend(count).tickets
            step.tickets += more
            groups += self._answer(step, more)
        self._feed.record(number, groups)
        step.trained = range(len(groups))
        if plan:
            teaching = [place for place, item in enumerate(groups) if item.informative]
            step.trained = (teaching or step.trained)[: plan.wanted]
        return step

    def _draw(self, number: int) -> Step:
        started = time.perf_counter()
        batch = self._feed.draw()
        if batch.step != number:
            raise BackendProtocolError(
                f"the feed is at step {batch.step}, but the model at {number}: "
                "they come from different checkpoints"
            )
        step = Step(number, list(batch.tickets), self._copies, started)
        step.seconds["draw"] = time.perf_counter() - started
        torch.manual_seed(derive_seed(self._run.seed, "local", "step", number))
        return step

    def _answer(self, step: Step, tickets: Sequence[Ticket]) -> list[Group]:
        """The groups of some tickets, whose responses are added to those of the step."""
        copies = self._copies
        prompts = [self._tokenize(ticket) for ticket in tickets]
        with step.timed("rollout"):
            ids = self._sample(prompts)
        responses = self._spell(ids)
        with step.timed("verify"):
            repeated = [ticket for ticket in tickets for _ in range(copies)]
            verdicts = list(self._threads.map(self._feed.verify, repeated, responses))
        step.prompts += prompts
        step.ids += ids
        step.responses += responses
        step.verdicts += verdicts
        return [
            Group.of(
                ticket.id,
                verdicts[place * copies : (place + 1) * copies],
                responses[place * copies : (place + 1) * copies],
            )
            for place, ticket in enumerate(tickets)
        ]
