"""RLVE's controller: a window of levels that slides up when its highest is mastered."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pydantic import Field

from scaler_core.interfaces import Controller, EnvironmentContext, Move, Options, State
from scaler_core.models import Outcome


class Window(Controller):
    """Levels are drawn uniformly from ``[h - size + 1, h]``; h starts at 0 and only rises.

    Responses at level h are counted: a right ones of b. Once ``prompts`` groups at h were counted,
    h rises by one where ``a / b >= rise``, and the counts start anew either way.

    Source: RLVE (arXiv 2511.07317), with the defaults of its published code. It never goes down
    again, as the authors' does not. d is h, the level that moves.
    """

    name = "window"

    class Config(Options):
        """Options of ``window``; the defaults are the authors'."""

        size: int = Field(default=4, ge=1)
        """Levels in the window, once there are as many."""
        rise: float = Field(default=0.9, gt=0, le=1)
        """Accuracy at the highest level from which the window slides up."""
        prompts: int = Field(default=8, ge=1)
        """Groups at the highest level before its accuracy is looked at."""

    config: Config

    def start(self, context: EnvironmentContext) -> State:
        """The window holds level 0 alone."""
        return {"high": 0, "groups": 0, "credit": 0.0, "decided": 0}

    def propose(
        self, state: State, prompts: int, context: EnvironmentContext, rng: Random
    ) -> Sequence[int]:
        """Independent draws from the window."""
        high = self._high(state, context)
        low = max(0, high - self.config.size + 1)
        return [rng.randint(low, high) for _ in range(prompts)]

    def update(
        self, state: State, outcomes: Sequence[Outcome], context: EnvironmentContext
    ) -> Move:
        """Count what was answered at the highest level, and slide up where it is mastered."""
        high = self._high(state, context)
        counted = [item for item in outcomes if item.level == high and item.decided]
        groups = state["groups"] + len(counted)
        credit = state["credit"] + sum(item.credit for item in counted)
        decided = state["decided"] + sum(item.decided for item in counted)
        if groups < self.config.prompts:
            return Move({"high": high, "groups": groups, "credit": credit, "decided": decided})
        mastered = credit >= self.config.rise * decided
        why = f"{credit / decided:.0%} right in {groups} groups at level {high}: " + (
            "the window slides up" if mastered else f"below {self.config.rise:.0%}, it stays"
        )
        high = min(context.top_level, high + mastered)
        return Move({"high": high, "groups": 0, "credit": 0.0, "decided": 0}, why)

    def difficulty(self, state: State, context: EnvironmentContext) -> float:
        """The highest level of the window."""
        return float(self._high(state, context))

    @staticmethod
    def _high(state: State, context: EnvironmentContext) -> int:
        return min(int(state["high"]), context.top_level)
