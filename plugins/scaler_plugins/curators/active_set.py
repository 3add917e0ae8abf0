"""The paper's curator (paper section 5): an active set and three rules to leave it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from scaler_core.curriculum.candidates import draw_by_weight
from scaler_core.curriculum.memory import HISTORY_LIMIT
from scaler_core.interfaces import (
    Admission,
    Curator,
    CuratorView,
    EnvironmentRecord,
    Options,
    Retirement,
)

HISTORY_LENGTH_OF_THE_PAPER = 10


class ActiveSet(Curator):
    """Trains on ``size`` environments and replaces those that no longer teach.

    An environment retires when, over the steps since its admission,

    - ``slope``: its last ``k_slope`` values of d rise no more (least-squares slope <= 0),
    - ``zero``: its last ``k_zero`` steps had no correct response at all, or
    - ``saturated``: d stood at the top level in its last ``k_sat`` steps.

    Each rule needs exactly that many steps, and reads the oldest of them too. A candidate drawn at
    random, in proportion to its pool's weight, takes the place.
    """

    name = "active-set"

    class Config(Options):
        """Options of ``active-set``; the defaults are the paper's."""

        size: int = Field(default=64, ge=1)
        """Environments trained on at once."""
        k_slope: Literal["pool", "off"] | Annotated[int, Field(ge=2, le=HISTORY_LIMIT)] = 10
        """Values of d that the slope rule reads; ``"pool"`` takes what each environment's pool
        asks for, and 10 where it says nothing; ``"off"`` switches the rule off."""
        k_zero: int = Field(default=5, ge=0, le=HISTORY_LIMIT)
        """Steps without a correct response that retire; 0 switches the rule off."""
        k_sat: int = Field(default=5, ge=0, le=HISTORY_LIMIT)
        """Steps at the top level that retire; 0 switches the rule off."""
        retire_flat: bool = True
        """Whether a slope of exactly 0 retires, as in the paper; otherwise d must have fallen."""

    config: Config

    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """Every active environment that a rule names; the first rule that applies is given."""
        return [found for history in view.active if (found := self._judge(history))]

    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Fill the set up to its size, or as far as there are candidates."""
        missing = self.config.size - len(view.active)
        if missing <= 0:
            return []
        candidates = view.candidates
        chosen = draw_by_weight(candidates, view.weight, missing, rng)
        evidence: dict[str, JsonValue] = {"candidates": len(candidates), "size": self.config.size}
        return [
            Admission(environment_id=name, rule="vacancy", evidence=evidence) for name in chosen
        ]

    def _judge(self, history: EnvironmentRecord) -> Retirement | None:
        config = self.config
        difficulties, accuracies = history.difficulties, history.accuracies
        top = float(history.top_level)
        if 0 < config.k_zero <= len(accuracies) and not any(accuracies[-config.k_zero :]):
            why = f"no right answer in {config.k_zero} steps"
            return _retirement(history, "zero", why, steps=config.k_zero)
        if 0 < config.k_sat <= len(difficulties) and min(difficulties[-config.k_sat :]) >= top:
            why = f"{config.k_sat} steps at its top level, {top:.0f}"
            return _retirement(history, "saturated", why, steps=config.k_sat, top_level=top)
        k_slope = self._slope_window(history)
        if k_slope is not None and len(difficulties) >= k_slope:
            slope = least_squares_slope(difficulties[-k_slope:])
            if slope < 0 or (slope == 0 and config.retire_flat):
                window: list[JsonValue] = [round(value, 6) for value in difficulties[-k_slope:]]
                why = (
                    f"its difficulty rose no more: {slope:+.3g} levels a step over {k_slope} steps"
                )
                figures: dict[str, JsonValue] = {"slope": slope, "k_slope": k_slope}
                return _retirement(history, "slope", why, **figures, difficulties=window)
        return None

    def _slope_window(self, history: EnvironmentRecord) -> int | None:
        match self.config.k_slope:
            case "off":
                return None
            case "pool":
                return min(history.history_length or HISTORY_LENGTH_OF_THE_PAPER, HISTORY_LIMIT)
            case length:
                return length


def _retirement(
    history: EnvironmentRecord, rule: str, why: str, **evidence: JsonValue
) -> Retirement:
    since = {"admitted_step": history.admitted_step}
    return Retirement(
        environment_id=history.environment_id, rule=rule, why=why, evidence={**since, **evidence}
    )


def least_squares_slope(values: Sequence[float]) -> float:
    """Slope of the least-squares line through *values* at x = 0, 1, 2, ...

    A constant series has slope exactly 0, whatever its value. Needs at least two values.
    """
    centre = (len(values) - 1) / 2
    first = values[0]
    rise = math.fsum((x - centre) * (y - first) for x, y in enumerate(values))
    return rise / _spread(len(values))


@lru_cache
def _spread(count: int) -> float:
    """Sum of squared distances of x = 0 to *count* - 1 from their mean."""
    centre = (count - 1) / 2
    return math.fsum((x - centre) ** 2 for x in range(count))
