"""Where instances come from: native environments, sources of environments, and packs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from scaler_core.interfaces.component import Component
from scaler_core.models import Environment, Instance, Response, Ticket, Verdict


class NativeEnvironment(ABC):
    """An environment written as Python code of a plugin; it runs in a worker that can be killed.

    Attributes:
        id: Stable name, unique in the run.
        version: Changed by the author whenever instances or scoring change.
        top_level: D, the highest level.
        remark: What to know before training on it, in one line; ``scaler pool show`` prints it.
    """

    remark: str = ""
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
    """A set of environments by id, read lazily; runs, the CLI and the library open one.

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
        """How much likelier than weight 1 the environment is admitted; the same during a run."""
        return 1.0

    def left_out(self, environment_id: str) -> str:
        """Why the source lacks an environment that one might look for in it; empty otherwise."""
        return ""

    def __len__(self) -> int:
        return len(self.ids())


class EnvironmentPack(Component):
    """Environments that a distribution ships, native ones or a pool file."""

    @abstractmethod
    def open(self) -> EnvironmentSource:
        """The environments of the pack."""
