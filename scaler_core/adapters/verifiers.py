r"""What an environment package for the library ``verifiers`` consists of; needs ``verifiers``.

:func:`scaler_core.export_package` writes such a package: a taskset of a few lines that names its
pool. Tasks are tickets of the pool, endlessly, or those of a feed that ``scaler serve`` serves::

    load() --> tickets of the pool         Task: the ticket as text     reward: the public judge
          \-> FeedClient.draw(), one by one                             the last one of a group
                                                                        records all of it

A taskset of ``verifiers`` never hears of results, but a task judges each response, in whatever
process its rollout ran. So the task collects the verdicts on a ticket in a folder, and records
them once there are as many as ``group`` says.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import platformdirs
import verifiers.v1 as vf

from scaler_core.adapters.pool_tickets import ALL_LEVELS, PoolTickets
from scaler_core.errors import ScalerError, UsageError, one_line
from scaler_core.factory import NATIVE_VERIFIER
from scaler_core.judge import PortableJudge, RewardScheme, reward
from scaler_core.models import Response, Ticket, Verdict
from scaler_core.plugins import load_plugins
from scaler_core.serve.client import FeedClient

logger = logging.getLogger(__name__)


class PoolTaskConfig(vf.TaskConfig):  # type: ignore[misc]
    """``--env.taskset.task.*``: how tasks are scored, and the feed that they come from."""

    scheme: RewardScheme = "score"
    """How a verdict becomes a reward: ``score`` from 0 to 1, ``binary`` 0 or 1, ``signed`` -1 or 1.
    """
    feed: str | None = None
    """URL of a feed that ``scaler serve`` serves; tasks are drawn from it, not from the pool."""
    group: int | None = None
    """Rollouts of each task, as the trainer has them; a ticket of a feed is recorded after so many.
    """
    token_var: str = "SCALER_TOKEN"
    """Variable that holds the feed's token, where it has one."""
    groups: Path | None = None
    """Folder for groups that are not whole yet, shared by all env servers; one in the user's cache
    by default."""


class PoolConfig(vf.TasksetConfig):  # type: ignore[misc]
    """``--env.taskset.*``: which environments and levels of the pool; a feed chooses by itself."""

    levels: str = ALL_LEVELS
    """``all``, a level, or a range such as ``0-4``."""
    environments: list[str] = []
    """Ids of the environments; all when empty."""
    seed: int = 0
    """Another seed gives other instances."""
    allow_weak_sandbox: bool = False
    """Whether programs of a pool that the package carries may run where attacks are not contained.
    """
    task: PoolTaskConfig = PoolTaskConfig()


class PoolData(vf.TaskData):  # type: ignore[misc]
    """One ticket. It is text because the wire format of env servers has no integers above 64 bits.

    Attributes:
        ticket: The ticket as JSON, with its truth; no harness shows it to the model.
        drawn: Names the iteration that drew it from a feed; empty for one of the pool.
    """

    ticket: str
    drawn: str = ""


class PoolTask(vf.Task[PoolData, vf.State, PoolTaskConfig]):  # type: ignore[misc]
    """A ticket, judged by the verifier that it names."""

    @property
    def ticket(self) -> Ticket:
        """The ticket."""
        return Ticket.model_validate_json(self.data.ticket)

    @property
    def key(self) -> str:
        """The ticket's name: the same one in every run on the same pool."""
        ticket = self.ticket
        return f"{self.data.drawn}{ticket.id}:{ticket.seed}"

    @vf.reward  # type: ignore[untyped-decorator]
    async def answer(self, trace: vf.Trace) -> float:
        """The reward of the last reply; components of its score become metrics.

        Raises:
            TaskError: The verdict is undecided, so that the trace is an error and no zero.
        """
        response = Response(
            text=trace.last_reply,
            truncated=trace.is_truncated,
            tokens=trace.num_output_tokens or None,
        )
        ticket = self.ticket
        verdict = await asyncio.to_thread(_judge().verify, ticket, response)
        # a check of the untouched task has no turn, and is no response
        if self.config.feed is not None and trace.num_turns:
            await asyncio.to_thread(self._record, ticket, verdict, response)
        number = reward(verdict, self.config.scheme)
        if number is None:
            raise vf.TaskError(f"undecided: {verdict.reason}")
        trace.record_metrics(verdict.components)
        return number

    @vf.metric  # type: ignore[untyped-decorator]
    async def level(self, trace: vf.Trace) -> float:
        """The level that the task was made at."""
        return float(self.ticket.level)

    async def validate(self, runtime: vf.Runtime) -> bool | None:
        """Whether the boxed truth is right; ``None`` where an environment scores by a form of its
        own.

        Raises:
            TaskError: The verdict is undecided.
        """
        ticket = self.ticket
        gold = Response(text=f"\\boxed{{{ticket.truth}}}")
        verdict = await asyncio.to_thread(_judge().verify, ticket, gold)
        if verdict.result == "undecided":
            raise vf.TaskError(f"undecided: {verdict.reason}")
        own_form = ticket.verifier.use == NATIVE_VERIFIER and verdict.result == "incorrect"
        return None if own_form else verdict.result == "correct"

    def _record(self, ticket: Ticket, verdict: Verdict, response: Response) -> None:
        """Note a verdict; the last one of a group records all of it with the feed.

        A feed that cannot be reached costs the curriculum a group, not the trainer a reward.
        """
        try:
            group = _collected(self.config, self.key, verdict, response)
            if group:
                verdicts, responses = zip(*group, strict=True)
                _client(self.config).record(ticket, verdicts, responses)
        except (ScalerError, OSError) as error:
            logger.warning("ticket %s was not recorded: %s", ticket.id, one_line(error))


