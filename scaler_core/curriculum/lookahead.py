"""The lookahead names the instances that the next step may draw, for the factory to make ahead.

::

    draw    tickets are out: d may move by one level         --> prefetch()
    record  d has moved: the levels around it are certain    --> prefetch()

Of every environment that has prompts in the next step it names the levels that its controller can
reach, each with the seeds of its next draws, computed as the draw itself computes them. Nothing is
counted or changed by it. A wrong guess costs time only: whatever was not foreseen, such as an
environment that is only admitted with the next step, is made when it is drawn.
"""

from __future__ import annotations

import math

from scaler_core.curriculum.engine import Engine
from scaler_core.curriculum.tickets import instance_seed
from scaler_core.errors import ScalerError
from scaler_core.factory import InstanceFactory, InstanceRequest

# levels that d moves in one step at most: the paper's controller moves by gain * 0.5 (section 4)
LARGEST_MOVE = 1.0


class Lookahead:
    """Has *factory* make ahead the instances that the next step may draw.

    Args:
        engine: The curriculum.
        factory: Makes instances ahead.
        prompts: Tickets per step.
        ready: Instances named for each level, or as many as an environment has prompts, where that
            is more; 0 names nothing at all.
    """

    def __init__(
        self, engine: Engine, factory: InstanceFactory, *, prompts: int, ready: int
    ) -> None:
        self.engine = engine
        self.factory = factory
        self.prompts = prompts
        self.ready = ready

    def prefetch(self, plan: int) -> None:
        """Prefetch the instances that plan number *plan*, the next one, may draw."""
        if not self.ready:
            return
        try:
            requests = self.requests(plan)
        except ScalerError:  # a fault of the pool or a plugin: the draw that needs it meets it too
            return
        self.factory.prefetch(requests)

    def requests(self, plan: int) -> list[InstanceRequest]:
        """Requests for the levels around every d, then for those beyond, as far as d can move.

        Both hints of a step name the latter, so that the factory keeps what it has made of them.
        """
        around: list[InstanceRequest] = []
        beyond: list[InstanceRequest] = []
        for name, prompts in self.engine.shares(plan, self.prompts):
            environment = self.engine.environment(name)
            d = self.engine.difficulty(name)
            for level in self._reachable(name, d):
                # attempt 0 only: a replacement for an invalid instance is made when it is drawn
                seeds = self._next_seeds(name, level, max(prompts, self.ready))
                request = InstanceRequest(environment, level, seeds)
                (around if abs(level - d) < 1 else beyond).append(request)
        return around + beyond

    def _reachable(self, name: str, d: float) -> range:
        top = self.engine.top_level(name)
        lowest = max(0, math.floor(d - LARGEST_MOVE))
        highest = min(top, math.ceil(d + LARGEST_MOVE))
        # a cap or an edited pool may have left d above the top level, where the draw then is
        return range(min(lowest, top), highest + 1)

    def _next_seeds(self, name: str, level: int, count: int) -> tuple[int, ...]:
        drawn = self.engine.memory(name).draws.get(level, 0)
        return tuple(
            instance_seed(self.engine.seed, name, level, draw, attempt=0)
            for draw in range(drawn, drawn + count)
        )
