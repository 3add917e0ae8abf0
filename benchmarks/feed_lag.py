"""What running ahead costs: skill gained by a simulated learner at lags of 0, 1, 4 and 8 steps.

    python benchmarks/feed_lag.py                     # all shipped controllers; about two minutes
    python benchmarks/feed_lag.py --seeds 20 --lags 0 4

A response is given by the policy of its draw and recorded *lag* steps later; the learner learns
then. Skill is in levels, summed over all environments; the ratio is against lag 0 of the same
controller and seed, with a 95 % interval over seeds.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections import deque
from collections.abc import Iterator
from typing import Any

from scaler_core import load_plugins
from scaler_core.curriculum.engine import Engine
from scaler_core.curriculum.feed import Feed
from scaler_core.factory.interface import VirtualFactory
from scaler_core.interfaces import Controller, Curator
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice, Ticket, Verdict
from scaler_core.pool.source import MemorySource
from scaler_core.seeds import derive_random
from scaler_core.testing.environments import program_environment
from scaler_plugins.backends.simulated.learner import Learner

RIGHT, WRONG = Verdict.correct(), Verdict.incorrect("wrong")
LEARNER = {
    "initial_skill": 2.0,
    "learning_rate": 0.1,
    "transfer": 0.002,
    "width": 1.5,
    "floor": 0.0,
    "spread": 0.5,
}


def gained(
    controller: Controller, curator: Curator, options: argparse.Namespace, lag: int, seed: int
) -> float:
    """Levels that the learner gained over all environments."""
    names = [f"e{number:04}" for number in range(options.pool)]
    pool = [program_environment(id=name, levels=tuple(range(24))) for name in names]
    factory, host = VirtualFactory(), load_plugins()
    feed = Feed(
        Engine(MemorySource(pool), controller, curator, seed=seed, emit=lambda event: None),
        factory,
        Judge(host, factory),
        prompts=options.prompts,
        verifier=ComponentChoice(use="typed"),
        emit=lambda event: None,
        max_open=(lag + 1) * options.prompts,
    )
    learner, out = Learner(**LEARNER), deque[tuple[Ticket, list[Verdict]]]()
    while feed.step < options.steps:
        while len(out) <= lag * options.prompts:
            out.extend(
                (ticket, answers(learner, ticket, options.responses))
                for ticket in feed.draw_batch().tickets
            )
        for ticket, verdicts in [out.popleft() for _ in range(options.prompts)]:
            feed.record(ticket.id, verdicts)
            share = sum(item is RIGHT for item in verdicts) / len(verdicts)
            learner.learn({ticket.environment_id: [share]})
    return sum(learner.skill(name) - LEARNER["initial_skill"] for name in names)


def answers(learner: Learner, ticket: Ticket, count: int) -> list[Verdict]:
    """Responses of the policy as it is now."""
    chance = learner.chance(ticket.environment_id, ticket.level)
    rng = derive_random("response", ticket.id, ticket.seed)
    return [RIGHT if rng.random() < chance else WRONG for _ in range(count)]


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each controller and lag."""
    host = load_plugins()
    for name in options.controllers:
        base: list[float] = []
        for lag in options.lags:
            skills = []
            for seed in range(options.seeds):
                use, _, late = name.partition(":")
                choice = ComponentChoice(use=use, options={"late": late} if late else {})
                controller = host.build(Controller, choice, "controller")
                size = ComponentChoice(use="active-set", options={"size": options.active})
                curator = host.build(Curator, size, "curator")
                skills.append(gained(controller, curator, options, lag, seed))
            base = base or skills
            ratios = [skill / first for skill, first in zip(skills, base, strict=True)]
            error = statistics.stdev(ratios) / math.sqrt(len(ratios)) if len(ratios) > 1 else 0.0
            responses = options.steps * options.prompts * options.responses
            yield {
                "controller": name,
                "lag": lag,
                "levels_per_1000_responses": round(1000 * statistics.mean(skills) / responses, 4),
                "ratio": round(statistics.mean(ratios), 4),
                "interval": round(1.96 * error, 4),
            }


def main() -> None:
    """Print a line of JSON for each row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--controllers", nargs="+", default=["proportional", "proportional:all", "fixed"]
    )
    parser.add_argument("--lags", nargs="+", type=int, default=[0, 1, 4, 8])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--pool", type=int, default=200)
    parser.add_argument("--active", type=int, default=32)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--responses", type=int, default=8)
    for row in rows(parser.parse_args()):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
