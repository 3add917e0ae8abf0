"""Measuring a factory: what is counted, to whom it is booked, and what is left out."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pytest

from scaler_core.audit.cost import CostPlan, PoolCost, measure_instances
from scaler_core.errors import UsageError
from scaler_core.factory import InstanceFactory, InstanceFailure, InstanceRequest
from scaler_core.factory.interface import InstanceResult
from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import Instance, Response, Ticket, Verdict
from scaler_core.testing.environments import program_environment

SLEEP_S = 0.002


class Priced(InstanceFactory):
    """Makes instances at a price: an environment's name says its CPU-ms each, and its failures."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.totals: dict[str, float] = {}

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        self.shop.enter(environment, level, seeds)
        time.sleep(SLEEP_S)
        _, price, cause = environment.id.split("-")
        self._add("cpu_s/generator", len(seeds) * int(price) / 4000)
        self._add("cpu_s/solutions", len(seeds) * int(price) * 3 / 4000)
        self.shop.leave()
        made: list[InstanceResult] = [
            Instance(environment_id=environment.id, level=level, seed=seed, messages=(), truth="1")
            for seed in seeds
        ]
        if cause == "half":
            made[::2] = [InstanceFailure("disagreement", "x")] * len(made[::2])
        if cause == "all":
            made = [InstanceFailure("generator_error", "x")] * len(made)
        return made

    def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
        self.shop.prepared += [request.environment.id for request in requests]
        self._add("sandbox/cpu_s/compile", 5.0)

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        raise AssertionError("nothing is scored")

    def counters(self) -> Mapping[str, float]:
        return dict(self.totals)

    def close(self) -> None:
        self.shop.closed += 1

    def _add(self, name: str, amount: float) -> None:
        self.totals[name] = self.totals.get(name, 0.0) + amount


class Shop:
    """What the factories of one measurement saw, all together."""

    def __init__(self, on_call: Callable[[int], None] = lambda count: None) -> None:
        self.calls: list[tuple[str, int, tuple[int, ...]]] = []
        self.prepared: list[str] = []
        self.closed = 0
        self.inside = self.most_inside = 0
        self._lock = threading.Lock()
        self._on_call = on_call

    def factory(self) -> Priced:
        return Priced(self)

    def enter(self, environment: AnyEnvironment, level: int, seeds: Sequence[int]) -> None:
        with self._lock:
            self.calls.append((environment.id, level, tuple(seeds)))
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            self._on_call(len(self.calls))

    def leave(self) -> None:
        with self._lock:
            self.inside -= 1


def measure(
    *names: str, shop: Shop | None = None, lines: list[str] | None = None, **plan: object
) -> PoolCost:
    """Measure environments of these names for a moment."""
    fields = {"seconds": 0.3, "workers": 2, "batch": 4, **plan}
    return measure_instances(
        [program_environment(id=name) for name in names],
        (shop or Shop()).factory,
        CostPlan(**fields),  # type: ignore[arg-type]
        [].append if lines is None else lines.append,
    )


def test_each_environment_is_charged_its_own_price_while_others_run_beside_it() -> None:
    shop = Shop()
    figures = measure("a-8-ok", "b-20-ok", "c-12-ok", shop=shop)
    costs = {row.id: row.cpu_ms_per_instance for row in figures.environments}
    assert costs == {"a-8-ok": 8.0, "b-20-ok": 20.0, "c-12-ok": 12.0}
    assert list(costs) == ["b-20-ok", "c-12-ok", "a-8-ok"]
    assert shop.most_inside == 2
    assert shop.closed == 2
    mean = sum(row.made * (costs[row.id] or 0) for row in figures.environments) / figures.made
    assert figures.cpu_ms_by_stage["solutions"] == pytest.approx(mean * 0.75, abs=0.01)
    assert figures.cpu_ms_by_stage["generator"] == pytest.approx(mean * 0.25, abs=0.01)
    # programs cost more than this process, so that nothing is left for the rest
    assert figures.cpu_ms_per_instance == pytest.approx(mean, rel=0.2)


def test_first_touch_and_warm_up_are_told_or_left_out_but_never_counted() -> None:
    shop = Shop()
    figures = measure("a-8-ok", "b-8-ok", shop=shop, batch=4)
    assert shop.prepared == ["a-8-ok", "b-8-ok"]
    assert [row.first_touch_cpu_s for row in figures.environments] == [5.008, 5.008]
    assert figures.first_touch_cpu_s == 5.008
    sizes = [len(seeds) for _, _, seeds in shop.calls]
    # one instance each, then a batch on each worker each, then what counts
    assert sizes[:2] == [1, 1]
    assert figures.made == sum(sizes[6:])
    assert {name for name, _, _ in shop.calls[2:6]} == {"a-8-ok", "b-8-ok"}


def test_no_seed_is_used_twice_but_for_warming_up_and_environments_take_turns() -> None:
    shop = Shop()
    measure("a-1-ok", "b-1-ok", "c-1-ok", shop=shop, workers=1)
    counted = shop.calls[6:]
    seeds = [seed for _, _, batch in counted for seed in batch]
    assert len(set(seeds)) == len(seeds)
    assert [name[0] for name, _, _ in counted] == ["abc"[i % 3] for i in range(len(counted))]
    assert {level for _, level, _ in counted} == {2}


def test_failures_are_counted_by_cause_and_cost_the_instances_that_were_made() -> None:
    figures = measure("a-8-half", "b-8-all", "c-8-ok")
    rows = {row.id: row for row in figures.environments}
    half, none = rows["a-8-half"], rows["b-8-all"]
    assert half.failures == {"disagreement": half.made}
    assert half.cpu_ms_per_instance == 16.0
    assert (none.made, none.cpu_ms_per_instance) == (0, None)
    assert figures.failures == {
        "disagreement": half.made,
        "generator_error": none.failures["generator_error"],
    }
    assert figures.environments[0] == none


def test_an_interrupt_ends_it_early_with_what_was_measured() -> None:
    def interrupt(count: int) -> None:
        if count == 20:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    shop, lines = Shop(interrupt), list[str]()
    figures = measure("a-1-ok", shop=shop, lines=lines, seconds=600)
    assert figures.made >= 4 * (20 - 3 - 2)
    assert figures.seconds < 600
    assert shop.closed == 2
    assert any("interrupted" in line for line in lines)


def test_what_breaks_in_a_worker_is_raised_and_ends_the_others() -> None:
    def fail(count: int) -> None:
        if count == 20:
            raise UsageError("broken")

    shop = Shop(fail)
    with pytest.raises(UsageError, match="broken"):
        measure("a-1-ok", shop=shop, seconds=600)
    assert shop.closed == 2


def test_a_level_that_an_environment_lacks_is_refused_with_its_name() -> None:
    with pytest.raises(UsageError, match="environment 'a-1-ok': level 9 is out of range"):
        measure("a-1-ok", level="9")
    assert {row.level for row in measure("a-1-ok", level="max", seconds=0.1).environments} == {4}
