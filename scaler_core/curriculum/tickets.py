"""Turning slots into tickets: seeds, invalid instances, over-long prompts, quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scaler_core.curriculum.engine import Emit, Engine, Slot
from scaler_core.errors import DataError, InfrastructureError, PoolExhausted, UsageError
from scaler_core.factory import InstanceFactory, InstanceFailure, InstanceRequest
from scaler_core.interfaces import CountTokens
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice, Event, Instance, Ticket
from scaler_core.seeds import derive_seed


@dataclass
class _PendingTicket:
    """A slot on its way to a ticket."""

    slot: Slot
    draw: int
    attempt: int = 0


@dataclass
class Filling:
    """A plan whose slots become tickets; what is done stays done where the machine fails.

    Attributes:
        step: The step that is drawn.
        first: The number of its first ticket within the step.
        tickets: Finished tickets, by place in the plan.
        pending: Slots that have no valid instance yet, by place in the plan.
        replaced: Instances that were replaced, by cause.
    """

    step: int
    first: int
    pending: dict[int, _PendingTicket]
    tickets: dict[int, Ticket] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)

    @property
    def made(self) -> list[Ticket]:
        """The finished tickets, in order."""
        return [ticket for _, ticket in sorted(self.tickets.items())]


class TicketMaker:
    """Fills slots with instances.

    The k-th draw of an (environment, level) has the seed of :func:`instance_seed`, so its instance
    does not depend on other draws.

    Args:
        engine: The curriculum.
        factory: Makes instances.
        judge: Chooses the verifier of an instance.
        verifier: The verifier of environments that name none.
        emit: Receives an event for every replacement.
        attempts: Instances tried for one ticket.
        quarantine_after: Failed tickets in a row that quarantine an environment.

    Attributes:
        measure: Counts a prompt's tokens, and the most that fit; ``None`` for no limit.
    """

    def __init__(
        self,
        engine: Engine,
        factory: InstanceFactory,
        judge: Judge,
        *,
        verifier: ComponentChoice,
        emit: Emit,
        attempts: int,
        quarantine_after: int,
    ) -> None:
        self.engine = engine
        self.factory = factory
        self.judge = judge
        self.verifier = verifier
        self.emit = emit
        self.attempts = attempts
        self.quarantine_after = quarantine_after
        self.measure: tuple[CountTokens, int] | None = None

    def start(self, step: int, slots: Sequence[Slot], first: int = 0) -> Filling:
        """Begin to fill *slots*, whose tickets are numbered from *first* within the step."""
        pending = {index: self._begin(slot) for index, slot in enumerate(slots)}
        return Filling(step, first, pending)

    def finish(self, filling: Filling) -> list[Ticket]:
        """A ticket for every slot, in order; a slot that yields none is planned again.

        Raises:
            PoolExhausted: No environment can give an instance any more.
            InfrastructureError: The machine could not make instances; no environment is blamed. The
                same call may be made again, and gives the tickets that this one would have given.
        """
        while filling.pending:
            made = self._make(filling.pending)
            _refuse_failing_machine(filling.pending, made)
            for index, result in made.items():
                self._place(filling, index, result)
        return filling.made

    def _place(self, filling: Filling, index: int, result: Instance | InstanceFailure) -> None:
        item = filling.pending[index]
        name = item.slot.environment_id
        if isinstance(result, InstanceFailure):
            filling.replaced[result.cause] += 1
            self._note_failure(item, result)
            filling.pending[index] = self._after_failure(item)
        elif not self._is_too_long(item.slot, result) and (verifier := self._verifier_of(result)):
            self.engine.memory(name).failed_tickets = 0
            filling.tickets[index] = Ticket.of(
                result,
                id=f"{filling.step}.{filling.first + index}.{name}",
                step=filling.step,
                verifier=verifier,
                draw=item.draw,
                attempt=item.attempt,
            )
            del filling.pending[index]
        else:
            filling.pending[index] = self._begin(self._another_slot(name))

    def remake(
        self, id: str, step: int, slot: Slot, *, draw: int, attempt: int, content_hash: str
    ) -> Ticket:
        """A ticket that was made before, once more, of an environment of the same content.

        Raises:
            DataError: Its instance cannot be made any more.
            InfrastructureError: The machine could not make it.
        """
        if self.engine.source.content_hash(slot.environment_id) != content_hash:
            raise DataError(f"ticket {id!r} cannot be made again: its environment was edited")
        item = _PendingTicket(slot, draw, attempt)
        made = self._make({0: item})
        _refuse_failing_machine({0: item}, made)
        result = made[0]
        if isinstance(result, InstanceFailure):
            raise DataError(f"ticket {id!r} cannot be made again: {result.detail}")
        verifier = self.judge.choose(result, self.verifier)
        return Ticket.of(result, id=id, step=step, verifier=verifier, draw=draw, attempt=attempt)

    def _begin(self, slot: Slot) -> _PendingTicket:
        return _PendingTicket(slot, self.engine.next_draw(slot))

    def _make(self, pending: Mapping[int, _PendingTicket]) -> dict[int, Instance | InstanceFailure]:
        """Make all that is pending, asking the factory once for each environment and level."""
        together: dict[Slot, list[int]] = {}
        for index, item in pending.items():
            together.setdefault(item.slot, []).append(index)
        requests = [
            InstanceRequest(
                environment=self.engine.environment(slot.environment_id),
                level=slot.level,
                seeds=tuple(self._seed(pending[index]) for index in indices),
            )
            for slot, indices in together.items()
        ]
        results: dict[int, Instance | InstanceFailure] = {}
        for indices, made in zip(together.values(), self.factory.make_many(requests), strict=True):
            results.update(zip(indices, made, strict=True))
        # in the order of the batch: a failure may quarantine, which decides on those after it
        return dict(sorted(results.items()))

    def _seed(self, item: _PendingTicket) -> int:
        slot, draw, attempt = item.slot, item.draw, item.attempt
        return instance_seed(self.engine.seed, slot.environment_id, slot.level, draw, attempt)

    def _note_failure(self, item: _PendingTicket, failure: InstanceFailure) -> None:
        slot = item.slot
        self.emit(
            Event(
                kind="instance_replaced",
                step=self.engine.step,
                environment_id=slot.environment_id,
                reason=failure.cause,
                evidence={
                    "level": slot.level,
                    "draw": item.draw,
                    "attempt": item.attempt,
                    "detail": failure.detail[:500],
                },
            )
        )

    def _after_failure(self, item: _PendingTicket) -> _PendingTicket:
        """The next try: another attempt, else another draw, else another environment."""
        slot = item.slot
        name = slot.environment_id
        if name in self.engine.active:
            if item.attempt + 1 < self.attempts:
                return _PendingTicket(slot, item.draw, item.attempt + 1)
            memory = self.engine.memory(name)
            memory.failed_tickets += 1
            if memory.failed_tickets >= self.quarantine_after:
                self.engine.quarantine(
                    name,
                    "no valid instances",
                    failed_tickets=memory.failed_tickets,
                    attempts=self.attempts,
                    level=slot.level,
                )
        return self._begin(self._another_slot(name))

    def _another_slot(self, environment_id: str) -> Slot:
        """A new slot of the environment, or, where it left, of the one admitted last."""
        engine = self.engine
        if environment_id in engine.active:
            return engine.replacement(environment_id)
        if not engine.active:
            raise PoolExhausted(
                f"step {engine.step}: every environment of the pool is quarantined",
                hint="events.jsonl says why; scaler pool sample shows an environment's instances",
            )
        return engine.replacement(engine.active[-1])

    def _is_too_long(self, slot: Slot, instance: Instance) -> bool:
        if self.measure is None:
            return False
        count_tokens, limit = self.measure
        tokens = count_tokens(instance.messages)
        if tokens <= limit:
            return False
        self.engine.cap(slot, tokens, limit)
        return True

    def _verifier_of(self, instance: Instance) -> ComponentChoice | None:
        """The instance's verifier; ``None`` where its environment names one that cannot be used."""
        try:
            return self.judge.choose(instance, self.verifier)
        except UsageError as error:
            reason = "its verifier cannot be used"
            self.engine.quarantine(instance.environment_id, reason, detail=str(error))
            return None


def _refuse_failing_machine(
    pending: Mapping[int, _PendingTicket], made: Mapping[int, Instance | InstanceFailure]
) -> None:
    """Raise where an instance failed for the machine's sake, before any of *made* is placed.

    Replacing it would make the draw depend on the state of the machine, and so would placing the
    others first: a failure among them may quarantine an environment.
    """
    for index, result in made.items():
        if isinstance(result, InstanceFailure) and result.cause == "infrastructure":
            name = pending[index].slot.environment_id
            raise InfrastructureError(
                f"no instance of {name!r} could be made: {result.detail}",
                hint="the environment is not to blame; see scaler doctor, then resume the run",
            )


def instance_seed(run_seed: int, environment_id: str, level: int, draw: int, attempt: int) -> int:
    """The seed of a draw of (environment, level) in a run; both numbers count from 0."""
    return derive_seed(run_seed, environment_id, level, draw, attempt)
