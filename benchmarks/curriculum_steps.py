"""CPU of the curriculum in a step that admits: the whole engine, without instances and a model.

    python benchmarks/curriculum_steps.py [--environments 100000] [--active 64 4096] [--steps 40]
        [--controller proportional] [--curator active-set]

Prints one line of JSON for each size of the active set. ``walk_ms`` is what one plain walk costs
that finds the candidates and draws among them by weight, measured in the same run; ``ratio`` is how
many of those a step takes. Environments have one prompt each.
"""

from __future__ import annotations

import argparse
import heapq
import json
import time
from collections.abc import Sequence
from itertools import pairwise
from statistics import mean

from scaler_core.curriculum.engine import Engine
from scaler_core.interfaces import AnyEnvironment, Controller, Curator, EnvironmentSource
from scaler_core.models import ComponentChoice, Event, Outcome
from scaler_core.plugins import load_plugins
from scaler_core.seeds import derive_random
from scaler_core.testing.environments import program_environment

EVENTS: list[Event] = []  # of the step under way


class OneForAll(EnvironmentSource):
    """A pool of any size, whose environments differ in their ids alone."""

    def __init__(self, count: int) -> None:
        self._ids = tuple(f"e{index:06}" for index in range(count))
        self._environment = program_environment(id="e", levels=tuple(range(20)))

    def ids(self) -> Sequence[str]:
        """All ids."""
        return self._ids

    def get(self, environment_id: str) -> AnyEnvironment:
        """The same for every id."""
        return self._environment

    def content_hash(self, environment_id: str) -> str:
        """The same for every id."""
        return "same"

    def top_level(self, environment_id: str) -> int:
        """The same for every id."""
        return self._environment.top_level


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=int, default=100_000)
    parser.add_argument("--active", type=int, nargs="+", default=[64, 4096])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--controller", default="proportional")
    parser.add_argument("--curator", default="active-set")
    options = parser.parse_args()
    host = load_plugins()
    source = OneForAll(options.environments)
    walk = mean(walk_ms(source) for _ in range(5))
    for active in options.active:
        controller = host.build(Controller, ComponentChoice(use=options.controller))
        choice = ComponentChoice(use=options.curator, options={"size": active})
        curator = host.build(Curator, choice)
        engine = Engine(source, controller, curator, seed=1, emit=EVENTS.append)
        steps = steps_that_admit(engine, active, options.steps)
        totals = [sum(parts.values()) for parts in steps]
        print(
            json.dumps(
                {
                    "environments": options.environments,
                    "active": active,
                    "steps_that_admit": len(steps),
                    "ms": round(mean(totals), 2),
                    "largest_ms": round(max(totals), 2),
                    **{f"{name}_ms": round(mean(p[name] for p in steps), 2) for name in steps[0]},
                    "walk_ms": round(walk, 2),
                    "ratio": round(mean(totals) / walk, 3),
                }
            )
        )


def steps_that_admit(engine: Engine, active: int, steps: int) -> list[dict[str, float]]:
    """CPU milliseconds of each part of every step that admits, but for the first one."""
    rng = derive_random("outcomes")
    found = []
    for step in range(1, steps + 1):
        EVENTS.clear()
        times = [time.process_time()]
        engine.begin(step)
        times.append(time.process_time())
        slots = engine.plan(step, active)
        times.append(time.process_time())
        outcomes = {
            slot.environment_id: [Outcome(level=slot.level, correct=rng.randint(0, 8), decided=8)]
            for slot in slots
        }
        times.append(time.process_time())
        engine.learn(step, outcomes)
        times.append(time.process_time())
        if step > 1 and any(event.kind == "admitted" for event in EVENTS):
            begin, plan, _, learn = (b - a for a, b in pairwise(times))
            found.append({"begin": 1000 * begin, "plan": 1000 * plan, "learn": 1000 * learn})
    return found


def walk_ms(source: EnvironmentSource) -> float:
    """CPU milliseconds of one walk over the pool that draws among all of it by weight."""
    began = time.process_time()
    rng, taken = derive_random("walk"), set(source.ids()[:64])
    names = [name for name in source.ids() if name not in taken]
    keys = [(rng.random() ** (1 / source.weight(name)), name) for name in names]
    heapq.nlargest(3, keys)
    return 1000 * (time.process_time() - began)


if __name__ == "__main__":
    main()
