"""A curator that keeps what still grows: growth with its uncertainty, judged against the others."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from pydantic import Field, JsonValue

from scaler_core.curriculum.candidates import draw_by_weight
from scaler_core.interfaces import (
    Admission,
    Curator,
    CuratorView,
    EnvironmentRecord,
    Observation,
    Options,
    Retirement,
    State,
)
from scaler_plugins.curators.growth import Growth, fit_growth


class Evidence(Curator):
    """Trains on ``size`` environments, and replaces those that no longer teach.

    Growth b of an environment, in levels a step, is fitted to the counts by level since its
    accuracy was first on both sides of 1/2 (:func:`scaler_plugins.curators.growth.fit_growth`).

    ::

        bar        share * max(mean b of the active set, mean b of newcomers, least)
        plateau    after min_steps steps: P(growth > bar) < doubt
        zero       k_edge steps at level 0 without a right answer
        mastered   k_edge steps at the top level, top_accuracy right or better

    Without newcomers in the bar a set that has gone stale would look at itself and find nothing
    wrong. Environments that were never trained on are admitted first, drawn by their pool's weight,
    then those that are longest out, none within ``cooldown`` steps while there are others.
    """

    name = "evidence"

    class Config(Options):
        """Options of ``evidence``."""

        size: int = Field(default=64, ge=1)
        """Environments trained on at once."""
        width: float = Field(default=2.0, gt=0)
        """Levels that one unit of log-odds of accuracy is worth."""
        window: int = Field(default=24, ge=8, le=32)
        """Steps that growth is fitted to."""
        min_steps: int = Field(default=20, ge=4, le=32)
        """Steps that decided a response before growth is judged."""
        judge_every: int = Field(default=2, ge=1)
        """Steps between two looks at an environment's growth; the ends are looked at in each."""
        share: float = Field(default=0.5, gt=0)
        """Share of the others' growth that is enough to stay."""
        doubt: float = Field(default=0.2, gt=0, lt=0.5)
        """An environment leaves when the chance that it grows enough is below this."""
        least: float = Field(default=0.01, gt=0)
        """Growth of others, in levels a step, below which it is not believed."""
        k_edge: int = Field(default=4, ge=1, le=32)
        """Steps at an end of the scale that retire."""
        top_accuracy: float = Field(default=0.9, gt=0, le=1)
        """Accuracy at the top level that counts as mastered."""
        cooldown: int = Field(default=100, ge=0)
        """Steps that an environment stays out while there are others."""

    config: Config

    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """Environments at an end of the scale, and those that grow too little."""
        active = {item.environment_id: item for item in view.active}
        found = {name: edge for name, item in active.items() if (edge := self._edge(item))}
        growths = self._look_again(view, active)
        others = [growth for name, growth in growths.items() if name not in found]
        if len(others) > 1:
            newcomers = view.memory.get("newcomers", (0, 0.0))[1]
            bar = self.config.share * max(mean_growth(others), newcomers, self.config.least)
            for name, growth in growths.items():
                chance = growth.chance_above(bar)
                if chance < self.config.doubt and self._is_due(view, active[name]):
                    found.setdefault(name, self._plateau(name, growth, bar, chance))
        return list(found.values())

    def _look_again(
        self, view: CuratorView, active: Mapping[str, EnvironmentRecord]
    ) -> dict[str, Growth]:
        """The growth of all active environments that have one; those that are due, anew."""
        memory = view.memory
        known = memory.get("growth", {})
        memory["growth"] = {name: known[name] for name in active if name in known}
        for name, item in active.items():
            if not self._is_due(view, item):
                continue
            growth = self._fit(item)
            if growth is None:
                memory["growth"].pop(name, None)
                continue
            if name not in known:
                _learn_from_newcomer(memory, growth.slope)
            memory["growth"][name] = list(growth)
        return {name: Growth(*values) for name, values in memory["growth"].items()}

    def _is_due(self, view: CuratorView, record: EnvironmentRecord) -> bool:
        # by its own clock, so that not all of them are looked at before the same step
        return (view.step - record.admitted_step) % self.config.judge_every == 0

    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Fill the set up to its size: new ones, then those that were out long enough."""
        missing = self.config.size - len(view.active)
        if missing <= 0:
            return []
        visited = set(view.visited)
        new = draw_by_weight(
            view.candidates,
            lambda name: 0.0 if name in visited else view.weight(name),
            missing,
            rng,
        )
        admissions = [
            Admission(environment_id=name, rule="new", why="it was never trained on")
            for name in new
        ]
        if len(new) == missing:
            return admissions
        candidates = view.candidates
        out = sorted(
            (view.record(name).left_step, rng.random(), name)
            for name in view.visited
            if name in candidates
        )
        rested = [item for item in out if view.step - item[0] >= self.config.cooldown] or out
        for left, _, name in rested[: missing - len(new)]:
            why = f"it was out for {view.step - left} steps, longest of all"
            admissions.append(Admission(environment_id=name, rule="rested", why=why))
        return admissions

    def _fit(self, record: EnvironmentRecord) -> Growth | None:
        """Growth since the environment was admitted, once it has been there for long enough."""
        stay = _stay(record, max(self.config.window, self.config.min_steps))
        if len(stay) < self.config.min_steps:
            return None
        return fit_growth(stay[-self.config.window :], self.config.width)

    def _edge(self, record: EnvironmentRecord) -> Retirement | None:
        steps = self.config.k_edge
        last = _stay(record, steps)
        if len(last) < steps:
            return None
        levels = {count.level for item in last for count in item.levels}
        accuracy = sum(item.accuracy for item in last) / steps
        if levels == {0} and not accuracy:
            why = f"no right answer in {steps} steps at the lowest level"
            return Retirement(environment_id=record.environment_id, rule="zero", why=why)
        # without a level above it there is nothing left to learn
        if min(levels) >= record.top_level and accuracy >= self.config.top_accuracy:
            why = f"{accuracy:.0%} right over {steps} steps at its top level"
            return Retirement(environment_id=record.environment_id, rule="mastered", why=why)
        return None

    def _plateau(self, name: str, growth: Growth, bar: float, chance: float) -> Retirement:
        why = (
            f"it gained {growth.slope:+.3f} ± {growth.error:.3f} levels a step; the chance that it "
            f"gains {bar:.3f}, {self.config.share:.0%} of what others do, is {chance:.0%}"
        )
        figures: dict[str, JsonValue] = {"growth": growth.slope, "error": growth.error}
        evidence = {**figures, "bar": bar, "chance": chance}
        return Retirement(environment_id=name, rule="plateau", why=why, evidence=evidence)


def _learn_from_newcomer(memory: State, slope: float) -> None:
    """Take the first growth of a visit into the newcomers' mean, that of the last fifty."""
    count, mean = memory.get("newcomers", (0, 0.0))
    count += 1
    memory["newcomers"] = [count, mean + max(1 / count, 0.02) * (slope - mean)]


def _stay(record: EnvironmentRecord, steps: int) -> Sequence[Observation]:
    """The last *steps* that were observed since the environment was admitted."""
    return [item for item in record.window[-steps:] if item.step >= record.admitted_step]


def mean_growth(growths: Sequence[Growth]) -> float:
    """Random-effects mean of some growths (DerSimonian and Laird, 1986)."""
    weights = [1 / item.error**2 for item in growths]
    total = sum(weights)
    mean = sum(w * item.slope for w, item in zip(weights, growths, strict=True)) / total
    spread = sum(w * (item.slope - mean) ** 2 for w, item in zip(weights, growths, strict=True))
    freedom = total - sum(w * w for w in weights) / total
    # at least a hundredth of a level a step: environments are never quite alike
    between = max((spread - len(growths) + 1) / max(freedom, 1e-9), 0.01**2)
    weights = [1 / (item.error**2 + between) for item in growths]
    return sum(w * item.slope for w, item in zip(weights, growths, strict=True)) / sum(weights)
