"""The engine's memory of each environment: plain data that goes into every checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, overload

from scaler_core.interfaces import EnvironmentRecord, LevelCount, Observation, State
from scaler_core.models import Outcome

# steps that are remembered; curators' rules can read no further back
HISTORY_LIMIT = 256
# steps whose counts by level are remembered, over all visits
WINDOW = 32


@dataclass
class EnvironmentState:
    """The curriculum's memory of one environment.

    Attributes:
        controller: The controller's state; it outlives retirement.
        content_hash: The environment's content when this was learnt.
        admitted_step: The step before which it last entered the active set; 0 when outside.
        left_step: The step before which it last left; 0 while it never did.
        visits: How often it was admitted.
        difficulties: d before each step since admission that decided a response.
        accuracies: Accuracy of those steps.
        window: The last steps that decided a response: step, d before it, and the fields of a
            :class:`~scaler_core.interfaces.LevelCount` for each level, in one flat tuple. There may
            be a hundred thousand of these: flat tuples of numbers cost the garbage collector
            nothing.
        draws: Tickets drawn so far at each level; the next draw's seed follows from it.
        cap: Highest level whose prompt is known to fit; ``None`` while none was too long.
        failed_tickets: Tickets in a row for which no valid instance could be made.
        quarantine: Why it is left out of the run; empty while it is usable.
        recorded: Tickets that came back with verdicts.
        informative: Those of them whose decided responses differ.
        abandoned: Tickets that were given up.
    """

    controller: State
    content_hash: str
    admitted_step: int = 0
    left_step: int = 0
    visits: int = 0
    difficulties: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    window: list[tuple[float, ...]] = field(default_factory=list)
    draws: dict[int, int] = field(default_factory=dict)
    cap: int | None = None
    failed_tickets: int = 0
    quarantine: str = ""
    recorded: int = 0
    informative: int = 0
    abandoned: int = 0

    def count(self, outcome: Outcome | None, informative: bool) -> None:
        """Count a ticket that came back, with an outcome or without."""
        self.recorded += outcome is not None
        self.informative += informative
        self.abandoned += outcome is None

    def admit(self, step: int) -> None:
        """Enter the active set before *step*."""
        self.visits += 1
        self.forget_history(step)

    def leave(self, step: int) -> None:
        """Leave the active set before *step*."""
        self.left_step = step
        self.forget_history(0)

    def remember(self, difficulty: float, accuracy: float) -> None:
        """Append one step to the history, and drop those beyond the limit."""
        self.difficulties.append(difficulty)
        self.accuracies.append(accuracy)
        del self.difficulties[:-HISTORY_LIMIT], self.accuracies[:-HISTORY_LIMIT]

    def observe(self, step: int, difficulty: float, outcomes: Iterable[Outcome]) -> None:
        """Append what *step* showed, and drop steps beyond the window."""
        self.window.append((step, difficulty, *_count_by_level(outcomes)))
        del self.window[:-WINDOW]

    def forget_history(self, admitted_step: int) -> None:
        """Start a new history at *admitted_step*."""
        self.admitted_step = admitted_step
        self.difficulties, self.accuracies = [], []

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **data,
            "draws": {str(level): count for level, count in self.draws.items()},
            "window": [list(item) for item in self.window],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EnvironmentState:
        """The state that :meth:`to_json` wrote."""
        draws = {int(level): count for level, count in data["draws"].items()}
        window = [tuple(row) for row in data.get("window", ())]
        return cls(**{**data, "draws": draws, "window": window})


def _count_by_level(outcomes: Iterable[Outcome]) -> Iterator[float]:
    """The decided ones of *outcomes*, counted by level, the lowest first."""
    found: dict[int, list[float]] = {}
    for item in outcomes:
        if not item.decided:
            continue
        counts = found.setdefault(item.level, [0, 0, 0, 0])
        counts[0] += 1
        counts[1] += item.informative
        counts[2] += item.credit
        counts[3] += item.decided
    for level in sorted(found):
        yield level
        yield from found[level]


class _Window(Sequence[Observation]):
    """The window as curators see it; an entry is read when it is asked for."""

    def __init__(self, rows: Sequence[tuple[float, ...]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Observation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Observation]: ...
    def __getitem__(self, index: int | slice) -> Observation | list[Observation]:
        if isinstance(index, slice):
            return [_observation(row) for row in self._rows[index]]
        return _observation(self._rows[index])


def _observation(row: Sequence[float]) -> Observation:
    """An entry of the window, read."""
    size = len(LevelCount._fields)
    levels = tuple(
        LevelCount(int(row[at]), int(row[at + 1]), int(row[at + 2]), row[at + 3], int(row[at + 4]))
        for at in range(2, len(row), size)
    )
    return Observation(int(row[0]), row[1], levels)


@dataclass(frozen=True)
class RecordView:
    """One environment; implements :class:`scaler_core.interfaces.EnvironmentRecord`."""

    environment_id: str
    _state: EnvironmentState
    _find_top_level: Callable[[str], int]
    _find_difficulty: Callable[[str], float]
    _find_history_length: Callable[[str], int | None]

    @property
    def top_level(self) -> int:
        """The highest level that may be drawn."""
        return self._find_top_level(self.environment_id)

    @property
    def difficulty(self) -> float:
        """Its d."""
        return self._find_difficulty(self.environment_id)

    @property
    def history_length(self) -> int | None:
        """How many values of d the pool's author asks for; read from the pool on demand."""
        return self._find_history_length(self.environment_id)

    @property
    def visits(self) -> int:
        """How often it was admitted."""
        return self._state.visits

    @property
    def admitted_step(self) -> int:
        """The step before which it was admitted; 0 when outside."""
        return self._state.admitted_step

    @property
    def left_step(self) -> int:
        """The step before which it left last; 0 for never."""
        return self._state.left_step

    @property
    def difficulties(self) -> Sequence[float]:
        """Values of d since admission, oldest first."""
        return tuple(self._state.difficulties)

    @property
    def accuracies(self) -> Sequence[float]:
        """Accuracies since admission, oldest first."""
        return tuple(self._state.accuracies)

    @property
    def window(self) -> Sequence[Observation]:
        """The last steps that decided a response, oldest first."""
        return _Window(tuple(self._state.window))


class CurriculumView:
    """The curriculum before a step; implements :class:`scaler_core.interfaces.CuratorView`.

    Attributes:
        memory: The curator's own, a copy that it may change.
    """

    def __init__(
        self,
        step: int,
        memory: State,
        active: Sequence[RecordView],
        visited: Sequence[str],
        find_candidates: Callable[[], Sequence[str]],
        find_record: Callable[[str], EnvironmentRecord],
        weight: Callable[[str], float],
    ) -> None:
        self.step = step
        self.memory = memory
        self.active = active
        self.visited = visited
        self._find_candidates = find_candidates
        self._find_record = find_record
        self._weight = weight

    @cached_property
    def candidates(self) -> Sequence[str]:
        """Ids that may be admitted, found on first use: a large pool is not walked every step."""
        return self._find_candidates()

    def record(self, environment_id: str) -> EnvironmentRecord:
        """What is remembered of an environment."""
        return self._find_record(environment_id)

    def weight(self, environment_id: str) -> float:
        """The weight that the recipe gives to this environment's pool."""
        return self._weight(environment_id)
