"""What components are handed: the curator's view, and the backend's feed and run.

These are the shapes that plugins may rely on; the objects behind them belong to the engine and the
session, and tests hand in others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from scaler_core.config import PromptSection
from scaler_core.models import Batch, Group, Message, Question, Response, Ticket, Verdict

Ask = Callable[[Sequence[Question]], Iterable[tuple[int, Response]]]
"""Puts questions to a model: each answer with the index of its question, in any order.

Answers are taken as they come, so that what is answered is not lost when the rest is not.
"""


class History(Protocol):
    """What a curator may know of an active environment, since its last admission."""

    @property
    def environment_id(self) -> str:
        """The environment."""

    @property
    def top_level(self) -> int:
        """The highest level it can be given."""

    @property
    def admitted_step(self) -> int:
        """The step before which it was admitted."""

    @property
    def difficulties(self) -> Sequence[float]:
        """Values of d before each step that decided a response, oldest first, 256 at most."""

    @property
    def accuracies(self) -> Sequence[float]:
        """Accuracy of those steps, oldest first."""

    @property
    def history_length(self) -> int | None:
        """How many values of d the pool's author asks the slope rule to read."""


class CuratorView(Protocol):
    """All a curator sees before a step."""

    @property
    def step(self) -> int:
        """The step about to be drawn, counted from 1."""

    @property
    def active(self) -> Sequence[History]:
        """The active set, in order of admission."""

    @property
    def candidates(self) -> Sequence[str]:
        """Ids, sorted, of usable environments outside the active set and not retired just now."""

    def weight(self, environment_id: str) -> float:
        """The weight that the recipe gives to this environment's pool."""


class PortableJudge(Protocol):
    """What gives a feed's verdicts in another process; it can be pickled."""

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on one response; pure and thread-safe."""

    def versions(self) -> Mapping[str, str]:
        """What this process would judge with: distribution -> version, of SCALER and plugins."""


class FeedLike(Protocol):
    """All that a backend sees of the curriculum; see :class:`scaler_core.curriculum.feed.Feed`."""

    def draw(self) -> Batch:
        """The tickets of the next step."""

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on one response; pure and thread-safe."""

    def portable_judge(self) -> PortableJudge:
        """What verifies on any machine that has the same plugins installed."""

    def record(self, step: int, groups: Sequence[Group]) -> None:
        """The verdicts of a step; difficulty moves before the next draw."""

    def measure_prompts(self, count_tokens: Callable[[Sequence[Message]], int], limit: int) -> None:
        """Cap levels whose rendered prompt exceeds *limit* tokens by this count."""

    def state_dict(self) -> dict[str, Any]:
        """The curriculum between two steps, as JSON."""


class RunLike(Protocol):
    """What a backend may ask of the run it trains; see :class:`scaler_core.run.session.Run`."""

    @property
    def directory(self) -> Path:
        """The run's folder; a backend that has a model exports it into ``model/`` there."""

    @property
    def prompt(self) -> PromptSection:
        """How instances are put to the model: chat template, thinking, texts that stop."""

    @property
    def seed(self) -> int:
        """The run's seed."""

    @property
    def steps(self) -> int:
        """The last step to train."""

    @property
    def first_step(self) -> int:
        """The first step of this process: 1, or the one after the checkpoint that is resumed."""

    @property
    def responses(self) -> int:
        """Responses per ticket."""

    @property
    def prompts(self) -> int:
        """Tickets per step."""

    @property
    def resume_from(self) -> Path | None:
        """The backend's part of the checkpoint to resume from; ``None`` for a fresh start."""

    @property
    def finished(self) -> bool:
        """Whether the last step was trained."""

    def committed_curriculum(self) -> dict[str, Any]:
        """The feed's state that was committed together with :attr:`resume_from`."""

    @property
    def stop_requested(self) -> bool:
        """Whether the user asked to stop after the current step."""

    def finish_step(
        self,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[tuple[Ticket, Response, Verdict]] = (),
    ) -> Mapping[str, float]:
        """Writes the step's line of metrics and a few samples, and shows them.

        Returns the curriculum's figures, for logs that a backend keeps of its own.
        """

    def checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint belongs after *step*: on schedule, at the end, or when stopping.

        A step that is evaluated gets one too.
        """

    def save_checkpoint(self, step: int, save: Callable[[Path], None]) -> Path:
        """Commits feed and backend together; *save* writes the backend's part into a folder."""

    def evaluate(self, label: str, ask: Ask) -> None:
        """Scores the grid of held-out instances, one response each; kept as *label*.

        A fresh run is measured as ``before`` ahead of its first step, a finished one as ``after``.
        """

    def evaluation_due(self, step: int) -> bool:
        """Whether the benchmarks are to be scored after *step*; step 0 is before training.

        True where benchmarks are configured, their scores of *step* are not there yet, no stop is
        requested, and *step* is 0, on schedule or the last. A backend asks for ``first_step - 1``
        when it starts and after each finished step, once the step's checkpoint is saved.
        """

    def score_benchmarks(self, step: int, ask: Ask) -> Mapping[str, float]:
        """Scores every benchmark of the recipe; figures such as ``eval/math-500``, 0 to 1.

        Its answers are kept below ``evaluation/step-N``, where an interrupted evaluation goes on.
        Where environments are held out, the grid is scored with them. It belongs to no step's
        seconds. A stop that is requested meanwhile ends it early, with no figures; a backend then
        stops at once, and the resumed one goes on with the questions that are left.
        """
