"""The engine: keeps the active set and each environment's difficulty, and remembers outcomes.

::

    begin(step)  curator: retire -> admit               events: retired, kept, admitted
    plan()       curator: shares -> controller: levels  one slot a ticket
    learn()      outcomes -> record, controller: d      events: difficulty

It makes no instances and knows no model. Its memory is plain JSON, and every random choice derives
from the run's seed and the step, so that a resumed run repeats an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from pydantic import JsonValue

from scaler_core.curriculum.candidates import Candidates
from scaler_core.curriculum.guards import GuardedController, GuardedCurator, copy_json
from scaler_core.curriculum.memory import CurriculumView, EnvironmentState
from scaler_core.curriculum.states import PoolStates
from scaler_core.errors import DataError, PluginError, PoolExhausted
from scaler_core.interfaces import (
    Admission,
    Controller,
    Curator,
    EnvironmentSource,
    Move,
    Moved,
    Retirement,
    State,
)
from scaler_core.models import Event, Outcome, accuracy
from scaler_core.seeds import derive_random

Emit = Callable[[Event], None]


@dataclass(frozen=True)
class Slot:
    """A place in the batch, before an instance fills it."""

    environment_id: str
    level: int


class Engine:
    """Keeps the active set and every environment's difficulty.

    Args:
        source: The environments of the run.
        controller: Moves difficulty.
        curator: Chooses the active set.
        seed: The run's seed.
        emit: Receives every decision as an event.

    Attributes:
        environment: An environment by id; those of the active set stay in memory.
        memory: The state of an environment by id, started on first use.
        top_level: The highest level of an environment that may be drawn.
        difficulty: The d of an environment.
    """

    def __init__(
        self,
        source: EnvironmentSource,
        controller: Controller,
        curator: Curator,
        *,
        seed: int,
        emit: Emit,
    ) -> None:
        self.source = source
        self.controller = GuardedController(controller)
        self.curator = GuardedCurator(curator)
        self.seed = seed
        self.emit = emit
        self.step = 0
        self.active: list[str] = []
        self._curator_memory: State = {}
        self._states = states = PoolStates(source, self.controller, lambda: self.step)
        self.environment = states.environment
        self.memory = states.of
        self.top_level = states.top_level
        self.difficulty = states.difficulty

    # -------------------------------------------------------------- the active set

    def begin(self, step: int) -> None:
        """Retire and admit before *step*.

        Raises:
            PoolExhausted: No environment is left.
            PluginError: The curator broke its contract, or admits nobody.
        """
        self.step = step
        view = self._view(exclude=set())
        retirements = self.curator.retire(view)
        self._curator_memory = self.curator.remembered(view)
        self._replace(retirements)
        if not self.active:
            self.explain_empty_set()

    def quarantine(self, environment_id: str, reason: str, **evidence: JsonValue) -> None:
        """Leave an environment out of the run, and let the curator fill its place."""
        state = self.memory(environment_id)
        if state.quarantine:
            return
        state.quarantine = reason
        self._states.quarantined.add(environment_id)
        self._emit("quarantined", environment_id, reason, evidence)
        if environment_id in self.active:
            self.active.remove(environment_id)
            state.leave(self.step)
        self._admit(exclude={environment_id})

    def explain_empty_set(self) -> None:
        """Raise ``PoolExhausted``, or ``PluginError`` where the curator leaves candidates out."""
        if self._candidates(exclude=set()):
            raise PluginError(f"{self.curator.title} admits nobody before step {self.step}")
        raise PoolExhausted(
            f"step {self.step}: no environment is left of the {len(self._states.ids)} in the pool",
            hint="events.jsonl says which were quarantined and why",
        )

    def _replace(self, retirements: Sequence[Retirement]) -> None:
        """Retire as many as candidates can replace; the rest stay with a cleared history."""
        room = len(self._candidates(exclude=set())) if retirements else 0
        for item in retirements[:room]:
            self._emit_decision("retired", item)
            self.memory(item.environment_id).leave(self.step)
        leaving = {item.environment_id for item in retirements[:room]}
        self.active = [name for name in self.active if name not in leaving]
        for item in retirements[room:]:
            self._emit_decision("kept", item, {"why": "nobody could take its place"})
            # with its old history the same rule would name it again before every step
            self.memory(item.environment_id).forget_history(self.step)
        # none of them comes straight back, or a small pool would swap an environment with itself
        self._admit(exclude={item.environment_id for item in retirements})

    def _admit(self, exclude: set[str]) -> None:
        view = self._view(exclude)
        # *exclude* is part of the seed: a step may admit several times, after each quarantine
        rng = derive_random(self.seed, "admit", self.step, *sorted(exclude))
        admissions = self.curator.admit(view, rng)
        self._curator_memory = self.curator.remembered(view)
        for item in admissions:
            name = item.environment_id
            self._states.admit(name)
            self.active.append(name)
            self._emit_decision("admitted", item)

    def _view(self, exclude: set[str]) -> CurriculumView:
        """What the curator sees; *exclude* are no candidates."""
        return CurriculumView(
            self.step,
            copy_json(self._curator_memory),
            [self._states.record(name) for name in self.active],
            self._states.visited,
            lambda: self._candidates(exclude),
            self._states.record,
            self.source.weight,
        )

    def _candidates(self, exclude: set[str]) -> Candidates:
        return self._states.ids.without({*self.active, *self._states.quarantined, *exclude})

    # -------------------------------------------------------------- levels and draws

    def plan(self, number: int, prompts: int) -> list[Slot]:
        """One slot a ticket of plan *number*, environment by environment; see :meth:`shares`."""
        rng = derive_random(self.seed, "levels", number)
        slots = []
        for name, share in self.shares(number, prompts):
            slots += self._slots(name, share, rng)
        return slots

    def shares(self, plan: int, prompts: int) -> list[tuple[str, int]]:
        """How many of *prompts* tickets each environment that is active now gets in a plan.

        The curator may say. Otherwise prompts are shared evenly, and what is left over goes round
        the active set from plan to plan, which are numbered from 1. Environments that get none are
        left out.
        """
        count = len(self.active)
        if not count:
            return []
        if self.curator.gives_shares:
            rng = derive_random(self.seed, "shares", plan)
            shares = self.curator.shares(self._view(exclude=set()), prompts, rng)
            if shares is not None:
                return [(name, shares[name]) for name in self.active if shares.get(name)]
        share, extra = divmod(prompts, count)
        # from the number alone, so that the lookahead can ask ahead
        first = ((plan - 1) * extra) % count
        luckier = {(first + offset) % count for offset in range(extra)}
        indices = range(count) if share else sorted(luckier)
        return [(self.active[index], share + (index in luckier)) for index in indices]

    def replacement(self, environment_id: str) -> Slot:
        """Another slot of an environment, for one that could not be filled."""
        drawn = sum(self.memory(environment_id).draws.values())
        rng = derive_random(self.seed, "replacement", environment_id, drawn)
        (slot,) = self._slots(environment_id, 1, rng)
        return slot

    def _slots(self, environment_id: str, prompts: int, rng: Random) -> list[Slot]:
        """Slots of one environment at the levels that the controller proposes."""
        state = self.memory(environment_id).controller
        levels = self.controller.propose(state, prompts, self._states.context(environment_id), rng)
        return [Slot(environment_id, level) for level in levels]

    def next_draw(self, slot: Slot) -> int:
        """Count a draw of the slot's (environment, level), and return its number, from 0."""
        draws = self.memory(slot.environment_id).draws
        draws[slot.level] = draws.get(slot.level, 0) + 1
        return draws[slot.level] - 1

    def cap(self, slot: Slot, tokens: int, limit: int) -> None:
        """Cap an environment below the slot's level, at which its prompt is too long."""
        name, level = slot.environment_id, slot.level
        evidence: dict[str, JsonValue] = {"level": level, "tokens": tokens, "limit": limit}
        if level == 0:
            self.quarantine(name, "its prompt is too long at level 0", **evidence)
        elif level <= self.top_level(name):
            state = self.memory(name)
            state.cap = level - 1
            # rules must not read values of d that were learnt under another top level
            state.forget_history(state.admitted_step)
            self._emit("level_capped", name, "prompt too long", {"cap": level - 1, **evidence})

    def mean_difficulty(self, environment_ids: Sequence[str]) -> float:
        """Mean d of some environments; 0 of none."""
        values = [self.difficulty(name) for name in environment_ids]
        return sum(values) / len(values) if values else 0.0

    # -------------------------------------------------------------- learning

    def learn(self, step: int, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
        """Move d by the outcomes of *step*; an environment without a decided response stays."""
        self.step, active = step, set(self.active)
        moved: list[tuple[Moved, float, Move]] = []
        shares = self.controller.has_shared_state
        for name, groups in outcomes.items():
            if accuracy(groups) is None:
                continue
            state, context = self.memory(name), self._states.context(name)
            before = self.controller.difficulty(state.controller, context)
            move = self.controller.update(state.controller, groups, context)
            item = Moved(context, state.controller, move.state, groups)
            state.controller = move.state
            state.observe(step, before, groups)
            # one that was quarantined within the step has no history any more
            if name in active:
                self._remember(state, before, groups)
            if shares:
                moved.append((item, before, move))
            else:
                self._emit_move(item, before, move)
        if moved:
            news = [item for item, _, _ in moved]
            self._states.shared = self.controller.update_shared(self._states.shared, news, step)
        for item, before, move in moved:
            # d may follow from the shared state, which has moved since
            context = self._states.context(item.environment_id)
            self._emit_move(replace(item, context=context), before, move)

    def _emit_move(self, item: Moved, before: float, move: Move) -> None:
        evidence: dict[str, JsonValue] = {
            "before": before,
            "after": self.controller.difficulty(item.after, item.context),
            "accuracy": accuracy(item.outcomes),
            "outcomes": _counts_by_level(item.outcomes),
        }
        if move.why:
            evidence["why"] = move.why
        if move.figures:
            evidence["figures"] = dict(move.figures)
        self._emit("difficulty", item.environment_id, "", evidence)

    def _remember(self, state: EnvironmentState, d: float, groups: Sequence[Outcome]) -> None:
        """Append to the history what speaks about *d*.

        Late outcomes do so where their level is as near to it as those of a draw, and where they
        were drawn since the environment was admitted.
        """
        mean = accuracy(
            [
                item
                for item in groups
                if item.age == 0
                or (abs(item.level - d) < 1 and self.step - item.age >= state.admitted_step)
            ]
        )
        if mean is not None:
            state.remember(d, mean)

    def describe(self) -> list[dict[str, JsonValue]]:
        """Difficulty and counts of every environment that was ever active, by id."""
        return [
            {**row, "active": row["environment_id"] in self.active}
            for row in self._states.describe()
        ]

    # -------------------------------------------------------------- checkpoints

    def state_dict(self) -> dict[str, Any]:
        """All of the engine's memory, as JSON."""
        return {
            "step": self.step,
            "active": list(self.active),
            "curator": copy_json(self._curator_memory),
            **self._states.to_json(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore *state*, also where the pool has changed since; each change is an event.

        A removed environment is forgotten; an edited one keeps its d and loses its history, its cap
        and its quarantine, which were learnt on other instances.

        Raises:
            DataError: It is no state of an engine.
            UsageError: It holds the state of another controller.
        """
        try:
            step = int(state["step"])
            active = [str(name) for name in state["active"]]
            curator_memory = dict(state.get("curator", {}))
            removed = self._states.load({"visited": active, **state})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"the checkpoint's curriculum state is damaged: {error!r}") from None
        self._states.check()
        self.step, self._curator_memory = step, curator_memory
        self.active = [name for name in active if name in self._states.ids]
        for name in removed:
            self._emit("environment_removed", name, "not in the pool any more")
        for name in self._states.take_edits(self.active, step + 1):
            self._emit("environment_edited", name, "its content changed")

    # -------------------------------------------------------------- events

    def _emit_decision(
        self,
        kind: str,
        item: Retirement | Admission,
        more: Mapping[str, JsonValue] | None = None,
    ) -> None:
        name = item.environment_id
        why: dict[str, JsonValue] = {"why": item.why} if item.why else {}
        evidence = {**item.evidence, "difficulty": self.difficulty(name), **why, **(more or {})}
        self._emit(kind, name, item.rule, evidence)

    def _emit(
        self,
        kind: str,
        environment_id: str,
        reason: str,
        evidence: Mapping[str, JsonValue] | None = None,
    ) -> None:
        self.emit(
            Event(
                kind=kind,
                step=self.step,
                environment_id=environment_id,
                reason=reason,
                evidence=dict(evidence or {}),
            )
        )


def _counts_by_level(outcomes: Sequence[Outcome]) -> dict[str, JsonValue]:
    """Level -> responses that were correct, decided and undecided."""
    counts: dict[int, list[int]] = {}
    for item in outcomes:
        level = counts.setdefault(item.level, [0, 0, 0])
        for index, number in enumerate((item.correct, item.decided, item.undecided)):
            level[index] += number
    return {str(level): list(numbers) for level, numbers in sorted(counts.items())}
