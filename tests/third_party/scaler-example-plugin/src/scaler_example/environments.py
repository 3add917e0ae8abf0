"""Two native environments, one judged by SCALER's verifier and one that judges itself."""

from __future__ import annotations

import re

from scaler_core.interfaces import EnvironmentPack, EnvironmentSource, NativeEnvironment
from scaler_core.models import Instance, Response, Ticket, Verdict
from scaler_core.pool.source import MemorySource
from scaler_core.seeds import derive_random

_BOX = re.compile(r"\\boxed\{([^{}]*)\}")
_PAIR = re.compile(r"\s*(\d{1,9})\s*(?:x|\*|,|\\times)\s*(\d{1,9})\s*")
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


class Clock(NativeEnvironment):
    """What time is it some minutes later? Higher levels add more minutes."""

    id = "example-clock"
    top_level = 9

    def make(self, level: int, seed: int) -> Instance:
        """A time of day and up to ``20 * 2 ** level`` minutes."""
        rng = derive_random(self.id, level, seed)
        start, minutes = rng.randrange(1440), rng.randint(1, 20 * 2**level)
        question = (
            f"It is {_clock(start)} on a 24-hour clock. What time is it {minutes} minutes later? "
            "Answer as hh:mm inside \\boxed{}."
        )
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": question},),
            truth=_clock((start + minutes) % 1440),
            answer_type="string",
        )


class Factors(NativeEnvironment):
    """Write a number as a product of two: most numbers leave a choice, so it judges itself."""

    id = "example-factors"
    top_level = 6
    scores_itself = True

    def make(self, level: int, seed: int) -> Instance:
        """A product of ``level + 2`` primes."""
        rng = derive_random(self.id, level, seed)
        primes = [rng.choice(_PRIMES) for _ in range(level + 2)]
        product = 1
        for prime in primes:
            product *= prime
        question = (
            f"Name two whole numbers above 1 whose product is {product}. "
            "Answer as a x b inside \\boxed{}."
        )
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": question},),
            truth=f"{primes[0]} x {product // primes[0]}",
        )

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """Correct for any two factors above 1 in the last box."""
        boxes = _BOX.findall(response.text)
        if not boxes:
            return Verdict.incorrect("no box")
        answer = boxes[-1][:100]
        pair = _PAIR.fullmatch(answer)
        if pair is None:
            return Verdict.incorrect("not a product of two numbers", answer)
        first, second = (int(number) for number in ticket.truth.split(" x "))
        a, b = int(pair[1]), int(pair[2])
        if min(a, b) < 2 or a * b != first * second:
            return Verdict.incorrect("not the number that was asked for", answer)
        return Verdict.correct(answer)


class ExamplePack(EnvironmentPack):
    """Both environments."""

    name = "example-pack"

    def open(self) -> EnvironmentSource:
        """They are small, so they are simply all there."""
        return MemorySource([Clock(), Factors()], label=self.name)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
