"""Training: backends, the feed and the run that they work with, and trackers.

A backend owns the loop. These are its calls, in this order::

    backend                                 feed and run
    -------                                 ------------
    feed.measure_prompts(count, limit)      levels with longer prompts are capped
    run.begin(ask)            -------->     fresh run: held-out grid "before"; benchmarks of step 0,
                                            or those that a kill left unfinished
    for step in first_step .. steps:
        feed.draw()           <--------     the step's tickets
        feed.verify(t, r)     <-------->    verdicts, from any thread
        feed.record(step, g)  -------->     difficulty moves
        train on the rewards
        run.end_step(...)     -------->     metrics and samples; then, where due, a checkpoint
                              <- save --    (the backend writes its part), then benchmarks
                              -- ask -->
                              <--------     StepEnd: figures for logs, and whether to stop here
    run.end(ask)              -------->     finished run: held-out grid "after"

A kill between two calls loses what came after the last checkpoint and nothing else:

==================================  ===========================================================
killed                              the resumed run
==================================  ===========================================================
before ``end_step`` has saved       goes on from the checkpoint before, and draws the same tickets
                                    again; lines of the lost steps are set aside
while ``save`` writes               the same: a checkpoint that is not whole is removed
after a checkpoint, in benchmarks   goes on with the questions that are left, in ``begin``
after the last step's checkpoint    has no step to train: ``begin``, then ``end``
==================================  ===========================================================
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.interfaces.component import Component
from scaler_core.interfaces.judging import PortableJudge
from scaler_core.models import (
    Batch,
    Event,
    Group,
    Message,
    Question,
    Record,
    Response,
    Ticket,
    Verdict,
)

Ask = Callable[[Sequence[Question]], Iterable[tuple[int, Response]]]
"""Asks a model questions; yields each answer with the index of its question, in any order.

Answers are stored as they come, so that those given are kept where the rest fails.
"""

CountTokens = Callable[[Sequence[Message]], int]
"""Counts the tokens of a prompt, given by its chat messages, as one model reads it. Thread-safe."""


Sample = tuple[Ticket, Response, Verdict]
"""A response to a ticket, and the verdict on it."""


@dataclass(frozen=True)
class Oversampling:
    """How many groups a step draws.

    Attributes:
        wanted: Informative groups of a step.
        oversample: Groups drawn at most, as a multiple of *wanted*.
    """

    wanted: int
    oversample: float = 3.0

    @property
    def most(self) -> int:
        """Groups drawn at most."""
        return max(self.wanted, math.floor(self.oversample * self.wanted))

    def more(self, drawn: int, informative: int) -> int:
        """Groups to draw next; 0 where the step has what it wants, or the bound is reached.

        First as many as are wanted, then as many as are missing at the share that was informative
        so far, so that waves stay few; never more at once than are wanted, which there is room for.
        """
        missing = self.wanted - informative
        if missing <= 0:
            return 0
        share = max(informative, 1) / drawn if drawn else 1.0
        return max(0, min(math.ceil(missing / share), self.wanted, self.most - drawn))


class FeedLike(Protocol):
    """All that a backend sees of the curriculum; see :class:`scaler_core.curriculum.feed.Feed`."""

    def draw(self) -> Batch:
        """The tickets of the next step."""

    def extend(self, count: int) -> Batch:
        """*count* further tickets of the step that is open; see :attr:`RunLike.oversampling`."""

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on one response; pure and thread-safe."""

    def portable_judge(self) -> PortableJudge:
        """A judge with the verdicts of :meth:`verify` on any machine that has the same plugins."""

    def record(self, step: int, groups: Sequence[Group]) -> None:
        """Record the verdicts of a step; difficulty moves before the next draw."""

    def measure_prompts(self, count_tokens: CountTokens, limit: int) -> None:
        """Cap levels whose rendered prompt exceeds *limit* tokens by this count."""

    def state_dict(self) -> dict[str, Any]:
        """The curriculum between two steps, as JSON."""


class StepEnd(Record):
    """The run's answer to the end of a step.

    Attributes:
        figures: Figures of the curriculum and of benchmarks that were scored after the step, for
            logs that a backend keeps of its own.
        stop: Whether to leave the loop now; the step has a checkpoint.
    """

    figures: dict[str, float] = {}
    stop: bool = False


