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
from scaler_core.interfaces import (
    Admission,
    Controller,
    Curator,
    CuratorView,
    EnvironmentContext,
    Move,
    Moved,
    Retirement,
    State,
)
from scaler_core.jsonio import canonical_json
from scaler_core.models import Outcome

_EXACT = (int, bool, type(None))  # values that JSON gives back as they are
_ATOMS = (float, str, *_EXACT)

NamedT = TypeVar("NamedT", Admission, Retirement)


class GuardedController:
    """Calls a controller and checks whatever it returns.

    Attributes:
        has_shared_state: Whether it keeps a shared state of the pool.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._title = f"controller {controller.name!r}"
        self.has_shared_state = type(controller).update_shared is not Controller.update_shared

    def start_shared(self) -> State:
        """The shared state before the first step."""
        with blamed_on(f"{self._title} (start_shared)"):
            shared = self._controller.start_shared()
        return _plain(shared, f"{self._title}: start_shared")

    def start(self, context: EnvironmentContext) -> State:
        """The state of an environment that was never trained on."""
        with blamed_on(self._title):
            state = self._controller.start(context)
        return _plain(state, f"{self._title}: start")

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: random.Random
    ) -> list[int]:
        """Levels for *prompts* tickets of an environment."""
        name, top = context.environment_id, context.top_level
        with blamed_on(f"{self._title} (propose, {name!r})"):
            levels = list(self._controller.propose(copy_json(state), prompts, context, rng))
        if len(levels) != prompts or not all(_is_level(level, top) for level in levels):
            raise PluginError(
                f"{self._title} proposed {levels} for {name!r}: "
                f"{prompts} levels from 0 to {top} were asked for"
            )
        return levels

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """The state after a step, as plain JSON, with what decided."""
        where = f"{self._title} (update, {context.environment_id!r})"
        with blamed_on(where):
            move = self._controller.update(copy_json(state), outcomes, context)
        if not isinstance(move, Move):
            raise PluginError(f"{where} returned {move!r}, which is no Move")
        figures = _plain(dict(move.figures), f"{where}: figures") if move.figures else {}
        return Move(_plain(move.state, f"{self._title}: update"), str(move.why), figures)

    def update_shared(self, shared: State, moved: Sequence[Moved], step: int) -> State:
        """The shared state after a step, as plain JSON."""
        with blamed_on(f"{self._title} (update_shared, step {step})"):
            new = self._controller.update_shared(copy_json(shared), moved, step)
        return _plain(new, f"{self._title}: update_shared")

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The real number d of a state."""
        name, top = context.environment_id, context.top_level
        with blamed_on(f"{self._title} (difficulty, {name!r})"):
            d = float(self._controller.difficulty(copy_json(state), context))
        if not math.isfinite(d):
            raise PluginError(f"{self._title} has difficulty {d} in state {state}")
        if not 0 <= d <= top:
            raise PluginError(f"{self._title} puts {name!r} at difficulty {d}, outside 0 to {top}")
        return d


def _plain(state: Any, source: str) -> State:
    """*state* as JSON gives it back, so that a run and its resume go on from the same state."""
    if not isinstance(state, dict):
        raise PluginError(f"{source} returned {state!r}, which is no dict")
    try:
        plain: State = _as_json(state)
    except (TypeError, ValueError) as error:
        raise PluginError(f"{source} returned a state that is not JSON: {error}") from None
    return plain


class GuardedCurator:
    """Calls a curator and checks each of its decisions.

    Attributes:
        title: What errors call it.
        gives_shares: Whether it says how prompts are shared.
    """

    def __init__(self, curator: Curator) -> None:
        self._curator = curator
        self.title = f"curator {curator.name!r}"
        self.gives_shares = type(curator).shares is not Curator.shares

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

    def remembered(self, view: CuratorView) -> State:
        """The memory that its last call has left in *view*, as plain JSON."""
        return _plain(view.memory, f"{self.title}: the memory")

    def shares(self, view: CuratorView, prompts: int, rng: random.Random) -> dict[str, int] | None:
        """Its shares of *prompts*; ``None`` where it leaves them even."""
        doing = f"{self.title} (shares of {prompts} prompts in step {view.step})"
        with blamed_on(doing):
            found = self._curator.shares(view, prompts, rng)
            shares = None if found is None else dict(found)
        if shares is None:
            return None
        active = {item.environment_id for item in view.active}
        if strangers := sorted(map(repr, shares.keys() - active)):
            raise PluginError(f"{doing} names {strangers[0]}, which is not active")
        if not all(_is_level(count, prompts) for count in shares.values()):
            raise PluginError(f"{doing} returned {shares}: whole numbers from 0 on are allowed")
        if sum(shares.values()) != prompts:
            raise PluginError(f"{doing} adds up to {sum(shares.values())}")
        return shares

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


def copy_json(value: Any) -> Any:
    """A copy of plain JSON."""
    if type(value) is dict:
        return {
            key: item if type(item) in _ATOMS else copy_json(item) for key, item in value.items()
        }
    return [copy_json(item) for item in value] if type(value) is list else value


def _is_level(level: object, top: int) -> bool:
    return isinstance(level, int) and not isinstance(level, bool) and 0 <= level <= top
