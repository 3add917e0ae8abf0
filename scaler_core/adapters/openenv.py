"""An OpenEnv server whose episodes are SCALER's tickets, of a pool or of a feed; needs ``openenv``.

::

    reset(seed=..., env=..., level=...)   a ticket's prompt             of a pool
    reset()                               the next ticket's prompt      of a feed
    step({"text": response})              reward and done

An episode has one step. Its reward is ``None`` where the verdict is undecided.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from openenv.core.env_server import (
    Action,
    Environment,
    Observation,
    State,
    create_fastapi_app,
)
from openenv.core.env_server.types import EnvironmentMetadata
from pydantic import BeforeValidator, Field

from scaler_core import __version__
from scaler_core.adapters import AnyFeed
from scaler_core.adapters.pool_tickets import PoolTickets
from scaler_core.config import Recipe
from scaler_core.errors import (
    BackendProtocolError,
    ScalerError,
    UsageError,
    one_line,
    unknown_name,
)
from scaler_core.interfaces import EnvironmentSource
from scaler_core.judge import REWARDS, RewardScheme, reward
from scaler_core.models import Response, Ticket, Verdict
from scaler_core.plugins import PluginHost
from scaler_core.pool.browsing import parse_level

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

LONGEST_RESPONSE = 4 << 20
"""Characters of a response that is judged; a longer one is refused."""
LARGEST_SEED = 1 << 63


def _without_halves(text: Any) -> Any:
    """*text* with a mark for each half of a surrogate pair, which a decoder may write: the library
    would end the session, as it cannot send the refusal.
    """
    if not isinstance(text, str):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class ScalerAction(Action):  # type: ignore[misc]
    """What a model wrote, as a whole.

    Attributes:
        text: The response.
        truncated: Whether generation stopped at the length limit.
        tokens: Generated tokens, where the client knows them.
    """

    text: Annotated[str, BeforeValidator(_without_halves)] = Field(max_length=LONGEST_RESPONSE)
    truncated: bool = False
    tokens: int | None = Field(default=None, ge=0, le=1 << 53)


class ScalerObservation(Observation):  # type: ignore[misc]
    """After a reset the prompt; after a step the verdict, without the truth.

    Attributes:
        messages: Chat messages that put the task to a model.
        ticket: The ticket's id; episodes of one group have the same one.
        env: The environment's id.
        level: Its level.
        result: ``correct``, ``incorrect`` or ``undecided``; empty before the step.
        reason: Why, in a few words.
    """

    messages: list[dict[str, str]] = []
    ticket: str = ""
    env: str = ""
    level: int = 0
    result: str = ""
    reason: str = ""


class ScalerState(State):  # type: ignore[misc]
    """The episode: the ticket, the environment and the level that it is about."""

    ticket: str = ""
    env: str = ""
    level: int = 0


def openenv_app(
    source: str | Path | EnvironmentSource | Recipe | AnyFeed,
    *,
    scheme: RewardScheme = "score",
    group: int = 1,
    max_concurrent_envs: int = 64,
    host: PluginHost | None = None,
) -> FastAPI:
    """A FastAPI application that OpenEnv's clients can talk to; any ASGI server runs it.

    Args:
        source: A pool (path, name, or open), a recipe or its file, of which no curriculum is read,
            or a feed (:func:`scaler_core.open_feed` or :class:`scaler_core.FeedClient`), which is
            the caller's to close.
        scheme: How a verdict becomes a reward; see :data:`scaler_core.judge.REWARDS`.
        group: Of a feed: episodes on each ticket, after which it is recorded.
        max_concurrent_envs: Clients at once.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: There is no such pool, scheme or group, or no sandbox can run here.
        DataError: The pool is damaged.
    """
    if scheme not in REWARDS:
        raise unknown_name("reward scheme", scheme, REWARDS)
    if group < 1:
        raise UsageError(f"`group` {group} is not allowed: it must be at least 1")
    episodes: _PoolEpisodes | _FeedEpisodes
    if isinstance(source, (str, Path, EnvironmentSource, Recipe)):
        episodes = _PoolEpisodes(PoolTickets(source, host=host))
    else:
        episodes = _FeedEpisodes(source, group)
    make = partial(ScalerEnvironment, episodes, scheme)
    app: FastAPI = create_fastapi_app(
        make,
        ScalerAction,
        ScalerObservation,
        max_concurrent_envs=max_concurrent_envs,
        env_name="scaler",
        state_cls=ScalerState,
    )
    _close_at_the_end(app, episodes.close)
    return app


class ScalerEnvironment(Environment[ScalerAction, ScalerObservation, ScalerState]):  # type: ignore[misc]
    """One client's episodes, one after another."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, episodes: _PoolEpisodes | _FeedEpisodes, scheme: RewardScheme) -> None:
        super().__init__()
        self._episodes = episodes
        self._scheme = scheme
        self._ticket: Ticket | None = None
        self._state = ScalerState(episode_id=str(uuid4()))

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        env: str | None = None,
        level: int | str | None = None,
        **others: Any,
    ) -> ScalerObservation:
        """The prompt of a new episode; one that is under way ends without a result.

        Args:
            seed: Of a pool: equal seeds, equal instances; a new instance when ``None``.
            episode_id: Its name; made up when ``None``.
            env: Of a pool: an environment's id; each in turn when ``None``.
            level: Of a pool: a number, ``min``, ``mid`` or ``max``; 0 when ``None``.
            others: None is allowed; the library would leave out what is misspelt.

        Raises:
            UsageError: There is no such argument, environment or level, or a feed was asked for
                one.
            DataError: The environment gives no valid instance.
            InfrastructureError: The machine cannot make it.
        """
        for name in others:
            raise unknown_name("argument", name, ("seed", "episode_id", "env", "level"))
        self.close()
        ticket = self._ticket = self._episodes.begin(seed, env, level)
        where = _where(ticket)
        self._state = ScalerState(episode_id=episode_id or str(uuid4()), **where)
        return ScalerObservation(messages=[dict(item) for item in ticket.messages], **where)

    def step(
        self, action: ScalerAction, timeout_s: float | None = None, **_: Any
    ) -> ScalerObservation:
        """Reward and verdict of the response; the episode is over.

        Raises:
            UsageError: No episode is under way.
        """
        ticket, self._ticket = self._ticket, None
        if ticket is None:
            raise UsageError("no episode is under way", hint="reset first: each has one step")
        response = Response(text=action.text, truncated=action.truncated, tokens=action.tokens)
        verdict = self._episodes.end(ticket, response)
        self._state.step_count += 1
        return ScalerObservation(
            done=True,
            reward=reward(verdict, self._scheme),
            **_where(ticket),
            result=verdict.result,
            reason=verdict.reason,
            metadata={"components": verdict.components} if verdict.components else {},
        )

    @property
    def state(self) -> ScalerState:
        """The episode."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """Name and version of the server."""
        return EnvironmentMetadata(
            name="scaler",
            description="Reasoning environments of adaptive difficulty",
            version=__version__,
        )

    def close(self) -> None:
        """Drop the episode that is under way."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._episodes.drop(ticket)


