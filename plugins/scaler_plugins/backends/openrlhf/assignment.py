"""A prompt's label in OpenRLHF: the ticket on the way to an engine, the verdict on the way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scaler_core.interfaces import PortableJudge
from scaler_core.judge import RewardScheme
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
    """

    ticket: Ticket | None
    response: Response
    verdict: Verdict | None
    sampled_at: float = 0.0
    judged_at: float = 0.0

    @property
    def decided(self) -> bool:
        """Whether the verdict takes part in training."""
        return self.verdict is not None and self.verdict.result != "undecided"


def group_by_ticket(judged: Iterable[Judged]) -> list[Group]:
    """The verdicts ticket by ticket, in the order of the samples; they may come in any order."""
    groups: dict[str, dict[int, Verdict]] = {}
    for item in judged:
        assert item.ticket is not None
        assert item.verdict is not None
        samples = groups.setdefault(item.ticket.id, {})
        samples[item.response.sample or 0] = item.verdict
    return [
        Group(ticket_id=name, verdicts=tuple(samples[index] for index in sorted(samples)))
        for name, samples in groups.items()
    ]
