"""MoPPS as a controller: a posterior of each level's accuracy, and Thompson sampling for 1/2."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pydantic import Field

from scaler_core.interfaces import Controller, EnvironmentContext, Move, Options, State
from scaler_core.models import Outcome


class Thompson(Controller):
    """Keeps ``Beta(a_l, b_l)`` of the accuracy at every level l, and draws from it for each prompt.

    ::

        propose   g_l ~ Beta(a_l, b_l) for every level; the level with the smallest |g_l - target|
        update    a_l <- decay * a_l + (1 - decay) + right      at levels that were answered
                  b_l <- decay * b_l + (1 - decay) + wrong

    Source: MoPPS (arXiv 2507.04632), where the arms are prompts; here they are an environment's
    levels, and know nothing of one another. The prior is Beta(1, 1) and the decay forgets what an
    earlier model did. d is the level whose mean is nearest to the target, the lowest of several.
    """

    name = "thompson"

    class Config(Options):
        """Options of ``thompson``."""

        target: float = Field(default=0.5, gt=0, lt=1)
        """The accuracy that is wanted."""
        decay: float = Field(default=0.5, ge=0, le=1)
        """Share of a level's counts that a new look at it keeps."""

    config: Config

    def start(self, context: EnvironmentContext) -> State:
        """Nothing is known of any level."""
        return {"right": {}, "wrong": {}}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """For each prompt a draw from every level's posterior."""
        levels = range(context.top_level + 1)
        arms = [_counts(state, level) for level in levels]
        chosen = []
        for _ in range(prompts):
            misses = [abs(rng.betavariate(a, b) - self.config.target) for a, b in arms]
            chosen.append(min(levels, key=misses.__getitem__))
        return chosen

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """The posteriors of the levels that were answered."""
        right, wrong = dict(state["right"]), dict(state["wrong"])
        seen: dict[int, list[float]] = {}
        for item in outcomes:
            counts = seen.setdefault(item.level, [0.0, 0.0])
            counts[0] += item.credit
            counts[1] += item.decided - item.credit
        decay = self.config.decay
        for level, (good, bad) in seen.items():
            a, b = _counts(state, level)
            right[str(level)] = decay * a + (1 - decay) + good
            wrong[str(level)] = decay * b + (1 - decay) + bad
        return Move({"right": right, "wrong": wrong})

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The level that is nearest to the target by its mean."""

        def miss(level: int) -> float:
            a, b = _counts(state, level)
            return abs(a / (a + b) - self.config.target)

        known = [int(level) for level in state["right"] if int(level) <= context.top_level]
        return float(min(sorted(known), key=miss, default=0))


def _counts(state: State, level: int) -> tuple[float, float]:
    key = str(level)
    return state["right"].get(key, 1.0), state["wrong"].get(key, 1.0)
