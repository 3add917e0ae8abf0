"""A feed and a run for the local backend, as small as the protocols allow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scaler_core.config import PromptSection
from scaler_core.interfaces import Ask, CountTokens, Oversampling, Sample, StepEnd
from scaler_core.models import (
    Batch,
    ComponentChoice,
    Group,
    Question,
    Response,
    Ticket,
    Verdict,
)
from scaler_core.seeds import derive_seed

Judge = Callable[[Ticket, Response], Verdict]


def ticket(name: str, step: int = 1, prompt: str = "count-target target=3 values=1 3 3") -> Ticket:
    """A ticket with one user message."""
    return Ticket(
        id=name,
        step=step,
        environment_id="count-target",
        level=0,
        seed=0,
        messages=({"role": "user", "content": prompt},),
        truth="2",
        verifier=ComponentChoice(use="typed"),
    )


def by_hash(ticket: Ticket, response: Response) -> Verdict:
    """Correct, incorrect or undecided, a third each, by ticket and text alone."""
    digest = hashlib.sha256(f"{ticket.id} {response.text}".encode()).digest()[0] % 3
    return [Verdict.correct(), Verdict.incorrect("wrong"), Verdict.undecided("lost")][digest]


def right_or_wrong(ticket: Ticket, response: Response) -> Verdict:
    """Correct or incorrect by ticket and text alone."""
    digest = hashlib.sha256(f"{ticket.id} {response.text}".encode()).digest()[0] % 2
    return [Verdict.correct(), Verdict.incorrect("wrong")][digest]


def question(index: int, seed: int = 0) -> Question:
    """A question of its own for each index."""
    prompt = f"count-target target={index} values=" + " ".join("1" * (index + 1))
    messages = ({"role": "user", "content": prompt},)
    return Question(messages=messages, seed=derive_seed(seed, index))


class FakeFeed:
    """Tickets named by their step, verdicts by a function; keeps what it was asked."""

    def __init__(self, prompts: int = 2, judge: Judge = right_or_wrong, step: int = 0) -> None:
        self.prompts = prompts
        self.judge = judge
        self.step = step
        self.open = False
        self.drawn = 0
        self.calls: list[str] = []
        self.tickets: list[Ticket] = []
        self.groups: list[Group] = []
        self.limit = 0
        self.lengths: list[int] = []

    def draw(self) -> Batch:
        assert not self.open, "drawn before the last step was recorded"
        self.open = True
        self.step += 1
        self.calls.append(f"draw {self.step}")
        self.drawn = 0
        return self._batch(self.prompts)

    def extend(self, count: int) -> Batch:
        assert self.open, "extended after its record"
        self.calls.append(f"extend {self.step} by {count}")
        return self._batch(count)

    def _batch(self, count: int) -> Batch:
        tickets = tuple(
            ticket(
                f"{self.step}.{index}",
                self.step,
                f"count-target target={index} values=" + " ".join("1" * (index + self.step)),
            )
            for index in range(self.drawn, self.drawn + count)
        )
        self.drawn += count
        self.tickets += tickets
        return Batch(step=self.step, tickets=tickets)

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        return self.judge(ticket, response)

    def record(self, step: int, groups: Sequence[Group]) -> None:
        assert self.open, "recorded twice"
        assert step == self.step
        self.open = False
        self.calls.append(f"record {step}")
        self.groups += groups

    def measure_prompts(self, count_tokens: CountTokens, limit: int) -> None:
        self.limit = limit
        self.lengths.append(count_tokens(ticket("x").messages))


class FakeRun:
    """A run that keeps what it is told; the user asks it to stop while *stop_in* is under way."""

    def __init__(
        self,
        directory: Path,
        steps: int = 2,
        *,
        prompts: int = 2,
        responses: int = 4,
        seed: int = 0,
        resume_from: Path | None = None,
        first_step: int = 1,
        stop_in: int | None = None,
        prompt: PromptSection | None = None,
        scored_after: Sequence[int] = (),
        oversampling: Oversampling | None = None,
    ) -> None:
        self.directory = directory
        self.steps = steps
        self.prompts = prompts
        self.responses = responses
        self.seed = seed
        self.resume_from = resume_from
        self.first_step = first_step
        self.stop_in = stop_in
        self.prompt = prompt or PromptSection(style="compact")
        self.scored_after = scored_after
        self.oversampling = oversampling
        self.scores: dict[int, dict[int, Response]] = {}
        self.finished: list[int] = []
        self.metrics: list[Mapping[str, float]] = []
        self.samples: list[tuple[Ticket, Response, Verdict]] = []
        self.evaluations: dict[str, list[Response]] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def begin(self, ask: Ask | None = None) -> None:
        assert ask is not None
        if self.resume_from is None:
            self.evaluate("before", ask)
        if self.evaluation_due(self.first_step - 1):
            self.score_benchmarks(self.first_step - 1, ask)

    def end_step(
        self,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[Sample],
        save: Callable[[Path], None],
        ask: Ask | None = None,
    ) -> StepEnd:
        assert ask is not None
        stopping = self.stop_requested
        self.finished.append(step)
        self.metrics.append(metrics)
        self.samples += samples
        if self.checkpoint_due(step):
            self.save_checkpoint(step, save)
        scored = not stopping and self.evaluation_due(step)
        scores = self.score_benchmarks(step, ask) if scored else {}
        return StepEnd(
            figures={**self.figures(step), **scores},
            stop=stopping or (scored and self.stop_requested),
        )

    def end(self, ask: Ask | None = None) -> None:
        assert ask is not None
        if (self.finished or [self.first_step - 1])[-1] == self.steps:
            self.evaluate("after", ask)

    def figures(self, step: int) -> Mapping[str, float]:
        return {}

    @property
    def stop_requested(self) -> bool:
        return self.stop_in is not None and self.first_step + len(self.finished) >= self.stop_in

    def checkpoint_due(self, step: int) -> bool:
        return step == self.steps or self.stop_requested

    def save_checkpoint(self, step: int, save: Callable[[Path], None]) -> Path:
        folder = self.directory / f"step-{step}"
        folder.mkdir()
        save(folder)
        return folder

    def evaluate(self, label: str, ask: Ask) -> None:
        answers = dict(ask([question(index, self.seed) for index in range(6)]))
        self.evaluations[label] = [answers[index] for index in range(6)]

    def evaluation_due(self, step: int) -> bool:
        return step in self.scored_after and step not in self.scores

    def score_benchmarks(self, step: int, ask: Ask) -> Mapping[str, float]:
        self.scores[step] = dict(ask([question(index, self.seed) for index in range(3)]))
        return {"eval/some": 0.5}
