"""What is remembered of a pool: a state for each environment that was seen, and what they share.

All of it is plain JSON for a checkpoint, and survives a pool that has changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from pydantic import JsonValue

from scaler_core.curriculum.candidates import PoolIds
from scaler_core.curriculum.guards import GuardedController, copy_json
from scaler_core.curriculum.memory import EnvironmentState, RecordView
from scaler_core.errors import PluginError, ScalerError, UsageError
from scaler_core.interfaces import EnvironmentContext, EnvironmentSource, State
from scaler_core.models import Environment

# environments read from the pool that stay in memory: more than any usual active set
ENVIRONMENTS_KEPT = 512


class PoolStates:
    """The states of a pool's environments.

    Args:
        source: The pool.
        controller: Starts states, and reads d out of them.
        step: The step under way.

    Attributes:
        source: The pool.
        ids: The ids of the pool.
        environment: An environment by id; those used last stay in memory.
        shared: The controller's shared state.
        visited: Ids of environments that were ever admitted, in the order of their first admission.
        quarantined: Ids of environments that are left out of the run.
    """

    def __init__(
        self, source: EnvironmentSource, controller: GuardedController, step: Callable[[], int]
    ) -> None:
        self.source = source
        self.ids = PoolIds(source)
        self.environment = lru_cache(maxsize=ENVIRONMENTS_KEPT)(source.get)
        self.shared: State = controller.start_shared()
        self.visited: list[str] = []
        self.quarantined: set[str] = set()
        self._controller = controller
        self._step = step
        self._known: dict[str, EnvironmentState] = {}
        self._records: dict[str, RecordView] = {}
        self._history_lengths: dict[str, int | None] = {}

    def of(self, environment_id: str) -> EnvironmentState:
        """The state of an environment, started by the controller on first use."""
        state = self._known.get(environment_id)
        if state is None:
            state = self._known[environment_id] = self._start(environment_id)
        return state

    def _start(self, environment_id: str) -> EnvironmentState:
        controller = self._controller.start(self.context(environment_id))
        return EnvironmentState(controller, self.source.content_hash(environment_id))

    def admit(self, environment_id: str) -> None:
        """Let an environment enter the active set before the step under way."""
        state = self.of(environment_id)
        if not state.visits:
            self.visited.append(environment_id)
        state.admit(self._step())

    def context(self, environment_id: str) -> EnvironmentContext:
        """What the controller is told of an environment."""
        top = self.top_level(environment_id)
        return EnvironmentContext(environment_id, top, self._step(), copy_json(self.shared))

    def top_level(self, environment_id: str) -> int:
        """The highest level that may be drawn."""
        top = self.source.top_level(environment_id)
        state = self._known.get(environment_id)
        return top if state is None or state.cap is None else min(top, state.cap)

    def difficulty(self, environment_id: str) -> float:
        """The environment's d."""
        return self._difficulty(environment_id, self.of(environment_id))

    def _difficulty(self, environment_id: str, state: EnvironmentState) -> float:
        return self._controller.difficulty(state.controller, self.context(environment_id))

    def record(self, environment_id: str) -> RecordView:
        """What is remembered of an environment of the pool, kept up to date.

        Raises:
            PluginError: The pool has no such environment.
        """
        record = self._records.get(environment_id)
        if record is not None:
            return record
        if environment_id not in self.ids:
            raise PluginError(f"the pool has no environment {environment_id!r}")
        known = self._known.get(environment_id)
        # one that is only looked at leaves nothing behind
        state = self._start(environment_id) if known is None else known
        record = RecordView(
            environment_id,
            state,
            self.top_level,
            lambda name: self._difficulty(name, state),
            self._find_history_length,
        )
        if known is not None:
            self._records[environment_id] = record
        return record

    def _find_history_length(self, name: str) -> int | None:
        if name not in self._history_lengths:
            environment = self.environment(name)
            length = environment.history_length if isinstance(environment, Environment) else None
            self._history_lengths[name] = length
        return self._history_lengths[name]

    def describe(self) -> list[dict[str, JsonValue]]:
        """Difficulty and counts of every environment that was ever seen, by id."""
        return [
            {
                "environment_id": name,
                "difficulty": self.difficulty(name),
                "top_level": self.top_level(name),
                "recorded": state.recorded,
                "informative": state.informative,
                "abandoned": state.abandoned,
            }
            for name, state in sorted(self._known.items())
        ]

    # -------------------------------------------------------------- checkpoints

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {
            "shared": copy_json(self.shared),
            "visited": list(self.visited),
            "environments": {name: state.to_json() for name, state in self._known.items()},
        }

    def load(self, data: Mapping[str, Any]) -> list[str]:
        """Restore what :meth:`to_json` gave, and return the ids that the pool no longer has.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: It is something else.
        """
        found = {
            name: EnvironmentState.from_json(state) for name, state in data["environments"].items()
        }
        shared = dict(data.get("shared") or self._controller.start_shared())
        visited = [str(name) for name in data["visited"]]
        self._known = {name: state for name, state in found.items() if name in self.ids}
        self._records.clear()
        self.shared = shared
        self.visited = [name for name in visited if name in self._known]
        self.quarantined = {name for name, state in self._known.items() if state.quarantine}
        return sorted(found.keys() - self._known.keys())

    def take_edits(self, active: Collection[str], step: int) -> list[str]:
        """Forget what was learnt on the instances of environments that were edited since.

        Args:
            active: The active set, whose histories start anew at *step*.
            step: The next step.

        Returns:
            Their ids.
        """
        edited = []
        for name, state in self._known.items():
            content = self.source.content_hash(name)
            if state.content_hash != content:
                state.content_hash, state.cap, state.quarantine = content, None, ""
                state.window = []
                state.forget_history(step if name in active else 0)
                self.quarantined.discard(name)
                edited.append(name)
        return edited

    def check(self) -> None:
        """Raise ``UsageError`` where the states are those of another controller."""
        for name in self._known:
            try:
                self.difficulty(name)
            except ScalerError as error:
                raise UsageError(
                    f"the checkpoint's state of {name!r} is not one of this controller: "
                    f"{error.message}",
                    hint="a run goes on with the controller that it began with",
                ) from error
