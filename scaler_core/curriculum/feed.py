"""The feed: tickets out, verdicts in, and the one rule for loops that run ahead.

::

    caller                           feed
    ------                           ----
    draw()             ------->      curate, propose levels, make instances of a whole plan;
                       <-------      a ticket of it
    verify(t, r)       ------->      Verdict          (pure; from any thread)
    record(id, v)      ------->      the ticket is resolved, with an outcome
    abandon(id, why)   ------->      the ticket is resolved, without one

**Steps.** A step ends when as many tickets were resolved as the recipe has prompts, whichever they
are. Controllers move then, by the outcomes of those tickets, and the curator decides before the
next plan is made::

    plans      1: a b c d      2: e f g h      3: i j k l
    resolved             b a c e | d g f h |
    steps                  1     |    2    |    3 ...
                                 ^ d moves, by b a c e; e was drawn before it: its age is 0 still
                                           ^ d and f, g, h were drawn in step 1: their age is 1

A loop that records all tickets of a plan before it draws the next has one plan a step, and all
ages are 0: :class:`scaler_core.curriculum.steps.StepFeed` is that loop.

**Age.** An outcome carries its level, and the number of steps that ended between draw and record. A
controller decides what it still says about the present difficulty.

**Abandoned tickets** count as resolved, or a loop that abandons many would never end a step. They
move nothing. A ticket of an age of 16 steps is abandoned by the feed; what is
recorded of it later is an event and moves nothing. Both shares are counted for each environment,
because survivors are not the whole: whoever discards slow groups trains on easy environments.

**Determinism.** The sequence of calls alone decides: the same calls give the same tickets,
whatever the clock says and however long instances took.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from pydantic import JsonValue

from scaler_core.curriculum.engine import Emit, Engine, Slot
from scaler_core.curriculum.ledger import (
    Ledger,
    OpenTicket,
    Resolved,
    outcomes_of,
    step_figures,
)
from scaler_core.curriculum.lookahead import Lookahead
from scaler_core.curriculum.tickets import Filling, TicketMaker
from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    FeedFull,
    InfrastructureError,
    PluginError,
    PoolExhausted,
    one_line,
)
from scaler_core.factory import InstanceFactory
from scaler_core.interfaces import CountTokens
from scaler_core.judge import Judge, PortableJudge
from scaler_core.models import (
    Batch,
    ComponentChoice,
    Event,
    Group,
    Outcome,
    Response,
    Ticket,
    Verdict,
)

STATE_VERSION = 2

Journal = Callable[[dict[str, JsonValue]], None]


class Feed:
    """Hands out tickets and takes verdicts.

    Calls are made by one thread at a time, except :meth:`verify`.

    Args:
        engine: The curriculum.
        factory: Makes instances.
        judge: Gives verdicts.
        prompts: Tickets of a plan, and tickets that must be resolved to end a step.
        verifier: The verifier of environments that name none.
        emit: Receives every decision as an event.
        max_open: Tickets that may be out at once; ``None`` for four steps' worth.
        last_step: The step after which nothing is made ahead; ``None`` for no end.
        attempts: Instances tried for one ticket.
        quarantine_after: Failed tickets in a row that quarantine an environment.
        ready: Instances that the factory makes ahead for each level that may be drawn next; 0
            where it makes none ahead.
        journal: Receives every call before it has an effect, as JSON; see :meth:`replay`. Where it
            raises, nothing has changed.

    Attributes:
        metrics: Figures of the last step that ended.
        step_ended: Called at the end of each step, when :attr:`metrics` are there.
    """

    def __init__(
        self,
        engine: Engine,
        factory: InstanceFactory,
        judge: Judge,
        *,
        prompts: int,
        verifier: ComponentChoice,
        emit: Emit,
        max_open: int | None = None,
        last_step: int | None = None,
        attempts: int = 5,
        quarantine_after: int = 3,
        ready: int = 0,
        journal: Journal = lambda call: None,
    ) -> None:
        self.engine = engine
        self.judge = judge
        self.prompts = prompts
        self.emit = emit
        self.max_open = 4 * prompts if max_open is None else max_open
        self.last_step = last_step
        self.metrics: dict[str, float] = {}
        self.step_ended: Callable[[], None] = lambda: None
        self._journal = journal
        self._maker = TicketMaker(
            engine,
            factory,
            judge,
            verifier=verifier,
            emit=emit,
            attempts=attempts,
            quarantine_after=quarantine_after,
        )
        self._lookahead = Lookahead(engine, factory, prompts=prompts, ready=ready)
        self._step = 0
        self._begun = 0
        self._plans = 0
        self._extension = 0
        self._filling: Filling | None = None
        self._planned: deque[Ticket] = deque()
        self._ledger = Ledger()
        self._replaced: Counter[str] = Counter()
        self._drawn = 0
        self._draw_seconds = 0.0

    @property
    def step(self) -> int:
        """Steps that have ended."""
        return self._step

    @property
    def is_whole(self) -> bool:
        """Whether :meth:`state_dict` can be called: no draw has failed half-way."""
        return self._filling is None

    @property
    def open_tickets(self) -> Mapping[str, OpenTicket]:
        """Tickets that are out, by id, oldest first."""
        return self._ledger.open

    # -------------------------------------------------------------- drawing

    def draw(self) -> Ticket:
        """The next ticket.

        Raises:
            FeedFull: As many tickets are out as may be.
            PoolExhausted: No environment can give an instance any more.
            InfrastructureError: The machine could not make instances; no environment is blamed, and
                a later call gives the ticket that this one would have given. Until then nothing can
                be recorded.
        """
        self.check_room(1)
        if not self._planned:
            self._plan(self.prompts)
        (ticket,) = self._hand_out(1)
        return ticket

    def draw_batch(self) -> Batch:
        """The tickets that are left of the plan: a whole step's, unless some are out already.

        Raises:
            FeedFull: With these, more tickets would be out than may be.
        """
        self.check_room(len(self._planned) or self.prompts)
        if not self._planned:
            self._plan(self.prompts)
        return self._batch()

    def extend(self, count: int) -> Batch:
        """*count* further tickets of the step under way, which then ends after these too.

        For loops that draw until they have enough informative groups.
        """
        self._plan(count, extension=True)
        return self._batch()

    def outstanding(self, ticket_ids: Iterable[str] | None = None) -> list[Ticket]:
        """The tickets that are out, or those of *ticket_ids*, made again.

        Raises:
            DataError: The pool has changed, so that one of them cannot be made any more.
            InfrastructureError: The machine could not make instances.
        """
        wanted = self._ledger.open if ticket_ids is None else ticket_ids
        return [
            self._maker.remake(
                name,
                item.step,
                Slot(item.environment_id, item.level),
                draw=item.draw,
                attempt=item.attempt,
                content_hash=item.content_hash,
            )
            for name in wanted
            if (item := self._ledger.open.get(name)) is not None
        ]

    def check_room(self, count: int) -> None:
        """Raise ``FeedFull`` unless *count* further tickets may be out."""
        if len(self._ledger.open) + count > self.max_open:
            raise FeedFull(
                f"{len(self._ledger.open)} tickets are out, and {self.max_open} may be: "
                "record or abandon some",
                hint="feed.max_open sets the limit",
            )

    def _plan(self, count: int, *, extension: bool = False) -> None:
        """Make a plan of *count* tickets: all of them exist when this returns."""
        began = time.monotonic()
        if self._filling is None:
            self._journal({"plan": count, **({"extension": True} if extension else {})})
            self._extension += count if extension else 0
            self._filling = self._begin_plan(count)
        self._finish_plan(self._filling)
        self._draw_seconds += time.monotonic() - began

    def _finish_plan(self, filling: Filling) -> None:
        try:
            self._maker.finish(filling)
        except InfrastructureError:
            raise  # to be finished by a later call
        except BaseException:
            self._end_filling(filling)
            raise
        self._end_filling(filling)
        # the model works from now until the record: the time to make instances ahead
        self._prefetch(filling.step + 1)

    def _end_filling(self, filling: Filling) -> None:
        """Take over the tickets that were made: all, unless the pool is exhausted."""
        tickets = filling.made
        self._filling = None
        self._planned.extend(tickets)
        self._replaced += filling.replaced
        drawn: list[JsonValue] = [
            [item.environment_id, item.level, item.draw, item.attempt, item.seed]
            for item in tickets
        ]
        if drawn:
            self.emit(Event(kind="drawn", step=filling.step, evidence={"tickets": drawn}))

    def _finish_failed_plan(self) -> None:
        """Finish the plan that the machine failed at, before anything is learnt.

        Otherwise its replacements would depend on what was recorded while the machine failed.
        """
        if self._filling is not None:
            self._finish_plan(self._filling)

    def _begin_plan(self, count: int) -> Filling:
        step = self._step + 1
        # between two ends of steps nothing is learnt, so there is nothing new to decide on
        if self._begun != step:
            self.engine.begin(step)
            self._begun = step
        self._plans += 1
        slots = self.engine.plan(self._plans, count)
        if not slots:
            self.engine.explain_empty_set()
        first, self._drawn = self._drawn, self._drawn + count
        return self._maker.start(step, slots, first)

    def _hand_out(self, count: int) -> tuple[Ticket, ...]:
        tickets = tuple(islice(self._planned, count))
        self._journal({"draw": self._identities(count)})
        for item in tickets:
            self._planned.popleft()
            content_hash = self.engine.source.content_hash(item.environment_id)
            self._ledger.hand_out(item, content_hash)
        return tickets

    def _identities(self, count: int) -> list[JsonValue]:
        """Id, level and seed of the next tickets."""
        return [[item.id, item.level, item.seed] for item in islice(self._planned, count)]

    def _batch(self) -> Batch:
        return Batch(step=self._planned[0].step, tickets=self._hand_out(len(self._planned)))

    def _prefetch(self, step: int) -> None:
        """Let the factory make the next plan's instances ahead, unless the run ends before *step*,
        for which a loop that waits for its records would draw it.
        """
        if self.last_step is None or step <= self.last_step:
            self._lookahead.prefetch(self._plans + 1)

    def measure_prompts(self, count_tokens: CountTokens, limit: int) -> None:
        """Cap levels whose rendered prompt exceeds *limit* tokens; nothing is ever cut."""
        self._maker.measure = (count_tokens, limit)

    # -------------------------------------------------------------- judging and recording

    def verify(self, ticket: Ticket, response: Response | str) -> Verdict:
        """The verdict on one response; pure, thread-safe, needs only the ticket."""
        if isinstance(response, str):
            response = Response(text=response)
        return self.judge.verify(ticket, response)

    def portable_judge(self) -> PortableJudge:
        """A judge with the verdicts of :meth:`verify`, for any machine with the same plugins."""
        return self.judge.portable()

    def record(
        self, ticket_id: str, verdicts: Sequence[Verdict], responses: Sequence[Response] = ()
    ) -> None:
        """Resolve a ticket by the verdicts on all responses to it.

        Of a ticket that was abandoned before, an event is all that follows.

        Args:
            ticket_id: The ticket.
            verdicts: One for each response.
            responses: The responses, where controllers are to know their lengths.

        Raises:
            BackendProtocolError: The id is unknown or was recorded before, or there is no verdict.
                Nothing has changed then.
        """
        self.record_group(Group.of(ticket_id, verdicts, responses))

    def record_group(self, group: Group) -> None:
        """Resolve a ticket by its group; see :meth:`record`."""
        self.check([group])
        self.resolve(group)

    def abandon(self, ticket_id: str, reason: str) -> None:
        """Resolve a ticket without verdicts, because it was given up.

        Raises:
            BackendProtocolError: The id is unknown, or was recorded or abandoned before.
        """
        if ticket_id not in self._ledger.open:
            raise BackendProtocolError(
                f"ticket {ticket_id!r} cannot be abandoned: it is unknown, or was resolved before"
            )
        self._finish_failed_plan()
        self._journal({"abandon": ticket_id, "reason": reason})
        self._abandon(ticket_id, reason)
        self._end_steps()

    def check(self, groups: Iterable[Group]) -> None:
        """Raise ``BackendProtocolError`` unless all of these can be recorded."""
        self._finish_failed_plan()
        for group in groups:
            name = group.ticket_id
            if not group.verdicts:
                raise BackendProtocolError(f"the group of ticket {name!r} holds no verdict")
            if not self._ledger.knows(name):
                raise BackendProtocolError(
                    f"ticket {name!r} cannot be recorded: it is unknown, or was recorded before"
                )

    def resolve(self, group: Group) -> None:
        """Record a group that :meth:`check` has passed."""
        ticket, outcome = self._ledger.open.get(group.ticket_id), None
        if ticket is not None:
            age = self._step + 1 - ticket.step
            outcome = Outcome.of(group, level=ticket.level, age=age)
        self._resolve(group.ticket_id, outcome, group.informative)

    def _resolve(self, name: str, outcome: Outcome | None, informative: bool) -> None:
        counts: JsonValue = None
        if outcome is not None:
            counts = outcome.model_dump(mode="json", exclude_defaults=True)
        self._journal({"record": name, "outcome": counts, "informative": informative})
        if outcome is None:
            self._note_late(name)
            return
        self._ledger.resolve(name, outcome, informative=informative)
        self._end_steps()

    def drop(self, ticket_ids: Sequence[str], reason: str) -> None:
        """Abandon several tickets, with one event for all of them."""
        evidence: dict[str, JsonValue] = {"tickets": list(ticket_ids)}
        self.emit(
            Event(kind="missing_tickets", step=self._step + 1, reason=reason, evidence=evidence)
        )
        for name in ticket_ids:
            self._ledger.close(name, self._step + 1)
        self._end_steps()

    def _abandon(self, name: str, reason: str) -> None:
        ticket = self._ledger.open[name]
        self.emit(
            Event(
                kind="abandoned",
                step=self._step + 1,
                environment_id=ticket.environment_id,
                reason=reason,
                evidence={"ticket": name, "drawn_in": ticket.step},
            )
        )
        self._ledger.close(name, self._step + 1)

    def _note_late(self, name: str) -> None:
        del self._ledger.closed[name]
        # an id is "step.number.environment", and the environment's id may hold dots
        drawn, _, environment_id = name.split(".", 2)
        self.emit(
            Event(
                kind="late_group",
                step=self._step + 1 if self._ledger.open else self._step,
                environment_id=environment_id,
                reason="recorded after it was given up",
                evidence={"ticket": name, "drawn_in": int(drawn)},
            )
        )

    # -------------------------------------------------------------- the end of a step

    def _end_steps(self) -> None:
        # an end may abandon tickets, and these may make up the next step
        while len(self._ledger) >= self.prompts + self._extension:
            self._end_step()

    def _end_step(self) -> None:
        resolved = self._ledger.end_step()
        for item in resolved:
            self.engine.memory(item.ticket.environment_id).count(item.outcome, item.informative)
        self.engine.learn(self._step + 1, outcomes_of(resolved))
        self._step += 1
        self._prefetch(self._step + 1)
        self.metrics = self._figures(resolved)
        self._extension = 0
        self._replaced, self._drawn, self._draw_seconds = Counter(), 0, 0.0
        self._ledger.forget_closed(self._step)
        for name in self._ledger.too_old(self._step + 1):
            self._abandon(name, "open for too many steps")
        self.step_ended()

    def _figures(self, resolved: Sequence[Resolved]) -> dict[str, float]:
        missing = sum(item.outcome is None for item in resolved)
        return {
            **step_figures(resolved),
            "mean_difficulty": self.engine.mean_difficulty(self.engine.active),
            "active": len(self.engine.active),
            "missing": missing,
            "replaced": self._replaced.total(),
            **{f"replaced/{cause}": n for cause, n in sorted(self._replaced.items())},
            "draw_s": round(self._draw_seconds, 4),
        }

    # -------------------------------------------------------------- checkpoints

    def replay(self, call: Mapping[str, Any]) -> None:
        """Make a call of the journal again; the same calls on the same state end in the same state.

        Raises:
            DataError: The call cannot be made, or draws something else than it did: pool, plugins
                or settings are not those of then.
            InfrastructureError: The machine could not make instances.
        """
        journal, self._journal = self._journal, lambda call: None
        try:
            match call:
                case {"plan": int(count)}:
                    with suppress(PoolExhausted):  # which the next draw meets again
                        self._plan(count, extension="extension" in call)
                case {"draw": list(drawn)}:
                    found = self._identities(len(drawn))
                    if found != drawn:
                        raise DataError(f"now draws {found} instead of {drawn}")
                    self._hand_out(len(drawn))
                case {"record": str(name), "outcome": counts, "informative": bool(informative)}:
                    outcome = None if counts is None else Outcome.model_validate(counts)
                    self._resolve(name, outcome, informative)
                case {"abandon": str(name), "reason": str(reason)}:
                    self.abandon(name, reason)
                case _:
                    raise DataError(f"unknown call {call}")
        except (DataError, InfrastructureError, PluginError):
            raise
        except Exception as error:
            raise DataError(f"cannot be made again: {one_line(error)}") from error
        finally:
            self._journal = journal

    def state_dict(self) -> dict[str, Any]:
        """Curriculum and tickets between two calls, as JSON.

        Raises:
            BackendProtocolError: A draw failed and was not made again.
        """
        if self._filling is not None:
            raise BackendProtocolError("a draw has failed: draw again before the state is saved")
        return {
            "schema_version": STATE_VERSION,
            "step": self._step,
            "begun": self._begun,
            "plans": self._plans,
            "extension": self._extension,
            "drawn": self._drawn,
            "replaced": dict(self._replaced),
            "planned": [item.model_dump(mode="json") for item in self._planned],
            **self._ledger.state_dict(),
            "engine": self.engine.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore *state*: the next call is answered as it would have been then.

        Of environments that left the pool since, tickets are forgotten: their records are unknown.

        Raises:
            DataError: It is no state of a feed, or one of another version.
        """
        version = state.get("schema_version")
        if version not in (1, STATE_VERSION):
            raise DataError(f"feed state of version {version!r}; this SCALER reads {STATE_VERSION}")
        try:
            self._step = int(state["step"])
            self._begun = int(state.get("begun", self._step))
            self._plans = int(state.get("plans", self._step))
            self._extension = int(state.get("extension", 0))
            self._replaced = Counter(state.get("replaced", {}))
            self._drawn, self._draw_seconds = int(state.get("drawn", 0)), 0.0
            planned = [Ticket.model_validate(item) for item in state.get("planned", ())]
            self._ledger = Ledger.from_state(state)
            engine = state["engine"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"the checkpoint's feed state is damaged: {error!r}") from None
        self._filling = None
        self.engine.load_state_dict(engine)
        known = set(self.engine.source.ids())
        self._planned = deque(item for item in planned if item.environment_id in known)
        self._ledger.forget_all_but(known)
        self._prefetch(self._step + 1)