class PoolTaskset(vf.Taskset[PoolTask, PoolConfig]):  # type: ignore[misc]
    """Tasks of a pool, without end. A subclass names its pool.

    Attributes:
        POOL: Name of a pool that an installed plugin ships, or the path of a pool directory.
    """

    INFINITE = True
    POOL: ClassVar[str | Path]

    def load(self) -> Iterator[PoolTask]:
        """Tasks in an order that follows from the config, or as the feed draws them."""
        config = self.config.task
        drawn = "" if config.feed is None else f"{uuid.uuid4().hex}/"
        for ticket in self._of_pool() if config.feed is None else self._of_feed():
            data = PoolData(
                id=f"{ticket.id}:{ticket.seed}",
                name=ticket.environment_id,
                ticket=ticket.model_dump_json(),
                drawn=drawn,
                **_prompt(ticket),
            )
            yield PoolTask(data, config)

    def _of_pool(self) -> Iterator[Ticket]:
        config = self.config
        tickets = PoolTickets(
            self.POOL,
            environments=config.environments,
            allow_weak_sandbox=config.allow_weak_sandbox,
        )
        with tickets, closing(tickets.endless(config.levels, config.seed)) as endless:
            yield from endless

    def _of_feed(self) -> Iterable[Ticket]:
        config = self.config.task
        if config.group is None or config.group < 1:
            raise UsageError(
                "`task.feed` needs `task.group`, the rollouts of each task",
                hint="give as many as the trainer's rollouts per example",
            )
        client = _client(config)
        while True:
            yield client.draw()


class PoolEnvConfig(vf.SingleAgentEnvConfig):  # type: ignore[misc]
    """The single agent on this machine: it chats, and runs nothing."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())


class PoolEnv(vf.SingleAgentEnv, vf.Env[PoolEnvConfig]):  # type: ignore[misc]
    """One response to one prompt."""


@cache
def _judge() -> PortableJudge:
    """The judge of this process."""
    return PortableJudge(load_plugins().selection())


def _client(config: PoolTaskConfig) -> FeedClient:
    # as the configs of this library name the variables of secrets: a config is written to files
    return _client_of(config.feed, os.environ.get(config.token_var, ""))


@cache
def _client_of(url: str, token: str) -> FeedClient:
    return FeedClient(url, token=token)


def _prompt(ticket: Ticket) -> dict[str, Any]:
    """The prompt's fields: a system message apart, where one leads."""
    first, *others = ticket.messages
    system = first["content"] if first["role"] == "system" else None
    messages = list(ticket.messages) if system is None else others
    if len(messages) == 1 and messages[0]["role"] == "user":
        return {"system_prompt": system, "prompt": messages[0]["content"]}
    return {"system_prompt": system, "prompt": messages}


def _collected(
    config: PoolTaskConfig, key: str, verdict: Verdict, response: Response
) -> list[tuple[Verdict, Response]] | None:
    """Add to the group *key*; all of it once it is whole, ``None`` before.

    Rollouts of a task run in any of several processes, so that a group is a file, with a lock.
    """
    folder = config.groups or Path(platformdirs.user_cache_dir("scaler")) / "groups"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.jsonl"
    # lengths are all that a feed reads of a response
    short = response.model_copy(update={"text": ""})
    line = json.dumps([verdict.model_dump(mode="json"), short.model_dump(mode="json")])
    with path.open("a+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not os.fstat(stream.fileno()).st_nlink:
            return None  # the group became whole while this one waited: it is one too many
        stream.write(line + "\n")
        stream.flush()
        stream.seek(0)
        lines = stream.read().splitlines()
        if len(lines) < (config.group or 1):
            return None
        path.unlink(missing_ok=True)
    rows = map(json.loads, lines)
    return [(Verdict.model_validate(a), Response.model_validate(b)) for a, b in rows]
