"""The one boundary between the engine and foreign controllers and curators.

Whatever they raise or return wrongly becomes a ``PluginError`` that names them. A controller gets a
copy of the state, which it may change, and its new state becomes plain JSON before the engine keeps
it.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Container, Sequence
from typing import Any, TypeVar

from scaler_core.errors import PluginError, blamed_on
from scaler_core.interfaces import Admission, Controller, Curator, CuratorView, Retirement, State
from scaler_core.jsonio import canonical_json
from scaler_core.models import Outcome

_EXACT = (int, bool, type(None))  # values that JSON gives back as they are

NamedT = TypeVar("NamedT", Admission, Retirement)


class GuardedController:
    """Calls a controller and checks whatever it returns."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._title = f"controller {controller.name!r}"

    def start(self, top_level: int) -> State:
        """The state of an environment that was never trained on."""
        with blamed_on(self._title):
            state = self._controller.start(top_level)
        return self._plain(state, "start")

    def propose(self, environment_id: str, state: State, prompts: int, top: int) -> list[int]:
        """Levels for *prompts* tickets of an environment."""
        with blamed_on(f"{self._title} (propose, {environment_id!r})"):
            levels = list(self._controller.propose(_copy(state), prompts, top))
        if len(levels) != prompts or not all(_is_level(level, top) for level in levels):
            raise PluginError(
                f"{self._title} proposed {levels} for {environment_id!r}: "
                f"{prompts} levels from 0 to {top} were asked for"
            )
        return levels

    def update(
        self, environment_id: str, state: State, outcomes: Sequence[Outcome], top: int
    ) -> tuple[State, float]:
        """The state after a step, and its d."""
        with blamed_on(f"{self._title} (update, {environment_id!r})"):
            new = self._controller.update(_copy(state), outcomes, top)
        plain = self._plain(new, "update")
        d = self.difficulty(plain)
        if not 0 <= d <= top:
            raise PluginError(
                f"{self._title} moved {environment_id!r} to difficulty {d}, outside 0 to {top}"
            )
        return plain, d

    def difficulty(self, state: State) -> float:
        """The real number d of a state."""
        with blamed_on(f"{self._title} (difficulty)"):
            d = float(self._controller.difficulty(_copy(state)))
        if not math.isfinite(d):
            raise PluginError(f"{self._title} has difficulty {d} in state {state}")
        return d

    def _plain(self, state: Any, method: str) -> State:
        if not isinstance(state, dict):
            raise PluginError(f"{self._title}: {method} returned {state!r}, which is no dict")
        try:
            # as JSON gives it back, so that a run and its resume go on from the same state
            plain: State = _as_json(state)
        except (TypeError, ValueError) as error:
            raise PluginError(
                f"{self._title}: {method} returned a state that is not JSON: {error}"
            ) from None
        return plain


class GuardedCurator:
    """Calls a curator and checks each of its decisions."""

    def __init__(self, curator: Curator) -> None:
        self._curator = curator
        self.title = f"curator {curator.name!r}"

    def retire(self, view: CuratorView) -> list[Retirement]:
        """Its retirements: active environments, none named twice."""
        return self._call(
            f"retire before step {view.step}",
            Retirement,
            lambda: self._curator.retire(view),
            lambda: {history.environment_id for history in view.active},
            "not active",
        )

    def admit(self, view: CuratorView, rng: random.Random) -> list[Admission]:
        """Its admissions: candidates, none named twice."""
        return self._call(
            f"admit before step {view.step}",
            Admission,
            lambda: self._curator.admit(view, rng),
            lambda: view.candidates,
            "not a candidate",
        )

    def _call(
        self,
        doing: str,
        kind: type[NamedT],
        ask: Callable[[], Sequence[NamedT]],
        find_allowed: Callable[[], Container[str]],
        fault: str,
    ) -> list[NamedT]:
        with blamed_on(f"{self.title} ({doing})"):
            found = list(ask())
        if not all(isinstance(item, kind) for item in found):
            raise PluginError(
                f"{self.title} ({doing}) returned {found}, which are not {kind.__name__} objects"
            )
        # a large pool's candidates are only looked up where somebody is named
        allowed = find_allowed() if found else ()
        named: set[str] = set()
        for item in found:
            name = item.environment_id
            if name not in allowed:
                raise PluginError(f"{self.title} ({doing}) names {name!r}, which is {fault}")
            if name in named:
                raise PluginError(f"{self.title} ({doing}) names {name!r} twice")
            named.add(name)
        return found


def _as_json(value: Any) -> Any:
    """What :func:`canonical_json` makes of *value*, read back."""
    kind = type(value)
    if kind in _EXACT or (kind is float and math.isfinite(value)):
        return value
    if kind is dict and all(type(key) is str for key in value):
        return {key: _as_json(value[key]) for key in sorted(value)}
    return json.loads(canonical_json(value))


def _copy(value: Any) -> Any:
    """A copy of plain JSON."""
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if type(value) is list else value


def _is_level(level: object, top: int) -> bool:
    return isinstance(level, int) and not isinstance(level, bool) and 0 <= level <= top
