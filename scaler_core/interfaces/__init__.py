"""The interfaces behind the hooks: ten kinds of component, each an abstract class.

A component class has a ``name``, unique within its kind, and a nested ``Config`` whose fields are
the options a recipe may set. It is built with that config alone; whatever else it needs comes as an
argument of its methods. State that must survive a restart is plain JSON, handed in and out.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import JsonValue

from scaler_core.errors import UsageError
from scaler_core.interfaces.component import Component as Component
from scaler_core.interfaces.component import Options as Options
from scaler_core.measuring import Benchmark as Benchmark
from scaler_core.measuring import BenchmarkRow as BenchmarkRow
from scaler_core.measuring import Tracker as Tracker
from scaler_core.models import (
    Environment,
    Instance,
    Message,
    Outcome,
    Problem,
    Record,
    Response,
    Ticket,
    Verdict,
)
from scaler_core.protocols import CuratorView as CuratorView
from scaler_core.protocols import FeedLike as FeedLike
from scaler_core.protocols import History as History
from scaler_core.protocols import PortableJudge as PortableJudge
from scaler_core.protocols import RunLike as RunLike
from scaler_core.sandbox import Limits, Program, RunResult

State = dict[str, Any]


# ------------------------------------------------------------------ synthesis


class Metadata(Record):
    """What an extractor learns about a problem (paper section 2.1).

    Attributes:
        parameters: Bounds of each scale parameter: name -> (minimum, maximum).
        output_type: ``string``, ``number``, ``array``, ``graph``, ``matrix``, ``bool``, ``others``.
        answer_unique: Whether every input has exactly one right output.
    """

    parameters: dict[str, tuple[int, int]]
    output_type: str
    answer_unique: bool


class ReplyCutOff(ValueError):
    """A reply that the length limit ended; its text is not whole and is not handed out.

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

        The same arguments are answered once and from the cache from then on, in a later run too.

        Args:
            messages: The conversation so far.
            attempt: Which of several independent replies is wanted, counted from 0.
            temperature: Replaces the pipeline's.

        Raises:
            ReplyCutOff: The reply reached the length limit. It is a ``ValueError``, so that a
                component that does not catch it gives the problem up, with that reason.
            ScalerError: The model cannot be asked; leave it to the pipeline.
        """


class Extractor(Component):
    """Reads a problem and names what scales in it."""

    @abstractmethod
    async def extract(self, problem: Problem, client: ChatClient) -> Metadata:
        """Metadata of *problem*; raises ``ValueError`` with a reason when no reply is usable."""

    def prompt_version(self) -> str:
        """What tells one version of its prompts from another, for provenance."""
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
        """What tells one version of its prompts from another, for provenance."""
        return ""


# ------------------------------------------------------------------ judging


class Verifier(Component):
    """Judges a response against the truth of its ticket."""

    @abstractmethod
    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict on *response*.

        Must be pure and thread-safe, must never raise because of what the response holds, and must
        return in bounded time for any text. ``undecided`` is for causes outside the response only.
        """

    def close(self) -> None:
        """End the processes that the verifier keeps, if any; a later call may start new ones."""
        return


# ------------------------------------------------------------------ curriculum


class Controller(Component):
    """Moves the difficulty of one environment. Pure: state in, state out, all JSON.

    One object serves every environment; the engine keeps each environment's state. ``top_level`` is
    handed in each time, because an over-long prompt or an edited pool may change it.
    """

    @abstractmethod
    def start(self, top_level: int) -> State:
        """The state of an environment that was never trained on."""

    @abstractmethod
    def propose(self, state: State, prompts: int, top_level: int) -> list[int]:
        """Levels in ``[0, top_level]`` for *prompts* tickets, one each."""

    @abstractmethod
    def update(self, state: State, outcomes: Sequence[Outcome], top_level: int) -> State:
        """The state after a step; *outcomes* holds at least one decided response."""

    @abstractmethod
    def difficulty(self, state: State) -> float:
        """d, the real number in ``[0, top_level]`` that curators and reports read."""


class Retirement(Record):
    """An environment leaves the active set.

    Attributes:
        environment_id: The environment.
        rule: The rule that decided, one word.
        evidence: The figures it rests on.
    """

    environment_id: str
    rule: str
    evidence: dict[str, JsonValue] = {}


class Admission(Record):
    """An environment enters the active set; fields as in :class:`Retirement`."""

    environment_id: str
    rule: str
    evidence: dict[str, JsonValue] = {}


