"""Budgets: never overdrawn, whatever runs at the same time, and counted to the token."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.endpoint import (
    Budget,
    BudgetOptions,
    BudgetSpent,
    Completion,
    ResponseCache,
    Sampling,
)
from scaler_core.testing.endpoint import RecordedEndpoint, Reply, server_error
from tests.endpoint.calling import ask

PRICES = {"prompt_price": 1.0, "completion_price": 4.0}


def answering(prompt_tokens=10, completion_tokens=50, plan=()):
    reply = Reply("ok", prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    return RecordedEndpoint(lambda request: reply, plan)


def spent(asked):
    return [item for item in asked.results if isinstance(item, BudgetSpent)]


def test_everything_is_counted_without_a_limit():
    with answering(plan=[server_error()]) as server:
        totals = ask(server, *"abcd", budget=PRICES).totals
    assert (totals.requests, totals.retries, totals.answered) == (5, 1, 4)
    assert (totals.prompt_tokens, totals.completion_tokens, totals.tokens) == (40, 200, 240)
    assert totals.cost == pytest.approx((40 * 1 + 200 * 4) / 1e6)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(
    "budget", [{"tokens": 1000}, {"money": 0.004, **PRICES}], ids=["tokens", "money"]
)
def test_a_limit_is_never_exceeded_and_the_rest_ends_with_one_line(budget, concurrency):
    with answering() as server:
        asked = ask(
            server,
            *map(str, range(40)),
            budget=budget,
            sampling=Sampling(max_tokens=100),
            concurrency=concurrency,
        )
    limits = BudgetOptions(**budget)
    totals = asked.totals
    assert totals.tokens <= (limits.tokens or 10**9)
    assert totals.cost <= (limits.money or 10**9)
    assert totals.answered == len(server.requests) >= 10
    assert len(spent(asked)) == 40 - totals.answered
    error = spent(asked)[0]
    assert error.message.startswith("the budget is spent: ")
    assert "what was answered is not paid for again" in error.hint


def test_who_does_not_fit_beside_the_others_waits_for_what_they_leave_over():
    with answering(completion_tokens=10) as server:
        asked = ask(server, *"abcdef", budget={"tokens": 300}, sampling=Sampling(max_tokens=150))
    assert spent(asked) == []
    assert asked.totals.tokens == 120
    assert server.most_at_once == 1


def test_a_budget_that_no_request_fits_into_sends_none():
    with answering() as server:
        asked = ask(server, budget={"tokens": 50}, sampling=Sampling(max_tokens=100))
    assert spent(asked)
    assert "0 of 50 tokens are used, and another request may take 1" in asked.result.message
    assert server.requests == []


def test_what_is_in_the_cache_needs_no_budget(tmp_path):
    with answering() as server, ResponseCache(tmp_path) as cache:
        ask(server, "a", cache=cache)
        asked = ask(server, "a", "b", cache=cache, budget={"tokens": 0})
    known, refused = asked.results
    assert isinstance(known, Completion)
    assert isinstance(refused, BudgetSpent)
    assert (asked.totals.cached, asked.totals.tokens) == (1, 0)


def test_a_larger_budget_goes_on_where_the_smaller_one_ended(tmp_path):
    texts = [str(number) for number in range(20)]
    with answering() as server, ResponseCache(tmp_path) as cache:
        first = ask(server, *texts, cache=cache, budget={"tokens": 700})
        second = ask(server, *texts, cache=cache)
    assert not [item for item in second.results if not isinstance(item, Completion)]
    assert second.totals.cached == first.totals.answered
    assert server.asked_twice() == []
    assert len(server.requests) == 20


def test_a_failed_request_gives_back_what_was_set_aside():
    with answering(plan=[server_error()] * 3) as server:
        asked = ask(server, budget={"tokens": 200}, sampling=Sampling(max_tokens=120))
    assert asked.result.text == "ok"
    assert asked.totals.requests == 4


@given(
    limit=st.integers(0, 3000),
    requests=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), max_size=25),
    seed=st.integers(),
)
def test_no_order_of_events_overdraws_a_budget(limit, requests, seed):
    rng = random.Random(seed)
    budget = Budget(BudgetOptions(tokens=limit))
    refused = []

    async def one(prompt, completion):
        try:
            with await budget.reserve(prompt, completion):
                for _ in range(rng.randint(0, 3)):
                    await asyncio.sleep(0)
                if rng.random() < 0.8:  # the others fail and cost nothing
                    budget.pay(rng.randint(0, prompt), rng.randint(0, completion))
        except BudgetSpent:
            refused.append(prompt + completion)
        assert budget.totals.tokens <= limit

    async def all_of_them():
        tasks = [asyncio.create_task(one(*request)) for request in requests]
        for task in tasks:
            if rng.random() < 0.1:
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            assert task.cancelled() or task.exception() is None

    asyncio.run(asyncio.wait_for(all_of_them(), 20))
    # nobody is refused who fits into what is left at the end
    assert all(size > limit - budget.totals.tokens for size in refused)
