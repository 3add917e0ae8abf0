"""The factory for backends that need no instances: empty ones, at once, for any environment."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from scaler_core.factory.interface import InstanceFactory, Made
from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import Environment, Instance, Response, Ticket, Verdict


class VirtualFactory(InstanceFactory):
    """Instances without messages and truth: simulated learners need only the level."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made = 0

    def make(self, environment: AnyEnvironment, level: int, seeds: Sequence[int]) -> list[Made]:
        """An empty instance per seed."""
        program = environment if isinstance(environment, Environment) else None
        with self._lock:
            self._made += len(seeds)
        return [
            Instance(
                environment_id=environment.id,
                level=level,
                seed=seed,
                messages=(),
                truth="",
                answer_type=program.answer_type if program else None,
                verifier=program.verifier if program else None,
            )
            for seed in seeds
        ]

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """Undecided: an instance without a truth cannot be judged."""
        return Verdict.undecided("a virtual instance has no truth")

    def counters(self) -> Mapping[str, float]:
        """``made`` only: nothing can fail."""
        with self._lock:
            return {"made": self._made}

    def close(self) -> None:
        """Nothing runs, so nothing is stopped."""