class Curator(Component):
    """Decides which environments are trained on.

    Before every step the engine asks :meth:`retire`, then :meth:`admit` with the retired ones gone.
    Nobody is active twice. Where a retired environment has nobody to take its place it stays, with
    its history cleared, so the set shrinks only if the curator leaves candidates unadmitted.
    """

    @abstractmethod
    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """Active environments that no longer teach."""

    @abstractmethod
    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Candidates that enter now; choose with *rng* only, so that a run can be repeated."""


# ------------------------------------------------------------------ environments


class NativeEnvironment(ABC):
    """An environment written as Python code of a plugin; it runs in a worker that can be killed.

    Attributes:
        id: Stable name, unique in the run.
        version: Changed by the author whenever instances or scoring change.
        top_level: D, the highest level.
    """

    id: ClassVar[str]
    version: ClassVar[str] = "1"
    top_level: ClassVar[int]

    @abstractmethod
    def make(self, level: int, seed: int) -> Instance:
        """The instance of (*level*, *seed*): the same arguments give the same instance."""

    scores_itself: ClassVar[bool] = False

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """Judges a response, where :attr:`scores_itself` is true; rules as for a verifier."""
        raise NotImplementedError(f"{type(self).__name__} sets scores_itself but has no score()")


AnyEnvironment = Environment | NativeEnvironment


class EnvironmentSource(ABC):
    """A set of environments by id, read lazily: what a run, the CLI and the library open.

    Attributes:
        trusted: Whether an installed plugin ships all of it. Programs of other environments run
            only in a sandbox that contains attacks.
    """

    trusted: bool = False

    @abstractmethod
    def ids(self) -> Sequence[str]:
        """All ids, in a stable order."""

    @abstractmethod
    def get(self, environment_id: str) -> AnyEnvironment:
        """The environment; raises :class:`~scaler_core.errors.UsageError` for an unknown id."""

    @abstractmethod
    def content_hash(self, environment_id: str) -> str:
        """A hash that changes when the environment's instances or scoring may change."""

    @abstractmethod
    def top_level(self, environment_id: str) -> int:
        """D of one environment, without reading all of it."""

    def weight(self, environment_id: str) -> float:
        """How much likelier than weight 1 the environment is admitted."""
        return 1.0

    def __len__(self) -> int:
        return len(self.ids())


class EnvironmentPack(Component):
    """Environments that a distribution ships, native ones or a pool file."""

    @abstractmethod
    def open(self) -> EnvironmentSource:
        """The environments of the pack."""


# ------------------------------------------------------------------ execution


class Sandbox(Component):
    """Runs untrusted programs.

    Attributes:
        rank: ``auto`` takes the highest-ranking sandbox that this machine can run, and never one
            below 0, which needs options or a server.
        covers: What it contains, one short line each; every line has a hostile-program test.
        does_not_cover: What it does not contain, one short line each.
    """

    rank: ClassVar[int] = 0
    covers: ClassVar[tuple[str, ...]] = ()
    does_not_cover: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """Why this machine cannot run it, in one line; empty when it can."""

    @classmethod
    def weakness(cls) -> str:
        """Why untrusted programs must not run in it on this machine; empty when they may."""
        return "it does not say that it contains attacks"

    def prepare(self, programs: Sequence[Program]) -> None:
        """Do now what the first run of each program would do: compile it, start its workers.

        Changes no result, so that calling it is never needed. Thread-safe; bad programs never
        raise.
        """
        return

    def counters(self) -> Mapping[str, float]:
        """Totals since the start, such as ``compiled``, ``cpu_s/compile``, ``workers/replaced``."""
        return {}

    @abstractmethod
    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        """One result per input, in order; each input of a solution meets a fresh process.

        Never raises because of what the program does; ``sandbox_failure`` says that the sandbox
        itself broke, so the program is not to blame. Thread-safe.
        """

    @abstractmethod
    def close(self) -> None:
        """End every process that is still there; the sandbox cannot be used afterwards."""


# ------------------------------------------------------------------ training


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
        models: Folders of the models that ship with it, by the name that a user gives them.
    """

    needs_instances: ClassVar[bool] = True
    models: ClassVar[Mapping[str, Path]] = {}

    @classmethod
    @abstractmethod
    def missing(cls) -> str:
        """What this machine lacks to run it, with the command that helps; empty when nothing."""

    @abstractmethod
    def check(self) -> None:
        """Raise ``UsageError`` for options that cannot work, before a run starts."""

    def ray_connection(self) -> RayConnection:
        """How a factory of Ray actors connects, so that it shares the backend's connection."""
        return RayConnection()

    def prompt_limit(self) -> tuple[str, int] | None:
        """The model whose tokenizer counts prompts, and their limit in tokens; ``None`` for no
        limit.
        """
        return None

    def preview(self, run: RunLike) -> Sequence[str]:
        """Lines for ``scaler run --dry-run``: what it would do on what; loads no weights.

        Raises:
            UsageError: It is certain that training cannot start.
        """
        return ()

    def sampling(self) -> tuple[float, float]:
        """Temperature and top-p of responses in training; held-out instances get the same."""
        return 1.0, 1.0

    @classmethod
    def token_counter(cls, model: str) -> Callable[[Sequence[Message]], int]:
        """What counts the tokens of a prompt as *model* of this backend reads it. Thread-safe.

        Raises:
            UsageError: This backend counts none, or *model* cannot be loaded.
        """
        raise UsageError(f"backend {cls.name!r} counts no tokens")

    @abstractmethod
    def train(self, feed: FeedLike, run: RunLike) -> None:
        """Draw, respond, verify, record and learn until the run's last step or a requested stop."""