class _PoolEpisodes:
    """Episodes on a pool: whatever a client asks for."""

    def __init__(self, tickets: PoolTickets) -> None:
        self._tickets = tickets
        self._ids = tickets.source.ids()
        self._turns = itertools.count()

    def begin(self, seed: int | None, env: str | None, level: int | str | None) -> Ticket:
        turn = next(self._turns)
        if env is None:
            env = self._ids[turn % len(self._ids)]
        elif not isinstance(env, str) or env not in self._ids:
            raise unknown_name("environment", str(env), self._ids)
        if seed is None:
            seed = uuid4().int % LARGEST_SEED
        elif isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < LARGEST_SEED:
            raise UsageError("`seed` must be a whole number from 0 to 2**63 - 1")
        top = self._tickets.source.top_level(env)
        return self._tickets.ticket(env, parse_level(str(0 if level is None else level), top), seed)

    def end(self, ticket: Ticket, response: Response) -> Verdict:
        return self._tickets.verify(ticket, response)

    def drop(self, ticket: Ticket) -> None:
        return

    def close(self) -> None:
        self._tickets.close()


@dataclass(eq=False)
class _Group:
    """A ticket, the episodes on it that are still to begin, and what came back."""

    ticket: Ticket
    free: int
    results: list[tuple[Verdict, Response]] = field(default_factory=list)


