"""A budget of tokens and money that is never overdrawn.

Before a request is sent, the most that it may cost is reserved; its actual cost replaces that when
the answer is there. A request that the rest does not cover waits while others are under way, since
they may cost less than was reserved; when none is under way, the budget is spent.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Literal

from pydantic import Field, model_validator

from scaler_core.endpoint.failures import BudgetSpent
from scaler_core.interfaces import Options
from scaler_core.models import Record

MILLION = 1_000_000
Count = Literal["requests", "retries", "answered", "cached", "failed", "estimated"]


class BudgetOptions(Options):
    """Options of a budget. Money is in the currency of the prices, whichever that is."""

    tokens: int | None = Field(default=None, ge=0)
    """Most tokens to be paid for, of questions and answers together; unlimited where not set."""

    money: float | None = Field(default=None, ge=0)
    """Most money to be spent; needs prices; unlimited where not set."""

    prompt_price: float = Field(default=0.0, ge=0)
    """Price of a million tokens of the questions."""

    completion_price: float = Field(default=0.0, ge=0)
    """Price of a million tokens of the answers."""

    @model_validator(mode="after")
    def _money_needs_prices(self) -> BudgetOptions:
        if self.money is not None and not (self.prompt_price or self.completion_price):
            raise ValueError("money is limited, but prompt_price and completion_price are not set")
        return self

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of so many tokens."""
        sums = prompt_tokens * self.prompt_price + completion_tokens * self.completion_price
        return sums / MILLION


class Totals(Record):
    """Requests, answers and costs since the start.

    Attributes:
        requests: Requests sent over the network, repetitions included.
        retries: Those of them that were repetitions.
        answered: Completions that were paid for.
        cached: Completions out of the cache, which cost nothing.
        failed: Completions that were given up.
        estimated: Answers whose tokens the server did not count, so that they were guessed.
        prompt_tokens: Tokens of the questions, paid for.
        completion_tokens: Tokens of the answers, paid for.
        cost: Their price.
    """

    requests: int = 0
    retries: int = 0
    answered: int = 0
    cached: int = 0
    failed: int = 0
    estimated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens of questions and answers together."""
        return self.prompt_tokens + self.completion_tokens


class Budget:
    """Counts what is spent and refuses what would be too much. For one event loop at a time.

    Args:
        options: Limits and prices; without them everything is counted and nothing refused.
    """

    def __init__(self, options: BudgetOptions | None = None) -> None:
        self.options = options or BudgetOptions()
        self._totals = Totals()
        self._under_way: set[Reservation] = set()
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def totals(self) -> Totals:
        """Requests, answers and costs so far."""
        return self._totals

    def count(self, what: Count) -> None:
        """Add one to the counter *what*."""
        self._add({what: 1})

    async def reserve(self, prompt_tokens: int, completion_tokens: int) -> Reservation:
        """Reserve the most that a request may cost; waits until the budget covers it.

        Raises:
            BudgetSpent: It is more than is left, and no request under way can free anything.
        """
        wanted = Reservation(self, prompt_tokens, completion_tokens)
        while lack := self._lack(wanted):
            if not self._under_way:
                raise BudgetSpent(
                    f"the budget is spent: {lack}",
                    hint="run again with a larger one; what was answered is not paid for again",
                )
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self._under_way.add(wanted)
        return wanted

    def pay(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count the tokens of an answer."""
        self._add({"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens})

    def release(self, reservation: Reservation) -> None:
        """End a reservation; what it did not use is free again."""
        self._under_way.discard(reservation)
        # all wake and check again: a small request may fit where the one before it does not
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _lack(self, wanted: Reservation) -> str:
        """Why *wanted* does not fit beside what is spent and reserved; empty when it does."""
        aside = [*self._under_way, wanted]
        prompt = self._totals.prompt_tokens + sum(item.prompt_tokens for item in aside)
        completion = self._totals.completion_tokens + sum(item.completion_tokens for item in aside)
        limits, totals = self.options, self._totals
        if limits.tokens is not None and prompt + completion > limits.tokens:
            most = wanted.prompt_tokens + wanted.completion_tokens
            return (
                f"{totals.tokens} of {limits.tokens} tokens are used, "
                f"and another request may take {most}"
            )
        if limits.money is not None and limits.cost(prompt, completion) > limits.money:
            price = limits.cost(wanted.prompt_tokens, wanted.completion_tokens)
            return (
                f"{totals.cost:.4g} of {limits.money:.4g} is spent, "
                f"and another request may cost {price:.2g}"
            )
        return ""

    def _add(self, more: dict[str, int]) -> None:
        now = self._totals.model_dump()
        now |= {name: now[name] + number for name, number in more.items()}
        now["cost"] = self.options.cost(now["prompt_tokens"], now["completion_tokens"])
        self._totals = Totals(**now)


class Reservation:
    """The most that one request may cost, reserved until the end of its ``with``."""

    def __init__(self, budget: Budget, prompt_tokens: int, completion_tokens: int) -> None:
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self._budget = budget

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._budget.release(self)
