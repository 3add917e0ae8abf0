"""The stages after the filters, done for one problem at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import JsonValue

from scaler_core.audit.records import shortened
from scaler_core.endpoint import Completion, RequestRefused
from scaler_core.errors import ScalerError, blamed_on
from scaler_core.interfaces import ChatClient, Extractor, Generator, Metadata
from scaler_core.models import Message
from scaler_core.synthesis.config import CalibrationSettings, CheckSettings
from scaler_core.synthesis.environment import PassedStages, make_environment, provenance_of
from scaler_core.synthesis.filters import check_metadata
from scaler_core.synthesis.journal import ReplyUse
from scaler_core.synthesis.journey import Step
from scaler_core.synthesis.records import (
    Calibrated,
    Candidate,
    Checked,
    Makers,
    Rejection,
    SourceProblem,
    Stage,
)
from scaler_core.synthesis.workers import Job, Workers

#: Replies that a component may ask for in one attempt; the next attempt begins after them.
REPLIES_OF_AN_ATTEMPT = 1000

ResultT = TypeVar("ResultT")


class Stopped(ScalerError):
    """The run is stopping, so that no further request is sent."""


class RecordingChat(ChatClient, Protocol):
    """A chat client that records its replies."""

    @property
    def completions(self) -> Sequence[Completion]:
        """Replies in the order in which they came."""


@dataclass(frozen=True)
class Asking:
    """The components that ask the model, and the connection that they share.

    Attributes:
        extractor: Reads problems.
        generator: Writes generators.
        chat: Makes the client of one stage of one problem, whose replies begin at the given index.
        cost: Returns the price of the tokens of a request and of its reply.
        stop: Makes the endpoint send nothing more, repetitions of failed requests included.
    """

    extractor: Extractor
    generator: Generator
    chat: Callable[[int], RecordingChat]
    cost: Callable[[int, int], float]
    stop: Callable[[], None]


@dataclass(frozen=True)
class Done:
    """The result of a stage for one problem.

    Attributes:
        value: The result as JSON.
        rejection: Why the problem was rejected; ``None`` where it passed.
        replies: Replies of the model that the stage used.
        seconds: How long it took, without waiting for a worker.
    """

    value: dict[str, JsonValue]
    rejection: Rejection | None = None
    replies: tuple[ReplyUse, ...] = ()
    seconds: float = 0.0


class Stages:
    """The stages after the filters.

    Args:
        asking: Asks the model; ``None`` where no stage needs it.
        workers: Check and calibrate; ``None`` where no stage needs them.
        checks: Settings of the checks.
        calibration: Settings of calibration.
        makers: Components and model, for the provenance of environments.
    """

    def __init__(
        self,
        asking: Asking | None,
        workers: Workers | None,
        checks: CheckSettings,
        calibration: CalibrationSettings,
        makers: Makers,
    ) -> None:
        self._asking = asking
        self._workers = workers
        self._checks = checks
        self._calibration = calibration
        self._makers = makers
        self._places = asyncio.Semaphore(workers.count if workers else 1)
        self.stopping = False

    def stop(self) -> None:
        """Send no further request and begin no further job; those under way are waited for."""
        self.stopping = True
        if self._asking is not None:
            self._asking.stop()

    async def do(self, step: Step, problem: SourceProblem, passed: PassedStages) -> Done:
        """Do one stage.

        Args:
            step: Which stage, and how often it was tried before.
            problem: The problem, filtered.
            passed: The records of the stages before.

        Raises:
            InfrastructureError: Endpoint, sandbox or disk failed; the problem is not to blame.
            BudgetSpent: The budget does not cover another request.
            Stopped, EndpointStopped: The run is stopping.
            UsageError: The endpoint refuses all requests.
            PluginError: The extractor or the generator broke its contract.
        """
        if step.stage == "extract":
            return await self._extract(step, problem)
        metadata = Metadata.model_validate(passed["extract"].value)
        if step.stage == "generate":
            return await self._generate(step, problem, metadata)
        source = str(passed["generate"].value["source"])
        candidate = Candidate(problem=problem, metadata=metadata, generator=source)
        if step.stage == "check":
            return await self._run_job(candidate, None)
        return await self._calibrate(candidate, passed)

    async def _extract(self, step: Step, problem: SourceProblem) -> Done:
        asking = self._require_asking()
        chat = _StoppableChat(self, asking.chat(step.attempt * REPLIES_OF_AN_ATTEMPT))
        name = f"extractor {asking.extractor.name!r}"
        began = time.monotonic()
        metadata = await self._ask("extract", name, asking.extractor.extract(problem.problem, chat))
        replies, seconds = self._replies(chat), _since(began)
        if isinstance(metadata, Rejection):
            return Done({}, metadata, replies, seconds)
        value = metadata.model_dump(mode="json")
        return Done(value, check_metadata(metadata), replies, seconds)

    async def _generate(self, step: Step, problem: SourceProblem, metadata: Metadata) -> Done:
        asking = self._require_asking()
        chat = _StoppableChat(self, asking.chat(step.attempt * REPLIES_OF_AN_ATTEMPT))
        name = f"generator {asking.generator.name!r}"
        began = time.monotonic()
        source = await self._ask(
            "generate", name, asking.generator.write(problem.problem, metadata, chat)
        )
        replies, seconds = self._replies(chat), _since(began)
        if isinstance(source, Rejection):
            return Done({}, source, replies, seconds)
        return Done({"source": source}, None, replies, seconds)

    async def _run_job(self, candidate: Candidate, checked: Checked | None) -> Done:
        assert self._workers is not None, "checks need workers"
        job = Job(
            candidate=candidate,
            checks=self._checks,
            calibration=self._calibration,
            checked=checked,
        )
        async with self._places:
            # checked again: the run may have been stopped while this job waited
            if self.stopping:
                raise Stopped("the run is stopping")
            began = time.monotonic()
            result = await self._workers.do(job)
        return Done(dict(result.value), result.rejection, seconds=_since(began))

    async def _calibrate(self, candidate: Candidate, passed: PassedStages) -> Done:
        checked = Checked.model_validate(passed["check"].value)
        done = await self._run_job(candidate, checked)
        if done.rejection is not None:
            return done
        calibrated = Calibrated.model_validate(done.value)
        provenance = provenance_of(passed, self._makers)
        environment = make_environment(candidate, checked, calibrated, provenance)
        value: dict[str, JsonValue] = {
            "environment": environment.model_dump(mode="json"),
            "times": {**checked.times, **calibrated.times},
        }
        return Done(value, seconds=done.seconds)

    async def _ask(self, stage: Stage, who: str, answer: Awaitable[ResultT]) -> ResultT | Rejection:
        """Awaits a component's answer; returns it, or the rejection that its failure stands for."""
        with blamed_on(who):
            try:
                return await answer
            except RequestRefused as error:
                return Rejection(stage=stage, check="request_refused", detail=shortened(str(error)))
            except ValueError as error:
                return Rejection(stage=stage, check="reply", detail=shortened(str(error)))

    def _replies(self, chat: _StoppableChat) -> tuple[ReplyUse, ...]:
        asking = self._require_asking()
        return tuple(
            ReplyUse(
                hash=item.text_hash,
                prompt_tokens=item.prompt_tokens,
                reply_tokens=item.completion_tokens,
                cost=asking.cost(item.prompt_tokens, item.completion_tokens),
            )
            for item in chat.completions
        )

    def _require_asking(self) -> Asking:
        assert self._asking is not None, "extract and generate need a model"
        return self._asking


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


class _StoppableChat:
    """A client that sends nothing more once the run is stopping."""

    def __init__(self, stages: Stages, chat: RecordingChat) -> None:
        self._stages = stages
        self._chat = chat

    @property
    def completions(self) -> Sequence[Completion]:
        """Replies in the order in which they came."""
        return self._chat.completions

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        attempt: int = 0,
        temperature: float | None = None,
    ) -> str:
        """See :meth:`scaler_core.interfaces.synthesis.ChatClient.chat`."""
        if self._stages.stopping:
            raise Stopped("the run is stopping")
        return await self._chat.chat(messages, attempt=attempt, temperature=temperature)
