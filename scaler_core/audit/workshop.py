"""The tools that the audits of all environments share: sandboxes, factory, judge, settings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

from scaler_core.audit.config import AuditSettings
from scaler_core.audit.looks import level_seeds
from scaler_core.audit.programs import Programs, takes_hash_seeds
from scaler_core.config import Recipe
from scaler_core.errors import InfrastructureError
from scaler_core.factory import InstanceFactory
from scaler_core.interfaces import CountTokens, Sandbox
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice


class Tool(Protocol):
    """Anything with a ``close``."""

    def close(self) -> None:
        """End it; calls under way fail."""


ToolT = TypeVar("ToolT", bound=Tool)


class InUse:
    """Tools that threads are using, so that another thread can close them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tools: list[Tool] = []
        self._idle: dict[str, list[Any]] = {}
        self._closed = False

    @contextmanager
    def holding(self, tool: Tool) -> Iterator[None]:
        """Register *tool* within the context.

        Raises:
            InfrastructureError: All was closed already.
        """
        with self._lock:
            if self._closed:
                raise InfrastructureError("the audit was ended")
            self._tools.append(tool)
        try:
            yield
        finally:
            with self._lock:
                self._tools.remove(tool)

    @contextmanager
    def lending(self, role: str, make: Callable[[], ToolT]) -> Iterator[ToolT]:
        """A tool of *role* that nobody else holds; kept for the next one, until all is closed.

        Raises:
            InfrastructureError: All was closed already.
        """
        with self._lock:
            if self._closed:
                raise InfrastructureError("the audit was ended")
            idle = self._idle.setdefault(role, [])
            if not idle:
                idle.append(make())
                self._tools.append(idle[-1])
            tool = idle.pop()
        try:
            yield tool
        finally:
            with self._lock:
                idle.append(tool)

    def close(self) -> None:
        """Close every tool, and refuse further ones."""
        with self._lock:
            self._closed = True
            tools = list(self._tools)
        for tool in tools:
            tool.close()


@dataclass(frozen=True)
class Workshop:
    """Tools of an audit. Thread-safe.

    Attributes:
        settings: How the audit is done.
        programs: Runs programs in the sandbox that the factory uses.
        make_sandbox: Makes another one.
        factory: Makes instances as a run makes them.
        judge: Asks verifiers as a run asks them.
        verifier: Who verifies where an environment names nobody: the default of a recipe.
        count_tokens: Measures prompts, where a tokenizer is there.
    """

    settings: AuditSettings
    programs: Programs
    make_sandbox: Callable[[], Sandbox]
    factory: InstanceFactory
    judge: Judge
    verifier: ComponentChoice = Recipe().verifier.choice
    count_tokens: CountTokens | None = None
    _in_use: InUse = field(default_factory=InUse)

    @contextmanager
    def using(self, tool: ToolT) -> Iterator[ToolT]:
        """*tool*, closed at the end of the context, or when the audit is ended before.

        Raises:
            InfrastructureError: The audit was ended.
        """
        with closing(tool), self._in_use.holding(tool):
            yield tool

    @contextmanager
    def lending(self, role: str, make: Callable[[], ToolT]) -> Iterator[ToolT]:
        """A tool that one audit after the other uses, never two at a time.

        Raises:
            InfrastructureError: The audit was ended.
        """
        with self._in_use.lending(role, make) as tool:
            yield tool

    def close(self) -> None:
        """End the audits under way: all that they use is closed, so that they fail soon."""
        self._in_use.close()

    @cached_property
    def takes_hash_seeds(self) -> bool:
        """Whether the sandbox runs Python with the hash seed that a program asks for."""
        return takes_hash_seeds(self.programs)

    def seeds(self, environment_id: str, level: int) -> list[int]:
        """The seeds that are tried at *level*."""
        settings = self.settings
        return level_seeds(settings.seed, environment_id, level, settings.instances)