class _FeedEpisodes:
    """Episodes on a feed: each ticket is played *size* times, then recorded."""

    def __init__(self, feed: AnyFeed, size: int) -> None:
        self._feed = feed
        self._size = size
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, int], _Group] = {}
        self._waiting: deque[_Group] = deque()

    def begin(self, seed: int | None, env: str | None, level: int | str | None) -> Ticket:
        for name, value in {"seed": seed, "env": env, "level": level}.items():
            if value is not None:
                raise UsageError(
                    f"`{name}` cannot be chosen: the feed chooses environment and level",
                    hint="reset without it",
                )
        with self._lock:  # held while drawing, so that no two tickets are begun for one group
            if not self._waiting:
                ticket = self._feed.draw()
                group = _Group(ticket, self._size)
                self._groups[_key(ticket)] = group
                self._waiting.append(group)
            group = self._waiting[0]
            group.free -= 1
            if not group.free:
                self._waiting.popleft()
            return group.ticket

    def end(self, ticket: Ticket, response: Response) -> Verdict:
        try:
            verdict = self._feed.verify(ticket, response)
        except BackendProtocolError:  # the feed has given the ticket up
            self._forget(ticket)
            raise
        except ScalerError:
            self.drop(ticket)
            raise
        whole = self._add(ticket, verdict, response)
        if whole is not None:
            verdicts, responses = zip(*whole, strict=True)
            try:
                self._feed.record(ticket, verdicts, responses)
            except ScalerError as error:
                # it costs the curriculum a group, not the client its reward
                logger.warning("ticket %s was not recorded: %s", ticket.id, one_line(error))
        return verdict

    def drop(self, ticket: Ticket) -> None:
        """Let another episode have the place of one that ended without a response."""
        with self._lock:
            group = self._groups.get(_key(ticket))
            if group is not None:
                group.free += 1
                if group.free == 1:
                    self._waiting.append(group)

    def _add(
        self, ticket: Ticket, verdict: Verdict, response: Response
    ) -> list[tuple[Verdict, Response]] | None:
        """Note a result; all of its group where it was the last one."""
        with self._lock:
            group = self._groups.get(_key(ticket))
            if group is None:
                return None
            group.results.append((verdict, response))
            if len(group.results) < self._size:
                return None
            del self._groups[_key(ticket)]
            return group.results

    def _forget(self, ticket: Ticket) -> None:
        with self._lock:
            group = self._groups.pop(_key(ticket), None)
            if group is not None and group.free:
                self._waiting.remove(group)

    def close(self) -> None:
        return


def _where(ticket: Ticket) -> dict[str, Any]:
    """What observations and states say of a ticket."""
    return {"ticket": ticket.id, "env": ticket.environment_id, "level": ticket.level}


def _key(ticket: Ticket) -> tuple[str, int]:
    return ticket.id, ticket.seed


def _close_at_the_end(app: FastAPI, close: Callable[[], None]) -> None:
    """Call *close* after everything that *app* itself does when its server ends."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: Any) -> AsyncIterator[Any]:
        try:
            async with inner(application) as state:
                yield state
        finally:
            close()

    app.router.lifespan_context = lifespan
