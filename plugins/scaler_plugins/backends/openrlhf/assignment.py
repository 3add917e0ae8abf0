"""A prompt's label in OpenRLHF: the ticket on the way to an engine, the verdict on the way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scaler_core.interfaces import PortableJudge
from scaler_core.judge import RewardScheme, reward
from scaler_core.models import Group, Response, Ticket, Verdict
from scaler_core.seeds import derive_seed


@dataclass(frozen=True)
class Assignment:
    """The label of a prompt on its way to an engine: how it is answered and judged.

    Attributes:
        ticket: The prompt's ticket; ``None`` for a question of an evaluation, which is answered
            and not judged.
        responses: How many responses are sampled.
        judge: Who judges them.
        scheme: How a verdict becomes a reward.
        stop: Texts that end a response.
        seed: Root of the responses' randomness; ``None`` leaves it to the engine.
    """

    ticket: Ticket | None
    responses: int
    judge: PortableJudge | None = None
    scheme: RewardScheme = "signed"
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def response_seed(self, sample: int) -> int | None:
        """The seed of one response, as vLLM takes it."""
        if self.seed is None:
            return None
        return derive_seed(self.seed, "response", sample) % 2**31


@dataclass(frozen=True)
class Judged:
    """A response with its verdict.

    Attributes:
        ticket: The prompt's ticket; ``None`` for a question of an evaluation.
        response: The response.
        verdict: The verdict; ``None`` for a question.
        sampled_at: When its last token was there, in seconds since the epoch.
        judged_at: When its verdict was given, likewise.
        scheme: How a verdict becomes a reward.
    """

    ticket: Ticket | None
    response: Response
    verdict: Verdict | None
    sampled_at: float = 0.0
    judged_at: float = 0.0
    scheme: RewardScheme = "signed"

    @property
    def reward(self) -> float | None:
        """The reward; ``None`` where the response takes no part in training."""
        return None if self.verdict is None else reward(self.verdict, self.scheme)

    @property
    def decided(self) -> bool:
        """Whether the verdict takes part in training."""
        return self.verdict is not None and self.verdict.result != "undecided"


def group_by_ticket(judged: Iterable[Judged]) -> list[Group]:
    """The verdicts ticket by ticket, in the order of the samples; they may come in any order."""
    groups: dict[str, dict[int, tuple[Verdict, Response]]] = {}
    for item in judged:
        assert item.ticket is not None
        assert item.verdict is not None
        samples = groups.setdefault(item.ticket.id, {})
        samples[item.response.sample or 0] = item.verdict, item.response
    return [
        Group.of(name, *zip(*(samples[index] for index in sorted(samples)), strict=True))
        for name, samples in groups.items()
    ]
