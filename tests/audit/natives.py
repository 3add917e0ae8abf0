"""Native environments with one defect each, which workers import by name."""

from __future__ import annotations

import os
import random
import time

from scaler_core.interfaces import NativeEnvironment
from scaler_core.models import ComponentChoice, Instance, Response, Ticket, Verdict


class Sums(NativeEnvironment):
    """Adds two numbers; nothing is wrong with it."""

    id = "sums"
    top_level = 4

    def make(self, level: int, seed: int) -> Instance:
        rng = random.Random(seed)
        size = 10 ** (level + 4)
        return self.instance(level, seed, rng.randrange(size), rng.randrange(size))

    def instance(self, level: int, seed: int, first: int, second: int) -> Instance:
        """The instance that adds these two."""
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": f"{first} + {second}?"},),
            truth=str(first + second),
            answer_type="number",
        )


class DeadMiddle(Sums):
    """Makes nothing at levels 1 and 2."""

    id = "dead-middle"

    def make(self, level: int, seed: int) -> Instance:
        if level in (1, 2):
            raise ValueError("cannot do this")
        return super().make(level, seed)


class Clock(Sums):
    """Asks the clock."""

    id = "clock"

    def make(self, level: int, seed: int) -> Instance:
        return self.instance(level, seed, time.time_ns(), seed)


class Hashing(Sums):
    """Depends on the hash seed."""

    id = "hashing"

    def make(self, level: int, seed: int) -> Instance:
        return self.instance(level, seed, hash(f"{level} {seed}") % 10**6, 0)


class Counting(Sums):
    """Keeps state from instance to instance."""

    id = "counting"
    made = 0

    def make(self, level: int, seed: int) -> Instance:
        self.made += 1
        return self.instance(level, seed, seed % 10**6, self.made)


class Failing(Sums):
    """Fails on some seeds."""

    id = "failing"

    def make(self, level: int, seed: int) -> Instance:
        if seed % 3 == 0:
            raise ValueError("cannot make this")
        return super().make(level, seed)


class Dying(Sums):
    """Takes its worker with it."""

    id = "dying"
    top_level = 0  # every call costs a new worker

    def make(self, level: int, seed: int) -> Instance:
        os._exit(3)


class Scoring(Sums):
    """Scores by itself, well."""

    id = "scoring"
    scores_itself = True

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        right = response.text.endswith(f"\\boxed{{{ticket.truth}}}")
        return Verdict.correct() if right else Verdict.incorrect("wrong value")


class Generous(Scoring):
    """Accepts whatever is long."""

    id = "generous"

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        long = len(response.text) > 1000
        return Verdict.correct() if long else super().score(response, ticket)


class Fragile(Scoring):
    """Raises on responses without a box, and knows a form of answers of its own."""

    id = "fragile"

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        answer = response.text.split("\\boxed{")[1]
        return Verdict.correct() if answer == f"<{ticket.truth}>" else Verdict.incorrect("no")


class Stubborn(Sums):
    """Insists on a verifier that reads its truths as something else."""

    id = "stubborn"

    def make(self, level: int, seed: int) -> Instance:
        choice = ComponentChoice(use="typed", options={"thinking": True})
        return super().make(level, seed).model_copy(update={"verifier": choice})


class Levelless(Sums):
    """Has no level at all."""

    id = "levelless"
    top_level = -1


class Reading(Scoring):
    """Scores the answer in the box by degrees, as :meth:`credit` says."""

    id = "reading"

    def credit(self, answer: str, truth: str) -> float:
        return float(answer == truth)

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        opening, _, rest = response.text.partition("\\boxed{")
        answer = rest.removesuffix("}").strip()
        if opening or not answer or len(answer) > 100:
            return Verdict.incorrect("no boxed answer")
        return Verdict.scored(self.credit(answer, ticket.truth))


class Anything(Reading):
    """Pays most of the reward for whatever stands in the box."""

    id = "anything"

    def credit(self, answer: str, truth: str) -> float:
        return 1.0 if answer == truth else 0.7


class Zeros(Reading):
    """Divides by the answer, and is glad where it cannot."""

    id = "zeros"

    def credit(self, answer: str, truth: str) -> float:
        return float(answer in (truth, "0"))


class Exchanging(Reading):
    """Takes every number that could be a sum."""

    id = "exchanging"

    def credit(self, answer: str, truth: str) -> float:
        return float(answer == truth or (answer.isdecimal() and len(answer) > 2))


class Multiples(Reading):
    """Knows a second right answer, the negative one, and is sound."""

    id = "multiples"

    def credit(self, answer: str, truth: str) -> float:
        return float(answer.removeprefix("-") == truth)


class NotANumber(Reading):
    """Compares by a distance, from which no number is not far."""

    id = "not-a-number"

    def credit(self, answer: str, truth: str) -> float:
        try:
            return 1.0 - float(abs(float(answer) - float(truth)) > 0.5)
        except ValueError:
            return 0.0


class Unforeseen(Reading):
    """Takes every answer for an integer."""

    id = "unforeseen"

    def credit(self, answer: str, truth: str) -> float:
        return float(answer == truth or (not answer.isalpha() and int(answer) == int(truth)))


class Truthless(Reading):
    """Tells no truth, so that nobody knows whether its scoring ever pays."""

    id = "truthless"

    def make(self, level: int, seed: int) -> Instance:
        return super().make(level, seed).model_copy(update={"truth": ""})


class Repeating(Sums):
    """Gives the same at levels 2 and 3."""

    id = "repeating"

    def make(self, level: int, seed: int) -> Instance:
        made = super().make(2 if level == 3 else level, seed)
        return made.model_copy(update={"level": level})


class Printing(Reading):
    """Prints while it makes and scores."""

    id = "printing"

    def make(self, level: int, seed: int) -> Instance:
        print('{"result": null}')
        return super().make(level, seed)

    def credit(self, answer: str, truth: str) -> float:
        print('{"result": null}')
        return super().credit(answer, truth)