class RunLike(Protocol):
    """The run that a backend trains; see :class:`scaler_core.run.session.Run`.

    :meth:`begin`, :meth:`end_step` and :meth:`end` are called in the order of this module's
    docstring, in one thread. A backend without a model has no answers to questions and leaves *ask*
    out.
    """

    @property
    def directory(self) -> Path:
        """The run's folder; a backend that has a model exports it into ``model/`` there."""

    @property
    def prompt(self) -> PromptSection:
        """The recipe's ``[prompt]``: chat template, thinking, texts that end a response."""

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
    def oversampling(self) -> Oversampling | None:
        """How many further tickets a step draws for informative groups; ``None``: none, ever."""

    @property
    def resume_from(self) -> Path | None:
        """The backend's part of the checkpoint to resume from; ``None`` for a fresh start."""

    @property
    def finished(self) -> bool:
        """Whether the last step was trained, and all benchmarks that are due were scored."""

    def committed_curriculum(self) -> dict[str, Any]:
        """The feed's state in the checkpoint of :attr:`resume_from`."""

    def begin(self, ask: Ask | None = None) -> None:
        """Measures the model before :attr:`first_step`: once, before the first draw.

        Args:
            ask: Answers with the model as it is before that step. It is not called where nothing is
                to be measured, so that a backend may load the checkpoint's weights in it.
        """

    def end_step(
        self,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[Sample],
        save: Callable[[Path], None],
        ask: Ask | None = None,
    ) -> StepEnd:
        """Ends a step that was recorded and trained: once for each, before the next draw.

        Writes the step's figures and a few of its samples; commits a checkpoint on schedule, after
        the last step, ahead of benchmarks, and where the user has asked for a stop; then scores
        benchmarks that are due.

        Args:
            step: The step.
            metrics: Figures of the backend, such as ``loss`` and ``seconds_rollout``.
            samples: Responses of the step with their verdicts; the run chooses which it keeps.
            save: Writes the backend's part of a checkpoint into a folder that exists and is empty.
            ask: Answers with the model as it is after the step.

        Raises:
            BackendProtocolError: The step was not recorded, or was ended before.
            InfrastructureError: The checkpoint cannot be written; older ones are untouched.
        """

    def end(self, ask: Ask | None = None) -> None:
        """Measures the model of a finished run: once, after the last :meth:`end_step`.

        Also to be called where the loop ended for a stop; nothing is measured then.
        """


class RayConnection(Record):
    """How a process connects to Ray.

    Attributes:
        address: ``host:port``, or ``auto`` for a cluster that runs on this machine; when empty
            ``RAY_ADDRESS``, and where that is not set a cluster of its own on this machine.
        environment: Environment variables of every process that Ray starts for it.
        object_store_bytes: Memory for objects of a cluster of its own; Ray's choice when ``None``.
    """

    address: str = ""
    environment: dict[str, str] = {}
    object_store_bytes: int | None = 256 << 20


class Backend(Component):
    """Owns model, rollouts and optimiser, and the loop around the feed.

    Attributes:
        needs_instances: False when tickets need no messages and truth, as with simulated learners.
        filters_groups: Whether :meth:`train` heeds :attr:`RunLike.oversampling`; a recipe with a
            group filter is refused otherwise.
        models: Folders of the models that ship with it, by the name that a user gives them.
    """

    needs_instances: ClassVar[bool] = True
    filters_groups: ClassVar[bool] = False
    models: ClassVar[Mapping[str, Path]] = {}

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """Why this machine cannot run it, with the command that helps; empty where it can."""

    @abstractmethod
    def check(self) -> None:
        """Raise ``UsageError`` for options that cannot work, before a run starts."""

    def ray_connection(self) -> RayConnection:
        """How a factory of Ray actors connects, so that it shares the backend's connection."""
        return RayConnection()

    def prompt_limit(self) -> tuple[str, int] | None:
        """The model whose tokenizer counts prompts, and their most tokens; ``None``: no limit."""
        return None

    def preview(self, run: RunLike) -> Sequence[str]:
        """Lines for ``scaler run --dry-run`` about work and machines; loads no weights.

        Raises:
            UsageError: It is certain that training cannot start.
        """
        return ()

    def sampling(self) -> tuple[float, float]:
        """Temperature and top-p of responses in training; held-out instances get the same."""
        return 1.0, 1.0

    @classmethod
    def token_counter(cls, model: str) -> CountTokens:
        """A function that counts a prompt's tokens as this backend's *model* does. Thread-safe.

        Raises:
            UsageError: This backend counts no tokens, or *model* cannot be loaded.
        """
        raise UsageError(f"backend {cls.name!r} counts no tokens")

    @abstractmethod
    def train(self, feed: FeedLike, run: RunLike) -> None:
        """Draw, respond, verify, record and learn until the run's last step or a requested stop."""


class Tracker(Component):
    """Shows a run's figures elsewhere, such as in TensorBoard; the run's own files stay the truth.

    All methods are called in the thread that trains, so they must be quick. A tracker that raises
    is left out from then on; the run goes on.
    """

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """Why this machine cannot run it, with the command that helps; empty where it can."""

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

        Several calls may log one step; steps never decrease.
        """

    def event(self, event: Event) -> None:
        """A decision of the curriculum; nothing by default."""
        return

    def close(self) -> None:
        """The run ends, for whatever reason; logged figures must be stored when this returns."""
        return
