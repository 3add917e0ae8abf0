"""The feed: all that a backend sees of the curriculum.

::

    backend                      feed
    -------                      ----
    draw()          ------->     curate, propose levels, make instances
                    <-------     Batch(step, tickets)
    verify(t, r)    ------->     Verdict           (pure; from any thread)
    record(step, g) ------->     outcomes -> difficulty moves
    draw()          ------->     the next step; never before the record of the last

A step is open from its draw to its record. State is saved between steps only, so a killed step is
simply drawn again, ticket for ticket.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from scaler_core.curriculum.engine import Emit, Engine
from scaler_core.curriculum.lookahead import Lookahead
from scaler_core.curriculum.tickets import TicketMaker
from scaler_core.errors import BackendProtocolError, DataError
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

# how many steps a missing ticket is remembered, so that its late record is known as late
STALE_STEPS = 8


@dataclass
class _OpenStep:
    """A step between draw and record."""

    step: int
    tickets: dict[str, Ticket]
    replaced: Counter[str]
    draw_s: float = 0.0


class Feed:
    """Hands out tickets and takes verdicts; see :class:`scaler_core.interfaces.training.FeedLike`.

    Args:
        engine: The curriculum.
        factory: Makes instances.
        judge: Gives verdicts.
        prompts: Tickets per step.
        verifier: The verifier of environments that name none.
        emit: Receives every decision as an event.
        last_step: The step after which nothing is drawn; ``None`` for no end.
        attempts: Instances tried for one ticket.
        quarantine_after: Failed tickets in a row that quarantine an environment.
        ready: Instances that the factory makes ahead for each level that may be drawn next; 0
            where it makes none ahead.
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
        last_step: int | None = None,
        attempts: int = 5,
        quarantine_after: int = 3,
        ready: int = 0,
    ) -> None:
        self.engine = engine
        self.judge = judge
        self.prompts = prompts
        self.emit = emit
        self.last_step = last_step
        self.metrics: dict[str, float] = {}
        self._tickets = TicketMaker(
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
        self._open: _OpenStep | None = None
        self._missing: dict[str, int] = {}

    @property
    def step(self) -> int:
        """The last step that was recorded."""
        return self._step

    # -------------------------------------------------------------- drawing

    def draw(self) -> Batch:
        """The tickets of the next step, exactly as many as the recipe asks for.

        Raises:
            BackendProtocolError: The last step was not recorded, or the run is over.
            PoolExhausted: No environment can give an instance any more.
            InfrastructureError: The machine could not make instances; no environment is blamed.
        """
        if self._open is not None:
            raise BackendProtocolError(
                f"step {self._open.step} was drawn but not recorded: draw again after its record"
            )
        step = self._step + 1
        if self.last_step is not None and step > self.last_step:
            raise BackendProtocolError(f"the run ends after step {self.last_step}")
        began = time.monotonic()
        self.engine.begin(step)
        filled = self._tickets.fill(step, self.engine.plan(self.prompts))
        tickets = filled.tickets
        self._open = _OpenStep(step, {item.id: item for item in tickets}, filled.replaced)
        drawn: list[JsonValue] = [
            [item.environment_id, item.level, item.draw, item.attempt, item.seed]
            for item in tickets
        ]
        self.emit(Event(kind="drawn", step=step, evidence={"tickets": drawn}))
        # the model works from now until the record: the time to make instances ahead
        self._prefetch(step + 1)
        self._open.draw_s = round(time.monotonic() - began, 4)
        return Batch(step=step, tickets=tuple(tickets))

    def _prefetch(self, step: int) -> None:
        """Let the factory make the instances of *step* ahead, unless the run ends before."""
        if self.last_step is None or step <= self.last_step:
            self._lookahead.prefetch(step)

    def measure_prompts(self, count_tokens: CountTokens, limit: int) -> None:
        """Cap levels whose rendered prompt exceeds *limit* tokens; nothing is ever cut."""
        self._tickets.measure = (count_tokens, limit)

    # -------------------------------------------------------------- judging and recording

    def verify(self, ticket: Ticket, response: Response | str) -> Verdict:
        """The verdict on one response; pure, thread-safe, needs only the ticket."""
        if isinstance(response, str):
            response = Response(text=response)
        return self.judge.verify(ticket, response)

    def portable_judge(self) -> PortableJudge:
        """A judge with the verdicts of :meth:`verify`, for any machine with the same plugins."""
        return self.judge.portable()

    def record(self, step: int, groups: Sequence[Group]) -> None:
        """Record the verdicts of a step, and move difficulty.

        Tickets without a group are counted as missing. Groups of an earlier step whose tickets were
        missing are late: they become events and move nothing.

        Raises:
            BackendProtocolError: An id is unknown or recorded twice, a group holds no verdict, or
                no step is open. Nothing has changed then.
        """
        # everything is checked before anything changes, so that a rejected call can be corrected
        late, current = self._sort_groups(step, groups)
        for group in late:
            self._note_late(group)
        if self._open is None or step != self._open.step:
            return
        opened, self._open = self._open, None
        missing = [name for name in opened.tickets if name not in current]
        self._note_missing(step, missing)
        self.engine.learn(outcomes_of(opened.tickets, current))
        self._step = step
        self._prefetch(step + 1)
        self.metrics = {
            **group_metrics(current.values(), len(opened.tickets)),
            "mean_difficulty": self.engine.mean_difficulty(self.engine.active),
            "active": len(self.engine.active),
            "missing": len(missing),
            "replaced": opened.replaced.total(),
            **{f"replaced/{cause}": n for cause, n in sorted(opened.replaced.items())},
            "draw_s": opened.draw_s,
        }

    def _sort_groups(
        self, step: int, groups: Sequence[Group]
    ) -> tuple[list[Group], dict[str, Group]]:
        opened = self._open
        if opened is None and step > self._step:
            raise BackendProtocolError(f"step {step} cannot be recorded: it was not drawn")
        if opened is not None and step > opened.step:
            raise BackendProtocolError(
                f"step {step} cannot be recorded: step {opened.step} is the one that is open"
            )
        late: list[Group] = []
        current: dict[str, Group] = {}
        for group in groups:
            name = group.ticket_id
            if not group.verdicts:
                raise BackendProtocolError(f"the group of ticket {name!r} holds no verdict")
            if name in current or any(name == other.ticket_id for other in late):
                raise BackendProtocolError(f"ticket {name!r} is recorded twice in step {step}")
            if opened is not None and step == opened.step and name in opened.tickets:
                current[name] = group
            elif name in self._missing:
                late.append(group)
            else:
                raise BackendProtocolError(
                    f"ticket {name!r} cannot be recorded in step {step}: "
                    "it is unknown, or was recorded before"
                )
        if opened is None and step == self._step and not groups:
            raise BackendProtocolError(f"step {step} is recorded twice")
        return late, current

    def _note_late(self, group: Group) -> None:
        drawn = self._missing.pop(group.ticket_id)
        # an id is "step.index.environment", and the environment's id may hold dots
        environment_id = group.ticket_id.split(".", 2)[2]
        self.emit(
            Event(
                kind="late_group",
                step=self._open.step if self._open else self._step,
                environment_id=environment_id,
                reason="recorded after its step",
                evidence={"ticket": group.ticket_id, "drawn_in": drawn},
            )
        )

    def _note_missing(self, step: int, missing: Sequence[str]) -> None:
        if missing:
            self.emit(
                Event(
                    kind="missing_tickets",
                    step=step,
                    reason="the backend recorded no group for them",
                    evidence={"tickets": list(missing)},
                )
            )
        self._missing.update(dict.fromkeys(missing, step))
        self._missing = {
            name: drawn for name, drawn in self._missing.items() if step - drawn < STALE_STEPS
        }

    # -------------------------------------------------------------- checkpoints

    def state_dict(self) -> dict[str, Any]:
        """The curriculum between two steps, as JSON.

        Raises:
            BackendProtocolError: A step is open: its tickets would be lost.
        """
        if self._open is not None:
            raise BackendProtocolError(
                f"step {self._open.step} is open: save the state after its record"
            )
        return {
            "schema_version": 1,
            "step": self._step,
            "missing": dict(self._missing),
            "engine": self.engine.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore *state*; the next draw is the one that followed it."""
        if state.get("schema_version") != 1:
            raise DataError(
                f"feed state of version {state.get('schema_version')!r}; this SCALER reads 1"
            )
        self._step = int(state["step"])
        self._missing = dict(state["missing"])
        self._open = None
        self.engine.load_state_dict(state["engine"])
        self._prefetch(self._step + 1)


def outcomes_of(
    tickets: Mapping[str, Ticket], groups: Mapping[str, Group]
) -> dict[str, list[Outcome]]:
    """Verdicts summed by environment and level, both in the order of the tickets."""
    sums: dict[str, dict[int, Counter[str]]] = {}
    for name, ticket in tickets.items():
        if name in groups:
            levels = sums.setdefault(ticket.environment_id, {})
            counts = levels.setdefault(ticket.level, Counter())
            counts.update(verdict.result for verdict in groups[name].verdicts)
    return {
        environment_id: [
            Outcome(
                level=level,
                correct=counts["correct"],
                decided=counts["correct"] + counts["incorrect"],
                undecided=counts["undecided"],
            )
            for level, counts in sorted(levels.items())
        ]
        for environment_id, levels in sums.items()
    }


def group_metrics(groups: Iterable[Group], drawn: int) -> dict[str, float]:
    """Figures over a step's groups.

    ``accuracy`` is over decided responses, and absent when there is none. ``informative_share`` is
    the share of the *drawn* tickets whose decided responses are neither all right nor all wrong:
    only those carry a gradient under group-normalised advantages.
    """
    totals: Counter[str] = Counter()
    informative = 0
    for group in groups:
        counts = Counter(verdict.result for verdict in group.verdicts)
        totals.update(counts)
        informative += bool(counts["correct"] and counts["incorrect"])
    decided = totals["correct"] + totals["incorrect"]
    return {
        **({"accuracy": totals["correct"] / decided} if decided else {}),
        "informative_share": informative / drawn,
        "decided": decided,
        "undecided": totals["undecided"],
    }
